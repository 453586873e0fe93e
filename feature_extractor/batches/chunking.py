"""Clips that are too long for an encoder: heard in chunks, whose frames are then joined."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from feature_extractor.utterance import Utterance


def is_too_long(utterance: Utterance, clip_length: float) -> bool:
    """Tell whether an utterance's clip is longer than `clip_length` seconds."""
    return utterance.wav is not None and utterance.duration > clip_length


def cut_clip(samples: np.ndarray, max_samples: int) -> list[np.ndarray]:
    """Return the chunks of a clip, each of at most `max_samples`; of no samples, one of none.

    The chunks are of equal length, so that none is too short for a frame.
    """
    return np.array_split(samples, max(1, math.ceil(len(samples) / max_samples)))


def batches_of(chunks: Sequence[np.ndarray], size: int) -> Iterator[Sequence[np.ndarray]]:
    """Yield at most `size` chunks at a time."""
    for start in range(0, len(chunks), size):
        yield chunks[start : start + size]
