"""Finding a corpus's files by name with one walk, however its archives were unpacked."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Collection
from pathlib import Path

from graph_er.errors import InputError


def files_below(root: Path, suffixes: Collection[str]) -> dict[str, list[Path]]:
    """Return the files below a folder by name, from one walk.

    Archives made on macOS spell Korean file names with decomposed syllables (NFD), so names are
    composed (NFC) before they are compared; hidden files, such as macOS's ``._name``, are left out.
    Linked folders are followed, each real folder once.

    Args:
        root: the folder; returned paths begin with it.
        suffixes: wanted endings in lower case, e.g. ``(".wav",)``.

    Returns:
        Sorted paths by file name in NFC and lower case.

    Raises:
        InputError: the root is no folder, or a folder below it cannot be read.
    """
    if not root.is_dir():
        raise InputError(f"{root}: no such folder; give the folder that holds the corpus")
    found: dict[str, list[Path]] = {}
    seen: set[str] = set()
    for folder, folders, names in os.walk(root, followlinks=True, onerror=_refuse):
        real = os.path.realpath(folder)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        parent = Path(folder)
        for name in names:
            key = unicodedata.normalize("NFC", name).lower()
            if not key.startswith(".") and os.path.splitext(key)[1] in suffixes:
                found.setdefault(key, []).append(parent / name)
    return {name: sorted(found[name]) for name in sorted(found)}


def require_regular(path: Path, most_bytes: int) -> None:
    """Refuse what would never end or never fit, before it is opened.

    Args:
        path: a file; links are followed.
        most_bytes: the size above which it cannot be what it ought to be.

    Raises:
        InputError: it cannot be looked at, is a folder, pipe or device, or is larger.
    """
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be read ({reason}); restore the file") from error
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{path}: is no regular file; restore the file")
    if status.st_size > most_bytes:
        raise InputError(
            f"{path}: is {status.st_size:,} bytes large, where {most_bytes:,} are the most that "
            "such a file holds; restore the file"
        )


def composed(path: Path, root: Path) -> str:
    """Return a path relative to `root` in NFC, for comparing and for ids."""
    return unicodedata.normalize("NFC", path.relative_to(root).as_posix())


def _refuse(error: OSError) -> None:
    raise InputError(f"{error.filename}: cannot be read ({error.strerror}); check its permissions")
