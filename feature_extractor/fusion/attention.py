"""Multi-head attention between masked streams.

B utterances, T queries, S keys, W width.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from feature_extractor.fusion.stream import Stream
from graph_er.networks.layers import attend


class StreamAttention(nn.MultiheadAttention):
    """`torch.nn.MultiheadAttention` (Vaswani et al., NIPS 2017) of what masks leave.

    On the CPU PyTorch keeps every weight between every two frames of a batch, padding among them,
    for dropout and in its fast path of evaluation. Each utterance by itself, without its padding,
    fits the caches: on hundreds of frames a third of the time, and a ninth in evaluation.
    """

    def __init__(self, width: int, heads: int, dropout: float = 0.0) -> None:
        """Build the attention of `heads` on states of `width`."""
        super().__init__(width, heads, dropout=dropout, batch_first=True)

    def looked_at(self, queries: Stream, keys: Stream) -> torch.Tensor:
        """Return what each query takes from the keys of its utterance, ``[B, T, W]``.

        Where an utterance has no keys, or a query stands beyond its mask, it holds anything finite.
        """
        on_cpu = queries.states.device.type == "cpu"
        if on_cpu and (self.dropout or not self.training):
            return self._one_by_one(queries, keys)
        # A softmax over nothing is NaN: a row without keys looks at padding, to no effect.
        hidden = ~keys.mask & keys.present[:, None]
        attended, _ = self(
            queries.states, keys.states, keys.states, key_padding_mask=hidden, need_weights=False
        )
        return attended

    def _one_by_one(self, queries: Stream, keys: Stream) -> torch.Tensor:
        of_query, of_key, of_value = self.in_proj_weight.chunk(3)
        query_bias, key_bias, value_bias = self.in_proj_bias.chunk(3)
        query = self._by_head(F.linear(queries.states, of_query, query_bias))
        key = self._by_head(F.linear(keys.states, of_key, key_bias))
        value = self._by_head(F.linear(keys.states, of_value, value_bias))
        empty, dropout = torch.zeros_like(query[0]), self.dropout if self.training else 0.0
        taken = []
        for row, present in enumerate(keys.present.tolist()):
            asking, heard = queries.mask[row].nonzero()[:, 0], keys.mask[row].nonzero()[:, 0]
            if present:
                found = attend(
                    query[row, None].index_select(2, asking),
                    key[row, None].index_select(2, heard),
                    value[row, None].index_select(2, heard),
                    None,
                    dropout,
                )
                taken.append(empty.index_copy(1, asking, found[0]))
            else:
                taken.append(empty)
        return self.out_proj(torch.stack(taken).transpose(1, 2).flatten(2))

    def _by_head(self, states: torch.Tensor) -> torch.Tensor:
        """Split ``[B, T, W]`` into ``[B, heads, T, W / heads]``."""
        return states.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
