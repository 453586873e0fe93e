"""Rows of a user's own table to dialogues: names, order, times, and who speaks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from feature_extractor.corpora.problems import shorten
from feature_extractor.corpora.table_rows import TableRow
from graph_er.schema.splits import natural_key, session_named_by

# Rows by dialogue id.
Dialogues = dict[str, list[TableRow]]


def name_rows(rows: Sequence[TableRow], notices: list[str]) -> list[TableRow]:
    """Return the rows with their utterance and dialogue ids.

    Without a dialogue column every utterance is a dialogue of its own. Utterances without ids are
    numbered within their dialogue, in the order of `start`, else of the rows. Ids that begin anew
    in each dialogue are put behind the dialogue's id.
    """
    if not rows:
        return []
    if rows[0].utterance is None:
        return _number_rows(rows, notices)
    ids = [str(row.utterance) for row in rows]
    if rows[0].dialogue is None:
        return [replace(row, id=name, dialogue=name) for row, name in zip(rows, ids, strict=True)]
    first = {row.utterance: row.dialogue for row in reversed(rows)}
    if again := next((row for row in rows if row.dialogue != first[row.utterance]), None):
        notices.append(
            f"utterance ids begin anew in each dialogue ({again.utterance} is in "
            f"{first[again.utterance]} and {again.dialogue}): here they are dialogue_utterance."
        )
        ids = [f"{row.dialogue}_{row.utterance}" for row in rows]
    return [replace(row, id=name) for row, name in zip(rows, ids, strict=True)]


def _number_rows(rows: Sequence[TableRow], notices: list[str]) -> list[TableRow]:
    notices.append("no utterance ids: utterances are numbered.")
    if rows[0].dialogue is None:
        ids = [f"utterance{row.position + 1:06}" for row in rows]
        return [replace(row, id=name, dialogue=name) for row, name in zip(rows, ids, strict=True)]
    return [
        replace(row, id=f"{dialogue}_{number:03}")
        for dialogue, own in by_dialogue(rows).items()
        for number, row in enumerate(own, start=1)
    ]


def by_dialogue(rows: Sequence[TableRow]) -> Dialogues:
    """Return the rows by dialogue, in natural order, and in time order within each.

    Rows of equal starts stand in the order of their numbers if their ids number the dialogue, else
    in that of the table.
    """
    dialogues: Dialogues = {}
    for row in sorted(rows, key=lambda row: natural_key(row.dialogue or "")):
        dialogues.setdefault(row.dialogue or "", []).append(row)
    return {dialogue: _in_time_order(own) for dialogue, own in dialogues.items()}


def _in_time_order(own: Sequence[TableRow]) -> list[TableRow]:
    numbers = {row.position: number for number, row in _numbering(own) if row.start is not None}
    return sorted(
        own, key=lambda row: (row.start or 0.0, numbers.get(row.position, 0), row.position)
    )


def remove_contradictions(
    dialogues: Dialogues, problems: list[str], notices: list[str]
) -> Dialogues:
    """Return the dialogues whose rows agree; each that do not is a problem.

    An utterance's number is a name: that it tells another order than starts or rows do is noticed.
    """
    agreeing, renumbered = {}, []
    for dialogue, own in dialogues.items():
        found = [*_differences(own), *_missing_starts(own)]
        problems += [f"dialogue {dialogue} {problem}" for problem in found]
        if not found:
            agreeing[dialogue] = own
            if (told := _out_of_number(own)) is not None:
                renumbered.append(f"dialogue {dialogue} has {told}")
    if renumbered:
        notices.append(
            "utterances are numbered in another order than their starts, or else the rows, stand "
            f"in, which is taken for the order in time: {shorten(renumbered)}."
        )
    return agreeing


def _differences(own: Sequence[TableRow]) -> list[str]:
    """Tell what differs among the rows of a dialogue, or of a speaker in it, and must not."""
    speakers: dict[str, list[TableRow]] = {}
    for row in own:
        speakers.setdefault(row.speaker, []).append(row)
    told = [
        _several(own, "session", "session", "give it one"),
        _several(own, "side", "split", "give it one"),
    ]
    remedy = "give each person a speaker of their own"
    for speaker, rows in speakers.items():
        told.append(_several(rows, "speaker_id", f"speaker_id for speaker {speaker}", remedy))
    return [problem for problem in told if problem is not None]


def _several(rows: Sequence[TableRow], name: str, what: str, remedy: str) -> str | None:
    """Tell of rows that have several values of a field; None where those that have it agree."""
    first: dict[str, str] = {}
    for row in rows:
        if getattr(row, name) is not None:
            first.setdefault(str(getattr(row, name)), row.source)
    if len(first) < 2:
        return None
    listed = "; ".join(f"{source}: {value}" for value, source in first.items())
    return f"has {len(first)} values of {what} ({listed}); {remedy}"


def _missing_starts(own: Sequence[TableRow]) -> list[str]:
    """Tell where starts are missing among others."""
    timed = any(row.start is not None for row in own)
    return [
        f"has times, but {row.source} has no start; fill it in or blank all of the dialogue"
        for row in own
        if timed and row.start is None
    ]


def _out_of_number(own: Sequence[TableRow]) -> str | None:
    """Tell of the first utterance whose number is below that of the one before, if there is one."""
    for (number, before), (next_number, after) in pairwise(_numbering(own)):
        if next_number < number:
            return (
                f"utterance {after.utterance} ({after.source}) after {before.utterance} "
                f"({before.source})"
            )
    return None


def _numbering(own: Sequence[TableRow]) -> list[tuple[int, TableRow]]:
    """Return each row's number if their ids number them without a gap, in any order, else none."""
    if not all(re.fullmatch("[0-9]{1,9}", row.utterance or "") for row in own):
        return []
    numbers = [int(row.utterance or 0) for row in own]
    if max(numbers) - min(numbers) >= len(own):
        return []
    return list(zip(numbers, own, strict=True))


