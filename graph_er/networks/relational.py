"""Layers of a committee that pass messages between the utterances of a dialogue.

Shapes: K members, N utterances of a batch, H hidden size; see `graph_er.graphs.blocks` for G, T, S
and R.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graph_er.graphs.blocks import Blocks, Hearing, over_blocks
from graph_er.graphs.graph import SAME_OTHER_RELATIONS
from graph_er.networks.layers import CommitteeLinear, CommitteeNorm, Dropout, attend

_RELATIONS = len(SAME_OTHER_RELATIONS)
# Added to scores of what is not heard. Finite, also in bfloat16, so that empty places give no NaN.
_UNHEARD = -1e30


class RelationalMean(nn.Module):
    """A relational graph convolution with weighted means (RGCN), residual and layer norm."""

    def __init__(self, members: int, size: int, dropout: float) -> None:
        super().__init__()
        self.linear = CommitteeLinear(members, _RELATIONS * size, size)
        self.norm = CommitteeNorm(members, size)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, blocks: Hearing) -> Tensor:
        """Pass messages between utterances ``[K, N, H]``; the last ones hear, usually all."""
        members, _, size = x.shape
        means = over_blocks(self._means, blocks, x.transpose(0, 1).flatten(1))  # [N, R * K * H]
        means = means.view(-1, _RELATIONS, members, size).permute(2, 0, 1, 3).flatten(2)
        message = F.gelu(self.linear(means))
        return self.norm(_hearing(x, message) + self.dropout(message))

    def _means(self, blocks: Blocks, x: Tensor) -> Tensor:
        """Return ``[N, R * K * H]`` of utterances ``[N, K * H]``."""
        assert blocks.mean is not None  # laid out with a decay
        groups, _, hearing, heard = blocks.mean.shape
        # One product serves all members: they share the graph.
        weights = blocks.mean.transpose(1, 2).reshape(groups, -1, heard)  # [G, T * R, S]
        means = torch.bmm(weights, F.embedding(blocks.heard, x))  # [G, T * R, K * H]
        return F.embedding(blocks.place, means.view(groups * hearing, -1))


class RelationalAttention(nn.Module):
    """A graph transformer layer: attention along edges with a learned bias per relation and head.

    With ``feedforward`` it is a whole transformer layer.
    """

    def __init__(
        self, members: int, size: int, heads: int, dropout: float, *, feedforward: bool = False
    ) -> None:
        super().__init__()
        self.heads = heads
        self.query_key_value = CommitteeLinear(members, size, 3 * size)
        self.output = CommitteeLinear(members, size, size)
        self.relation_bias = nn.Parameter(torch.zeros(members, _RELATIONS, heads))
        self.norm = CommitteeNorm(members, size)
        self.dropout = Dropout(dropout)
        self.feedforward: nn.Module | None = None
        if feedforward:
            self.feedforward = nn.Sequential(
                CommitteeLinear(members, size, 2 * size),
                nn.GELU(),
                self.dropout,
                CommitteeLinear(members, 2 * size, size),
            )
            self.feedforward_norm = CommitteeNorm(members, size)

    def forward(self, x: Tensor, blocks: Hearing) -> Tensor:
        """Pass messages between utterances ``[K, N, H]``; the last ones hear, usually all."""
        members, count, size = x.shape
        rows = self.query_key_value(x).view(members, count, 3, size)
        rows = rows.permute(1, 2, 0, 3).flatten(2).flatten(1)  # [N, 3 * K * H]
        attended = over_blocks(self._attended, blocks, rows)  # [N, K * H]
        attended = self.output(attended.view(-1, members, size).transpose(0, 1))
        hidden = self.norm(_hearing(x, attended) + self.dropout(attended))
        if self.feedforward is None:
            return hidden
        return self.feedforward_norm(hidden + self.dropout(self.feedforward(hidden)))

    def _attended(self, blocks: Blocks, rows: Tensor) -> Tensor:
        """Return ``[N, K * H]`` of queries, keys and values ``[N, 3 * K * H]``.

        The heads of all members are heads of one attention.
        """
        width = rows.size(1) // 3
        heads = self.relation_bias.size(0) * self.heads
        # Look-ups: their gradient is added up row by row, where that of indexing is sorted first.
        query = F.embedding(blocks.hearing, rows[:, :width])  # [G, T, K * H]
        key, value = F.embedding(blocks.heard, rows[:, width:]).chunk(2, dim=-1)  # [G, S, K * H]
        query, key, value = (
            part.unflatten(-1, (heads, -1)).transpose(1, 2) for part in (query, key, value)
        )
        attended = attend(query, key, value, self._bias(blocks))  # [G, K * heads, T, H / heads]
        attended = attended.transpose(1, 2).reshape(-1, width)  # [G * T, K * H]
        return F.embedding(blocks.place, attended)

    def _bias(self, blocks: Blocks) -> Tensor:
        """Return what is added to the scores, ``[G, K * heads, T, S]``: a product, as indexing."""
        nothing = self.relation_bias.new_full((len(self.relation_bias), 1, self.heads), _UNHEARD)
        table = torch.cat([self.relation_bias, nothing], dim=1)  # [K, R + 1, heads]
        table = table.transpose(1, 2).flatten(0, 1)  # [K * heads, R + 1]
        kind = torch.where(blocks.edge, blocks.relation, _RELATIONS)
        kinds = torch.arange(_RELATIONS + 1, device=kind.device)[:, None]
        chosen = (kind.flatten(1)[:, None] == kinds).to(table.dtype)  # [G, R + 1, T * S]
        return torch.matmul(table, chosen).unflatten(-1, kind.shape[1:])


def _hearing(x: Tensor, heard: Tensor) -> Tensor:
    """Return those of ``[K, N, H]`` that heard: all, or the last where others are heard alone."""
    return x[:, x.size(1) - heard.size(1) :]
