"""The clean-up that an extractor's training texts had: what it is to read is cleaned alike."""

from __future__ import annotations

from collections.abc import Callable
from pkgutil import resolve_name

from feature_extractor.corpora import CORPORA
from feature_extractor.corpora.text_files import one_line


def cleanup_of(corpus: str | None) -> Callable[[str], str]:
    """Return what cleans a text for an extractor that was trained on `corpus`.

    Checkpoints that do not name their corpus are from the time when all were in KEMDy19's format.
    """
    known = CORPORA.get(corpus or "kemdy19")
    return resolve_name(known.cleaner) if known else one_line
