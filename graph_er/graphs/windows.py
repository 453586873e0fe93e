"""Ranges of utterances that hear, and the ranges that they hear: work in proportion to the edges.

Attention within a dialogue needs dense arrays of hearing by heard utterances. Dialogues are cut
into windows, so that a long one needs many small arrays and not one that grows with its square::

    utterances   0 1 2 3 4 5 6 7 8 9 ...
    window 0     hears 0-5   [0 1 2 3] 4 5
    window 1     hears 2-9        2 3 [4 5 6 7] 8 9        (2 to each side, windows of 4)

Shapes: G windows, B dialogues, N utterances of the batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

# Windows of a group may be this much and this many utterances longer than its shortest: few
# groups, and little padding in them.
_RATIO, _SLACK = 1.25, 4
# Of dialogues too long for one window; more would hear more that they may not, fewer be slow.
_CONTEXT_WINDOW = 128
# For graphs of near utterances: dialogues up to this length, most of them, are one window.
GRAPH_WINDOW = 64


class Windows(NamedTuple):
    """Windows as positions in the batch, ``[G]`` each, in the order of the batch.

    Attributes:
        start: first utterance that hears.
        stop: the one after the last that hears.
        first: first utterance that is heard by any of them.
        last: the one after the last that is heard.
    """

    start: Tensor
    stop: Tensor
    first: Tensor
    last: Tensor

    def take(self, chosen: Tensor | slice) -> Windows:
        """Return some of the windows."""
        return Windows(*(part[chosen] for part in self))

    def sizes(self) -> list[tuple[int, int]]:
        """Return how many hear and how many are heard in each window."""
        hearing, heard = self.stop - self.start, self.last - self.first
        return list(zip(hearing.tolist(), heard.tolist(), strict=True))

    def chunks(self, cells: int) -> Iterator[Windows]:
        """Divide into runs that take `cells` places of dense arrays at most, or one window each."""
        for begin, end in _runs(self.sizes(), cells):
            yield self.take(slice(begin, end))

    def alike(self, cells: int) -> Iterator[Windows]:
        """Divide into groups of windows of like size that take at most `cells` places or one."""
        sizes = self.sizes()
        order = sorted(range(len(sizes)), key=lambda index: sizes[index])
        chosen = torch.tensor(order, device=self.start.device)
        for begin, end in _runs([sizes[index] for index in order], cells, alike=True):
            yield self.take(chosen[begin:end])


def cut(ptr: Tensor, *, past: int, future: int, window: int, whole: int) -> Windows:
    """Cut the dialogues of a batch into windows.

    Args:
        ptr: where each dialogue begins, and the end of the last, ``[B + 1]``.
        past: how many earlier utterances one hears; -1 is unlimited.
        future: how many later ones, likewise.
        window: most utterances that hear in a window.
        whole: dialogues up to this length are one window all the same.
    """
    begin, lengths = ptr[:-1], ptr.diff()
    parts = torch.where(lengths <= whole, 1, -(-lengths // window))
    size = -(-lengths // parts)  # even parts: 70 utterances are 35 + 35, not 64 + 6
    begin, size, end = (t.repeat_interleave(parts) for t in (begin, size, ptr[1:]))
    count = torch.arange(len(begin), device=ptr.device)
    number = count - (parts.cumsum(0) - parts).repeat_interleave(parts)
    start = begin + number * size
    stop = torch.minimum(start + size, end)
    first = begin if past < 0 else torch.maximum(start - past, begin)
    last = end if future < 0 else torch.minimum(stop + future, end)
    return Windows(start, stop, first, last)


def context_windows(ptr: Tensor, *, past: int, future: int) -> Windows:
    """Cut dialogues for layers that hear far, each dialogue within reach of itself left whole.

    Args:
        ptr: as for `cut`.
        past: likewise.
        future: likewise.
    """
    whole = int(ptr[-1]) if past < 0 else past + 1
    return cut(ptr, past=past, future=future, window=_CONTEXT_WINDOW, whole=whole)


def context_cells(length: int, span: int) -> int:
    """Return how many places the windows of `context_windows` take for a dialogue, about."""
    if span < 0 or length <= span + 1:
        return length**2
    return length * min(length, 2 * span + _CONTEXT_WINDOW)


def graph_cells(length: int, past: int, future: int) -> int:
    """Return how many places windows of `GRAPH_WINDOW` take for a dialogue, about."""
    if min(past, future) < 0:
        return length**2
    return length * min(length, past + future + GRAPH_WINDOW)


def places(start: Tensor, stop: Tensor) -> tuple[Tensor, Tensor]:
    """Lay ranges out in rows: positions ``[G, longest]`` and which of them are inside."""
    longest = int((stop - start).max())
    positions = start[:, None] + torch.arange(longest, device=start.device)
    return positions, positions < stop[:, None]


def within(offset: Tensor, past: int, future: int) -> Tensor | None:
    """Return which offsets (heard less hearing) may be heard; None where nothing is limited."""
    allowed = None
    if past >= 0:
        allowed = offset >= -past
    if future >= 0:
        near = offset <= future
        allowed = near if allowed is None else allowed & near
    return allowed


def _runs(
    sizes: list[tuple[int, int]], cells: int, *, alike: bool = False
) -> Iterator[tuple[int, int]]:
    """Divide a list into runs whose arrays, as large as the largest, hold `cells` at most."""
    begin, most = 0, (0, 0)
    for index, size in enumerate(sizes):
        wider = (max(most[0], size[0]), max(most[1], size[1]))
        full = (index + 1 - begin) * wider[0] * wider[1] > cells
        unlike = alike and any(
            new > _RATIO * old + _SLACK for new, old in zip(wider, sizes[begin], strict=True)
        )
        if index > begin and (full or unlike):
            yield begin, index
            begin, wider = index, size
        most = wider
    yield begin, len(sizes)
