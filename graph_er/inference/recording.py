"""One long recording of which turns are parts: checking their times, and cutting them out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile

from feature_extractor.audio import probe_audio
from feature_extractor.corpora.table_rows import TableRow
from graph_er.errors import InputError
from graph_er.inference.turns import Turn

# Annotation tools round, and may hear a last turn a little past the end.
_TOLERANCE = 0.5
_BLOCK = 1 << 16


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

    def length_of(self, row: TableRow, problems: list[str]) -> float | None:
        """Return the seconds of a row's audio, or None where its times are not in the recording."""
        start, end = row.start or 0.0, row.end or 0.0
        if end <= start:
            problems.append(f"{row.source}: end {end} is not after start {start}; correct them")
        elif start >= self.duration or end > self.duration + _TOLERANCE:
            problems.append(
                f"{row.source}: {start} to {end} s, but {self.path.name} ends at "
                f"{self.duration:.2f} s; correct the times or name the right --recording"
            )
        else:
            return min(end, self.duration) - start
        return None


def open_recording(path: Path) -> Recording:
    """Read the header of a recording.

    Raises:
        InputError: as `feature_extractor.audio.probe_audio`.
    """
    duration = probe_audio(path).duration
    return Recording(path.resolve(), duration)


def cut_turns(turns: Sequence[Turn], folder: Path) -> list[Turn]:
    """Write the spans of turns as files into `folder`; turns without a span stay as they are.

    Only the spans are read, so that the length of the recording does not matter.

    Raises:
        InputError: a recording cannot be read there.
    """
    return [
        turn if turn.span is None else _cut(turn, folder / f"{number}.wav")
        for number, turn in enumerate(turns)
    ]


def _cut(turn: Turn, out: Path) -> Turn:
    assert turn.span is not None
    begin, end = turn.span
    where = f"{turn.source}: {turn.wav}: {begin:.2f} to {end:.2f} s"
    try:
        with soundfile.SoundFile(str(turn.wav)) as source:
            first = min(round(begin * source.samplerate), source.frames - 1)
            left = max(1, round((end - begin) * source.samplerate))
            source.seek(first)
            # Float keeps the samples as the whole file's would be decoded.
            form = (source.samplerate, source.channels, "FLOAT")
            with soundfile.SoundFile(str(out), "w", *form) as target:
                while left > 0 and len(block := source.read(min(left, _BLOCK), dtype="float32")):
                    if not np.isfinite(block).all():
                        raise InputError(f"{where}: NaN or infinite samples; convert the file")
                    target.write(block)
                    left -= len(block)
                if not target.frames:
                    raise InputError(f"{where}: the audio ends before; restore the file")
    except (soundfile.SoundFileError, OSError) as error:
        raise InputError(f"{where}: no readable audio ({error}); restore the file") from error
    return replace(turn, wav=out, span=None)
