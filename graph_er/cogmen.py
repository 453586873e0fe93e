"""COGMEN as published (Joshi et al., NAACL 2022), with padding masked: preset ``cogmen``.

Shapes: B dialogues, U utterances of the longest, N utterances of all, E edges, D input features,
H hidden size, C emotions.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
import torch_geometric.backend
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.nn import RGCNConv, TransformerConv
from torch_geometric.utils import to_dense_batch

from graph_er.config import CogmenConfig
from graph_er.errors import InputError
from graph_er.graph import num_relations
from graph_er.layers import Output, sinusoids

# With pyg-lib installed RGCNConv may take a path whose mean is not per relation; results must not
# depend on an optional wheel.
torch_geometric.backend.use_segment_matmul = False


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


class Cogmen(nn.Module):
    """Modalities side by side, transformer, RGCN, graph transformer, classifier.

    Args:
        config: the architecture.
        width: ``D``.
        num_emotions: ``C``.
        num_speakers: most speakers of a training dialogue.
    """

    members = 1

    def __init__(
        self, config: CogmenConfig, *, width: int, num_emotions: int, num_speakers: int
    ) -> None:
        super().__init__()
        size = config.hidden_size
        self.hidden_size = size * config.graph_heads
        relations = num_relations(config.relations, num_speakers)
        self.context = _context_encoder(config, width)
        self.graph = CogmenGraph(size, relations, config.graph_heads)
        self.head = EmotionHead(self.graph.out_channels, size, num_emotions, config.dropout)

    def fit_scaler(self, features: Tensor) -> None:
        """Do nothing: COGMEN takes features ``[N, D]`` as they are."""

    def forward(self, batch: Data) -> Output:
        """Return logits ``[1, N, C]`` of a batch with ``x``, edges and ``batch``."""
        hidden = self.context(batch.x, batch.batch)  # [N, H]
        hidden = self.graph(hidden, batch.edge_index, batch.edge_type)  # [N, H * heads]
        return Output(self.head(hidden)[None], hidden[None])


def attention_heads(width: int) -> int:
    """Choose heads as COGMEN does: the smallest of 7 to 14 that divides `width`, else fewer."""
    candidates = [*range(7, 15), *range(6, 0, -1)]
    return next(heads for heads in candidates if width % heads == 0)


def _context_encoder(config: CogmenConfig, in_channels: int) -> ContextEncoder:
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
