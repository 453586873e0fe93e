"""KEMDy20's annotation files: one CSV of two header rows and 37 columns per session.

``annotation/SessNN_eval.csv``; columns are known by position (0-based), since most header cells
are blank:

==== ==================================================================
1, 2 start and end in seconds
3    segment id, ``SessNN_scriptMM_UserNNN{F|M}_NNN``
4    majority emotion, ties joined by ``;``; disgust is spelt ``disqust``
5, 6 mean valence and arousal, 1 to 5
7-36 emotion, valence, arousal of each of ten raters
==== ==================================================================

Some segment ids carry the number of another session; that of the file name is the right one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from feature_extractor.corpora.annotation_csv import read_data_rows
from feature_extractor.corpora.problems import shorten
from feature_extractor.corpora.ratings import (
    RatedSegment,
    parse_emotions,
    parse_rating,
    parse_times,
    parse_votes,
)
from graph_er.errors import InputError
from graph_er.running.counted import counted

FILE_NAME = re.compile(r"Sess(?P<session>[0-9]{2,})_eval\.csv")
SEGMENT_ID = re.compile(
    r"Sess(?P<session>[0-9]{2,})_(?P<script>script[0-9]{2})"
    r"_(?P<speaker>User[0-9]{3}[FM])_(?P<number>[0-9]{3})"
)

_START, _END, _ID, _EMOTION, _VALENCE, _AROUSAL = 1, 2, 3, 4, 5, 6
_COLUMNS = 37
_RATERS = slice(7, 37, 3)


def read_annotation(path: Path, problems: list[str], repaired: list[str]) -> list[RatedSegment]:
    """Read the rows of one annotation file.

    Args:
        path: ``SessNN_eval.csv``.
        problems: receives one message for each row that cannot be used.
        repaired: receives each segment id whose session had to be put right, as written.

    Returns:
        The usable rows in file order.
    """
    name = FILE_NAME.fullmatch(path.name)
    if name is None:
        raise ValueError(f"{path.name} is no KEMDy20 annotation file name")
    rows = []
    for line, cells in _whole_rows(path, problems):
        try:
            match = _parse_id(cells[_ID])
            if match["session"] != name["session"]:
                repaired.append(match[0])
            rows.append(_parse_row(cells, match, name["session"], source=f"{path}, line {line}"))
        except InputError as error:
            problems.append(f"{path}, line {line}: {error}")
    return rows


def _whole_rows(path: Path, problems: list[str]) -> list[tuple[int, list[str]]]:
    """Return the rows of 37 columns; blank cells beyond those do no harm."""
    whole: list[tuple[int, list[str]]] = []
    broken: dict[int, list[str]] = {}
    for line, cells in read_data_rows(path, SEGMENT_ID, problems):
        if len(cells) < _COLUMNS or any(cells[_COLUMNS:]):
            broken.setdefault(len(cells), []).append(str(line))
        else:
            whole.append((line, cells))
    # Position gives the columns their meaning, so with one missing the rest cannot be trusted;
    # it is missing from all rows of the file, which is told once.
    for columns, lines in broken.items():
        problems.append(
            f"{path}, line {shorten(lines, shown=5)}: {counted(columns, 'column')} where "
            f"{_COLUMNS} are needed; restore the file"
        )
    return whole


def _parse_id(cell: str) -> re.Match[str]:
    match = SEGMENT_ID.fullmatch(cell)
    if match is None:
        raise InputError(
            f"segment id {cell!r} in column {_ID + 1} is not like Sess01_script01_User001F_001; "
            "correct it"
        )
    return match


def _parse_row(
    cells: Sequence[str], match: re.Match[str], session: str, *, source: str
) -> RatedSegment:
    dialogue = f"Sess{session}_{match['script']}"
    segment = f"{dialogue}_{match['speaker']}_{match['number']}"
    start, end = parse_times(cells[_START], cells[_END], segment)
    return RatedSegment(
        source=source,
        id=segment,
        session=f"Sess{session}",
        dialogue=dialogue,
        speaker=match["speaker"],
        speaker_id=match["speaker"],
        part=None,
        start=start,
        end=end,
        emotions=parse_emotions(cells[_EMOTION], segment),
        valence=parse_rating(cells[_VALENCE], "valence", segment),
        arousal=parse_rating(cells[_AROUSAL], "arousal", segment),
        soft_label=parse_votes(cells[_RATERS]),
    )
