"""The batches of several training processes: together those that one process would have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch.utils.data import Sampler

from graph_er.processes import count, from_first, index


class GlobalBatches(Sampler[list[int]]):
    """This process's share of each batch that all of them take a step on.

    The order is drawn in the first process alone, with the very draws of a training in one process
    of ``batch_size`` times as many utterances. A batch is cut into even shares, so that the last of
    an epoch, which may be smaller, has no utterance twice; only where it has fewer utterances than
    there are processes, some read the same.
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
    """Return the part of a batch that process `index` of `count` reads; never none."""
    if len(batch) < count:
        return [batch[index % len(batch)]]
    bounds = [len(batch) * number // count for number in (index, index + 1)]
    return list(batch[slice(*bounds)])
