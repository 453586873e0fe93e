"""Reading a hostile file in a process of its own, under limits, with all that it does written down.

A server process imports the readers once and forks for each case, so that a case costs milliseconds
and a reader that hangs, eats memory or dies of a signal ends nothing but its own process.
"""

from __future__ import annotations

import atexit
import os
import pickle
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from graph_er.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
LONGEST_MESSAGE = 500
_MEGABYTE = 1 << 20
# What a reader of files never does, as Python's audit hooks name it.
_FORBIDDEN = (
    *("os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "os.kill"),
    *("subprocess.Popen", "pty.spawn", "socket.connect", "socket.bind", "socket.getaddrinfo"),
    *("socket.sendto", "urllib.Request", "webbrowser.open", "ctypes.dlopen", "code.__new__"),
)
_CHANGES = (
    *("os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.link", "os.symlink", "os.truncate"),
    *("os.chmod", "os.chown", "os.utime", "shutil.rmtree", "shutil.move", "shutil.copyfile"),
)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# Code, and what the interpreter and its libraries look at for themselves.
_READABLE = (ROOT, sys.prefix, sys.base_prefix, "/proc", "/sys", "/usr", "/lib", "/dev/null")


@dataclass(frozen=True)
class Limits:
    """What a case may take, and where it may look.

    Attributes:
        seconds: until the process is killed.
        megabytes: of memory beyond what the readers' code takes.
        inside: folders of which files may be read besides code.
        writes: folders in which files may be written, too.
    """

    seconds: float = 5
    megabytes: int = 300
    inside: tuple[Path, ...] = ()
    writes: tuple[Path, ...] = ()


@dataclass
class Outcome:
    """What came of a case.

    Attributes:
        kind: ``value``, ``refused`` (an `InputError`), ``raised``, ``late``, or ``died``.
        message: of the error; else what is known.
        seconds, megabytes: what it took.
        acts: whatever it did that a reader must not do.
    """

    kind: str
    message: str = ""
    seconds: float = 0.0
    megabytes: float = 0.0
    acts: list[str] = field(default_factory=list)


def outcome(read: Callable[..., Any], *arguments: Any, limits: Limits) -> Outcome:
    """Call a reader in a process of its own.

    Args:
        read: a function of a module, with `arguments`; all can be pickled.
        limits: it may not pass.
    """
    return _server().ask(read, arguments, limits)


def refused(
    read: Callable[..., Any],
    *arguments: Any,
    naming: Path | str,
    seconds: float = 5,
    megabytes: int = 300,
    inside: Sequence[Path] = (),
    writes: Sequence[Path] = (),
) -> str:
    """Require that a reader refuses its arguments as it should; return the message.

    That is: by an `InputError` of one paragraph that names `naming`, in time, within memory, with
    nothing run, and nothing read or written outside of the folders. The folder of `naming`, where
    that is a path, and those of all paths among the arguments may be read.
    """
    paths = [Path(value) for value in (*arguments, naming) if isinstance(value, Path)]
    limits = Limits(
        seconds, megabytes, (*inside, *paths, *(path.parent for path in paths)), tuple(writes)
    )
    found = outcome(read, *arguments, limits=limits)
    assert (found.kind, found.acts) == ("refused", []), found
    name = naming.name if isinstance(naming, Path) else naming
    assert name in found.message, found
    assert "\n" not in found.message, found
    assert len(found.message) <= LONGEST_MESSAGE + len(str(naming)), found
    assert "MemoryError" not in found.message, f"no check, only luck: {found}"
    assert found.megabytes <= megabytes, found
    return found.message


class _Server:
    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.hostile"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        atexit.register(self.stop)

    def ask(self, read: Callable[..., Any], arguments: tuple[Any, ...], limits: Limits) -> Outcome:
        pickle.dump((read, arguments, limits), self._process.stdin)
        self._process.stdin.flush()
        return pickle.load(self._process.stdout)

    def stop(self) -> None:
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


@cache
def _server() -> _Server:
    return _Server()


def _serve() -> None:
    """Answer requests until there are no more; what readers print goes to the standard error."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while True:
        try:
            request = pickle.load(requests)  # imports what the reader needs, once for all cases
        except EOFError:
            return
        pickle.dump(_forked(*request), answers)
        answers.flush()


def _forked(read: Callable[..., Any], arguments: tuple[Any, ...], limits: Limits) -> Outcome:
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receiver)
        os.setsid()
        _run(read, arguments, limits, sender)
    os.close(sender)
    content, end = b"", time.monotonic() + limits.seconds
    while (left := end - time.monotonic()) > 0 and select.select([receiver], [], [], left)[0]:
        piece = os.read(receiver, 1 << 16)
        if not piece:
            break
        content += piece
    else:
        os.killpg(child, signal.SIGKILL)
    os.close(receiver)
    status = os.waitpid(child, 0)[1]
    if content:
        return pickle.loads(content)
    number = os.waitstatus_to_exitcode(status)
    late = number == -signal.SIGKILL and time.monotonic() >= end
    return Outcome("late", f"after {limits.seconds} s") if late else Outcome("died", f"of {number}")


def _run(read: Callable[..., Any], arguments: tuple[Any, ...], limits: Limits, sender: int) -> None:
    """Be the forked process: read, tell, end."""
    acts: list[str] = []
    found, started, before = Outcome("value"), time.monotonic(), _peak()
    sys.addaudithook(lambda event, details: _note(event, details, limits, acts))
    most = _address_space() + limits.megabytes * _MEGABYTE
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        read(*arguments)
    except InputError as error:
        found = Outcome("refused", str(error))
    except BaseException as error:
        found = Outcome("raised", f"{type(error).__name__}: {error}"[:2000])
    found.seconds, found.megabytes = time.monotonic() - started, _peak() - before
    found.acts = acts[:10]
    content = pickle.dumps(found)
    while content:
        content = content[os.write(sender, content) :]
    os._exit(0)


def _note(event: str, details: tuple[Any, ...], limits: Limits, acts: list[str]) -> None:
    """Write down what a reader must not do."""
    if event in _FORBIDDEN or (event in _CHANGES and not _within(details[0], limits.writes)):
        acts.append(f"{event} {details!r:.200}")
    elif event == "open":
        path, _, flags = details
        folders = (*limits.writes, "/dev/null")
        if not flags & _WRITING:
            folders = (*folders, *limits.inside, *_READABLE)
        if not isinstance(path, int) and not _within(path, folders):
            acts.append(f"open {path!r:.200} {flags:#o}")


def _within(path: Any, folders: Sequence[Path | str]) -> bool:
    try:
        real = os.path.realpath(os.fsdecode(path))
    except ValueError:  # a zero in it: there can be no such file
        return True
    roots = [os.path.realpath(folder) for folder in folders if "\0" not in str(folder)]
    return any(real == root or real.startswith(root + os.sep) for root in roots)


def _peak() -> float:
    """Return the most memory that this process has had, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _address_space() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


if __name__ == "__main__":
    from tests.faults import hostile  # by its name: the classes are pickled by that

    hostile._serve()
