"""A reproducible side for each sentence or talk, where a corpus publishes none for it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from graph_er.running.normal_form import normal_form

# Percent of the sentences; what is left is train.
_TEST, _DEV = 10, 10


def sentence_key(text: str) -> str:
    """Return what two spellings of one sentence share: letters and digits, without case.

    Blanks, punctuation and the way syllables are encoded do not make another sentence; a text
    without any letter or digit has the key ``""``.
    """
    folded = normal_form(text, "NFKC").casefold()
    return "".join(character for character in folded if character.isalnum())


def hashed_side(key: str) -> str:
    """Return the side of a sentence by its hash: about 80 % train, 10 % dev, 10 % test.

    It depends on nothing but the key, so a sentence keeps its side in any part of the corpus.
    """
    position = _number(key) % 100
    return "test" if position < _TEST else "dev" if position < _TEST + _DEV else "train"


def in_hashed_ninth(key: str) -> bool:
    """Return whether a training unit is among the ninth that the hash makes dev."""
    return _number(key) % 9 == 0


def ranked_sides(labels: Mapping[str, str]) -> dict[str, str]:
    """Return a side per sentence key: of each label's sentences 10 % test, 10 % dev, rest train.

    The sentences of a label are ranked by their hashes, so that small sets divide exactly.

    Args:
        labels: label by sentence key.
    """
    by_label: dict[str, list[str]] = {}
    for key in sorted(labels, key=_digest):
        by_label.setdefault(labels[key], []).append(key)
    sides = {}
    for keys in by_label.values():
        num_test, num_dev = (round(len(keys) * percent / 100) for percent in (_TEST, _DEV))
        for rank, key in enumerate(keys):
            in_dev = rank < num_test + num_dev
            sides[key] = "test" if rank < num_test else "dev" if in_dev else "train"
    return sides


def _number(key: str) -> int:
    return int.from_bytes(_digest(key)[:8], "big")


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8")).digest()
