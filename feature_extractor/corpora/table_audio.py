"""The audio files that the rows of a table name, however the letters of their names are written."""

from __future__ import annotations

import errno
import os
import unicodedata
from pathlib import Path

from graph_er.errors import InputError


class AudioFiles:
    """Finds the files of one table's cells; folders that it had to list are listed once."""

    def __init__(self, folder: Path) -> None:
        """Take the folder in which relative paths begin."""
        self._folder = folder
        # Entries of a folder with letters beyond ASCII, by their name in NFC.
        self._listed: dict[Path, dict[str, list[str]]] = {}

    def find(self, cell: str) -> Path | None:
        """Return the audio file of a cell, or None of an empty one.

        Relative paths stay below the table's folder, so that a table can be passed on with it; an
        absolute path is anywhere, since the user who writes it means that file.

        Raises:
            InputError: there is no such file, or it may lie outside.
        """
        if not cell:
            return None
        path = Path(cell)
        if "\0" in cell or ".." in path.parts:
            raise InputError(
                f"wav {cell!r} may lead out of the table's folder; write a path below it without "
                "'..', or an absolute one"
            )
        try:
            found = self._existing(path)
            there = found is not None or (self._folder / path).exists()
        except OSError as error:
            raise InputError(f"wav {cell[:80]!r}: {error.strerror}; correct it") from error
        if found is None:
            place = self._folder / path
            what = "is not a regular file" if there else f"is not there (looked for {place})"
            raise InputError(f"wav {cell!r} {what}; correct the path or restore the file")
        return found

    def _existing(self, path: Path) -> Path | None:
        # Archives unpacked on macOS spell Korean names with decomposed syllables.
        forms = (unicodedata.normalize(form, str(path)) for form in ("NFC", "NFD"))
        for name in (str(path), *forms):
            found = self._folder / name
            if _is_file(found):
                return found
        return None if str(path).isascii() else self._part_by_part(path)

    def _part_by_part(self, path: Path) -> Path | None:
        """Return a file whose folders and name are spelt in different forms.

        Several places may bear one name in different forms; a path written with parts in each is
        looked for in all of them.
        """
        anchor = path.anchor
        places = [self._folder / anchor if anchor else self._folder]
        for part in path.parts[bool(anchor) :]:
            places = [place / name for place in places for name in self._entries(place, part)]
        return next((place for place in places if _is_file(place)), None)

    def _entries(self, folder: Path, name: str) -> list[str]:
        """Return the entries of a folder that bear a name in any form, the one as written first."""
        if name.isascii():
            return [name]
        if folder not in self._listed:
            listed: dict[str, list[str]] = {}
            # What cannot be listed may still hold the entry as it is written.
            for entry in _listing(folder):
                if not entry.isascii():
                    listed.setdefault(unicodedata.normalize("NFC", entry), []).append(entry)
            self._listed[folder] = listed
        alike = self._listed[folder].get(unicodedata.normalize("NFC", name), [])
        return list(dict.fromkeys((name, *alike)))


def _is_file(path: Path) -> bool:
    """Tell whether there is a file; letters in parts can make a name longer than any may be."""
    try:
        return path.is_file()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return False
        raise


def _listing(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []
