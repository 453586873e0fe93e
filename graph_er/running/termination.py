"""SIGTERM ends a command as Ctrl-C does: what it holds is let go of, nothing half-made stays."""

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

STATUS = 128 + signal.SIGTERM
# What sends it may send it twice, as `timeout` does: the second is not to cut the end short.
_REPEATED_SECONDS = 1.0
_AGAIN_SECONDS = 0.05


class TerminatedError(BaseException):
    """SIGTERM came; like `KeyboardInterrupt` it is no error that work may take up and go on."""


@contextmanager
def sigterm_raised() -> Iterator[None]:
    """Have SIGTERM raise `TerminatedError`.

    Not where somebody has settled what it does. Nor under a launcher, which ends its processes by
    it: one that waits for another in a library would not hear of it.
    """
    settled = signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    in_main_thread = threading.current_thread() is threading.main_thread()
    if settled or not in_main_thread or processes.launched() > 1:
        yield
        return
    listener = _Listener()
    signal.signal(signal.SIGTERM, listener.hear)
    sys.unraisablehook = listener.not_raised
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        sys.unraisablehook = listener.hook
        if listener.of_children is not None:
            signal.signal(signal.SIGCHLD, listener.of_children)


class _Listener:
    def __init__(self) -> None:
        self.process, self.last = os.getpid(), -_REPEATED_SECONDS
        self.of_children: Any = None
        self.hook = sys.unraisablehook

    def hear(self, _number: int, _frame: FrameType | None) -> None:
        if os.getpid() != self.process:  # a fork of this one, which holds nothing of its own
            os._exit(STATUS)
        now = time.monotonic()
        if now - self.last < _REPEATED_SECONDS:
            return
        self.last = now
        if self.of_children is None and hasattr(signal, "SIGCHLD"):
            # Loaders hear it as well, and torch would take their end for a failure.
            self.of_children = signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        raise TerminatedError

    def not_raised(self, what: Any) -> None:
        """Send it once more where Python drops what is raised: in finalizers and around forks."""
        if what.exc_type is not TerminatedError:
            self.hook(what)
            return
        self.last = -_REPEATED_SECONDS
        again = threading.Timer(_AGAIN_SECONDS, os.kill, (self.process, signal.SIGTERM))
        again.daemon = True
        again.start()
