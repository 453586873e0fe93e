"""Independent pieces of work in processes side by side, which share what is in memory already.

Each piece has a process of its own, forked where it is due. A piece that fails, or a process that
is killed, ends all of them.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

from graph_er.errors import InputError
from graph_er.running.termination import ENDING

Item = TypeVar("Item")
T = TypeVar("T")
Tell = Callable[[Any], None]

# Elsewhere a forked process may not use what its parent has begun to use.
CAN_FORK = sys.platform == "linux"
_command_is_whole_process = False
_PR_SET_PDEATHSIG = 1
_ASKS_TO_END = (signal.SIGINT, *ENDING)


def usable_cores() -> int:
    """Return how many cores this process may use, which can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):  # on Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def begin_command() -> None:
    """Note that a command begins; called before anything else of it is done."""
    global _command_is_whole_process
    _command_is_whole_process = "torch" not in sys.modules


def forks_may_use_threads() -> bool:
    """Tell whether this process is a command and nothing besides, which has used no threads yet.

    In a notebook or another program torch may have used several threads already, and then a forked
    process that uses several waits for ever.
    """
    return _command_is_whole_process


def side_by_side(
    work: Callable[[Item, Tell], T],
    items: Sequence[Item],
    *,
    jobs: int,
    on_message: Callable[[Any], None],
) -> list[T]:
    """Do `work` on every item, on as many as `jobs` at a time; return the results in order.

    Args:
        work: takes an item and a function that sends a small plain value to `on_message`. What it
            returns is copied from process to process: plain values and arrays.
        items: what it is done on; as text each is named in messages.
        jobs: how many processes at a time.
        on_message: called in this process.

    Raises:
        InputError: `work` raised it, or a process was killed or could not be started.
        RuntimeError: `work` failed; the message holds its traceback.
    """
    context = multiprocessing.get_context("fork")
    waiting = list(enumerate(items))
    running: dict[Connection, tuple[int, Any]] = {}
    results: dict[int, T] = {}
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                place, item = waiting.pop(0)
                here, there = context.Pipe(duplex=False)
                arguments = (work, item, (*running, here), there)
                process = context.Process(target=_serve, args=arguments)
                with _put_off():  # nobody would end a process that is not known yet
                    _start(process)
                    running[here] = (place, process)
                there.close()  # so that the end of the process is the end of the pipe
            ready = wait(list(running))
            for connection in [known for known in running if known in ready]:
                place, process = running[connection]
                kind, value = _receive(connection, process, items[place])
                if kind == "told":
                    on_message(value)
                    continue
                results[place] = value
                process.join()
                connection.close()
                del running[connection]
    finally:
        for _, process in running.values():
            process.kill()
            process.join()
    return [results[place] for place in range(len(items))]


@contextmanager
def _put_off() -> Iterator[None]:
    """Have what asks this process to end heard afterwards, and by one that is forked not at all."""
    if threading.current_thread() is not threading.main_thread():  # which alone hears it
        yield
        return
    heard: list[int] = []
    with ExitStack() as restored:  # each, whatever comes between
        for number in _ASKS_TO_END:
            action = signal.getsignal(number)
            if action is not None:  # not of Python's making: it could not be put back
                restored.callback(signal.signal, number, action)
                signal.signal(number, lambda number, _frame: heard.append(number))
        yield
    for later in heard:
        signal.raise_signal(later)


def _start(process: Any) -> None:
    try:
        process.start()
    except OSError as error:  # as many processes as are allowed, or no memory for another
        raise InputError(
            f"no further process can be started ({error.strerror}); "
            "--jobs 1 trains one model after another"
        ) from error


def _serve(
    work: Callable[[Item, Tell], T], item: Item, others: Sequence[Connection], to: Connection
) -> None:
    """Run in the new process: do the work and send what came of it."""
    _end_with_parent()
    for other in others:  # the parent's ends; where it is gone, sending is to fail
        other.close()
    for number in _ASKS_TO_END:
        signal.signal(number, signal.SIG_IGN)  # the parent ends its processes itself
    answer: tuple[str, Any]
    try:
        answer = ("done", work(item, lambda value: to.send(("told", value))))
    except InputError as error:
        answer = ("refused", str(error))
    except BrokenPipeError:
        return
    except Exception:  # told in the parent
        answer = ("failed", traceback.format_exc())
    to.send(answer)


def _end_with_parent() -> None:
    """Have Linux end this process when its parent is killed, which holds on to its files else."""
    with suppress(OSError, AttributeError):  # a C library without it
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _receive(connection: Connection, process: Any, item: object) -> tuple[str, Any]:
    try:
        kind, value = connection.recv()
    except (EOFError, OSError):  # the latter where it had sent a part of it
        process.join()
        raise InputError(
            f"the process of {item} was ended from outside (exit code {process.exitcode}), "
            "perhaps for want of memory; --jobs 1 trains one model after another"
        ) from None
    if kind == "refused":
        raise InputError(value)
    if kind == "failed":
        raise RuntimeError(f"the process of {item} failed:\n{value}")
    return kind, value
