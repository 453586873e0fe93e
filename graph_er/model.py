"""The contextual graph network of stage 3, after COGMEN (Joshi et al., NAACL 2022).

Shapes: B dialogues, U utterances of the longest, N utterances of all, E edges, R relations,
D input features, H hidden size, C emotions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
import torch_geometric.backend
from torch import Tensor, nn
from torch_geometric.nn import RGCNConv, TransformerConv
from torch_geometric.utils import to_dense_batch

from graph_er.config import ModelConfig
from graph_er.errors import InputError
from graph_er.graph import num_relations

# With pyg-lib installed RGCNConv may take a path whose mean is not per relation; results must not
# depend on an optional wheel.
torch_geometric.backend.use_segment_matmul = False


class FeatureScaler(nn.Module):
    """Standardise features by statistics that are part of the checkpoint; starts as identity."""

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


class InputEncoder(nn.Module):
    """Project each modality by itself, add them up and say who speaks: ``[N, D]`` to ``[N, H]``."""

    def __init__(
        self, widths: Sequence[int], hidden_size: int, num_speakers: int, dropout: float
    ) -> None:
        super().__init__()
        self.widths = list(widths)
        self.out_channels = hidden_size
        self.projections = nn.ModuleList(nn.Linear(width, hidden_size) for width in widths)
        self.speakers = nn.Embedding(num_speakers, hidden_size) if num_speakers else None
        self.norm = nn.LayerNorm(hidden_size)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, speaker: Tensor) -> Tensor:
        """Encode utterances.

        Args:
            x: the modalities side by side, ``[N, D]``.
            speaker: speaker number within the dialogue, ``[N]``.
        """
        parts = x.split(self.widths, dim=-1)
        hidden = sum(project(p) for project, p in zip(self.projections, parts, strict=True))
        if self.speakers is not None:
            hidden = hidden + self.speakers(speaker)
        return self.dropout(F.gelu(self.norm(hidden)))


class RawInput(nn.Module):
    """Pass the modalities on side by side, as COGMEN does."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.out_channels = sum(widths)

    def forward(self, x: Tensor, speaker: Tensor) -> Tensor:
        """Return `x` ``[N, D]`` unchanged."""
        return x


class ContextEncoder(nn.Module):
    """Transformer over each dialogue, padding masked: ``[N, in_channels]`` to ``[N, H]``.

    With ``layers=0`` only its closing linear map is left, and the graph alone gives context.
    """

    def __init__(
        self,
        in_channels: int,
        hidden_size: int,
        *,
        layers: int,
        heads: int,
        feedforward: int,
        dropout: float,
        positions: bool,
        causal: bool,
    ) -> None:
        super().__init__()
        self.positions = positions
        self.causal = causal
        # Nested tensors would change the arithmetic in eval mode only; both are to be alike.
        layer = nn.TransformerEncoderLayer(
            in_channels, heads, feedforward, dropout, batch_first=True
        )
        self.transformer = (
            nn.TransformerEncoder(layer, layers, enable_nested_tensor=False) if layers else None
        )
        self.linear = nn.Linear(in_channels, hidden_size)

    def forward(self, x: Tensor, batch: Tensor) -> Tensor:
        """Encode utterances.

        Args:
            x: ``[N, in_channels]``.
            batch: dialogue of each utterance, ``[N]``, ascending.
        """
        if self.transformer is None:
            return self.linear(x)
        dense, real = to_dense_batch(x, batch)  # [B, U, in_channels], [B, U]
        length = dense.size(1)
        if self.positions:
            dense = dense + sinusoids(length, dense.size(2)).to(dense)
        future = None
        if self.causal:
            future = torch.ones(length, length, dtype=torch.bool, device=x.device).triu(1)
        dense = self.transformer(dense, mask=future, src_key_padding_mask=~real)
        return self.linear(dense[real])


class CogmenGraph(nn.Module):
    """COGMEN's two graph layers, batch norm and leaky ReLU: ``[N, H]`` to ``[N, H * heads]``."""

    def __init__(self, hidden_size: int, relations: int, heads: int) -> None:
        super().__init__()
        self.out_channels = hidden_size * heads
        self.relational = RGCNConv(hidden_size, hidden_size, relations)
        self.attention = TransformerConv(hidden_size, hidden_size, heads=heads)
        self.norm = nn.BatchNorm1d(self.out_channels)

    def forward(self, x: Tensor, edge_index: Tensor, edge_type: Tensor) -> Tensor:
        """Pass messages along the edges ``[2, E]`` of types ``[E]``."""
        hidden = self.relational(x, edge_index, edge_type)
        hidden = self.attention(hidden, edge_index)
        # One utterance alone has no batch statistics to train on.
        if self.training and len(hidden) == 1:
            return F.leaky_relu(hidden)
        return F.leaky_relu(self.norm(hidden))


