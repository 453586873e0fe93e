"""Layers of the distilled gate: a modality's stream as one vector, and a glance at its stream.

B utterances, T positions, D width, H heads.
"""

from __future__ import annotations

import torch
from torch import nn

from feature_extractor.fusion.pooling import masked_mean
from feature_extractor.fusion.pooling_layers import MeanStdPooling
from feature_extractor.fusion.stream import Stream


def attended(scores: torch.Tensor, stream: Stream) -> torch.Tensor:
    """Return the states' means under the softmax of `scores`, one per head.

    Args:
        scores: ``[B, T, H]``.
        stream: cleared states ``[B, T, D]``, of which each head takes a slice of ``D / H``.

    Returns:
        ``[B, D]``; zeros where nothing is.
    """
    there = stream.mask[:, :, None]
    scores = scores.float().masked_fill(~there, torch.finfo(torch.float32).min)
    weights = scores.softmax(dim=1).to(stream.states.dtype)
    slices = stream.states.unflatten(-1, (scores.shape[-1], -1))
    return torch.einsum("bth,bthd->bhd", weights, slices).flatten(1)


def mean_change(stream: Stream) -> torch.Tensor:
    """Return the mean absolute difference of successive states, ``[B, D]``; zeros without any."""
    states = stream.cleared().states
    both = stream.mask[:, 1:] & stream.mask[:, :-1]
    return masked_mean((states[:, 1:] - states[:, :-1]).abs(), both)


class Summary(nn.Module):
    """Mean, standard deviation and attentive mean of narrowed states, as one vector."""

    def __init__(
        self, size: int, width: int, heads: int, dropout: float, level: bool = False
    ) -> None:
        """Sum up states of `size` in vectors of `width`.

        With `level` states are not normalised, for where their level tells something and no feature
        is far larger than others; what is known of each over time is summed up beside.
        """
        super().__init__()
        self.level = level
        first = nn.Identity() if level else nn.LayerNorm(size)
        self.narrow = nn.Sequential(first, nn.Linear(size, width), nn.GELU())
        self.dropout = nn.Dropout(dropout)
        # No bias on the score: a softmax takes no notice of it.
        self.score = nn.Linear(width, heads, bias=False)
        self.statistics = MeanStdPooling(width)
        self.whole_statistics = MeanStdPooling(size)
        joined = 3 * width + (3 * size if level else 0)
        self.join = nn.Sequential(nn.Linear(joined, width), nn.LayerNorm(width))

    def narrowed(self, stream: Stream) -> Stream:
        """Return the stream at the summary's width."""
        states = self.narrow(stream.cleared().states)
        # A feature is dropped from all states at once: from some, their mean would hardly change.
        kept = self.dropout(torch.ones_like(states[:, :1])) * stream.mask[:, :, None]
        return Stream(states * kept, stream.mask)

    def forward(self, stream: Stream, whole: Stream) -> torch.Tensor:
        """Return ``[B, width]`` of a narrowed stream; zeros where nothing is.

        Args:
            stream: what `narrowed` gave.
            whole: what it was given.
        """
        parts = [self.statistics(stream), attended(self.score(stream.states), stream)]
        if self.level:
            whole = whole.cleared()
            parts += [self.whole_statistics(whole), mean_change(whole)]
        return self.join(torch.cat(parts, dim=-1)) * stream.present[:, None]


class Glance(nn.Module):
    """One look at a modality's states with the other modality's vector as the question.

    Its cost is that of a pooling, where attention between all positions is quadratic.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        """Build it for vectors and states of `width`."""
        super().__init__()
        self.heads = heads
        self.question = nn.Linear(width, width)
        # No bias on the keys: it would raise all scores alike.
        self.key = nn.Linear(width, width, bias=False)
        self.answer = nn.Sequential(nn.Linear(width, width), nn.Dropout(dropout))
        self.norm = nn.LayerNorm(width)

    def forward(
        self, own: torch.Tensor, other: torch.Tensor, stream: Stream, both: torch.Tensor
    ) -> torch.Tensor:
        """Return the modality's vector ``[B, D]`` with what was seen.

        Args:
            own: the modality's vector, ``[B, D]``.
            other: that of the other modality, ``[B, D]``.
            stream: the modality's narrowed states.
            both: which utterances have both, bool ``[B]``; there is no question in others.
        """
        question = self.question(other).unflatten(-1, (self.heads, -1))
        # The keys' matrix moves to the question: there is one of it, and there are many states.
        keys = self.key.weight.unflatten(0, (self.heads, -1))
        question = torch.einsum("bhk,hkd->bhd", question, keys) / keys.shape[1] ** 0.5
        scores = torch.einsum("btd,bhd->bth", stream.states, question)
        seen = self.answer(attended(scores, stream))
        return self.norm(own + seen * both[:, None])
