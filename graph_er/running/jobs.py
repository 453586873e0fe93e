"""How many models are trained side by side on the CPU, and with how many threads each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from graph_er.errors import InputError
from graph_er.running import processes
from graph_er.running.side_by_side import (
    CAN_FORK,
    Item,
    T,
    Tell,
    forks_may_use_threads,
    side_by_side,
)


def choose_jobs(wanted: int, pieces: int, device: str) -> int:
    """Return how many pieces to do side by side.

    Args:
        wanted: so many; 0 for as many as there are cores, in a command (see
            `graph_er.running.side_by_side.forks_may_use_threads`), else for one.
        pieces: how many there are.
        device: ``cpu`` or a CUDA device.

    Raises:
        InputError: several are wanted where that cannot be.
    """
    possible = CAN_FORK and device == "cpu" and processes.count() == 1
    if wanted > 1 and not possible:
        raise InputError(
            f"--jobs is {wanted}; models are trained side by side on Linux, on the CPU and without "
            "a launcher alone; leave it out"
        )
    several = possible and forks_may_use_threads()
    return min(wanted or (torch.get_num_threads() if several else 1), pieces)


@contextmanager
def threads_for(jobs: int) -> Iterator[int]:
    """Give each of several jobs its part of the threads, and this process one alone meanwhile.

    A process that has used several threads cannot be forked into one that does.

    Args:
        jobs: how many there are side by side.

    Yields:
        Threads for each job: its part, or one where this process may have used several already.
    """
    threads = torch.get_num_threads()
    if jobs > 1:
        torch.set_num_threads(1)
    try:
        yield max(1, threads // jobs) if jobs == 1 or forks_may_use_threads() else 1
    finally:
        torch.set_num_threads(threads)


def do_jobs(
    work: Callable[[Item, Tell], T],
    items: Sequence[Item],
    *,
    jobs: int,
    threads: int,
    on_message: Callable[[Any], None],
) -> list[T]:
    """Do `work` on every item in processes side by side, within `threads_for`.

    Args:
        work: as for `graph_er.running.side_by_side.side_by_side`, which tells what it raises.
        items: as there.
        jobs: as there.
        threads: of each process, as `threads_for` gives.
        on_message: as there.
    """

    def on_threads(item: Item, tell: Tell) -> T:
        torch.set_num_threads(threads)
        return work(item, tell)

    return side_by_side(on_threads, items, jobs=jobs, on_message=on_message)
