"""KEMDy19's annotation files: one CSV of two header rows per session and actor.

``annotation/SessionNN_{F|M}_res.csv`` holds all segments of the session, of both speakers, rated
for the emotion of the actor in the file name. Columns are known by position (0-based):

====== ==================================================================
1, 2   start and end in seconds from the start of the dialogue's recording
9      segment id, ``SessNN_{script|impro}NN_{F|M}NNN``
10     majority emotion, ties joined by ``;``
11, 12 mean valence and arousal, 1 to 5
13-42  emotion, valence, arousal of each of ten raters
====== ==================================================================
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from graph_er.emotions import KEMDY_EMOTIONS, normalise_emotion
from graph_er.errors import InputError

FILE_NAME = re.compile(r"Session(?P<session>[0-9]{2,})_(?P<actor>[FM])_res\.csv")
SEGMENT_ID = re.compile(
    r"(?P<dialogue>Sess(?P<session>[0-9]{2,})_(?P<part>script|impro)[0-9]{2})"
    r"_(?P<speaker>[FM])[0-9]{3}"
)

_HEADER_ROWS = 2
_START, _END, _ID, _EMOTION, _VALENCE, _AROUSAL = 1, 2, 9, 10, 11, 12
_MIN_COLUMNS = 13
_RATERS = slice(13, 43, 3)


@dataclass(frozen=True)
class AnnotationRow:
    """One segment as one annotation file describes it.

    Attributes:
        source: file and line, for messages.
        id, session, dialogue, part, speaker: the segment id and what it spells out.
        actor: whose emotion the row tells, ``F`` or ``M``: the letter in the file name.
        start, end: seconds from the start of the dialogue.
        emotions: the majority emotion, several if tied, in the file's order.
        valence, arousal: mean ratings, None where the cell is blank.
        soft_label: share of the raters' votes per emotion, ``[7]``, None where unreadable.
    """

    source: str
    id: str
    session: str
    dialogue: str
    part: str
    speaker: str
    actor: str
    start: float
    end: float
    emotions: tuple[str, ...]
    valence: float | None
    arousal: float | None
    soft_label: tuple[float, ...] | None


def read_annotation(path: Path, *, own_rows: bool, problems: list[str]) -> list[AnnotationRow]:
    """Read the rows of one annotation file that tell an actor's emotion while speaking.

    Args:
        path: ``SessionNN_{F|M}_res.csv``.
        own_rows: rows in which the file's actor speaks; if false, those in which he listens.
        problems: receives one message for each row that cannot be used.

    Returns:
        The usable rows in file order.
    """
    name = FILE_NAME.fullmatch(path.name)
    if name is None:
        raise ValueError(f"{path.name} is no KEMDy19 annotation file name")
    rows = []
    for line, cells in _data_rows(path, problems):
        try:
            match = _parse_id(cells, name["session"])
            if (match["speaker"] == name["actor"]) == own_rows:
                source = f"{path}, line {line}"
                rows.append(_parse_row(cells, match, actor=name["actor"], source=source))
        except InputError as error:
            problems.append(f"{path}, line {line}: {error}")
    return rows


def _data_rows(path: Path, problems: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield (1-based line, cells) of the rows after the header; rows of blanks are skipped."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            # strict: a stray quote would otherwise swallow the rest of the file in silence
            reader = csv.reader(file, strict=True)
            records = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        problems.append(f"{path}: no UTF-8 CSV ({error}); restore the file or save it as UTF-8")
        return
    except OSError as error:
        problems.append(f"{path}: cannot be read ({error.strerror}); restore the file")
        return
    for line, cells in records[:_HEADER_ROWS]:
        if any(SEGMENT_ID.fullmatch(cell) for cell in cells):
            problems.append(
                f"{path}, line {line}: a data row where a header row belongs; the file begins with "
                "two header rows, put the missing one back"
            )
    if not any(any(cells) for _, cells in records[_HEADER_ROWS:]):
        problems.append(f"{path}: holds no data row below its two header rows; restore the file")
    yield from ((line, cells) for line, cells in records[_HEADER_ROWS:] if any(cells))


def _parse_id(cells: Sequence[str], session: str) -> re.Match[str]:
    if len(cells) < _MIN_COLUMNS:
        raise InputError(
            f"{len(cells)} column(s), at least {_MIN_COLUMNS} are needed; restore the row"
        )
    match = SEGMENT_ID.fullmatch(cells[_ID])
    if match is None:
        raise InputError(
            f"segment id {cells[_ID]!r} in column {_ID + 1} is not like Sess01_script01_F001; "
            "correct it"
        )
    if match["session"] != session:
        raise InputError(f"segment id {cells[_ID]!r} is not of session {session}; correct it")
    return match


def _parse_row(
    cells: Sequence[str], match: re.Match[str], *, actor: str, source: str
) -> AnnotationRow:
    return AnnotationRow(
        source=source,
        id=match[0],
        session=f"Sess{match['session']}",
        dialogue=match["dialogue"],
        part=match["part"],
        speaker=match["speaker"],
        actor=actor,
        start=_parse_seconds(cells[_START], "start", match[0]),
        end=_parse_seconds(cells[_END], "end", match[0]),
        emotions=_parse_emotions(cells[_EMOTION], match[0]),
        valence=_parse_rating(cells[_VALENCE], "valence", match[0]),
        arousal=_parse_rating(cells[_AROUSAL], "arousal", match[0]),
        soft_label=_parse_votes(cells[_RATERS]),
    )


def _parse_seconds(cell: str, what: str, segment: str) -> float:
    seconds = _parse_number(cell)
    if seconds is None:
        raise InputError(
            f"{what} time {cell!r} of {segment} is not a number of seconds; correct it or remove "
            "the row"
        )
    return seconds


def _parse_rating(cell: str, what: str, segment: str) -> float | None:
    rating = _parse_number(cell)
    if rating is None and cell:
        raise InputError(f"{what} {cell!r} of {segment} is not a number; correct or blank it")
    return rating


def _parse_number(cell: str) -> float | None:
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _parse_emotions(cell: str, segment: str) -> tuple[str, ...]:
    """Return the distinct emotions of an ``a;b`` cell in the order written."""
    names = [name for name in cell.split(";") if name.strip()]
    if not names:
        raise InputError(f"{segment} has no emotion label; fill it in or remove the row")
    try:
        return tuple(dict.fromkeys(normalise_emotion(name) for name in names))
    except InputError as error:
        raise InputError(f"label {cell!r} of {segment}: {error}; correct it") from error


def _parse_votes(cells: Sequence[str]) -> tuple[float, ...] | None:
    """Return the share of votes per emotion; a rater who names several divides the vote."""
    votes = dict.fromkeys(KEMDY_EMOTIONS, 0.0)
    try:
        ballots = [_parse_emotions(cell, "a rater's vote") for cell in cells if cell]
    except InputError:
        return None
    for ballot in ballots:
        for emotion in ballot:
            votes[emotion] += 1 / len(ballot)
    return tuple(count / len(ballots) for count in votes.values()) if ballots else None
