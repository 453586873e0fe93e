"""Speed perturbation of training audio (Ko et al., Interspeech 2015)."""

from __future__ import annotations

import math

import numpy as np
import torch


def perturb_speed(samples: np.ndarray, span: float) -> np.ndarray:
    """Play a clip at a random speed, which changes pitch, formants and rate as a new voice would.

    Linear interpolation is exact enough for factors near 1 and costs nothing beside the model.

    Args:
        samples: float32 ``[N]``.
        span: the logarithm of the speed is drawn uniformly from ``-span`` to ``span``, by torch's
            generator, so that training is repeatable.

    Returns:
        float32 samples, ``N / speed`` of them.
    """
    if len(samples) == 0:
        return samples
    speed = math.exp(span * (2.0 * torch.rand(()).item() - 1.0))
    positions = np.arange(0.0, len(samples), speed)
    return np.interp(positions, np.arange(len(samples)), samples).astype(np.float32)
