"""What the networks of stage 3 are made of: layers for several members at once, and their output.

A committee's members are separate networks of one shape. Their weights are stacked, so that one
call of one layer runs all of them: K members, N utterances, H hidden size, D features, C emotions.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Output(NamedTuple):
    """What a network of stage 3 gives.

    Attributes:
        logits: ``[K, N, C]``.
        hidden: what the classifier read, ``[K, N, H']``.
    """

    logits: Tensor
    hidden: Tensor


class FeatureScaler(nn.Module):
    """Standardise features by statistics that are part of the checkpoint; starts as identity."""

    mean: Tensor
    std: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("std", torch.ones(width))

    def fit(self, features: Tensor) -> None:
        """Take mean and standard deviation from training features ``[N, D]``."""
        std, mean = torch.std_mean(features, dim=0, correction=0)
        self.mean.copy_(mean)
        # A constant feature carries nothing: it becomes zero instead of a division by zero.
        self.std.copy_(torch.where(std > 1e-6 * (1 + mean.abs()), std, torch.inf))

    def forward(self, features: Tensor) -> Tensor:
        """Scale features ``[N, D]``."""
        return (features - self.mean) / self.std


class CommitteeLinear(nn.Module):
    """``nn.Linear`` of each member: ``[K, N, in_channels]`` to ``[K, N, out_channels]``."""

    def __init__(self, members: int, in_channels: int, out_channels: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(in_channels)
        weight = torch.empty(members, in_channels, out_channels)
        self.weight = nn.Parameter(weight.uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(members, 1, out_channels).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[K, N, in_channels]``."""
        return torch.baddbmm(self.bias, x, self.weight)


class CommitteeNorm(nn.Module):
    """``nn.LayerNorm`` of each member over the last of ``[K, N, channels]``."""

    def __init__(self, members: int, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(members, 1, channels))
        self.bias = nn.Parameter(torch.zeros(members, 1, channels))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise ``[K, N, channels]``."""
        return F.layer_norm(x, x.shape[-1:]) * self.weight + self.bias


class Dropout(nn.Module):
    """`dropout` as a layer."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        """Drop elements of `x` in training."""
        return dropout(x, self.probability, training=self.training)


def dropout(x: Tensor, probability: float, *, training: bool) -> Tensor:
    """Zero elements with `probability` and scale the others up, as `F.dropout` does.

    On the CPU PyTorch draws a number of 64 bits for each element, one after another, which takes
    longer than the layer before it. Sixteen bits for each do as well: the probability is met to
    1/65536, and the scale is that of the probability that is met.
    """
    if not training or not probability:
        return x
    if x.device.type != "cpu":
        return F.dropout(x, probability)
    dropped = min(round(probability * 2**16), 2**16 - 1)
    draws = torch.empty((x.numel() + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
    # Compared in place: 0 and 1 as they are turn into floats much faster than as truth values.
    kept = draws.view(torch.int16)[: x.numel()].view(x.shape).ge_(dropped - 2**15)
    return x * kept.to(x.dtype).mul_(2**16 / (2**16 - dropped))


def attend(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, probability: float = 0.0
) -> Tensor:
    """Scaled dot-product attention, with `probability` of dropout on the weights.

    Args:
        query: ``[G, heads, T, d]``.
        key: ``[G, heads, S, d]``.
        value: likewise.
        mask: what may be heard, or what is added to the scores, ``[G, 1 or heads, T, S]``; every
            row must leave something. None leaves all.
        probability: of dropout; 0 but in training.

    Returns:
        ``[G, heads, T, d]``.
    """
    if query.device.type != "cpu" or not (probability or torch.is_grad_enabled()):
        return F.scaled_dot_product_attention(query, key, value, mask, probability)
    # What PyTorch would do here, less passes over the scores and with quicker dropout.
    scores = (query * query.size(-1) ** -0.5) @ key.transpose(-2, -1)
    if mask is not None and mask.dtype == torch.bool:
        scores.masked_fill_(~mask, torch.finfo(scores.dtype).min)
    elif mask is not None:
        scores.add_(mask)
    weights = dropout(scores.float().softmax(dim=-1), probability, training=True)
    return weights.to(value.dtype) @ value


def sinusoids(length: int, width: int, begin: int = 0) -> Tensor:
    """Return sinusoidal positions ``[length, width]`` (Vaswani et al., NIPS 2017), any width.

    Args:
        length: how many.
        width: of each.
        begin: the first of them.
    """
    rates = torch.exp(torch.arange(0, width, 2) * (-math.log(10000.0) / width))
    angles = torch.arange(begin, begin + length).unsqueeze(1) * rates
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)[:, :width]
