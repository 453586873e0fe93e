"""Standardising acoustic features, which come in units as different as Hz and dB."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn


@dataclass
class Moments:
    """What is counted of frames ``[T, D]``, clip by clip, in float64.

    Attributes:
        clips: how many there were; those without a frame do not count.
        frames: how many they had.
        total, squares: sums over the frames and over their squares, ``[D]``.
    """

    clips: int = 0
    frames: int = 0
    total: np.ndarray = field(default_factory=lambda: np.zeros(()))
    squares: np.ndarray = field(default_factory=lambda: np.zeros(()))

    def add(self, frames: np.ndarray) -> None:
        """Count a clip."""
        if not len(frames):
            return
        frames = frames.astype(np.float64)
        self.clips += 1
        self.frames += len(frames)
        self.total = self.total + frames.sum(axis=0)
        self.squares = self.squares + (frames**2).sum(axis=0)

    @property
    def mean(self) -> np.ndarray:
        """Mean over all frames ``[D]``, of which there is at least one."""
        return self.total / self.frames

    @property
    def variance(self) -> np.ndarray:
        """Mean squared distance from `mean`, ``[D]``."""
        return np.maximum(self.squares / self.frames - self.mean**2, 0.0)


class FrameScaler(nn.Module):
    """Shifts and scales each feature to mean 0 and deviation 1 on the training side."""

    shift: torch.Tensor
    scale: torch.Tensor

    def __init__(self, width: int) -> None:
        """Start with no change at all, for frames of `width`."""
        super().__init__()
        self.register_buffer("shift", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Return ``[..., width]`` standardised; a feature that never varies becomes 0."""
        return (states - self.shift) * self.scale

    def fit(self, clips: Iterable[np.ndarray]) -> None:
        """Take the mean and deviation over all frames of `clips`, each ``[T, width]``.

        Where there are none nothing changes.
        """
        moments = Moments()
        for frames in clips:
            moments.add(frames)
        if not moments.frames:
            return
        mean, deviation = moments.mean, np.sqrt(moments.variance)
        varies = deviation > 1e-6 * (1.0 + np.abs(mean))
        scale = np.where(varies, 1.0 / np.where(varies, deviation, 1.0), 0.0)
        self.shift.copy_(torch.from_numpy(mean))
        self.scale.copy_(torch.from_numpy(scale))
