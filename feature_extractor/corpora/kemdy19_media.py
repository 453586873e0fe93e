"""KEMDy19's audio and transcript files: where they lie, which are missing, what they say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from feature_extractor.corpora.kemdy19_annotation import AnnotationRow
from feature_extractor.corpora.problems import shorten
from feature_extractor.transcript import clean_transcript, read_transcript
from graph_er.errors import InputError

# Seven segments of the released corpus lack a file; more than a few mean a wrong or partial copy.
_MAX_MISSING = 0.05


def media_path(root: Path, row: AnnotationRow, suffix: str) -> Path:
    """Return where an utterance's ``.wav`` or ``.txt`` lies."""
    session = row.session.replace("Sess", "Session")
    return root / "wav" / session / row.dialogue / f"{row.id}{suffix}"


def remove_missing(
    rows: Sequence[AnnotationRow], root: Path, problems: list[str], notices: list[str]
) -> list[AnnotationRow]:
    """Return the rows that have both files; more than 5 % without is a problem."""
    missing = {
        row.id: path
        for row in rows
        for path in (media_path(root, row, ".txt"), media_path(root, row, ".wav"))
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


def read_texts(rows: Sequence[AnnotationRow], root: Path, problems: list[str]) -> list[str]:
    """Return the clean text of each row, ``[N]``; an unreadable file is a problem."""
    texts = []
    for row in rows:
        try:
            texts.append(clean_transcript(read_transcript(media_path(root, row, ".txt"))))
        except InputError as error:
            problems.append(str(error))
            texts.append("")
    return texts
