"""What a complete KEMDy19 holds, to be shown beside what was found."""

from __future__ import annotations

from collections import Counter

from feature_extractor.utterance import Corpus

# Version v1_3; speaker's own rows, tied labels dropped, segments without wav or txt left out.
KEMDY19_COUNTS = {
    "sessions": 20,
    "dialogues": 200,
    "utterances": 9627,
    "neutral": 3835,
    "angry": 1844,
    "happy": 1404,
    "surprise": 997,
    "sad": 768,
    "fear": 384,
    "disgust": 395,
}


def expected_counts(
    corpus: Corpus, *, labels_of: str = "speaker", multi_label: str = "drop"
) -> list[tuple[str, int, int | None]]:
    """Return (name, found, expected) for sessions, dialogues, utterances and each emotion.

    Args:
        corpus: any corpus; only one named ``kemdy19`` has expected counts.
        labels_of: whose labels were read; see `read_kemdy19`.
        multi_label: how ties were resolved. Utterances and emotions are known for the default
            reading only; under another one their expected count is None.
    """
    default = (labels_of, multi_label) == ("speaker", "drop")
    known = KEMDY19_COUNTS if corpus.name == "kemdy19" else {}
    emotions = Counter(utterance.emotion for utterance in corpus.utterances)
    layout = {"sessions": len(corpus.sessions), "dialogues": len(corpus.dialogues())}
    labelled = {"utterances": len(corpus.utterances)}
    labelled |= {emotion: emotions[emotion] for emotion in corpus.emotions}
    rows = [(name, found, known.get(name)) for name, found in layout.items()]
    return rows + [
        (name, found, known.get(name) if default else None) for name, found in labelled.items()
    ]


def counts_line(counts: list[tuple[str, int, int | None]]) -> str:
    """Return the counts as one readable line; expected ones in brackets where they are known."""
    parts = [
        f"{name} {found:,}" + ("" if expected is None else f" (expected {expected:,})")
        for name, found, expected in counts
    ]
    return "counts: " + "; ".join(parts)
