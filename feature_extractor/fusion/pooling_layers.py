"""Layers that make one vector of a stream: mean, mean and deviation, attentive, layer weights."""

from __future__ import annotations

import torch
from torch import nn

from feature_extractor.fusion.stream import LAYERS, TIME, Stream

POOLINGS = ("mean", "mean_std", "attentive", "layers")


def view_of(pooling: str) -> str:
    """Return which streams a pooling reads: `stream.TIME` or `stream.LAYERS`."""
    return LAYERS if pooling == "layers" else TIME


class MeanPooling(nn.Module):
    """The mean state."""

    def __init__(self, width: int) -> None:
        """Pool states of `width`; `size` is the width of the vector."""
        super().__init__()
        self.size = width

    def forward(self, stream: Stream) -> torch.Tensor:
        """Return ``[B, size]``; zeros for an utterance that lacks the modality."""
        return stream.mean()


class MeanStdPooling(nn.Module):
    """The mean state and the standard deviation around it, side by side."""

    def __init__(self, width: int) -> None:
        """Pool states of `width`; `size` is the width of the vector."""
        super().__init__()
        self.size = 2 * width

    def forward(self, stream: Stream) -> torch.Tensor:
        """Return ``[B, size]``; zeros for an utterance that lacks the modality."""
        mean = stream.mean()
        squares = Stream((stream.states - mean[:, None]) ** 2, stream.mask)
        # The root has no slope at zero, where a single frame is.
        deviation = (squares.mean() + 1e-8).sqrt() * stream.present[:, None]
        return torch.cat((mean, deviation), dim=-1)


class AttentivePooling(nn.Module):
    """The mean state under weights that a small network gives each state.

    Self-attentive pooling (Lin et al., ICLR 2017) with one head.
    """

    def __init__(self, width: int) -> None:
        """Pool states of `width`; `size` is the width of the vector."""
        super().__init__()
        self.size = width
        # No bias on the score: a softmax would take no notice of it.
        self.score = nn.Sequential(
            nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1, bias=False)
        )

    def forward(self, stream: Stream) -> torch.Tensor:
        """Return ``[B, size]``; zeros for an utterance that lacks the modality."""
        states = stream.cleared().states
        scores = self.score(states).squeeze(-1).float()
        weights = scores.masked_fill(~stream.mask, torch.finfo(torch.float32).min).softmax(dim=1)
        weights = weights * stream.mask
        return (weights[:, :, None] * states).sum(dim=1)


class LayerPooling(nn.Module):
    """The encoder's layers under learned weights, of a `stream.LAYERS` stream.

    Softmax of one weight per layer (SUPERB; Yang et al., Interspeech 2021), equal at first.
    """

    def __init__(self, width: int, layers: int) -> None:
        """Pool `layers` positions of `width`; `size` is the width of the vector."""
        super().__init__()
        self.size = width
        self.weights = nn.Parameter(torch.ones(layers))

    def forward(self, stream: Stream) -> torch.Tensor:
        """Return ``[B, size]``; zeros for an utterance that lacks the modality."""
        return torch.einsum("l,bld->bd", self.weights.softmax(dim=0), stream.cleared().states)


Pooling = MeanPooling | MeanStdPooling | AttentivePooling | LayerPooling
_SIMPLE: dict[str, type[MeanPooling | MeanStdPooling | AttentivePooling]] = {
    "mean": MeanPooling,
    "mean_std": MeanStdPooling,
    "attentive": AttentivePooling,
}


def make_pooling(kind: str, width: int, layers: int) -> Pooling:
    """Return a new pooling of one of `POOLINGS` for states of `width`, `layers` in a stream."""
    if kind == "layers":
        return LayerPooling(width, layers)
    return _SIMPLE[kind](width)
