"""Long dialogues a part at a time: memory for one part, work in proportion to the length.

What is computed on a part is not kept but computed again for the gradient. Each part is given the
rows that it hears alone; their gradient is as long as they are, not as long as the batch.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from graph_er.graphs.windows import Windows


class Chunk(NamedTuple):
    """Neighbouring windows of a batch.

    Attributes:
        windows: positions counted from row `begin` of the batch.
        begin: first row that is heard, or earlier.
        end: the one after the last row that is heard, or later.
        pieces: which pieces of the batch these rows are, where the batch is divided by who hears
            in which chunk.
        hearing: how many utterances hear.
    """

    windows: Windows
    begin: int
    end: int
    pieces: slice
    hearing: int


def divide(windows: Windows, cells: int) -> list[Chunk]:
    """Divide all windows of a batch into chunks of at most `cells` places, or one window each."""
    parts = list(windows.chunks(cells))
    borders = [int(part.start[0]) for part in parts] + [int(windows.stop[-1])]
    chunks = []
    for index, part in enumerate(parts):
        first = bisect_right(borders, int(part.first.min())) - 1
        last = bisect_left(borders, int(part.last.max()))
        begin = borders[first]
        chunks.append(
            Chunk(
                windows=Windows(*(position - begin for position in part)),
                begin=begin,
                end=borders[last],
                pieces=slice(first, last),
                hearing=borders[index + 1] - borders[index],
            )
        )
    return chunks


def over_chunks(
    compute: Callable[[Chunk, Tensor], Tensor], chunks: Sequence[Chunk], x: Tensor
) -> Tensor:
    """Compute rows of all that hear, chunk after chunk.

    Args:
        compute: returns the rows of those that hear in a chunk from rows ``begin`` to ``end``.
        chunks: of `divide`.
        x: rows of the batch, ``[N, ...]``.
    """

    def computed(chunk: Chunk, *pieces: Tensor) -> Tensor:
        return compute(chunk, torch.cat(pieces))

    pieces = x.split([chunk.hearing for chunk in chunks])
    parts = []
    for chunk in chunks:
        if torch.is_grad_enabled():
            part = checkpoint(computed, chunk, *pieces[chunk.pieces], use_reentrant=False)
        else:
            part = computed(chunk, *pieces[chunk.pieces])
        parts.append(part)
    return torch.cat(parts)
