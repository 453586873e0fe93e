"""Windowed dialogue graphs as dense blocks: the same edges, in a form that is quick to compute on.

A dialogue is cut into blocks of hearing utterances, each with the heard ones around it. Work and
memory grow linearly with a dialogue's length wherever both windows are limited::

    utterances   0 1 2 3 4 5 6 7 8 9 ...
    block 0      hears 0-5   [0 1 2 3] 4 5
    block 1      hears 2-9        2 3 [4 5 6 7] 8 9        (windows of 2, blocks of 4)

Shapes: G blocks, T hearing and S heard utterances per block, R relations, N utterances.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from graph_er.graph import SAME_OTHER_RELATIONS, same_other

_BLOCK = 64  # dialogues up to this length, most of them, are one block without waste


class Blocks(NamedTuple):
    """The blocks of a batch.

    Attributes:
        heard: utterance in each heard place, ``[G, S]``; 0 where the place is empty.
        hearing: utterance in each hearing place, ``[G, T]``; likewise.
        place: each utterance's place among the ``G * T`` hearing ones, ``[N]``.
        relation: of each pair, ``[G, T, S]``, an index into `graph.SAME_OTHER_RELATIONS`.
        edge: whether the pair is an edge, ``[G, T, S]``.
        mean: weights of the relational means, ``[G, R, T, S]``: each row sums to 1, or to 0 where
            an utterance hears no other in that relation; None where it is not wanted.
    """

    heard: Tensor
    hearing: Tensor
    place: Tensor
    relation: Tensor
    edge: Tensor
    mean: Tensor | None


def dialogue_blocks(
    speaker: Tensor,
    ptr: Tensor,
    *,
    past: int,
    future: int,
    decay: float | None,
    block: int = _BLOCK,
) -> Blocks:
    """Cut the dialogues of a batch into blocks.

    Args:
        speaker: speaker number within the dialogue, ``[N]``.
        ptr: where each dialogue begins, and the end of the last, ``[B + 1]``.
        past: how many earlier utterances one hears; -1 is unlimited, and makes each dialogue one
            block.
        future: how many later ones, likewise.
        decay: an utterance ``d`` apart weighs ``exp(-(d - 1) / decay)`` in the mean; 0: all alike;
            None leaves the mean out.
        block: most hearing utterances per block.
    """
    begin, start, stop = _cut(ptr, block if min(past, future) >= 0 else None)
    length = (ptr.diff())[torch.searchsorted(ptr, begin, right=True) - 1]
    first = (start - past).clamp(min=0) if past >= 0 else torch.zeros_like(start)
    last = torch.minimum(stop + future, length) if future >= 0 else length
    hearing, is_hearing = _places(start, stop)  # positions in the dialogue, [G, T]
    heard, is_heard = _places(first, last)  # [G, S]
    offset = heard[:, None, :] - hearing[:, :, None]  # [G, T, S]
    edge = is_hearing[:, :, None] & is_heard[:, None, :]
    if past >= 0:
        edge &= offset >= -past
    if future >= 0:
        edge &= offset <= future
    hearing = torch.where(is_hearing, hearing + begin[:, None], 0)
    heard = torch.where(is_heard, heard + begin[:, None], 0)
    relation = same_other(offset, speaker[heard][:, None, :] == speaker[hearing][:, :, None])
    return Blocks(
        heard=heard,
        hearing=hearing,
        place=is_hearing.flatten().nonzero().squeeze(1),
        relation=relation,
        edge=edge,
        mean=None if decay is None else _mean_weights(offset, edge, relation, decay),
    )


def latest_block(same_speaker: Tensor, *, decay: float | None) -> Blocks:
    """Let the last utterance alone hear all that are given: a conversation while it goes on.

    Args:
        same_speaker: of those that are heard, itself last: whether its speaker says it, ``[S]``.
        decay: as for `dialogue_blocks`.
    """
    count = len(same_speaker)
    heard = torch.arange(count, device=same_speaker.device)[None]
    offset = (heard - (count - 1))[:, None]  # [1, 1, S]
    edge = torch.ones_like(offset, dtype=torch.bool)
    relation = same_other(offset, same_speaker[None, None])
    return Blocks(
        heard=heard,
        hearing=heard[:, -1:],
        place=heard.new_zeros(1),
        relation=relation,
        edge=edge,
        mean=None if decay is None else _mean_weights(offset, edge, relation, decay),
    )


def _cut(ptr: Tensor, block: int | None) -> tuple[Tensor, Tensor, Tensor]:
    """Return per block where its dialogue begins in the batch, and its span within it, ``[G]``."""
    lengths = ptr.diff()
    parts = torch.ones_like(lengths) if block is None else -(-lengths // block)
    size = -(-lengths // parts)  # even parts: 70 utterances are 35 + 35, not 64 + 6
    begin, size, length = (t.repeat_interleave(parts) for t in (ptr[:-1], size, lengths))
    count = torch.arange(len(begin), device=ptr.device)
    number = count - (parts.cumsum(0) - parts).repeat_interleave(parts)
    start = number * size
    return begin, start, torch.minimum(start + size, length)


def _places(start: Tensor, stop: Tensor) -> tuple[Tensor, Tensor]:
    """Lay spans out in rows: positions ``[G, longest]`` and which of them are inside."""
    longest = int((stop - start).max())
    positions = start[:, None] + torch.arange(longest, device=start.device)
    return positions, positions < stop[:, None]


def _mean_weights(offset: Tensor, edge: Tensor, relation: Tensor, decay: float) -> Tensor:
    scores = -offset.abs() / decay if decay else torch.zeros_like(offset, dtype=torch.float)
    scores = scores.masked_fill(~edge, float("-inf"))
    groups, hearing, heard = offset.shape
    by_relation = scores.new_full(
        (groups, len(SAME_OTHER_RELATIONS), hearing, heard), float("-inf")
    ).scatter_(1, relation[:, None], scores[:, None])
    # A softmax: whoever is heard from far away alone must not vanish. Rows without edges are NaN.
    return by_relation.softmax(dim=-1).nan_to_num()
