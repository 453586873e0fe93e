"""The batches of several training processes: together those that one process would have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from torch.utils.data import Dataset, Sampler

from graph_er.running.processes import count, from_first, index

STAND_IN = "stand_in"


class GlobalBatches(Sampler[list[int]]):
    """This process's share of each batch that all of them take a step on.

    The order is drawn in the first process alone, with the very draws of a training in one process
    of ``batch_size`` times as many utterances. A batch is cut into even shares, so that the last of
    an epoch, which may be smaller, has no utterance twice; where it has fewer utterances than there
    are processes, some get none (see `collated`).
    """

    def __init__(self, order: Sampler[int], size: int, batch_size: int) -> None:
        """Divide batches among the processes that are joined.

        Args:
            order: draws the epoch's order of all utterances.
            size: how many there are.
            batch_size: utterances per process.
        """
        self._order = order
        self._size = size
        self._whole = batch_size * count()

    def __len__(self) -> int:
        """Return the number of batches, the same in each process."""
        return -(-self._size // self._whole)

    def __iter__(self) -> Iterator[list[int]]:
        """Yield indices of utterances; all processes iterate at the same time."""
        order = from_first(lambda: list(self._order))
        for start in range(0, len(order), self._whole):
            yield share(order[start : start + self._whole], index(), count())


def share(batch: Sequence[int], index: int, count: int) -> list[int]:
    """Return the part of a batch that process `index` of `count` reads; each is of one part."""
    bounds = [len(batch) * number // count for number in (index, index + 1)]
    return list(batch[slice(*bounds)])


def collated(
    collate: Callable[[Sequence[Any]], dict[str, Any]], dataset: Dataset, examples: Sequence[Any]
) -> dict[str, Any]:
    """Return a process's part of a batch; of an empty one a stand-in, which is marked `STAND_IN`.

    Distributed training takes each step in all processes: who has no utterance runs the first of
    the `dataset`, and its loss is to weigh nothing.
    """
    return collate(examples) if examples else {**collate([dataset[0]]), STAND_IN: True}
