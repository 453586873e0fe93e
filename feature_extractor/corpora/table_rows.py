"""The cells of a user's own table, row by row: what each column means and which values it takes."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from feature_extractor.corpora.ratings import check_times
from feature_extractor.corpora.table_audio import AudioFiles
from feature_extractor.corpora.text_files import Record, one_line, plain_name, require_text
from graph_er.errors import InputError

REQUIRED = ("speaker", "emotion")
# Where one of these columns is there and not empty from end to end, it is filled in every row.
_OPTIONAL_NAMES = ("dialogue", "utterance", "session", "split")
_NEVER_EMPTY = ("speaker", *_OPTIONAL_NAMES)
_NUMBERS = ("start", "end", "valence", "arousal")
# All others are names and numbers.
_AS_WRITTEN = ("wav", "text")
COLUMNS = (*_NEVER_EMPTY, *_NUMBERS, "emotion", "wav", "text", "speaker_id", "sentence", "part")

# Longer ones are cells of another column, after a shift.
_LONGEST = 200
_LONGEST_TEXT = 100_000

# Spellings of the sides, in small letters.
SIDES = {"train": "train", "dev": "dev", "test": "test"}
SIDES |= {"val": "dev", "valid": "dev", "validation": "dev"}


@dataclass(frozen=True)
class TableRow:
    """One row; texts are None where their column is not there.

    Attributes:
        source: file and line, for messages.
        position: number of the row in the file, from 0.
        id: utterance id; ``""`` until the row is named.
        dialogue, utterance, session, speaker: as written, by `plain_name`.
        speaker_id: who speaks, where that column tells; else None.
        side: ``train``, ``dev`` or ``test``.
        wav: the audio file, or None.
        text: the words on one line; may be empty.
        emotion: as written; ``""`` where nobody labelled.
        start, end: seconds, or None.
        valence, arousal: 1 to 5, or None.
        part, sentence: as written, or None.
    """

    source: str = field(repr=False)
    position: int
    id: str
    dialogue: str | None
    utterance: str | None
    session: str | None
    speaker: str
    speaker_id: str | None
    side: str | None
    wav: Path | None
    text: str
    emotion: str
    start: float | None
    end: float | None
    valence: float | None
    arousal: float | None
    part: str | None
    sentence: str | None


def columns_of(records: Sequence[Record]) -> list[str]:
    """Return the columns as they appear; one of names that need not be, empty throughout, is none.

    Args:
        records: all rows of a table.
    """
    return list(
        dict.fromkeys(
            name
            for record in records
            for name, cell in record.cells.items()
            if name not in _OPTIONAL_NAMES or not _is_blank(cell)
        )
    )


def _is_blank(cell: str) -> bool:
    try:
        return not plain_name(cell)
    except InputError:  # `parse_row` tells of it, with the row
        return False


def parse_row(
    record: Record, position: int, audio: AudioFiles, *, labelled: bool = True
) -> TableRow:
    """Read one row.

    Args:
        record: its cells.
        position: number of the row in the file.
        audio: finds the files that rows name.
        labelled: whether the row must have an emotion.

    Raises:
        InputError: a cell holds what it must not; the first such cell is named.
    """
    for name in COLUMNS:
        require_text(record.cells.get(name, ""), name)
    names = {
        name: one_line(cell) if name in _AS_WRITTEN else plain_name(cell)
        for name, cell in record.cells.items()
    }
    cells = {"emotion": "", **names, "wav": record.cells.get("wav", "")}
    _check_names(cells, labelled)
    numbers = {name: _number(cells.get(name, ""), name) for name in _NUMBERS}
    _check_times(numbers["start"], numbers["end"])
    text = cells.get("text", "")
    if len(text) > _LONGEST_TEXT:
        raise InputError(
            f"text of {len(text):,} letters; an utterance has at most {_LONGEST_TEXT:,}"
        )
    wav = audio.find(cells["wav"])
    if not text and wav is None:
        raise InputError("neither wav nor text; fill in one of them or remove the row")
    return TableRow(
        source=record.source,
        position=position,
        id="",
        dialogue=cells.get("dialogue"),
        utterance=cells.get("utterance"),
        session=cells.get("session"),
        speaker=cells["speaker"],
        speaker_id=cells.get("speaker_id") or None,
        side=_side(cells.get("split")),
        wav=wav,
        text=text,
        emotion=cells["emotion"],
        part=cells.get("part") or None,
        sentence=_sentence(cells),
        **numbers,
    )


def _check_names(cells: Mapping[str, str], labelled: bool) -> None:
    if labelled and not cells["emotion"]:
        raise InputError(
            "no emotion; fill it in or remove the row (dialogues that nobody labelled are for "
            "graph_er/predict.py)"
        )
    if ";" in cells["emotion"]:
        raise InputError(f"emotion {cells['emotion']!r} names several; choose one")
    for name in _NEVER_EMPTY:
        if cells.get(name) == "":
            raise InputError(f"no {name}; fill it in")
    for name in (*_NEVER_EMPTY, "speaker_id", "sentence", "part", "emotion"):
        if len(cells.get(name, "")) > _LONGEST:
            raise InputError(f"{name} {cells[name][:40]!r}... is no name; shorten it")


def _number(cell: str, column: str) -> float | None:
    if not cell:
        return None
    try:
        number = float(cell)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{column} {cell!r} is not a number; correct or blank it")
    if column in ("valence", "arousal") and not 1 <= number <= 5:
        raise InputError(f"{column} {cell} is not within 1 to 5; rescale or blank it")
    return number


def _check_times(start: float | None, end: float | None) -> None:
    if start is None and end is not None:
        raise InputError(f"end {end} without a start; fill in the start or blank the end")
    if start is not None:
        check_times(start, end)


def _side(cell: str | None) -> str | None:
    if cell is None:
        return None
    side = SIDES.get(cell.lower())
    if side is None:
        raise InputError(f"split {cell!r} is none of train, dev and test; correct it")
    return side


def _sentence(cells: Mapping[str, str]) -> str | None:
    """Return the sentence's id; numbers begin anew in each part, so the part is put before."""
    sentence, part = cells.get("sentence") or None, cells.get("part")
    if sentence and part and re.fullmatch("[0-9]+", sentence):
        return f"{part}_{sentence}"
    return sentence
