"""One run at a time on this machine writes to a folder."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from graph_er.errors import InputError
from graph_er.running.locks import CAN_LOCK, still_named, try_lock

# The helpers of a run that was killed may live on for a moment.
_PATIENCE_SECONDS = 5.0


@contextmanager
def sole_writer(folder: Path) -> Iterator[None]:
    """Keep other runs on this machine off `folder`, which is made, and removed if left empty.

    The folder itself is locked, so that nothing is left behind when a run is killed. Where the file
    system cannot lock, nobody is kept off; nor are runs on other machines that share the disk, as
    NFS keeps the lock of a folder to the machine.

    Raises:
        InputError: another run writes there, or `folder` is a file.
        OSError: the folder cannot be made.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file, not a folder; choose another --out")
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    handle = _taken(folder)
    try:
        yield
    finally:
        # While it is locked: whoever waits finds that it is gone, and makes it anew.
        for path in made:
            with suppress(OSError):  # not empty, as a rule, or gone meanwhile
                path.rmdir()
        if handle is not None:
            os.close(handle)


def _taken(folder: Path) -> int | None:
    """Make and lock a folder; return what holds it, None where there are no locks."""
    if not CAN_LOCK:  # nor can a folder be opened there
        folder.mkdir(parents=True, exist_ok=True)
        return None
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(folder, os.O_RDONLY)
        except FileNotFoundError:  # another run, which wrote nothing, has removed it
            continue
        if try_lock(handle) is not False and still_named(handle, folder):
            return handle
        os.close(handle)
        if time.monotonic() > deadline:
            raise InputError(
                f"another run is writing to {folder}; wait for its end, or choose another --out"
            )
        time.sleep(0.1)