class ResidualGraph(nn.Module):
    """Relational and attention layer with residuals; gives ``[input ; graph]``, ``[N, 2 * H]``.

    Layer norm instead of batch norm: statistics of a few dialogues per step are noise. Attention
    sees the relation of an edge as a learned vector added to its key and value: the edge feature is
    one-hot, so that the layer's own linear map of it is that vector.
    """

    def __init__(self, hidden_size: int, relations: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.out_channels = 2 * hidden_size
        self.relational = RGCNConv(hidden_size, hidden_size, relations)
        self.attention = TransformerConv(
            hidden_size, hidden_size // heads, heads=heads, edge_dim=relations
        )
        self.relations = relations
        self.norms = nn.ModuleList(nn.LayerNorm(hidden_size) for _ in range(2))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, edge_index: Tensor, edge_type: Tensor) -> Tensor:
        """Pass messages along the edges ``[2, E]`` of types ``[E]``."""
        heard = F.gelu(self.relational(x, edge_index, edge_type))
        hidden = self.norms[0](x + self.dropout(heard))
        relation = F.one_hot(edge_type, self.relations).to(hidden.dtype)  # [E, R]
        heard = self.attention(hidden, edge_index, relation)
        hidden = self.norms[1](hidden + self.dropout(heard))
        return torch.cat([x, hidden], dim=-1)


class EmotionHead(nn.Module):
    """Two linear layers from ``[N, in_channels]`` to logits ``[N, C]``."""

    def __init__(
        self, in_channels: int, hidden_size: int, num_emotions: int, dropout: float
    ) -> None:
        super().__init__()
        self.hidden = nn.Linear(in_channels, hidden_size)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden_size, num_emotions)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits ``[N, C]``."""
        return self.output(self.dropout(F.relu(self.hidden(x))))


class DialogueGNN(nn.Module):
    """Scale, encode, give context, pass messages, classify: every utterance of a batch at once.

    Args:
        config: the architecture.
        widths: feature width of each modality, in the order in which ``x`` holds them.
        num_emotions: ``C``.
        num_speakers: most speakers of a training dialogue.
    """

    def __init__(
        self, config: ModelConfig, *, widths: Sequence[int], num_emotions: int, num_speakers: int
    ) -> None:
        super().__init__()
        size, dropout = config.hidden_size, config.dropout
        relations = num_relations(config.relations, num_speakers)
        self.scaler = FeatureScaler(sum(widths)) if config.standardise else None
        if config.project:
            embedded = num_speakers if config.speaker_embedding else 0
            self.input = InputEncoder(widths, size, embedded, dropout)
        else:
            self.input = RawInput(widths)
        self.context = _context_encoder(config, self.input.out_channels)
        if config.residual:
            self.graph = ResidualGraph(size, relations, config.graph_heads, dropout)
        else:
            self.graph = CogmenGraph(size, relations, config.graph_heads)
        self.head = EmotionHead(self.graph.out_channels, size, num_emotions, dropout)

    def forward(
        self, x: Tensor, edge_index: Tensor, edge_type: Tensor, speaker: Tensor, batch: Tensor
    ) -> Tensor:
        """Return emotion logits of every utterance.

        Args:
            x: features, the modalities side by side, ``[N, D]``.
            edge_index: ``[2, E]``.
            edge_type: ``[E]``.
            speaker: speaker number within the dialogue, ``[N]``.
            batch: dialogue of each utterance, ``[N]``, ascending.

        Returns:
            Logits ``[N, C]``.
        """
        scaled = x if self.scaler is None else self.scaler(x)
        hidden = self.input(scaled, speaker)  # [N, in_channels]
        hidden = self.context(hidden, batch)  # [N, H]
        hidden = self.graph(hidden, edge_index, edge_type)  # [N, out_channels]
        return self.head(hidden)  # [N, C]


def sinusoids(length: int, width: int) -> Tensor:
    """Return sinusoidal positions ``[length, width]`` (Vaswani et al., NIPS 2017), any width."""
    rates = torch.exp(torch.arange(0, width, 2) * (-math.log(10000.0) / width))
    angles = torch.arange(length).unsqueeze(1) * rates
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)[:, :width]


def attention_heads(width: int) -> int:
    """Choose heads as COGMEN does: the smallest of 7 to 14 that divides `width`, else fewer."""
    candidates = [*range(7, 15), *range(6, 0, -1)]
    return next(heads for heads in candidates if width % heads == 0)


def _context_encoder(config: ModelConfig, in_channels: int) -> ContextEncoder:
    if config.context_heads and in_channels % config.context_heads:
        raise InputError(
            f"--context_heads is {config.context_heads}, which does not divide the width "
            f"{in_channels}; 0 chooses one that does"
        )
    return ContextEncoder(
        in_channels,
        config.hidden_size,
        layers=config.context_layers,
        heads=config.context_heads or attention_heads(in_channels),
        feedforward=config.context_feedforward,
        dropout=config.dropout,
        positions=config.positions,
        causal=config.causal,
    )
