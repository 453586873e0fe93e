"""A split that a user wrote down: a file of dialogue ids, JSON or CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from feature_extractor.corpora.problems import shorten
from feature_extractor.corpora.table_rows import SIDES
from feature_extractor.corpora.text_files import plain_name
from graph_er.errors import InputError
from graph_er.running.counted import counted
from graph_er.running.regular_files import require_regular, unique_keys

_SIDES = ("train", "dev", "test")
_MOST_BYTES = 100 << 20
_FORM = 'either JSON {"train": [...], "dev": [...], "test": [...]} or CSV with columns id,side'


def read_split_ids(path: Path, dialogues: Collection[str]) -> dict[str, list[str]]:
    """Read which dialogues are ``train``, ``dev`` and ``test``; dev may be left out.

    Args:
        path: JSON ``{"train": [...], "dev": [...], "test": [...]}``, or CSV ``id,side``; sides in
            any spelling that `table_rows.SIDES` knows.
        dialogues: the ids that there are; one that is written with letters in parts (NFD), as
            macOS does, or with signs that nobody sees, is found as well.

    Returns:
        Ids by side, as they stand in `dialogues`.

    Raises:
        InputError: no such file or form, ids that are unknown or stand twice, no train or test
            side; all problems in one message.
    """
    entries = _read_entries(path)
    problems: list[str] = []
    sides: dict[str, list[str]] = {side: [] for side in _SIDES}
    first: dict[str, str] = {}
    plain = {plain_name(dialogue): dialogue for dialogue in dialogues}
    for where, as_written, written in entries:
        identifier = _known(as_written, dialogues, plain)
        side = SIDES.get(written.lower())
        if side is None:
            problems.append(f"{where}: side {written[:40]!r} is none of {', '.join(_SIDES)}")
        elif identifier in first:
            problems.append(f"{where}: {identifier!r} stands already at {first[identifier]}")
        elif identifier not in dialogues:
            problems.append(f"{where}: there is no dialogue {identifier!r} in the corpus")
        else:
            first[identifier] = where
            sides[side].append(identifier)
    if not problems:
        problems += [f"names no {side} dialogue" for side in ("train", "test") if not sides[side]]
    if problems:
        raise InputError(
            f"{path}: {counted(len(problems), 'problem')}; correct the file\n  "
            + shorten(problems, separator="\n  ")
        )
    return sides


def _known(written: str, dialogues: Collection[str], plain: Mapping[str, str]) -> str:
    """Return the id that is meant by one as written, itself where there is none."""
    return written if written in dialogues else plain.get(plain_name(written), written)


def _read_entries(path: Path) -> list[tuple[str, str, str]]:
    """Return (place in the file, dialogue id, side) as written."""
    require_regular(path, _MOST_BYTES)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); it is the --split") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text; save it as UTF-8") from error
    return _from_json(path, text) if text.lstrip().startswith("{") else _from_csv(path, text)


def _from_json(path: Path, text: str) -> list[tuple[str, str, str]]:
    try:
        sides: dict[str, Any] = json.loads(text, object_pairs_hook=unique_keys)
    except (ValueError, RecursionError, InputError) as error:
        raise InputError(f"{path}: is no JSON ({error}); give {_FORM}") from error
    wrong = [side for side, ids in sides.items() if not isinstance(ids, list)]
    if wrong:
        raise InputError(f"{path}: {wrong[0]!r} is no list of ids; give {_FORM}")
    return [
        (f"{side}, entry {number}", str(identifier), side)
        for side, ids in sides.items()
        for number, identifier in enumerate(ids, start=1)
    ]


def _from_csv(path: Path, text: str) -> list[tuple[str, str, str]]:
    reader = csv.DictReader(io.StringIO(text), skipinitialspace=True, strict=True)
    try:
        return _from_rows(path, reader)
    except csv.Error as error:
        raise InputError(
            f"{path}, line {reader.line_num}: is no CSV ({error}); give {_FORM}"
        ) from error


def _from_rows(path: Path, reader: csv.DictReader[str]) -> list[tuple[str, str, str]]:
    missing = {"id", "side"} - set(reader.fieldnames or ())
    if missing:
        raise InputError(f"{path}: has no column {' and '.join(sorted(missing))}; give {_FORM}")
    return [
        (f"line {reader.line_num}", (row["id"] or "").strip(), (row["side"] or "").strip())
        for row in reader
    ]
