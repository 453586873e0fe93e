"""The 88 functionals of eGeMAPSv02, computed by openSMILE where that is installed."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from graph_er.errors import InputError

FUNCTIONALS = 88


def egemaps(samples: np.ndarray, sampling_rate: int) -> np.ndarray:
    """Return the extended Geneva minimalistic acoustic parameters of a clip.

    Eyben et al., IEEE Transactions on Affective Computing 7(2), 2016. What cannot be measured, such
    as the pitch of a clip without voice, is 0.

    Args:
        samples: ``[S]``.
        sampling_rate: Hz.

    Returns:
        float32 ``[88]``.

    Raises:
        InputError: openSMILE is not installed.
    """
    frame = _smile().process_signal(samples, sampling_rate)
    return np.nan_to_num(frame.to_numpy(dtype=np.float32)[0], posinf=0.0, neginf=0.0)


@cache
def _smile() -> Any:
    try:
        import opensmile
    except ImportError as error:
        raise InputError(
            "--audio_encoder egemaps needs openSMILE; install it with `pip install "
            "'graph-er[egemaps]'` (its own licence allows research, not products)"
        ) from error
    return opensmile.Smile(
        feature_set=opensmile.FeatureSet.eGeMAPSv02,
        feature_level=opensmile.FeatureLevel.Functionals,
    )
