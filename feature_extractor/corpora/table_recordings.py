"""Rows of a user's own table that are parts of one longer recording, each from start to end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from feature_extractor.corpora.problems import shorten
from feature_extractor.corpora.table_rows import TableRow
from graph_er.running.counted import counted

# Annotation tools round, and may hear a last turn a little past the end.
ROUNDING = 0.5
# Seconds; a longer file that several rows name is no clip that was said again.
LONGEST_CLIP = 30.0
_SHOWN = 5

Span = tuple[float, float]


def recording_spans(
    rows: Sequence[TableRow], lengths: Sequence[float | None], problems: list[str]
) -> dict[str, Span]:
    """Find the rows that are parts of a recording.

    They are where several rows, of one dialogue or of more, name one file and lie within it, by
    their starts and ends, and are not all as long as it is; likewise a single row of less than half
    of a file that is longer than a clip. Elsewhere a row has a clip of its own, and `start` is a
    time of the dialogue: a clip may be said again, too.

    Args:
        rows: with ids and dialogues.
        lengths: seconds of each row's file, ``[N]``; None where it is unreadable.
        problems: receives one message for each file that several rows share as they would share a
            recording, where times are missing or outside of it.

    Returns:
        Begin and end in the file, seconds, by id.
    """
    spans: dict[str, Span] = {}
    for path, length, own, found in _recordings(rows, lengths):
        missing = [f"{row.source} ({_times(row)})" for row in own if row.id not in found]
        if missing:
            problems.append(
                f"{path}: {length:.2f} s, which {len(own)} rows share, but no start and end within "
                f"it in {shorten(missing, _SHOWN)}; give both in every row, in seconds of that "
                "file, or each row a file of its own, or blank wav"
            )
        else:
            spans |= found
    return spans


def refuse_recordings(
    rows: Sequence[TableRow], lengths: Sequence[float | None], problems: list[str]
) -> list[TableRow]:
    """Return the rows whose audio is a file of their own; each recording is a problem.

    Args:
        rows: with ids and dialogues.
        lengths: seconds of each row's file, ``[N]``; None where it is unreadable.
        problems: receives one message for each recording.
    """
    parts: set[str] = set()
    for path, length, own, _ in _recordings(rows, lengths):
        listed = shorten([f"{row.source} ({_times(row)})" for row in own], _SHOWN)
        are = counted(len(own), "row is a part", "rows are parts")
        problems.append(
            f"{path}: {length:.2f} s, of which {are}: {listed}; here every utterance needs a file "
            " of its own: cut them out and name those, or blank wav"
        )
        parts |= {row.id for row in own}
    return [row for row in rows if row.id not in parts]


def depends_on_others(start: float, end: float, length: float) -> bool:
    """Tell whether a row is a part of its file beside other parts, but a clip if it is alone.

    Args:
        start: as written, seconds.
        end: likewise.
        length: of the file, seconds.
    """
    span = _span(start, end, length)
    return span is not None and _are_parts([span] * 2, length) != _are_parts([span], length)


def _recordings(
    rows: Sequence[TableRow], lengths: Sequence[float | None]
) -> Iterator[tuple[Path, float, list[TableRow], dict[str, Span]]]:
    """Give each recording, its seconds, its rows, and the spans of those that lie within it."""
    shared: dict[Path, list[TableRow]] = {}
    seconds: dict[Path, float] = {}
    for row, length in zip(rows, lengths, strict=True):
        if row.wav is not None and length is not None:
            shared.setdefault(row.wav, []).append(row)
            seconds[row.wav] = length
    for path, own in shared.items():
        length = seconds[path]
        found = {row.id: span for row in own if (span := _span(row.start, row.end, length))}
        whole = len(found) == len(own)
        if _are_parts([*found.values()], length) if whole else _is_shared(own, length):
            yield path, length, own, found


def _span(start: float | None, end: float | None, length: float) -> Span | None:
    """Return begin and end of a row in a file of that length, or None where it is not in it."""
    if start is None or end is None or end > length + ROUNDING:
        return None
    end = min(end, length)
    return (start, end) if start < end else None


def _are_parts(spans: Sequence[Span], length: float) -> bool:
    shortest = min(end - begin for begin, end in spans)
    if len(spans) > 1:  # of a short recording the rounding would be most
        return shortest < length - min(ROUNDING, length / 4)
    return length > LONGEST_CLIP and shortest < length / 2


def _is_shared(own: Sequence[TableRow], length: float) -> bool:
    """Tell whether a file that rows share is no clip: it is long, or would sound over itself."""
    return len(own) > 1 and (length > LONGEST_CLIP or _overlap(own, length))


def _overlap(own: Sequence[TableRow], length: float) -> bool:
    """Tell whether rows of one dialogue begin at several places within their file."""
    starts: dict[str | None, set[float | None]] = {}
    for row in own:
        # Where every row is a dialogue of its own, nobody told dialogues apart.
        dialogue = None if row.dialogue == row.id else row.dialogue
        starts.setdefault(dialogue, set()).add(row.start)
    return any(
        len(found) > 1 and all(start is not None and start < length for start in found)
        for found in starts.values()
    )


def _times(row: TableRow) -> str:
    start, end = ("?" if time is None else f"{time:g}" for time in (row.start, row.end))
    return f"{start} to {end} s"
