"""A bundle: all that a prediction needs in one folder, and the table of contents that guards it.

| file            | content                                                                  |
| --------------- | ------------------------------------------------------------------------ |
| ``extractor/``  | stage 1 checkpoint                                                       |
| ``graph/``      | graph model, all seeds of it, with its temperature                       |
| ``live/``       | optional: a causal graph model for conversations that are still going on |
| ``bundle.json`` | labels, modalities, what was trained on what, SHA-256 of each file       |
| ``README.md``   | the model card                                                           |
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graph_er.errors import InputError
from graph_er.running.clutter import is_clutter
from graph_er.running.files import sha256
from graph_er.running.paths import checkpoint_file
from graph_er.running.regular_files import read_json_file

CONTENTS_NAME, CARD_NAME = "bundle.json", "README.md"
EXTRACTOR, GRAPH, LIVE = "extractor", "graph", "live"
FORMAT, VERSION = "graph_er bundle", 1


@dataclass(frozen=True)
class Bundle:
    """An opened bundle whose files are as they were written; `live` is None where there is none."""

    extractor: Path
    graph: Path
    live: Path | None


def is_bundle(path: Path) -> bool:
    """Tell whether a folder says of itself that it is a bundle."""
    return (path / CONTENTS_NAME).is_file()


def no_bundle(path: Path, remedy: str) -> InputError:
    """Return the error of a graph model alone, whose extractor nobody named.

    Args:
        path: what was given as a bundle.
        remedy: what to do about it.

    Raises:
        InputError: there is no graph model either.
    """
    checkpoint_file(path)
    return InputError(f"{path}: is no bundle; {remedy}")


def digests_of(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file in a bundle's parts, by path relative to the bundle.

    What systems put there by themselves is left out by its name: neither read nor followed.
    """
    files = (
        path
        for part in (EXTRACTOR, GRAPH, LIVE)
        for path in sorted((folder / part).rglob("*"))
        if not is_clutter(path.name) and path.is_file()
    )
    return {path.relative_to(folder).as_posix(): sha256(path) for path in files}


def open_bundle(folder: Path) -> Bundle:
    """Check a bundle, without network.

    Raises:
        InputError: it is none, of another release, or a file in it is missing, changed or added.
    """
    contents = _read_contents(folder)
    expected, found = contents["files"], digests_of(folder)
    problems = [f"{name} is missing" for name in expected if name not in found]
    problems += [f"{name} is not of the bundle" for name in found if name not in expected]
    problems += [
        f"{name} is not as it was written"
        for name, digest in expected.items()
        if found.get(name, digest) != digest
    ]
    if problems:
        shown = "; ".join(problem[-80:] for problem in problems[:5])
        raise InputError(f"{folder}: {shown}; copy or download the bundle again")
    live = folder / LIVE
    return Bundle(folder / EXTRACTOR, folder / GRAPH, live if live.is_dir() else None)


def _read_contents(folder: Path) -> dict[str, Any]:
    path = folder / CONTENTS_NAME
    try:
        contents = read_json_file(path)
        written_by = (contents["format"], contents["version"])
        if written_by != (FORMAT, VERSION):
            raise InputError(
                f"{path}: is {written_by[0]!r:.40} {written_by[1]!r:.40}, this release reads "
                f"{FORMAT!r} {VERSION}; make the bundle again"
            )
        if not isinstance(contents["files"], dict):
            raise TypeError("files is no object")
    except (LookupError, TypeError) as error:
        raise InputError(f"{path}: is damaged ({error}); copy the bundle again") from error
    return contents
