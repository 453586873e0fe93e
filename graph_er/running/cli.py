"""What commands share: ``--device``, exit statuses and the way errors reach the user."""

from __future__ import annotations

import argparse
import atexit
import errno
import gc
import logging
import os
import sys
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from graph_er.errors import InputError
from graph_er.running.side_by_side import begin_command
from graph_er.running.termination import TerminatedError, endings_raised
from graph_er.running.tracking import forbid_error_reports

Main = Callable[[Sequence[str] | None], None]
_TAKE_LESS = (
    "take less at once (a smaller --batch_size or --batch_seconds, where the command has them), "
    "free the GPU, or add --device cpu"
)
_GO_ON = "the same command goes on from what it has kept, or starts again"


def add_device_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--device``."""
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (default: auto)")


def forbid_long_spinning() -> None:
    """Have waiting threads look for work for a moment and then sleep.

    Threads that spin for long make small models ten times slower as soon as another process wants a
    core; threads that sleep at once leave all but one core idle. OpenMP reads this when torch is
    first imported. Whoever has set it otherwise keeps that.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "2000")


def collect_garbage_less_often() -> None:
    """Look for unreachable cycles rarely.

    A start makes some 300,000 objects that stay: to look through them again and again is a tenth
    of what torch and its libraries take to be imported. At the end Python would do so again, which
    takes up to a second: by then they are set aside.
    """
    gc.set_threshold(50_000, 20, 20)
    atexit.register(gc.freeze)


def _settle_streams() -> None:
    """Give what is printed a place to go, and its signs one even where the console lacks them.

    A standard stream that was closed is missing, and the next file to be opened would bear its
    number: the null device takes that. Who reads standard input still finds that it is missing.
    What is told on the way is dropped where nobody can take it: no work is to end for that.
    """
    if sys.stdin is None:
        os.open(os.devnull, os.O_RDONLY)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            stream = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
            setattr(sys, name, stream)
        elif isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if isinstance(sys.stderr, TextIOWrapper):
        setattr(sys, "stderr", _Dropping(sys.stderr))  # noqa: B010


class _Dropping:
    """A stream that drops what cannot be written to it: on a full disk, or of a closed terminal."""

    def __init__(self, stream: TextIOWrapper) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        if name == "_stream":  # of one that is being copied
            raise AttributeError(name)
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


def _forget_output() -> None:
    """Drop what could not be printed, else Python tries again at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _shown(message: str) -> str:
    """Return a message without what a terminal would obey: names of files may hold anything."""
    return "".join(
        sign if sign == "\n" or unicodedata.category(sign) not in ("Cc", "Cf") else repr(sign)[1:-1]
        for sign in message
    )


def _refuse_stripped() -> None:
    """Refuse a Python that drops docstrings: commands and libraries make texts of them."""
    if sys.flags.optimize > 1:
        raise InputError("Python runs with -OO; unset PYTHONOPTIMIZE, or leave -OO out")


def _refuse_unreadable(arguments: Sequence[str]) -> None:
    """Refuse arguments that are no text: libraries in Rust and JSON take no path that is none.

    They would tell so in their own words, after all the work.
    """
    for word in arguments:
        if not any("\ud800" <= sign <= "\udfff" for sign in word):
            continue
        known = sys.getfilesystemencoding()
        if known == "utf-8":
            raise InputError(f"{word}: its bytes are no UTF-8; rename the file or folder")
        raise InputError(
            f"{word}: this locale's encoding, {known}, lacks some of its signs; set LC_ALL=C.UTF-8 "
            "or PYTHONUTF8=1"
        )


def _is_out_of_gpu_memory(error: Exception) -> bool:
    """Tell it without torch, which takes a second to import and may not have been."""
    kind = getattr(sys.modules.get("torch"), "OutOfMemoryError", None)
    return kind is not None and isinstance(error, kind)


def run_command(main: Main, argv: Sequence[str] | None = None) -> int:
    """Run a command's `main`; return its exit status.

    0 done; 2 bad input, a file that cannot be read or written, or too little memory of a GPU, told
    in one message on stderr without a traceback (argparse itself exits with 2 on a usage error);
    1 stopped, by the user or by whoever reads what is printed; 143 stopped by SIGTERM and 129 by
    SIGHUP, as a shell tells it. Anything else is a defect: it keeps its traceback and exits with 1.
    """
    begin_command()
    _settle_streams()
    forbid_error_reports()
    forbid_long_spinning()
    collect_garbage_less_often()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        _refuse_stripped()
        _refuse_unreadable(sys.argv[1:] if argv is None else argv)
        with endings_raised():
            main(argv)
            sys.stdout.flush()  # here, where a full disk or a gone reader can still be told
    except InputError as error:
        print(f"error: {_shown(str(error))}", file=sys.stderr)  # noqa: T201
        return 2
    except BrokenPipeError:  # the reader of what is printed, as `head`, has seen enough
        _forget_output()
        return 1
    except OSError as error:
        _forget_output()
        name = error.filename
        if name is None and error.errno == errno.ENOSPC:  # files that are written bear their names
            name = "standard output or a temporary file"
        if name is None or error.strerror is None:
            raise
        print(f"error: {_shown(str(name))}: {error.strerror}", file=sys.stderr)  # noqa: T201
        return 2
    except RuntimeError as error:
        if not _is_out_of_gpu_memory(error):
            raise
        said = str(error).partition(". ")[0]
        print(f"error: {_shown(said)}; {_TAKE_LESS}", file=sys.stderr)  # noqa: T201
        return 2
    except KeyboardInterrupt:
        print(f"stopped by the user; {_GO_ON}", file=sys.stderr)  # noqa: T201
        return 1
    except TerminatedError as end:
        print(f"stopped by {end.name}; {_GO_ON}", file=sys.stderr)  # noqa: T201
        return end.status
    return 0
