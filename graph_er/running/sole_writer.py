"""One run at a time writes to a folder."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from graph_er.errors import InputError

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

# The helpers of a run that was killed may live on for a moment.
_PATIENCE_SECONDS = 5.0
_TAKEN = (errno.EWOULDBLOCK, errno.EACCES)


@contextmanager
def sole_writer(folder: Path) -> Iterator[None]:
    """Keep other runs on this machine off `folder`, which is made, and removed if left empty.

    The folder itself is locked, so that nothing is left behind when a run is killed. Where the file
    system cannot lock, nobody is kept off.

    Raises:
        InputError: another run writes there, or `folder` is a file.
        OSError: the folder cannot be made.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file, not a folder; choose another --out")
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY) if fcntl is not None else None
    try:
        if handle is not None and not _locked(handle):
            raise InputError(
                f"another run is writing to {folder}; wait for its end, or choose another --out"
            )
        yield
    finally:
        if handle is not None:
            os.close(handle)
        with suppress(OSError):  # not empty, as a rule
            for path in made:
                path.rmdir()


def _locked(handle: int) -> bool:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in _TAKEN:
                return True  # no locks on this file system
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        else:
            return True
