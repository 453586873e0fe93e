"""Figures of a split: labels on each side, and what the sides share though they should not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from typing import Any

from feature_extractor.corpora.hashed_sides import sentence_key
from feature_extractor.splits.splitting import SIDES, Split
from feature_extractor.utterance import Corpus, Utterance

LEFT_OUT = "left_out"
ALL = "all"


def divide(corpus: Corpus, split: Split | None) -> dict[str, list[Utterance]]:
    """Return the utterances of each side, those on none, and all; with no split only all."""
    parts: dict[str, list[Utterance]] = {}
    if split is not None:
        names = split.by_dialogue()
        parts = {side: [] for side in (*SIDES, LEFT_OUT)}
        for utterance in corpus.utterances:
            parts[names.get(utterance.dialogue, LEFT_OUT)].append(utterance)
    return parts | {ALL: list(corpus.utterances)}


def side_figures(utterances: Sequence[Utterance], emotions: Sequence[str]) -> dict[str, Any]:
    """Return the numbers of dialogues, utterances, speakers, seconds of audio and labels.

    ``speakers`` is None where no utterance names one, as where there is none.
    """
    labels = Counter(u.emotion for u in utterances)
    named = {u.speaker_id for u in utterances if u.speaker_id is not None}
    return {
        "dialogues": len({u.dialogue for u in utterances}),
        "utterances": len(utterances),
        "speakers": len(named) if named else None,
        "seconds": sum(u.duration for u in utterances),
        "emotions": {emotion: labels[emotion] for emotion in emotions},
    }


def modalities(parts: dict[str, list[Utterance]]) -> str:
    """Return what every side has, so that a model of it can be trained, chosen and scored.

    ``a`` stands for audio, ``t`` for texts that are not empty; without a split all counts.
    """
    sides = [parts[side] for side in SIDES if side in parts] or [parts[ALL]]
    has = {
        "a": all(any(u.wav is not None for u in side) for side in sides),
        "t": all(any(u.text for u in side) for side in sides),
    }
    return "".join(letter for letter, there in has.items() if there)


def shared_speakers(parts: dict[str, list[Utterance]]) -> dict[str, list[str]]:
    """Return the speakers on both of two sides, for each two, e.g. ``train/test``."""
    speakers = {
        side: {u.speaker_id for u in parts[side] if u.speaker_id is not None}
        for side in SIDES
        if side in parts
    }
    return {
        f"{one}/{other}": sorted(speakers[one] & speakers[other])
        for one, other in combinations(speakers, 2)
    }


def shared_texts(parts: dict[str, list[Utterance]]) -> dict[str, Any] | None:
    """Return how many texts of the test side a model has read in training; None without a split.

    Returns:
        ``utterances`` of test that have a text, ``seen`` of them in train, ``share`` (0 to 1), and
        the same of different texts: ``texts``, ``texts_seen``. Texts are compared without regard
        to blanks, punctuation, case and Unicode form.
    """
    if "test" not in parts:
        return None
    train = {sentence_key(u.text) for u in parts["train"]}
    test = [key for u in parts["test"] if (key := sentence_key(u.text))]
    seen = [key for key in test if key in train]
    return {
        "utterances": len(test),
        "seen": len(seen),
        "share": len(seen) / len(test) if test else 0.0,
        "texts": len(set(test)),
        "texts_seen": len(set(seen)),
    }
