"""How much a corpus holds beside how much a complete copy of it holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from feature_extractor.utterance import Corpus

# Name, found, and expected or None where that is not known.
Count = tuple[str, int, int | None]


def compare_counts(corpus: Corpus, known: Mapping[str, int]) -> list[Count]:
    """Count sessions, dialogues, utterances and the utterances of each emotion.

    Args:
        corpus: what was read.
        known: the expected counts by these names, as far as they are known.
    """
    emotions = Counter(utterance.emotion for utterance in corpus.utterances)
    found = {
        "sessions": len(corpus.sessions),
        "dialogues": len(corpus.dialogues()),
        "utterances": len(corpus.utterances),
        **{emotion: emotions[emotion] for emotion in corpus.emotions},
    }
    return [(name, number, known.get(name)) for name, number in found.items()]


def counts_line(counts: Sequence[Count]) -> str:
    """Return the counts as one readable line; expected ones in brackets where they are known."""
    parts = [
        f"{name} {found:,}" + ("" if expected is None else f" (expected {expected:,})")
        for name, found, expected in counts
    ]
    return "counts: " + "; ".join(parts)
