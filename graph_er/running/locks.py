"""Locks on open files and folders; the system lets go of them when their holder ends."""

from __future__ import annotations

import errno
import os
from pathlib import Path

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

CAN_LOCK = fcntl is not None
_TAKEN = (errno.EWOULDBLOCK, errno.EACCES)


def try_lock(handle: int) -> bool | None:
    """Lock an open file or folder until it is closed, without waiting for it.

    Returns:
        True if it is locked now, False if another process holds it, None where the system or the
        file system has no locks.
    """
    if not CAN_LOCK:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return False if error.errno in _TAKEN else None
    return True


def lock(handle: int) -> bool:
    """Lock an open file or folder until it is closed, once its holders so far have let go of it.

    Returns:
        Whether it is locked; not where the system or the file system has no locks.
    """
    if not CAN_LOCK:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError:  # network file systems without a lock service
        return False
    return True


def still_named(handle: int, path: Path) -> bool:
    """Tell whether what was opened still bears its name: who held it may have removed it."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
