"""A transformer over each dialogue of a batch that spends next to no work on padding.

Linear layers, norms and the feed-forward part run on the utterances of all dialogues side by side,
``[N, D]``. Attention alone is within a dialogue: it runs on groups of dialogues of like length.

Shapes: N utterances of a batch, D width, G windows of a group with T hearing and S heard places.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graph_er.graphs.chunks import Chunk, divide, over_chunks
from graph_er.graphs.windows import Windows, context_windows, places, within
from graph_er.networks.layers import attend, dropout

# Places of a group's attention.
_GROUP_CELLS = 2**20
# Places of a batch's, above which its attention runs a part of so many at a time.
_KEPT_CELLS = 2**22


class _Group(NamedTuple):
    """The shape ``(G, T, S)`` of a group's attention and its mask, ``[G, 1, T, S]`` or None."""

    shape: tuple[int, int, int]
    mask: Tensor | None


class _Plan(NamedTuple):
    """How the attention of some windows is laid out.

    Attributes:
        hearing: utterance in each hearing place, group after group, ``[sum of G * T]``.
        heard: utterance in each heard place, ``[sum of G * S]``; the same tensor where all
            dialogues are whole.
        place: the place among the hearing ones of each utterance that hears, in order.
        groups: as laid out.
    """

    hearing: Tensor
    heard: Tensor
    place: Tensor
    groups: Sequence[_Group]


class PackedEncoder(nn.Module):
    """``nn.TransformerEncoder`` over each dialogue, to which its parameters belong.

    In eval mode it gives what that gives for each dialogue by itself.

    Args:
        encoder: of post-norm layers with ReLU, as ``nn.TransformerEncoderLayer`` makes by default.
        span: how many utterances to each side one hears; -1 is unlimited.
        causal: whether an utterance hears nothing of what follows it.
    """

    def __init__(self, encoder: nn.TransformerEncoder, *, span: int, causal: bool) -> None:
        super().__init__()
        self.layers = encoder.layers
        self.past, self.future = span, 0 if causal else span

    def forward(self, x: Tensor, ptr: Tensor) -> Tensor:
        """Encode utterances ``[N, D]`` of dialogues that begin at `ptr`, ``[B + 1]``."""
        windows = context_windows(ptr, past=self.past, future=self.future)
        cells = sum(hearing * heard for hearing, heard in windows.sizes())
        kept = cells <= _KEPT_CELLS
        layout = self._plan(windows) if kept else divide(windows, _GROUP_CELLS)
        for layer in self.layers:
            x = self._layer(layer, x, layout)
        return x

    def _layer(
        self, layer: nn.TransformerEncoderLayer, x: Tensor, layout: _Plan | list[Chunk]
    ) -> Tensor:
        training = self.training
        attended = self._attention(layer.self_attn, x, layout)
        x = layer.norm1(x + dropout(attended, layer.dropout1.p, training=training))
        hidden = F.relu(layer.linear1(x), inplace=True)
        hidden = layer.linear2(dropout(hidden, layer.dropout.p, training=training))
        return layer.norm2(x + dropout(hidden, layer.dropout2.p, training=training))

    def _attention(
        self, attention: nn.MultiheadAttention, x: Tensor, layout: _Plan | list[Chunk]
    ) -> Tensor:
        projected = F.linear(x, attention.in_proj_weight, attention.in_proj_bias)  # [N, 3 * D]
        probability = attention.dropout if self.training else 0.0
        options = {"heads": attention.num_heads, "probability": probability}
        if isinstance(layout, _Plan):
            return attention.out_proj(_attended(layout, projected, **options))

        def compute(chunk: Chunk, rows: Tensor) -> Tensor:
            return _attended(self._plan(chunk.windows), rows, **options)

        return attention.out_proj(over_chunks(compute, layout, projected))

    def _plan(self, windows: Windows) -> _Plan:
        groups, hearing, heard, real = [], [], [], []
        for part in windows.alike(_GROUP_CELLS):
            hears, is_hearing = places(part.start, part.stop)
            is_heard, _ = places(part.first, part.last)
            shape = (len(hears), hears.size(1), is_heard.size(1))
            groups.append(_Group(shape, _mask(part, self.past, self.future)))
            # An empty place repeats the window's last utterance; nothing of it is kept.
            hearing.append(torch.minimum(hears, part.stop[:, None] - 1).flatten())
            heard.append(torch.minimum(is_heard, part.last[:, None] - 1).flatten())
            real.append(is_hearing.flatten())
        rows, kept = torch.cat(hearing), torch.cat(real).nonzero().squeeze(1)
        place = kept[rows[kept].argsort()]
        alike = torch.equal(windows.start, windows.first) and torch.equal(
            windows.stop, windows.last
        )
        return _Plan(rows, rows if alike else torch.cat(heard), place, groups)


def _attended(plan: _Plan, projected: Tensor, *, heads: int, probability: float) -> Tensor:
    """Return what each utterance attends to, ``[N, D]``, of queries, keys, values ``[N, 3 * D]``.

    Rows are looked up as embeddings are: the gradient of that is added up row by row, where that
    of indexing is sorted first.
    """
    width = projected.size(1) // 3
    parts = [width, 2 * width]
    if plan.heard is plan.hearing:
        query, key_value = F.embedding(plan.hearing, projected).split(parts, dim=1)
    else:
        query, key_value = projected.split(parts, dim=1)
        query, key_value = F.embedding(plan.hearing, query), F.embedding(plan.heard, key_value)
    queries = query.split([g * t for (g, t, _), _ in plan.groups])
    pairs = key_value.split([g * s for (g, _, s), _ in plan.groups])
    attended = []
    for ((count, hearing, heard), mask), query, key_value in zip(
        plan.groups, queries, pairs, strict=True
    ):
        query = query.view(count, hearing, heads, -1).transpose(1, 2)
        key, value = key_value.view(count, heard, 2, heads, -1).permute(2, 0, 3, 1, 4)
        part = attend(query, key, value, mask, probability)  # [G, heads, T, D / heads]
        attended.append(part.transpose(1, 2).reshape(count * hearing, width))
    return F.embedding(plan.place, torch.cat(attended))


def _mask(windows: Windows, past: int, future: int) -> Tensor | None:
    """Return what the utterances may hear, ``[G, 1, T, S]``; None where that is all."""
    hearing, is_hearing = places(windows.start, windows.stop)
    heard, is_heard = places(windows.first, windows.last)
    reach = heard.size(1)
    near = (past < 0 or reach <= past + 1) and (future < 0 or reach <= future + 1)
    if near and is_heard.all():
        return None
    mask = is_heard[:, None, :].expand(-1, hearing.size(1), -1)
    allowed = within(heard[:, None, :] - hearing[:, :, None], past, future)
    if allowed is not None:
        mask = mask & allowed
    # Empty places hear all: a row without anything would have no softmax.
    return (mask | ~is_hearing[:, :, None])[:, None]
