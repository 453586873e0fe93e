"""The table of one release of AI Hub 263: a cp949 CSV with one header row, one row per wav.

Columns, whose names are compared without white space since the releases space them differently:
``wav_id`` (24 hexadecimal digits), ``발화문`` (the sentence), ``상황`` (the scripted emotion),
``1번 감정`` … ``5번 감정`` (what five raters heard), the intensity of each, ``나이``, ``성별``.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from feature_extractor.corpora.text_files import KOREAN_ENCODINGS, decode_file, one_line
from graph_er.errors import InputError
from graph_er.running.counted import counted
from graph_er.running.normal_form import normal_form
from graph_er.schema.emotions import KEMDY_EMOTIONS, normalise_emotion

Target = Literal["situation", "raters"]

# Of five raters; with fewer on one emotion no majority is left.
_MAJORITY = 3

_ID, _TEXT, _SITUATION, _GENDER = "wav_id", "발화문", "상황", "성별"
_RATERS = tuple(f"{number}번감정" for number in range(1, 6))
_NEEDED = (_ID, _TEXT, _SITUATION, *_RATERS)
_WAV_ID = re.compile(r"[0-9a-fA-F]{24}")
_GENDERS = {"female": "F", "male": "M", "f": "F", "m": "M", "여": "F", "남": "M"}


@dataclass(frozen=True)
class SpokenSentence:
    """One row.

    Attributes:
        source: file and line, for messages.
        id: ``wav_id`` in lower case.
        speaker: ``F``, ``M``, or ``unknown``; no more is published.
        text: the sentence on one line with single blanks.
        emotion: the target; None where the raters have no majority.
        soft_label: share of the raters' votes per emotion, ``[7]``, None where unreadable.
        content: text and labels as written, which two rows of one wav must share.
    """

    source: str
    id: str
    speaker: str
    text: str
    emotion: str | None
    soft_label: tuple[float, ...] | None
    content: tuple[str, ...]


def read_table(path: Path, target: Target, problems: list[str]) -> tuple[list[SpokenSentence], int]:
    """Read one release's table.

    Args:
        path: the CSV file, cp949 or UTF-8.
        target: which label becomes the emotion; see `read_aihub263`.
        problems: receives one message for the file or for each row that cannot be used.

    Returns:
        The usable rows in file order, and how many rows the file has.
    """
    try:
        header, records = _read_records(path)
        columns = _columns(path, header)
    except InputError as error:
        problems.append(str(error))
        return [], 0
    rows = []
    for line, cells in records:
        source = f"{path}, line {line}"
        try:
            rows.append(_parse_row(_by_column(cells, columns, len(header)), target, source))
        except InputError as error:
            problems.append(f"{source}: {error}")
    return rows, len(records)


def _read_records(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the header's cells and (1-based line, cells) of the rows that are not blank."""
    text = decode_file(path, KOREAN_ENCODINGS)
    # strict: a stray quote would otherwise swallow the rest of the file in silence
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        records = [(reader.line_num, cells) for cells in reader if any(map(str.strip, cells))]
    except csv.Error as error:
        raise InputError(
            f"{path}, line {reader.line_num}: no CSV ({error}); restore the file"
        ) from error
    if len(records) < 2:
        raise InputError(f"{path}: holds no data row below a header row; restore the file")
    return records[0][1], records[1:]


def _columns(path: Path, header: Sequence[str]) -> dict[str, int]:
    """Return the position of each known column, its name without white space."""
    names = ["".join(normal_form(cell).split()) for cell in header]
    missing = [name for name in _NEEDED if name not in names]
    if missing:
        raise InputError(
            f"{path}: {counted(len(missing), 'column')} missing ({', '.join(missing)}); found "
            f"{', '.join(names)}; restore the file"
        )
    twice = [name for name in (*_NEEDED, _GENDER) if names.count(name) > 1]
    if twice:
        told = counted(len(twice), "column occurs", "columns occur")
        raise InputError(f"{path}: {told} twice ({', '.join(twice)}); remove one of each")
    return {name: names.index(name) for name in (*_NEEDED, _GENDER) if name in names}


def _by_column(
    cells: Sequence[str], columns: Mapping[str, int], num_columns: int
) -> dict[str, str]:
    """Return cells by column name, tabs and line ends in them made single blanks."""
    if len(cells) < num_columns or any(map(str.strip, cells[num_columns:])):
        raise InputError(
            f"{counted(len(cells), 'cell')} where the header has {num_columns}; a text with a "
            "comma needs quotes, correct the row"
        )
    return {name: one_line(cells[position]) for name, position in columns.items()}


def _parse_row(row: Mapping[str, str], target: Target, source: str) -> SpokenSentence:
    if not _WAV_ID.fullmatch(row[_ID]):
        raise InputError(f"wav_id {row[_ID]!r} is not 24 hexadecimal digits; correct it")
    cells = [row[name] for name in _RATERS]
    votes: Counter[str] | None
    emotion: str | None
    if target == "situation":
        emotion = _parse_emotion(row[_SITUATION], _SITUATION)
        try:
            votes = _count_votes(cells)
        except InputError:  # another label decides; the votes are only missing from it
            votes = None
    else:
        counted = votes = _count_votes(cells)
        emotion = next((name for name, count in counted.items() if count >= _MAJORITY), None)
    return SpokenSentence(
        source=source,
        id=row[_ID].lower(),
        speaker=_GENDERS.get(row.get(_GENDER, "").lower(), "unknown"),
        text=row[_TEXT],
        emotion=emotion,
        soft_label=_shares(votes),
        content=(row[_TEXT], row[_SITUATION].lower(), *map(str.lower, cells)),
    )


def _count_votes(cells: Sequence[str]) -> Counter[str]:
    """Return votes per emotion; a rater's blank cell is no vote."""
    return Counter(
        _parse_emotion(cell, name) for name, cell in zip(_RATERS, cells, strict=True) if cell
    )


def _parse_emotion(cell: str, column: str) -> str:
    try:
        return normalise_emotion(cell)
    except InputError as error:
        raise InputError(f"{column}: {error}; correct it or remove the row") from error


def _shares(votes: Counter[str] | None) -> tuple[float, ...] | None:
    total = votes.total() if votes else 0
    return tuple(votes[name] / total for name in KEMDY_EMOTIONS) if votes else None
