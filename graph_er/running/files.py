"""Writing files whole or not at all, and naming them by content."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from graph_er.errors import InputError
from graph_er.running import locks

_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)
# Read by setting it, which several threads could not do at a time: once, while there is one.
_UMASK = os.umask(0o077)
os.umask(_UMASK)
# What torch says where a write fell short; it does not tell why.
_TORCH_WRITE_ERRORS = re.compile(r"iostream error|unexpected pos \d|PytorchStreamWriter failed")
_MOST_KEPT = 100
_MOST_LINKS = 40  # to follow one after the other, as Linux does
_NEWBORN_SECONDS = 1.0  # between its making and its locking a file looks abandoned


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` on success, remove it on failure.

    The temporary name keeps the suffix, since some writers choose the format by it. What a killed
    process left behind while it wrote the same file is removed.

    Raises:
        InputError: `path` is a device, a pipe or a socket, leads to one, or lies or leads where the
            system keeps devices and open files.
    """
    path = Path(path)
    _refuse_device(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(path)
    stem, suffix = _kept(path)
    handle, name = tempfile.mkstemp(prefix=f".{stem}-", suffix=f".partial{suffix}", dir=path.parent)
    temporary = Path(name)
    try:
        if locks.CAN_LOCK:
            # As long as we live; it tells others that the file is not abandoned.
            locks.try_lock(handle)
        else:
            os.close(handle)  # Windows, which renames nothing that is open
        with disk_errors_named(path):
            yield temporary
        make_readable(temporary)
        _rename(temporary, path)
    finally:
        if locks.CAN_LOCK:
            os.close(handle)
        temporary.unlink(missing_ok=True)


def shortened(name: str) -> str:
    """Return as much of a name as leaves room for more: a system allows 255 bytes as a rule."""
    while len(os.fsencode(name)) > _MOST_KEPT:
        name = name[:-1]
    return name


def _kept(path: Path) -> tuple[str, str]:
    """Return what the temporary name has of the final one."""
    return shortened(path.stem), path.suffix if shortened(path.suffix) == path.suffix else ""


def _refuse_device(path: Path) -> None:
    """Refuse what a rename would put a file in the place of, as ``/dev/null`` for root.

    ``/dev/stdout`` looks like a regular file where the output goes to one.
    """
    with suppress(OSError):  # whatever else is wrong with a path, writing tells
        if any(_of_the_system(step) for step in _steps(path)) or _is_special(path):
            raise InputError(f"{path}: is a device or a pipe; name a file to write")


def _is_special(path: Path) -> bool:
    mode = path.stat().st_mode
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def _steps(path: Path) -> Iterator[Path]:
    """Yield a path and what its links lead to, one after the other."""
    yield path
    for _ in range(_MOST_LINKS):
        if not path.is_symlink():
            return
        path = path.parent / path.readlink()
        yield path


def _of_the_system(path: Path) -> bool:
    """Tell whether a path's folder is one of devices or of open files; ``/dev/shm`` is memory."""
    folder = Path(os.path.realpath(path.parent))
    if folder.is_relative_to("/dev/shm"):
        return False
    return folder.is_relative_to("/dev") or folder.is_relative_to("/proc")


def _rename(temporary: Path, path: Path) -> None:
    """Rename a file; where that is refused, the error names `path`, which the user knows."""
    try:
        temporary.replace(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def make_readable(path: Path) -> None:
    """Give a file that a library made private, as mkstemp does, the mode of any other new one."""
    path.chmod(0o666 & ~_UMASK)


@contextmanager
def disk_errors_named(path: Path, *, hidden: bool = False) -> Iterator[None]:
    """Raise what the operating system said while `path` was written as an `OSError` of that name.

    A full disk is told by a write, which knows no name, or by a library in an error of its own.

    Args:
        path: what is written.
        hidden: whether it has a temporary name so far, which is not to be told.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        cause = _disk_error(error)
        if cause is None:
            raise
        if hidden or cause.filename is None:
            cause.filename = str(path)
        if cause is error:
            raise
        raise cause from error


def _disk_error(error: BaseException) -> OSError | None:
    """Return what the operating system said, if that is behind an error, or what it will have."""
    cause: BaseException | None = error
    cut_short = False
    while cause is not None:
        cut_short |= _TORCH_WRITE_ERRORS.search(str(cause)) is not None
        number = re.search(r"\(os error (\d+)\)", str(cause))  # so do writers made in Rust
        if number is not None:
            cause = OSError(int(number[1]), os.strerror(int(number[1])))
        if isinstance(cause, OSError) and cause.errno in _DISK_ERRORS:
            return cause
        cause = cause.__context__
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) if cut_short else None


def _remove_abandoned(path: Path) -> None:
    """Delete temporary files of `path` whose writers are gone, where a lock can tell that."""
    if not locks.CAN_LOCK:
        return
    stem, suffix = map(re.escape, _kept(path))
    ours = re.compile(rf"\.{stem}-\w{{8}}\.partial{suffix}")
    for found in path.parent.glob(".*.partial*"):
        if ours.fullmatch(found.name):
            with suppress(OSError):  # gone meanwhile, or a link, which is not ours
                _remove_if_abandoned(found)


def _remove_if_abandoned(temporary: Path) -> None:
    if time.time() - temporary.lstat().st_ctime < _NEWBORN_SECONDS:
        return
    handle = os.open(temporary, os.O_RDWR | os.O_NOFOLLOW)
    try:
        if locks.try_lock(handle):
            temporary.unlink()
    finally:
        os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, all of it or nothing."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented UTF-8 JSON, all of it or nothing; NaN is refused."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n")


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content as 64 hex digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
