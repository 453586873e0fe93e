"""Each process's share of a batch of dialogues, and what the share counts for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch_geometric.data import Data


@dataclass(frozen=True)
class Weights:
    """What the means over a share count for, so that those of all processes average to the whole's.

    Attributes:
        utterances: for means over utterances; 1 where the share is the whole batch.
        pairs: for means over pairs of a speaker's successive turns; likewise.
    """

    utterances: float = 1.0
    pairs: float = 1.0


@dataclass(frozen=True)
class Share:
    """What one process does of a batch.

    Attributes:
        dialogues: which dialogues, by number; of a process that is left over, one that it runs
            without counting it, since all must take part in every step.
        weights: of the share.
        counted: whether the dialogues count.
    """

    dialogues: list[int]
    weights: Weights
    counted: bool


class Shares:
    """Shares of batches of `graphs` for `processes` processes, of which this is number `index`."""

    def __init__(self, graphs: Sequence[Data], processes: int, index: int) -> None:
        self.processes, self.index = processes, index
        self.lengths = [len(graph.y) for graph in graphs]
        self.pairs = [0] * len(graphs)
        if processes > 1:
            speakers = [len(graph.speaker.unique()) for graph in graphs]
            self.pairs = [n - s for n, s in zip(self.lengths, speakers, strict=True)]

    def utterances(self, dialogues: Sequence[int]) -> int:
        """Return how many utterances dialogues hold."""
        return sum(self.lengths[i] for i in dialogues)

    def of(self, batch: Sequence[int]) -> Share:
        """Return this process's share of a batch of dialogues."""
        if self.processes == 1:
            return Share(list(batch), Weights(), counted=True)
        # The longest first, each to whoever has the least: no process waits long for another.
        shares: list[list[int]] = [[] for _ in range(self.processes)]
        loads = [0] * self.processes
        for dialogue in sorted(batch, key=lambda i: -self.lengths[i]):
            least = loads.index(min(loads))
            shares[least].append(dialogue)
            loads[least] += self.lengths[dialogue]
        mine = shares[self.index]
        if not mine:
            return Share([batch[0]], Weights(0.0, 0.0), counted=False)
        weights = (self._weight(mine, batch, sizes) for sizes in (self.lengths, self.pairs))
        return Share(mine, Weights(*weights), counted=True)

    def _weight(self, mine: Sequence[int], batch: Sequence[int], sizes: Sequence[int]) -> float:
        whole = sum(sizes[i] for i in batch)
        # Gradients are averaged over the processes, so each counts as many times over.
        return self.processes * sum(sizes[i] for i in mine) / max(whole, 1)
