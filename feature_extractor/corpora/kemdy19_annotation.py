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

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from feature_extractor.corpora.annotation_csv import read_data_rows
from feature_extractor.corpora.ratings import (
    RatedSegment,
    parse_emotions,
    parse_rating,
    parse_times,
    parse_votes,
)
from graph_er.errors import InputError
from graph_er.running.counted import counted

FILE_NAME = re.compile(r"Session(?P<session>[0-9]{2,})_(?P<actor>[FM])_res\.csv")
SEGMENT_ID = re.compile(
    r"(?P<dialogue>Sess(?P<session>[0-9]{2,})_(?P<part>script|impro)[0-9]{2})"
    r"_(?P<speaker>[FM])[0-9]{3}"
)

_START, _END, _ID, _EMOTION, _VALENCE, _AROUSAL = 1, 2, 9, 10, 11, 12
_MIN_COLUMNS = 13
_RATERS = slice(13, 43, 3)


@dataclass(frozen=True)
class AnnotationRow(RatedSegment):
    """One segment as one annotation file describes it.

    Attributes:
        actor: whose emotion the row tells, ``F`` or ``M``: the letter in the file name.
    """

    actor: str


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
    for line, cells in read_data_rows(path, SEGMENT_ID, problems):
        try:
            match = _parse_id(cells, name["session"])
            if (match["speaker"] == name["actor"]) == own_rows:
                source = f"{path}, line {line}"
                rows.append(_parse_row(cells, match, actor=name["actor"], source=source))
        except InputError as error:
            problems.append(f"{path}, line {line}: {error}")
    return rows


def _parse_id(cells: Sequence[str], session: str) -> re.Match[str]:
    if len(cells) < _MIN_COLUMNS:
        raise InputError(
            f"{counted(len(cells), 'column')}, at least {_MIN_COLUMNS} are needed; restore the row"
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
    start, end = parse_times(cells[_START], cells[_END], match[0])
    return AnnotationRow(
        source=source,
        id=match[0],
        session=f"Sess{match['session']}",
        dialogue=match["dialogue"],
        part=match["part"],
        speaker=match["speaker"],
        speaker_id=f"Sess{match['session']}_{match['speaker']}",
        actor=actor,
        start=start,
        end=end,
        emotions=parse_emotions(cells[_EMOTION], match[0]),
        valence=parse_rating(cells[_VALENCE], "valence", match[0]),
        arousal=parse_rating(cells[_AROUSAL], "arousal", match[0]),
        soft_label=parse_votes(cells[_RATERS]),
    )
