"""One long recording of which turns are parts: checking their times, and cutting them out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile

from feature_extractor.audio import probe_audio
from feature_extractor.corpora.table_recordings import ROUNDING
from feature_extractor.corpora.table_rows import TableRow
from graph_er.conversations.span_audio import span_blocks, span_samples
from graph_er.conversations.turns import Turn
from graph_er.errors import InputError

# Spans may all overlap, and a system lets only some hundred files be open.
_OPEN_AT_ONCE = 100


@dataclass(frozen=True)
class Recording:
    """A recording.

    Attributes:
        path: an audio file, absolute.
        duration: its seconds.
    """

    path: Path
    duration: float

    def cell(self, cells: Mapping[str, str]) -> str:
        """Return the audio file of a row.

        Raises:
            InputError: the row names one of its own, or lacks its times.
        """
        if cells.get("wav"):
            raise InputError(
                f"wav {cells['wav']!r} beside --recording; blank the column or leave the option out"
            )
        for name in ("start", "end"):
            if not cells.get(name):
                raise InputError(f"no {name}; with --recording every turn needs start and end")
        return str(self.path)

    def spans(
        self, rows: Sequence[TableRow], problems: list[str]
    ) -> dict[str, tuple[float, float]]:
        """Return begin and end of rows by id; times that are not in the recording are problems."""
        spans = {}
        for row in rows:
            start, end = row.start or 0.0, row.end or 0.0
            if end <= start:
                problems.append(f"{row.source}: end {end} is not after start {start}; correct them")
            elif start >= self.duration or end > self.duration + ROUNDING:
                problems.append(
                    f"{row.source}: {start} to {end} s, but {self.path.name} ends at "
                    f"{self.duration:.2f} s; correct the times or name the right --recording"
                )
            else:
                spans[row.id] = start, min(end, self.duration)
        return spans


def open_recording(path: Path) -> Recording:
    """Read the header of a recording.

    Raises:
        InputError: as `feature_extractor.audio.probe_audio`.
    """
    duration = probe_audio(path).duration
    return Recording(path.resolve(), duration)


def cut_turns(turns: Sequence[Turn], folder: Path) -> list[Turn]:
    """Write the spans of turns as files into `folder`; turns without a span stay as they are.

    They are decoded block by block, so that the length of the recording does not matter.

    Raises:
        InputError: a recording cannot be read there, or `folder` cannot be written to.
    """
    cut = list(turns)
    spans: dict[Path | None, dict[Path, Turn]] = {}
    for number, turn in enumerate(turns):
        if turn.span is not None:
            out = folder / f"{number}.wav"
            spans.setdefault(turn.wav, {})[out] = turn
            cut[number] = replace(turn, wav=out, span=None)
    for own in spans.values():
        parts = list(own.items())
        for begin in range(0, len(parts), _OPEN_AT_ONCE):
            _cut(*zip(*parts[begin : begin + _OPEN_AT_ONCE], strict=True))
    return cut


def named_audio(turn: Turn) -> str:
    """Return whose audio it is and where it lies, for messages."""
    row = turn.source or f"utterance {turn.id}"
    if turn.span is None:
        return f"{row}: {turn.wav}"
    return f"{row}: {turn.wav}: {turn.span[0]:.2f} to {turn.span[1]:.2f} s"


@contextmanager
def _no_room_told(out: Path) -> Iterator[None]:
    """Tell a part that cannot be written from a recording that cannot be read."""
    try:
        yield
    except (soundfile.SoundFileError, OSError, AssertionError) as error:  # the last: a part alone
        raise InputError(
            f"{out.parent}: a part of the recording cannot be written there ({error}); free some "
            "disk, or have TMPDIR name a folder with room"
        ) from error


def _cut(outs: Sequence[Path], turns: Sequence[Turn]) -> None:
    """Write the spans of turns of one recording."""
    where = [named_audio(turn) for turn in turns]
    path, spans = Path(str(turns[0].wav)), [turn.span for turn in turns if turn.span is not None]
    begun: dict[int, soundfile.SoundFile] = {}
    try:
        source = soundfile.info(str(path))
        # Float keeps the samples as the whole file's would be decoded.
        form = (source.samplerate, source.channels, "FLOAT")
        with ExitStack() as targets:
            for number, block in span_blocks(path, spans):
                if not np.isfinite(block).all():
                    raise InputError(f"{where[number]}: NaN or infinite samples; convert the file")
                first, end = span_samples(source, spans[number])
                with _no_room_told(outs[number]):
                    if number not in begun:
                        out = soundfile.SoundFile(str(outs[number]), "w", *form)
                        begun[number] = targets.enter_context(out)
                    begun[number].write(block)
                    if begun[number].frames >= end - first:
                        begun[number].close()
    except (soundfile.SoundFileError, OSError) as error:
        (turn, *_) = [told for number, told in enumerate(where) if number not in begun] or where
        raise InputError(f"{turn}: no readable audio ({error}); restore the file") from error
    for number, told in enumerate(where):
        if number not in begun:
            raise InputError(f"{told}: the audio ends before; restore the file")