def times_of(own: Sequence[TableRow], durations: Sequence[float]) -> list[tuple[float, float]]:
    """Return start and end of a dialogue's utterances in seconds.

    Without starts the utterances are laid end to end, one second for each without audio. Where
    only the end is missing, it is the start and the audio's length.
    """
    times, clock = [], 0.0
    for row, duration in zip(own, durations, strict=True):
        start, length = (clock, duration or 1.0) if row.start is None else (row.start, duration)
        clock = start + length
        times.append((start, clock if row.end is None else row.end))
    return times


def sessions_of(dialogues: Dialogues) -> dict[str, str]:
    """Return the session of each dialogue.

    It is as written; else what the dialogue's id tells, if that is one of KEMDy or IEMOCAP; else
    who speaks, where all dialogues are single utterances; else the dialogue itself.
    """
    single = all(len(own) == 1 for own in dialogues.values())
    return {
        dialogue: first.session
        or session_named_by(dialogue)
        or ((first.speaker_id or first.speaker) if single else dialogue)
        for dialogue, (first, *_) in dialogues.items()
    }


def speaker_ids(dialogues: Dialogues, notices: list[str]) -> dict[str, str | None]:
    """Return who speaks, by utterance id; None where the table does not tell.

    The speaker_id column tells it. Without one, the speaker's name does where dialogues are
    single utterances, or where no name occurs in two sessions. A name that does may be one person
    or a role such as ``F`` of several, so then nobody is identified.
    """
    rows = [row for own in dialogues.values() for row in own]
    if any(row.speaker_id for row in rows):
        return {row.id: row.speaker_id for row in rows}
    sessions = sessions_of(dialogues)
    places = {
        (row.speaker, sessions[dialogue]) for dialogue in dialogues for row in dialogues[dialogue]
    }
    # A session that an id tells has speakers that are roles there.
    single = len(dialogues) == len(rows) and not any(map(session_named_by, dialogues))
    if single or len(places) == len({speaker for speaker, _ in places}):
        return {row.id: row.speaker for row in rows}
    notices.append(
        "speaker names occur in several sessions, as persons or as roles: splits cannot keep "
        "speakers apart; name each person in a column speaker_id."
    )
    return dict.fromkeys((row.id for row in rows), None)
