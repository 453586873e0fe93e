"""Mel-frequency cepstral coefficients, with the settings of the seed's audio model."""

from __future__ import annotations

import numpy as np

COEFFICIENTS = 40
# The seed asked for 128 bands of 201 bins, several of which stay empty.
BANDS = 64


def mfcc(
    samples: np.ndarray, sampling_rate: int, window: int, hop: int, bands: int = BANDS
) -> np.ndarray:
    """Return the coefficients of a clip over time.

    A mel spectrogram of power, in dB down to 80 below its peak, and its cosine transform (Davis
    and Mermelstein, 1980), in librosa's implementation.

    Args:
        samples: ``[S]``, at least `window` of them.
        sampling_rate: Hz.
        window: samples per frame.
        hop: samples from one frame to the next.
        bands: of the mel spectrogram.

    Returns:
        float32 ``[1 + S // hop, 40]``.
    """
    import librosa  # here: slow to import, and needed for these features alone

    coefficients = librosa.feature.mfcc(
        y=samples,
        sr=sampling_rate,
        n_mfcc=COEFFICIENTS,
        n_fft=window,
        hop_length=hop,
        n_mels=bands,
    )
    return np.ascontiguousarray(coefficients.T, dtype=np.float32)
