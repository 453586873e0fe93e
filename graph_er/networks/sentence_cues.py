"""Cues in the form of a transcript that a sentence vector loses: punctuation, length, laughter."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

# One count each. The last two are how Korean writes laughing and crying.
_CUES = tuple(
    re.compile(pattern)
    for pattern in (r"\S+", r"!", r"\?", r"\.{2,}|…", r",", r"~", r"[A-Z]", r"[ㅋㅎ]", r"[ㅠㅜ]")
)
NUM_CUES = len(_CUES)


def sentence_cues(sentences: Sequence[str]) -> np.ndarray:
    """Return ``log(1 + count)`` of words and marks of each sentence, float32 ``[U, NUM_CUES]``."""
    counts = [[len(cue.findall(sentence)) for cue in _CUES] for sentence in sentences]
    return np.log1p(np.array(counts, dtype=np.float32).reshape(len(sentences), NUM_CUES))
