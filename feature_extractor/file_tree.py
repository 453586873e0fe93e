"""Finding a corpus's files by name, however its archives were unpacked."""

from __future__ import annotations

import os
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


def wavs_below(folder: Path) -> list[Path]:
    """Return the wavs in a folder and those below it, none where there is no such folder."""
    if not folder.is_dir():
        return []
    return [path for paths in files_below(folder, (".wav",)).values() for path in paths]


class AnyCase:
    """Looks files up whatever the case of their names (``.WAV``); each folder is listed once."""

    def __init__(self) -> None:
        self._listed: dict[Path, dict[str, list[Path]]] = {}

    def spelled(self, root: Path, path: str) -> Path:
        """Return the one file of that path as it is spelled on disk; ``root/path`` if not one.

        Args:
            root: the folder, as it is spelled.
            path: below it, in any case, with ``/`` between folders.
        """
        found = [root]
        for name in path.lower().split("/"):
            found = [there for folder in found for there in self._names(folder).get(name, ())]
        # Two names that differ in case may be links to one folder.
        one = len(found) == 1 or len({os.path.realpath(there) for there in found}) == 1
        return found[0] if one else root / path

    def _names(self, folder: Path) -> dict[str, list[Path]]:
        if folder not in self._listed:
            names: dict[str, list[Path]] = {}
            for path in sorted(folder.iterdir()) if folder.is_dir() else ():
                names.setdefault(path.name.lower(), []).append(path)
            self._listed[folder] = names
        return self._listed[folder]


def composed(path: Path, root: Path) -> str:
    """Return a path relative to `root` in NFC, for comparing and for ids."""
    return unicodedata.normalize("NFC", path.relative_to(root).as_posix())


def _refuse(error: OSError) -> None:
    raise InputError(f"{error.filename}: cannot be read ({error.strerror}); check its permissions")
