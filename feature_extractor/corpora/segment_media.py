"""Rated segments and their audio and transcript files as utterances; which files are missing."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

from feature_extractor.audio import probe_durations
from feature_extractor.corpora.problems import shorten
from feature_extractor.corpora.ratings import MultiLabel, Segment
from feature_extractor.corpora.row_checks import tell_no_file, too_many_missing
from feature_extractor.transcript import clean_transcript, read_transcript
from feature_extractor.utterance import Utterance
from graph_er.errors import InputError
from graph_er.running.counted import counted

# Seven segments of the released KEMDy19 lack a file; more than a few mean a partial copy.
_MAX_MISSING = 0.05

# Returns where a segment's ".wav" or ".txt" lies.
Locate = Callable[[Segment, str], Path]


def remove_missing(
    rows: Sequence[Segment],
    locate: Locate[Segment],
    problems: list[str],
    notices: list[str],
) -> list[Segment]:
    """Return the rows that have both files.

    Too many without are a problem, and so is what stands in the place of a file and is none.
    """
    missing = {
        row.id: path
        for row in rows
        for path in (locate(row, ".txt"), locate(row, ".wav"))
        if not path.is_file()
    }
    for path in missing.values():
        tell_no_file(path, problems)
    if too_many_missing(len(missing), len(rows), _MAX_MISSING):
        paths = shorten([str(path) for path in missing.values()], shown=5)
        problems.append(
            f"{len(missing)} of {len(rows)} utterances have no wav or txt file: {paths}; is the "
            "root right and the copy complete?"
        )
    elif missing:
        notices.append(
            f"{counted(len(missing), 'utterance')} "
            f"without wav or txt dropped: {shorten([*missing])}."
        )
    return [row for row in rows if row.id not in missing]


def read_utterances(
    rows: Sequence[Segment],
    locate: Locate[Segment],
    multi_label: MultiLabel,
    problems: list[str],
    clean: Callable[[str], str] = clean_transcript,
) -> list[Utterance]:
    """Return an utterance for each row whose text and audio can be read.

    Args:
        rows: those that have both files.
        locate: where they lie.
        multi_label: see `RatedSegment.label_shares`.
        problems: receives one message for each file that cannot be read.
        clean: what becomes of a transcript.
    """
    texts = _read_texts(rows, locate, problems, clean)
    wavs = [locate(row, ".wav") for row in rows]
    durations, unreadable = probe_durations(wavs)
    problems += unreadable
    return [
        Utterance(
            id=row.id,
            session=row.session,
            dialogue=row.dialogue,
            speaker=row.speaker,
            start=row.start,
            end=row.end,
            wav=wav,
            duration=duration,
            text=text,
            emotion=row.emotions[0],
            soft_label=row.label_shares(multi_label),
            valence=row.valence,
            arousal=row.arousal,
            part=row.part,
            speaker_id=row.speaker_id,
        )
        for row, wav, duration, text in zip(rows, wavs, durations, texts, strict=True)
        if text is not None and not math.isnan(duration)
    ]


def _read_texts(
    rows: Sequence[Segment],
    locate: Locate[Segment],
    problems: list[str],
    clean: Callable[[str], str],
) -> list[str | None]:
    """Return the clean text of each row, ``[N]``; an unreadable file is a problem and None."""
    texts: list[str | None] = []
    for row in rows:
        try:
            texts.append(clean(read_transcript(locate(row, ".txt"))))
        except InputError as error:
            problems.append(str(error))
            texts.append(None)
    return texts
