"""The clean-up that an extractor's training texts had: what it is to read is cleaned alike."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from feature_extractor.corpora.iemocap_transcript import clean_words
from feature_extractor.corpora.meld_rows import repair
from feature_extractor.corpora.text_files import one_line
from feature_extractor.transcript import clean_transcript

# What the readers do to transcripts; all others are read as written.
_MARKED: dict[str, Callable[[str], str]] = {
    "demo": clean_transcript,
    "kemdy19": clean_transcript,
    "kemdy20": partial(clean_transcript, interjections=True),
    "iemocap": clean_words,
    "meld": repair,
}


def cleanup_of(corpus: str | None) -> Callable[[str], str]:
    """Return what cleans a text for an extractor that was trained on `corpus`.

    Checkpoints that do not name their corpus are from the time when all were in KEMDy19's format.
    """
    return _MARKED.get(corpus or "kemdy19", one_line)
