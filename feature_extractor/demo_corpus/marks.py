"""KEMDy19's transcript marks: what an annotator heard beside the words.

Noise marks (``b/`` breath, ``o/`` other voice, ``n/`` noise, ``l/`` filler, ``u/`` unintelligible,
``N/`` long noise, ``c/`` no pause, ``s/``) and parentheses, ``(X+X) X`` for a stutter and
``X (Y)`` for an extra word, at about the rates counted in KEMDy19's 10,279 speaker utterances.
"""

from __future__ import annotations

import numpy as np

_MARK_RATES = {
    "b/": 0.210,
    "o/": 0.155,
    "n/": 0.073,
    "l/": 0.064,
    "u/": 0.051,
    "N/": 0.011,
    "c/": 0.005,
    "s/": 0.004,
}
_AT_START, _AT_END = 0.29, 0.15  # the rest stands inside
_STUTTER_RATE, _EXTRA_WORD_RATE = 0.10, 0.06
_EXTRA_WORDS = ("그", "막", "뭐", "어", "이제", "저기")


def annotate(text: str, rng: np.random.Generator) -> str:
    """Return a line as KEMDy19's transcribers would have written it, marks included."""
    words = text.split()
    chance = rng.random()
    at = int(rng.integers(len(words)))
    if chance < _STUTTER_RATE:
        words.insert(at, f"({words[at][0]}+{words[at][0]})")
    elif chance < _STUTTER_RATE + _EXTRA_WORD_RATE:
        words.insert(at + 1, f"({_EXTRA_WORDS[int(rng.integers(len(_EXTRA_WORDS)))]})")
    for mark, rate in _MARK_RATES.items():
        if rng.random() < rate:
            words.insert(_mark_position(len(words), rng), mark)
    return " ".join(words)


def _mark_position(num_words: int, rng: np.random.Generator) -> int:
    """Index at which a mark is inserted: before all words, after all, or between two."""
    chance = rng.random()
    if chance < _AT_START:
        return 0
    if chance < _AT_START + _AT_END or num_words < 2:
        return num_words
    return int(rng.integers(1, num_words))
