"""Training in several processes, as ``torchrun`` and ``accelerate launch`` start them.

Each process runs the same program. The first one writes, logs and shows progress; what it alone
decides, it hands to the others. Bad input that any of them meets ends all with exit status 2 and
one message.
"""

from __future__ import annotations

import gc
import io
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from datetime import timedelta
from typing import Any, NoReturn, TypeVar, cast

from graph_er.errors import InputError

T = TypeVar("T")

# The others wait this long for the first, which may run frozen encoders over a whole corpus.
PATIENCE = timedelta(hours=12)
# A tracker may take two minutes to end before the first speaks.
_SECONDS_TO_SPEAK = 300


class SharedError(InputError):
    """Bad input that all processes know of: the first is to tell it."""


def launched() -> int:
    """Return the number of processes that a launcher started, 1 without one.

    Raises:
        InputError: what it says of itself in the environment is no number.
    """
    known = os.environ
    if not {"LOCAL_RANK", "WORLD_SIZE"} <= known.keys():
        return 1
    if not known["WORLD_SIZE"].isdecimal():
        raise InputError(
            f"the environment's WORLD_SIZE is {known['WORLD_SIZE']!r}, no number of processes; "
            "unset it and LOCAL_RANK, or start with torchrun"
        )
    return int(known["WORLD_SIZE"])


@contextmanager
def one_voice() -> Iterator[None]:
    """Let the first process alone speak of what all do alike before they are `joined`."""
    if launched() == 1 or os.environ["RANK"] == "0":
        yield
        return
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            yield
    except InputError:
        _leave_after_first()
    except SystemExit as end:
        if end.code:
            _leave_after_first()
        raise


def _leave_after_first() -> NoReturn:
    """Wait to be ended: a launcher ends all as soon as one leaves, and the first is to speak."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    time.sleep(_SECONDS_TO_SPEAK)
    sys.exit(2)


@contextmanager
def joined(device: str) -> Iterator[None]:
    """Join the processes that a launcher started: gloo on the CPU, NCCL on CUDA.

    Bad input that ends the work ends it in all of them, and the first tells it.

    Args:
        device: as the user named it; with ``cpu`` no process takes a GPU.
    """
    if launched() == 1:
        yield
        return
    import torch
    from torch import distributed

    with_cuda = not device.startswith("cpu") and torch.cuda.is_available()
    if with_cuda:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count())
    backend = "cpu:gloo,cuda:nccl" if with_cuda else "gloo"
    import_before_joining()
    distributed.init_process_group(backend, timeout=PATIENCE)
    if not is_first():
        logging.disable(logging.WARNING)
    with ended_together(InputError):
        yield


def import_before_joining() -> None:
    """Import what would hold the group of the processes, as a default argument, to the very end."""
    import torch.distributed.nn.functional  # noqa: F401


@contextmanager
def ended_together(known: type[InputError]) -> Iterator[None]:
    """Leave the processes that are joined: after all, or of bad input that is `known` to all."""
    try:
        yield
    except known:
        if not is_first():
            _leave_after_first()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise
    _group().barrier()
    _group().destroy_process_group()
    # The group's threads end with its last holder, a model in a circle of references maybe. One
    # that let go of a tensor only when Python ends would abort the process after all its work.
    gc.collect()


def count() -> int:
    """Return the number of processes joined, 1 where none are."""
    return _group().get_world_size() if _is_joined() else 1


def index() -> int:
    """Return the number of this process among those joined, from 0."""
    return _group().get_rank() if _is_joined() else 0


def is_first() -> bool:
    """Tell whether this process is the one that writes and speaks for all."""
    return index() == 0


def of_this_machine() -> int:
    """Return how many of the processes joined run on this machine, 1 where none are."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1")) if _is_joined() else 1


def agreed(work: Callable[[], T]) -> T:
    """Do `work` in every process, and go on only where none of them met bad input.

    Raises:
        SharedError: `work` raised an `InputError`, or an `OSError` of a file, in any process.
    """
    return work() if count() == 1 else _agreed(work)


def first_only(work: Callable[[], T]) -> T | None:
    """Do `work` in the first process while the others wait; return None to those.

    Raises:
        InputError: as `agreed`.
    """
    if count() == 1:
        return work()
    return _agreed(work if is_first() else lambda: None)


def from_first(work: Callable[[], T]) -> T:
    """Do `work` in the first process; return its result, a plain value, to all.

    Raises:
        InputError: as `agreed`.
    """
    result = [first_only(work)]
    if count() > 1:
        _group().broadcast_object_list(result, src=0)
    return cast(T, result[0])  # the first process has it, and sent it


def gathered(value: T) -> list[T]:
    """Return the plain values of all processes, in their order, to each of them."""
    values = [value] * count()
    if len(values) > 1:
        _group().all_gather_object(values, value)
    return values


def added(value: Any) -> Any:
    """Add a tensor up over the processes, in place; return it."""
    if count() > 1:
        _group().all_reduce(value)
    return value


def _agreed(work: Callable[[], T]) -> T:
    result: T | None = None
    problem = None
    try:
        result = work()
    except InputError as error:
        problem = str(error)
    except OSError as error:
        if error.filename is None:
            raise
        problem = f"{error.filename}: {error.strerror}"
    told = next((problem for problem in gathered(problem) if problem is not None), None)
    if told is not None:
        raise SharedError(told)
    return cast(T, result)  # there is one where no process told of a problem


def _is_joined() -> bool:
    # Not imported yet: not joined yet.
    return "torch.distributed" in sys.modules and _group().is_initialized()


def _group() -> Any:
    from torch import distributed

    return distributed
