"""Pre-norm transformer layers between masked streams, with sinusoidal positions.

After the multimodal transformer (Tsai et al., ACL 2019): queries of one modality, keys and values
of another or of the same. A row that has nothing to look at keeps its queries as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from feature_extractor.fusion.attention import StreamAttention
from feature_extractor.fusion.base import needed
from feature_extractor.fusion.stream import Stream

_LONGEST_WAVE = 10_000.0
_EXPANSION = 4


@dataclass(frozen=True)
class Depth:
    """Size and dropout of a stack.

    Attributes:
        layers, heads: how many of each.
        attention_dropout: on the attention's weights.
        hidden_dropout: within the feed-forward layer.
        residual_dropout: on what a layer adds.
        input_dropout: on states and positions before the first layer.
    """

    layers: int = 4
    heads: int = 8
    attention_dropout: float = 0.2
    hidden_dropout: float = 0.1
    residual_dropout: float = 0.1
    input_dropout: float = 0.2


def sinusoidal_positions(mask: torch.Tensor, width: int) -> torch.Tensor:
    """Return sines and cosines of each state's number among those there are, ``[B, T, width]``.

    Vaswani et al., NeurIPS 2017. Numbers come from the mask alone, whatever the states hold.
    """
    numbers = (mask.cumsum(dim=1) - 1).clamp(min=0)
    pairs = (width + 1) // 2
    exponents = torch.arange(pairs, device=mask.device) / max(pairs - 1, 1)
    angles = numbers[:, :, None] * _LONGEST_WAVE**-exponents
    return torch.cat((angles.sin(), angles.cos()), dim=-1)[:, :, :width]


class TransformerLayer(nn.Module):
    """``q + attention(norm(q), norm(k))``, then ``+ feed-forward(norm)``.

    Both sums start from what has not been normalised, so that a signal passes all layers unscaled.
    """

    def __init__(self, width: int, depth: Depth, across: bool) -> None:
        """Build a layer; one `across` streams has a norm of its own for keys and values."""
        super().__init__()
        self.query_norm = nn.LayerNorm(width)
        self.key_norm = nn.LayerNorm(width) if across else None
        self.attention = StreamAttention(width, depth.heads, depth.attention_dropout)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, _EXPANSION * width),
            nn.ReLU(),
            nn.Dropout(depth.hidden_dropout),
            nn.Linear(_EXPANSION * width, width),
        )
        self.dropout = nn.Dropout(depth.residual_dropout)

    def forward(
        self, states: torch.Tensor, keys: Stream | None, mask: torch.Tensor
    ) -> torch.Tensor:
        """Return new states ``[B, T, width]``.

        Args:
            states: of the queries, ``[B, T, width]``.
            keys: the stream that is looked at; None looks at `states` themselves.
            mask: of `states`, ``[B, T]``.
        """
        queries = Stream(self.query_norm(states), mask)
        seen = queries
        if keys is not None:
            seen = Stream(needed(self.key_norm)(keys.states), keys.mask)
        attended = self.attention.looked_at(queries, seen)
        states = states + self.dropout(attended) * seen.present[:, None, None]
        return states + self.dropout(self.feed_forward(states))


class TransformerStack(nn.Module):
    """Positions, layers, and the last norm that pre-norm layers need."""

    def __init__(self, width: int, depth: Depth, across: bool = False) -> None:
        """Build the layers; one `across` streams takes keys from another stream."""
        super().__init__()
        self.scale = width**0.5
        self.dropout = nn.Dropout(depth.input_dropout)
        self.layers = nn.ModuleList(
            TransformerLayer(width, depth, across) for _ in range(depth.layers)
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, queries: Stream, keys: Stream | None = None) -> Stream:
        """Return the stream of `queries` after all layers; each looks at the same `keys`."""
        states = self._placed(queries)
        placed = None if keys is None else Stream(self._placed(keys), keys.mask)
        for layer in self.layers:
            states = layer(states, placed, queries.mask)
        return Stream(self.norm(states), queries.mask).cleared()

    def _placed(self, stream: Stream) -> torch.Tensor:
        states = self.scale * stream.cleared().states
        return self.dropout(states + sinusoidal_positions(stream.mask, states.shape[-1]))


class ResidualHead(nn.Module):
    """``Linear(f + W2 dropout(ReLU(W1 f)))``."""

    def __init__(self, width: int, num_emotions: int, dropout: float) -> None:
        """Build a head on vectors of `width`."""
        super().__init__()
        self.hidden = nn.Sequential(
            nn.Linear(width, width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, width)
        )
        self.output = nn.Linear(width, num_emotions)

    def forward(self, vector: torch.Tensor) -> torch.Tensor:
        """Return logits ``[B, C]``."""
        return self.output(vector + self.hidden(vector))
