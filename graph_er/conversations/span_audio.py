"""Parts of a recording, decoded as decoding all of it decodes them, up to rounding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile

from feature_extractor.audio import ForwardFile

# Samples per channel that are decoded at a time.
_BLOCK = 1 << 16
_RUN_UP = 1.5  # seconds

Span = tuple[float, float]


def span_samples(file: soundfile.SoundFile, span: Span) -> tuple[int, int]:
    """Return the first sample of a span, given in seconds, and the one after its last."""
    begin, end = span
    first = min(round(begin * file.samplerate), file.frames - 1)
    return first, min(first + max(1, round((end - begin) * file.samplerate)), file.frames)


def span_blocks(path: Path, spans: Sequence[Span]) -> Iterator[tuple[int, np.ndarray]]:
    """Decode spans block by block, so that their length and the file's do not matter.

    Where a file can only be read on from its beginning, that is done once for all spans together,
    as it is for several spans of an MP3.

    Args:
        path: an audio file.
        spans: begin and end in seconds; they may overlap.

    Yields:
        The number of a span, and the next of its samples, float32 ``[samples, channels]``. A span
        that begins after the file's end gives none.

    Raises:
        soundfile.SoundFileError: the file cannot be decoded there.
    """
    with ForwardFile(str(path)) as file:
        places = [span_samples(file, span) for span in spans]
        # After a seek libmpg123 lacks the bytes that MP3 codes in frames before, and may print so.
        if not file.can_seek or (file.subtype.startswith("MPEG_") and len(spans) > 1):
            yield from _divided(file, places)
            return
    for number, (first, end) in enumerate(places):
        with ForwardFile(str(path)) as file:  # a second seek in one Ogg file may miss its place
            begin = max(0, first - _run_up(file))
            if begin:
                file.seek(begin)
            for place, block in _blocks(file, begin, end):
                if len(part := block[max(0, first - place) :]):
                    yield number, part


def _run_up(file: soundfile.SoundFile) -> int:
    """Return after how many samples decoding from anywhere has become as decoding all of it.

    A frame of MP3 is coded in bytes of up to nine frames before it, of 1152 samples or fewer each.
    In Ogg, a seek into the last page misses its place; Opus comes to within a thousandth.
    """
    again = file.subtype.startswith("MPEG_") or file.format == "OGG"
    return round(_RUN_UP * file.samplerate) if again else 0


def _divided(
    file: ForwardFile, places: Sequence[tuple[int, int]]
) -> Iterator[tuple[int, np.ndarray]]:
    for begin, block in _blocks(file, 0, max((end for _, end in places), default=0)):
        for number, (first, end) in enumerate(places):
            part = block[max(0, first - begin) : max(0, end - begin)]
            if len(part):
                yield number, part


def _blocks(file: ForwardFile, place: int, end: int) -> Iterator[tuple[int, np.ndarray]]:
    """Read on from `place`; give the place of each block, and the block."""
    while place < end and len(
        block := file.read(min(end - place, _BLOCK), dtype="float32", always_2d=True)
    ):
        yield place, block
        place += len(block)
