"""Which parts of an extraction one of several processes makes."""

from __future__ import annotations

from dataclasses import dataclass

from graph_er.running.flags import require


@dataclass(frozen=True)
class Shard:
    """The chunks that one of several processes makes: those of number `index` modulo `count`.

    Attributes:
        index: from 0.
        count: how many processes there are.
        command: the command line of each of them, without these two.
    """

    index: int = 0
    count: int = 1
    command: str = "python feature_extractor/extract.py"

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            InputError: there are no shards, or not this one.
        """
        require("num_shards", self.count, self.count >= 1, "1 or more")
        last = self.count - 1
        require("shard", self.index, 0 <= self.index <= last, f"0 to --num_shards - 1, here {last}")


WHOLE = Shard()
