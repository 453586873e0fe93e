"""What macOS and Windows put into folders and archives by themselves: passed over, never read."""

from __future__ import annotations

import shutil
from pathlib import Path

# Of archives: a folder with a ``._name`` for each of their files.
_FOLDER = "__MACOSX"
_NAMES = (_FOLDER, ".DS_Store", "Thumbs.db", "desktop.ini")


def is_clutter(name: str) -> bool:
    """Tell by its name alone, without a look at the disk, whether a file is clutter.

    Args:
        name: the last part of its path. What lies in a folder of such a name is not told by this.
    """
    return name in _NAMES or name.startswith("._")


def is_empty(folder: Path) -> bool:
    """Tell whether a folder holds nothing, or clutter alone; no link in it is followed."""
    return all(_may_go(path) for path in folder.iterdir())


def remove_empty(folder: Path) -> None:
    """Remove a folder that holds nothing but clutter, and that with it.

    Raises:
        OSError: it holds anything else, which stays.
    """
    for path in folder.iterdir():
        if not _may_go(path):
            continue
        if _is_folder(path):
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    folder.rmdir()


def _may_go(path: Path) -> bool:
    if not _is_folder(path):
        return is_clutter(path.name)
    inside = (below for below in path.rglob("*") if not _is_folder(below))
    return path.name == _FOLDER and all(is_clutter(below.name) for below in inside)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()
