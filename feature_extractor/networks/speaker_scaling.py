"""Acoustic features without what a speaker's voice adds to all of them.

Each speaker's features are brought to the mean and deviation of the training side, so that the
model, and the `FrameScaler` in it, hear how somebody speaks beside how the same person speaks as a
rule. No label is read, but all utterances at hand are: an utterance's features depend on what else
its speaker said. The means and deviations are shrunk: it is as if `PRIOR` utterances with those of
the training side were among each speaker's, so that one who is heard once is moved a third of the
way and nothing is divided by zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from feature_extractor.batches.dataset import States
from feature_extractor.networks.scaling import FrameScaler, Moments
from feature_extractor.utterance import Utterance

PRIOR = 2.0


class _Line(NamedTuple):
    """What is done to a speaker's frames: ``(frames - mean) * gain + shift``, each ``[D]``."""

    mean: np.ndarray
    gain: np.ndarray
    shift: np.ndarray


class SpeakerScaledStates:
    """States ``[T, D]`` by utterance id, scaled by speaker, in the units that they had."""

    def __init__(
        self,
        states: States,
        utterances: Sequence[Utterance],
        moments: Mapping[str, Moments],
        scaler: FrameScaler,
    ) -> None:
        """Scale `states` as they are asked for.

        Args:
            states: the features as they are.
            utterances: those that may be asked for.
            moments: of every speaker, see `speaker_moments`; who has none is not scaled.
            scaler: holds the training side's mean and deviation.
        """
        self._states = states
        self._person = {utterance.id: utterance.person for utterance in utterances}
        self._lines = {person: _line(counted, scaler) for person, counted in moments.items()}

    def __getitem__(self, utterance_id: str) -> np.ndarray:
        """Return an utterance's states in float32, T being 0 where the modality is missing."""
        frames = self._states[utterance_id]
        line = self._lines.get(self._person[utterance_id])
        if line is None:
            return frames
        return ((frames - line.mean) * line.gain + line.shift).astype(np.float32)


def speaker_moments(rows: Iterable[tuple[Utterance, np.ndarray]]) -> dict[str, Moments]:
    """Count utterances' frames ``[T, D]`` by who speaks; who is never heard is left out."""
    found: dict[str, Moments] = {}
    for utterance, frames in rows:
        if len(frames):
            found.setdefault(utterance.person, Moments()).add(frames)
    return found


def _line(own: Moments, scaler: FrameScaler) -> _Line:
    shift, scale = (
        buffer.detach().cpu().double().numpy() for buffer in (scaler.shift, scaler.scale)
    )
    # What never varied in training stays as it is: the scaler makes it 0.
    varies = scale > 0
    usual = np.where(varies, 1.0 / np.where(varies, scale, 1.0), 1.0)
    weight = own.clips / (own.clips + PRIOR)
    mean = weight * own.mean + (1.0 - weight) * shift
    variance = weight * own.variance + (1.0 - weight) * usual**2
    gain = np.where(varies, usual / np.sqrt(variance), 1.0)
    return _Line(np.where(varies, mean, shift), gain, shift)
