"""Windowed dialogue graphs as dense blocks: the same edges, in a form that is quick to compute on.

A dialogue is cut into blocks of hearing utterances, each with the heard ones around it (see
`graph_er.graphs.windows`). Work and memory grow linearly with a dialogue's length wherever both
windows are limited.

Shapes: G blocks, T hearing and S heard utterances per block, R relations, N utterances.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from graph_er.graphs.chunks import Chunk, divide, over_chunks
from graph_er.graphs.graph import SAME_OTHER_RELATIONS, same_other
from graph_er.graphs.windows import GRAPH_WINDOW, Windows, context_windows, cut, places, within

# Blocks of a batch with more pairs than this are laid out anew whenever they are needed, so many
# pairs at a time, and what is computed on them is computed again for the gradient.
_KEPT_PAIRS = 2**21
_PAIRS_AT_A_TIME = 2**17


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


class LaterBlocks(NamedTuple):
    """Blocks of a batch that are laid out chunk by chunk when they are needed.

    Attributes:
        chunks: neighbouring windows each, cut with `past` and `future`.
        speaker: speaker number within the dialogue of every utterance of the batch, ``[N]``.
        past, future, decay: as for `lay_out`.
    """

    chunks: Sequence[Chunk]
    speaker: Tensor
    past: int
    future: int
    decay: float | None

    def lay_out(self, chunk: Chunk) -> Blocks:
        """Return the blocks of a chunk, on the rows that it is given."""
        speaker = self.speaker[chunk.begin : chunk.end]
        return lay_out(chunk.windows, speaker, past=self.past, future=self.future, decay=self.decay)


Hearing = Blocks | LaterBlocks


def lay_out(
    windows: Windows, speaker: Tensor, *, past: int, future: int, decay: float | None
) -> Blocks:
    """Turn windows into blocks; ``place`` numbers the utterances that hear in them alone.

    Args:
        windows: as `graph_er.graphs.windows.cut` cut them with `past` and `future`.
        speaker: speaker number within the dialogue, of all utterances that positions are counted
            in, ``[N]``.
        past: how many earlier utterances one hears; -1 is unlimited.
        future: how many later ones, likewise.
        decay: an utterance ``d`` apart weighs ``exp(-(d - 1) / decay)`` in the mean; 0: all alike;
            None leaves the mean out.
    """
    hearing, is_hearing = places(windows.start, windows.stop)  # [G, T]
    heard, is_heard = places(windows.first, windows.last)  # [G, S]
    offset = heard[:, None, :] - hearing[:, :, None]  # [G, T, S]
    edge = is_hearing[:, :, None] & is_heard[:, None, :]
    allowed = within(offset, past, future)
    if allowed is not None:
        edge &= allowed
    hearing, heard = torch.where(is_hearing, hearing, 0), torch.where(is_heard, heard, 0)
    relation = same_other(offset, speaker[heard][:, None, :] == speaker[hearing][:, :, None])
    return Blocks(
        heard=heard,
        hearing=hearing,
        place=is_hearing.flatten().nonzero().squeeze(1),
        relation=relation,
        edge=edge,
        mean=None if decay is None else _mean_weights(offset, edge, relation, decay),
    )


def graph_blocks(
    speaker: Tensor, ptr: Tensor, *, past: int, future: int, decay: float | None
) -> Hearing:
    """Cut the dialogues of a batch into blocks, of which few exist at once.

    Args:
        speaker: as for `lay_out`.
        ptr: where each dialogue begins, and the end of the last, ``[B + 1]``.
        past: as for `lay_out`.
        future: likewise.
        decay: likewise.
    """
    windows = cut(ptr, past=past, future=future, window=GRAPH_WINDOW, whole=GRAPH_WINDOW)
    return _spared(windows, speaker, past, future, decay)


def context_blocks(speaker: Tensor, ptr: Tensor, *, past: int, future: int) -> Hearing:
    """Cut dialogues for layers that hear far: whole up to ``past + 1`` utterances.

    Args:
        speaker: as for `lay_out`.
        ptr: as for `graph_blocks`.
        past: as for `lay_out`.
        future: likewise.
    """
    windows = context_windows(ptr, past=past, future=future)
    return _spared(windows, speaker, past, future, None)


def over_blocks(compute: Callable[[Blocks, Tensor], Tensor], blocks: Hearing, x: Tensor) -> Tensor:
    """Compute rows ``[N, ...]`` of those that hear from rows `x` of all."""
    if isinstance(blocks, Blocks):
        return compute(blocks, x)
    return over_chunks(lambda chunk, rows: compute(blocks.lay_out(chunk), rows), blocks.chunks, x)


def _spared(
    windows: Windows, speaker: Tensor, past: int, future: int, decay: float | None
) -> Hearing:
    """Lay windows out at once where that takes little memory."""
    hearing, heard = (max(sizes) for sizes in zip(*windows.sizes(), strict=True))
    if len(windows.start) * hearing * heard <= _KEPT_PAIRS:
        return lay_out(windows, speaker, past=past, future=future, decay=decay)
    return LaterBlocks(divide(windows, _PAIRS_AT_A_TIME), speaker, past, future, decay)


def latest_block(same_speaker: Tensor, *, decay: float | None) -> Blocks:
    """Let the last utterance alone hear all that are given: a conversation while it goes on.

    Args:
        same_speaker: of those that are heard, itself last: whether its speaker says it, ``[S]``.
        decay: as for `lay_out`.
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


def _mean_weights(offset: Tensor, edge: Tensor, relation: Tensor, decay: float) -> Tensor:
    scores = -offset.abs() / decay if decay else torch.zeros_like(offset, dtype=torch.float)
    scores = scores.masked_fill(~edge, float("-inf"))
    groups, hearing, heard = offset.shape
    by_relation = scores.new_full(
        (groups, len(SAME_OTHER_RELATIONS), hearing, heard), float("-inf")
    ).scatter_(1, relation[:, None], scores[:, None])
    # A softmax: whoever is heard from far away alone must not vanish. Rows without edges are NaN.
    return by_relation.softmax(dim=-1).nan_to_num()
