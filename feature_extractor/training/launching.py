"""Stage 1 in several processes, as ``torchrun`` and ``accelerate launch`` start them.

The first process prepares what the others only read, writes what is kept, and speaks for all. Bad
input that all know of ends all with exit status 2 and one message; of what one alone meets, as a
broken file in its share, it tells itself, and the launcher ends the others.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar, cast

from graph_er.errors import InputError
from graph_er.running.counted import counted
from graph_er.running.processes import (
    PATIENCE,
    SharedError,
    agreed,
    count,
    ended_together,
    import_before_joining,
    is_first,
    launched,
    one_voice,
)

if TYPE_CHECKING:
    import torch

T = TypeVar("T")


@contextmanager
def joined(device: torch.device) -> Iterator[None]:
    """Join the processes that a launcher started, as `Trainer` does, and wait for all at the end.

    Raises:
        InputError: there are more of them on this machine than GPUs.
    """
    if launched() == 1:
        yield
        return
    import torch
    from accelerate import PartialState

    here, gpus = int(os.environ.get("LOCAL_WORLD_SIZE", "1")), torch.cuda.device_count()
    if device.type == "cuda" and here > gpus:
        with one_voice():
            raise InputError(
                f"{counted(here, 'process', 'processes')} on this machine, which has "
                f"{counted(gpus, 'GPU')}; start as many as GPUs, or add --device cpu"
            )
    import_before_joining()
    PartialState(cpu=device.type == "cpu", timeout=PATIENCE)
    if not is_first():
        logging.disable(logging.WARNING)
    with ended_together(SharedError):
        yield


def in_turn(work: Callable[[], T]) -> T:
    """Do `work` in each process: in the first, then in the first of each machine, then in the rest.

    What the first makes on disk, the others find. Where machines share no disk, each makes it once.

    Raises:
        InputError: `work` raised it, or an `OSError` of a file, in any process.
    """
    if count() == 1:
        return work()
    first_here = os.environ["LOCAL_RANK"] == "0"
    mine = 0 if is_first() else 1 if first_here else 2
    results = [agreed(work if turn == mine else _nothing) for turn in range(3)]
    return cast(T, results[mine])  # the turn in which this process had its work done


def _nothing() -> None:
    """Wait for the others."""
