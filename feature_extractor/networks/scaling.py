"""Standardising acoustic features, which come in units as different as Hz and dB."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import nn


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
        count, total, squares = 0, 0.0, 0.0
        for frames in clips:
            frames = frames.astype(np.float64)
            count += len(frames)
            total = total + frames.sum(axis=0)
            squares = squares + (frames**2).sum(axis=0)
        if not count:
            return
        mean = total / count
        deviation = np.sqrt(np.maximum(squares / count - mean**2, 0.0))
        varies = deviation > 1e-6 * (1.0 + np.abs(mean))
        scale = np.where(varies, 1.0 / np.where(varies, deviation, 1.0), 0.0)
        self.shift.copy_(torch.from_numpy(mean))
        self.scale.copy_(torch.from_numpy(scale))
