"""COGMEN as published (Joshi et al., NAACL 2022), with padding masked: preset ``cogmen``.

Shapes: B dialogues, N utterances of all, E edges, D input features, H hidden size, C emotions.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
import torch_geometric.backend
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.nn import RGCNConv, TransformerConv

from graph_er.errors import InputError
from graph_er.graphs.graph import num_relations
from graph_er.graphs.windows import context_cells
from graph_er.networks.batch_norm import BatchNorm
from graph_er.networks.config import CogmenConfig
from graph_er.networks.layers import Dropout, Output, sinusoids
from graph_er.networks.packed_encoder import PackedEncoder

# With pyg-lib installed RGCNConv may take a path whose mean is not per relation; results must not
# depend on an optional wheel. Set for the whole process and for good: a switch around each forward
# pass would be seen by those of other threads.
torch_geometric.backend.use_segment_matmul = False
# The graph layers hold several vectors for each edge.
_CELLS_PER_EDGE = 16


class ContextEncoder(nn.Module):
    """Transformer over each dialogue: ``[N, in_channels]`` to ``[N, H]``.

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
        span: int,
        causal: bool,
    ) -> None:
        super().__init__()
        self.positions = positions
        layer = nn.TransformerEncoderLayer(in_channels, heads, feedforward, dropout)
        encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.transformer = PackedEncoder(encoder, span=span, causal=causal) if layers else None
        self.linear = nn.Linear(in_channels, hidden_size)

    def forward(self, x: Tensor, ptr: Tensor, batch: Tensor) -> Tensor:
        """Encode utterances.

        Args:
            x: ``[N, in_channels]``.
            ptr: where each dialogue begins, and the end of the last, ``[B + 1]``.
            batch: dialogue of each utterance, ``[N]``, ascending.
        """
        if self.transformer is None:
            return self.linear(x)
        if self.positions:
            position = torch.arange(len(x), device=x.device) - ptr[batch]
            x = x + sinusoids(int(ptr.diff().max()), x.size(1)).to(x)[position]
        return self.linear(self.transformer(x, ptr))


class CogmenGraph(nn.Module):
    """COGMEN's two graph layers, batch norm and leaky ReLU: ``[N, H]`` to ``[N, H * heads]``."""

    def __init__(self, hidden_size: int, relations: int, heads: int) -> None:
        super().__init__()
        self.out_channels = hidden_size * heads
        self.relational = RGCNConv(hidden_size, hidden_size, relations)
        self.attention = TransformerConv(hidden_size, hidden_size, heads=heads)
        self.norm = BatchNorm(self.out_channels)

    def forward(self, x: Tensor, edge_index: Tensor, edge_type: Tensor) -> Tensor:
        """Pass messages along the edges ``[2, E]`` of types ``[E]``."""
        hidden = self.relational(x, edge_index, edge_type)
        hidden = self.attention(hidden, edge_index)
        return F.leaky_relu(self.norm(hidden))


class EmotionHead(nn.Module):
    """Two linear layers from ``[N, in_channels]`` to logits ``[N, C]``."""

    def __init__(
        self, in_channels: int, hidden_size: int, num_emotions: int, dropout: float
    ) -> None:
        super().__init__()
        self.hidden = nn.Linear(in_channels, hidden_size)
        self.dropout = Dropout(dropout)
        self.output = nn.Linear(hidden_size, num_emotions)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits ``[N, C]``."""
        return self.output(self.dropout(F.relu(self.hidden(x))))


class Cogmen(nn.Module):
    """Modalities side by side, transformer, RGCN, graph transformer, classifier.

    Importing this module turns ``torch_geometric.backend.use_segment_matmul`` off for the process.

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
        self.config, self.hidden_size = config, size * config.graph_heads
        relations = num_relations(config.relations, num_speakers)
        self.context = _context_encoder(config, width)
        self.graph = CogmenGraph(size, relations, config.graph_heads)
        self.head = EmotionHead(self.graph.out_channels, size, num_emotions, config.dropout)

    def fit_scaler(self, features: Tensor) -> None:
        """Do nothing: COGMEN takes features ``[N, D]`` as they are."""

    def forward(self, batch: Data) -> Output:
        """Return logits ``[1, N, C]`` of a batch with ``x``, edges and ``batch``."""
        hidden = self.context(batch.x, batch.ptr, batch.batch)  # [N, H]
        # What is small stays in float32 where the context runs in bfloat16.
        with torch.autocast(hidden.device.type, enabled=False):
            hidden = self.graph(hidden.float(), batch.edge_index, batch.edge_type)  # [N, H * heads]
            return Output(self.head(hidden)[None], hidden[None])

    def cells(self, length: int) -> int:
        """Return about how many places of attention a dialogue takes; an edge takes many."""
        config = self.config
        past, future = (length if w < 0 else w for w in (config.wp, config.wf))
        edges = length * min(length, past + future + 1)
        context = context_cells(length, config.context_span) if config.context_layers else 0
        return context + _CELLS_PER_EDGE * edges


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
        span=config.context_span,
        causal=config.causal,
    )
