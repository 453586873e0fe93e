"""Audio and transcript files of rated segments: which are missing, and what the texts say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from feature_extractor.corpora.problems import shorten
from feature_extractor.corpora.ratings import Segment
from feature_extractor.transcript import clean_transcript, read_transcript
from graph_er.errors import InputError

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
    """Return the rows that have both files; more than 5 % without is a problem."""
    missing = {
        row.id: path
        for row in rows
        for path in (locate(row, ".txt"), locate(row, ".wav"))
        if not path.is_file()
    }
    if len(missing) > _MAX_MISSING * len(rows):
        paths = shorten([str(path) for path in missing.values()], shown=5)
        problems.append(
            f"{len(missing)} of {len(rows)} utterances have no wav or txt file: {paths}; is the "
            "root right and the copy complete?"
        )
    elif missing:
        notices.append(
            f"{len(missing)} utterances without wav or txt dropped: {shorten([*missing])}."
        )
    return [row for row in rows if row.id not in missing]


def read_texts(
    rows: Sequence[Segment],
    locate: Locate[Segment],
    problems: list[str],
    clean: Callable[[str], str] = clean_transcript,
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
