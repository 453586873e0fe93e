"""SIGTERM and SIGHUP end a command as Ctrl-C does: it lets go of what it holds.

Nothing half-made stays. SIGHUP comes when a terminal is closed, and is not on Windows.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from graph_er.running import processes

# In this order: Windows has the first alone.
ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
# What sends it may send it twice, as `timeout` does: the second is not to cut the end short.
_REPEATED_SECONDS = 1.0
_AGAIN_SECONDS = 0.05


class TerminatedError(BaseException):
    """A signal came; like `KeyboardInterrupt` it is no error that work may take up and go on."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.name, self.status = signal.Signals(number).name, 128 + number


@contextmanager
def endings_raised() -> Iterator[None]:
    """Have SIGTERM and SIGHUP raise `TerminatedError`.

    Each not where somebody has settled what it does, as `nohup` does. Nor under a launcher, which
    ends its processes by them: one that waits for another in a library would not hear of it.
    """
    ours = [number for number in ENDING if signal.getsignal(number) is signal.SIG_DFL]
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not ours or not in_main_thread or processes.launched() > 1:
        yield
        return
    listener = _Listener()
    for number in ours:
        signal.signal(number, listener.hear)
    sys.unraisablehook = listener.not_raised
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)
        sys.unraisablehook = listener.hook
        if listener.of_children is not None:
            signal.signal(signal.SIGCHLD, listener.of_children)


class _Listener:
    def __init__(self) -> None:
        self.process, self.last = os.getpid(), -_REPEATED_SECONDS
        self.of_children: Any = None
        self.hook = sys.unraisablehook

    def hear(self, number: int, _frame: FrameType | None) -> None:
        if os.getpid() != self.process:  # a fork of this one, which holds nothing of its own
            os._exit(128 + number)
        now = time.monotonic()
        if now - self.last < _REPEATED_SECONDS:
            return
        self.last = now
        if self.of_children is None and hasattr(signal, "SIGCHLD"):
            # Loaders hear it as well, and torch would take their end for a failure.
            self.of_children = signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        raise TerminatedError(number)

    def not_raised(self, what: Any) -> None:
        """Send it once more where Python drops what is raised: in finalizers and around forks."""
        if not isinstance(what.exc_value, TerminatedError):
            self.hook(what)
            return
        self.last = -_REPEATED_SECONDS
        (number,) = what.exc_value.args
        again = threading.Timer(_AGAIN_SECONDS, os.kill, (self.process, number))
        again.daemon = True
        again.start()
