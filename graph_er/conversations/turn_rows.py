"""Rows that a user wrote, from whatever kind of file, to turns; what is wrong with them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from feature_extractor.corpora.problems import raise_problems
from feature_extractor.corpora.row_checks import probe_rows, refuse_repeated
from feature_extractor.corpora.table_audio import AudioFiles
from feature_extractor.corpora.table_dialogues import (
    by_dialogue,
    name_rows,
    remove_contradictions,
    times_of,
)
from feature_extractor.corpora.table_recordings import recording_spans
from feature_extractor.corpora.table_rows import TableRow, columns_of, parse_row
from feature_extractor.corpora.text_files import Record, plain_name
from graph_er.conversations.recording import Recording
from graph_er.conversations.turns import Turn
from graph_er.errors import InputError
from graph_er.running.counted import counted

logger = logging.getLogger(__name__)

# Other columns are carried along and mean nothing here.
COLUMNS = ("dialogue", "session", "utterance", "speaker", "wav", "text", "start", "end")


def turns_of(
    records: Sequence[Record],
    folder: Path,
    where: str,
    problems: list[str],
    *,
    dialogue: str,
    recording: Recording | None = None,
) -> list[Turn]:
    """Read rows of the columns `COLUMNS`, of which only speaker and one of wav and text must be.

    The rules are those of a training table (`feature_extractor.corpora.table`), but that without a
    dialogue column all rows are one conversation.

    Args:
        records: the rows.
        folder: where relative audio paths begin.
        where: what the rows are from, for messages.
        problems: what is wrong already; more is added.
        dialogue: id of the conversation where the rows name none.
        recording: what the turns are parts of; None where each row names its audio, a file of its
            own or, with start and end, part of a recording (`table_recordings.recording_spans`).

    Returns:
        Dialogue by dialogue, in time order: of `start`, else of the rows.

    Raises:
        InputError: there is no row, or problems, all of them in one message.
    """
    rows = _parse(records, folder, problems, dialogue, recording)
    rows = refuse_repeated(name_rows(rows, notices=[]), problems)
    if recording is None:
        lengths = probe_rows(rows, problems)
        spans = recording_spans(rows, lengths, problems)
    else:
        spans = recording.spans(rows, problems)
        lengths = [None] * len(rows)
    durations = {row.id: length for row, length in zip(rows, lengths, strict=True)}
    durations |= {name: end - begin for name, (begin, end) in spans.items()}
    usable = [row for row in rows if durations[row.id] is not None]
    turns: list[Turn] = []
    notices: list[str] = []
    for own in remove_contradictions(by_dialogue(usable), problems, notices).values():
        times = times_of(own, [durations[row.id] or 0.0 for row in own])
        turns += [
            _turn(row, durations[row.id] or 0.0, time, records[row.position], spans.get(row.id))
            for row, time in zip(own, times, strict=True)
        ]
    raise_problems(problems, where)
    if not turns:
        raise InputError(f"{where}: holds no turn; write one turn a line")
    for notice in notices:
        logger.warning("%s: %s", where, notice)
    if recording is None and spans and len(turns) > 1:  # a live turn comes alone, one after another
        logger.warning(
            "%s: %s of longer recordings; each is heard from its start to its end",
            where,
            counted(len(spans), "turn is part", "turns are parts"),
        )
    return turns


def _parse(
    records: Sequence[Record],
    folder: Path,
    problems: list[str],
    dialogue: str,
    recording: Recording | None,
) -> list[TableRow]:
    present = {*columns_of(records)} & {*COLUMNS}
    rows = []
    audio = AudioFiles(folder)
    for position, record in enumerate(records):
        cells = {"speaker": "", **{name: record.cells.get(name, "") for name in present}}
        try:
            if recording is not None:
                cells["wav"] = recording.cell(cells)
            if "dialogue" not in present:
                cells["dialogue"] = dialogue
            if not plain_name(cells.get("session", "")):  # nobody need name it
                cells.pop("session", None)
            rows.append(parse_row(Record(record.source, cells), position, audio, labelled=False))
        except InputError as error:
            problems.append(f"{record.source}: {error}")
    return rows


def _turn(
    row: TableRow,
    duration: float,
    time: tuple[float, float],
    record: Record,
    span: tuple[float, float] | None,
) -> Turn:
    return Turn(
        id=row.id,
        dialogue=str(row.dialogue),
        speaker=row.speaker,
        wav=row.wav,
        duration=duration,
        text=row.text,
        start=time[0],
        end=time[1],
        timed=row.start is not None,
        span=span,
        position=row.position,
        source=row.source,
        row=record.written,
        session=row.session,
    )
