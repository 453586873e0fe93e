"""What the sides of a split share although they should not: speakers, read sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from feature_extractor.corpora.problems import shorten
from feature_extractor.utterance import Corpus
from graph_er.running.counted import counted
from graph_er.schema.splits import natural_key

_SHOWN = 5


def shared_between_sides(
    corpus: Corpus, sides: Mapping[str, str], what: Literal["speaker_id", "sentence"]
) -> list[str]:
    """Return the speakers or sentences that stand on more than one side, in natural order.

    Args:
        corpus: where they are from.
        sides: the side of each dialogue that is on one.
        what: the field of an utterance to look at; None there is nobody and nothing.
    """
    found: dict[str, set[str]] = {}
    for utterance in corpus.utterances:
        name, side = getattr(utterance, what), sides.get(utterance.dialogue)
        if name is not None and side is not None:
            found.setdefault(name, set()).add(side)
    return sorted((name for name, on in found.items() if len(on) > 1), key=natural_key)


_SHARED: tuple[tuple[Literal["speaker_id", "sentence"], str], ...] = (
    ("speaker_id", "speaker"),
    ("sentence", "sentence"),
)


def warnings_about(corpus: Corpus, sides: Mapping[str, str]) -> tuple[str, ...]:
    """Return one readable line for each way in which the sides of a split are not apart."""
    warnings = []
    unnamed = sum(u.speaker_id is None for u in corpus.utterances if u.dialogue in sides)
    if unnamed:
        warnings.append(
            f"{counted(unnamed, 'utterance does', 'utterances do')} "
            "not tell who speaks: the same voice may be on several sides."
        )
    for what, name in _SHARED:
        shared = shared_between_sides(corpus, sides, what)
        if shared:
            listed = shorten(shared, shown=_SHOWN)
            told = counted(len(shared), f"{name} is", f"{name}s are")
            warnings.append(f"{told} on more than one side: {listed}.")
    return tuple(warnings)
