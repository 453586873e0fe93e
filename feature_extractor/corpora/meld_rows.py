"""MELD's tables: one row per utterance, with the encoding damage of the release repaired.

``train_sent_emo.csv``, ``dev_sent_emo.csv`` and ``test_sent_emo.csv`` (Poria et al., "MELD: a
multimodal multi-party dataset for emotion recognition in conversations", 2019) have the columns
Sr No., Utterance, Speaker, Emotion, Sentiment, Dialogue_ID, Utterance_ID, Season, Episode,
StartTime, EndTime. Dialogue ids start anew in each.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from feature_extractor.corpora.text_files import Record, one_line, read_table_file
from graph_er.errors import InputError
from graph_er.schema.emotions import DATASET_EMOTIONS

MELD_EMOTIONS = DATASET_EMOTIONS["meld"]

_ENCODINGS = ("utf-8-sig", "cp1252")
_COLUMNS = ("utterance", "speaker", "emotion", "dialogue_id", "utterance_id")
_TIME_COLUMNS = ("starttime", "endtime")
# Signs of Windows' code page that were taken over as control characters.
_CONTROLS = {code: bytes([code]).decode("cp1252") for code in (0x85, *range(0x91, 0x98))}
_TIME = re.compile(r"([0-9]{1,4}):([0-5]?[0-9]):([0-5]?[0-9](?:[.,][0-9]+)?)")


@dataclass(frozen=True)
class MeldRow:
    """One utterance as its table describes it.

    Attributes:
        source: file and line, for messages.
        side: ``train``, ``dev`` or ``test``: the table.
        dialogue, utterance: numbers, unique within the table.
        speaker: name as written.
        emotion: label as written in `MELD_EMOTIONS`.
        text: the words, repaired.
        start, end: seconds from the start of the episode, as annotated.
        wav: the audio file, filled in later.
    """

    source: str = field(repr=False)
    side: str
    dialogue: int
    utterance: int
    speaker: str
    emotion: str
    text: str
    start: float
    end: float
    wav: Path | None = None

    @property
    def dialogue_id(self) -> str:
        """Id of the dialogue, unique in the corpus, e.g. ``train_dia0``."""
        return f"{self.side}_dia{self.dialogue}"

    @property
    def id(self) -> str:
        """Id of the utterance, unique in the corpus, e.g. ``train_dia0_utt3``."""
        return f"{self.dialogue_id}_utt{self.utterance}"


def read_rows(path: Path, side: str, problems: list[str]) -> list[MeldRow]:
    """Read one table.

    Args:
        path: the CSV.
        side: what its utterances are for.
        problems: receives one message for each row that cannot be used.

    Returns:
        The usable rows in file order.
    """
    required = (*_COLUMNS, *_TIME_COLUMNS)
    rows = []
    for record in read_table_file(path, _ENCODINGS, required=required, problems=problems):
        try:
            rows.append(_parse(record, side))
        except InputError as error:
            problems.append(f"{record.source}: {error}")
    return rows


def repair(text: str) -> str:
    """Return `text` on one line, with quotes and dashes where control characters stood."""
    return one_line(text.translate(_CONTROLS))


def _parse(record: Record, side: str) -> MeldRow:
    cells = record.cells
    emotion, speaker = cells["emotion"].lower(), repair(cells["speaker"])
    if emotion not in MELD_EMOTIONS:
        known = ", ".join(MELD_EMOTIONS)
        raise InputError(f"emotion {cells['emotion']!r} is none of {known}; correct it")
    if not speaker:
        raise InputError("no speaker; fill in the name")
    return MeldRow(
        source=record.source,
        side=side,
        dialogue=_number(cells["dialogue_id"], "Dialogue_ID"),
        utterance=_number(cells["utterance_id"], "Utterance_ID"),
        speaker=speaker,
        emotion=emotion,
        text=repair(cells["utterance"]),
        start=_seconds(cells["starttime"], "StartTime"),
        end=_seconds(cells["endtime"], "EndTime"),
    )


def _number(cell: str, column: str) -> int:
    # Eighteen digits are far beyond any id; longer ones Python may refuse to convert.
    if not re.fullmatch(r"[0-9]{1,18}", cell):
        raise InputError(f"{column} {cell!r} is not a whole number; correct it")
    return int(cell)


def _seconds(cell: str, column: str) -> float:
    match = _TIME.fullmatch(cell)
    if match is None:
        raise InputError(f"{column} {cell!r} is not a time like 00:16:16,059; correct it")
    return 3600 * int(match[1]) + 60 * int(match[2]) + float(match[3].replace(",", "."))


def time_axis(rows: Sequence[MeldRow]) -> tuple[list[tuple[float, float]], int]:
    """Return a dialogue's times from its first utterance on, made to agree with its order.

    The annotated times of some dialogues jump back (subtitles aligned to another line, pieces of
    several scenes), while the numbers of the utterances follow the dialogue. So where a start is
    earlier than one before it, it is moved to that one and keeps its length; an end before its
    start becomes the start.

    Args:
        rows: of one dialogue, by utterance number.

    Returns:
        Start and end in seconds per row; and how many rows were moved.
    """
    latest, moved, times = rows[0].start, 0, []
    for row in rows:
        moved += row.start < latest or row.end < row.start
        latest = max(latest, row.start)
        start = latest - rows[0].start
        times.append((round(start, 3), round(start + max(0.0, row.end - row.start), 3)))
    return times, moved
