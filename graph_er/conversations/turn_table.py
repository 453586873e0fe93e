"""Turns from a table (CSV, TSV, JSON lines) and from rows of Python."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from feature_extractor.corpora.text_files import (
    KOREAN_ENCODINGS,
    Record,
    cells_of,
    plain_name,
    read_table_file,
)
from graph_er.conversations.recording import Recording
from graph_er.conversations.turn_rows import COLUMNS, turns_of
from graph_er.conversations.turns import Turn
from graph_er.errors import InputError

_SHOWN = 10  # keys of a row in a message


def read_turn_table(
    path: Path, recording: Recording | None = None, most: int | None = None
) -> list[Turn]:
    """Read a table with a turn in every row; see `turn_rows.turns_of`.

    Args:
        path: the file; its suffix, ``.csv``, ``.tsv`` or ``.jsonl``, tells the format. UTF-8, with
            or without BOM, else cp949. Audio paths begin in its folder.
        recording: what the turns are parts of; then columns are ``speaker, start, end[, text]``.
        most: turns; with more of them nothing is read.

    Raises:
        InputError: problems in the file, all of them in one message.
    """
    problems: list[str] = []
    required: tuple[str, ...] = ("speaker",)
    one_of: tuple[str, ...] = ("wav", "text")
    if recording is not None:
        required, one_of = ("speaker", "start", "end"), ()
    limit = {} if most is None else {"most_rows": most}
    records = read_table_file(
        path,
        KOREAN_ENCODINGS,
        required=required,
        one_of=one_of,
        checked=COLUMNS,
        problems=problems,
        **limit,
    )
    return turns_of(
        records, path.parent, str(path), problems, dialogue=path.stem, recording=recording
    )


def turns_of_rows(rows: Sequence[Mapping[str, Any]], folder: Path | str) -> list[Turn]:
    """Take rows of Python: values by column as in a table; None, NaN and NA are empty cells.

    Args:
        rows: e.g. of ``csv.DictReader`` or of pandas' ``to_dict("records")``.
        folder: where relative audio paths begin.

    Raises:
        InputError: problems in the rows, all of them in one message.
    """
    problems: list[str] = []
    records = []
    for number, row in enumerate(rows, start=1):
        source = f"row {number}"
        try:
            records.append(Record(source, _cells(row), row))
        except InputError as error:
            problems.append(f"{source}: {error}")
    return turns_of(records, Path(folder), "rows", problems, dialogue="conversation")


def _cells(row: Mapping[str, Any]) -> dict[str, str]:
    if not isinstance(row, Mapping):
        raise InputError(f"{type(row).__name__} {str(row)[:40]!r} is no dict of values by column")
    columns = {name: plain_name(str(name)).lower() for name in row}
    if not {"wav", "text"} & {*columns.values()}:
        given = ", ".join(f"{str(name)[:40]!r}" for name in list(row)[:_SHOWN]) or "none"
        raise InputError(
            f"neither wav nor text; the keys given are {given}, those read are {', '.join(COLUMNS)}"
        )
    named = {name: value for name, value in row.items() if columns[name] in COLUMNS}
    return cells_of({name: _plain(value) for name, value in named.items()})


def _plain(value: Any) -> Any:
    """Return a cell as JSON would have it: paths as text, numbers of numpy as Python's."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        value = value.item()
    return None if isinstance(value, float) and math.isnan(value) else value
