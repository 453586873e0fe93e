from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from feature_extractor.splits.splitting import Split
from feature_extractor.survey.sides import (
    divide,
    modalities,
    shared_speakers,
    shared_texts,
    side_figures,
)
from feature_extractor.utterance import Corpus, Utterance

# Dialogue, speaker, text, emotion.
TURNS = [
    ("d1", "Kim", "그래, 가자!", "sad"),
    ("d1", "Lee", "", "happy"),
    ("d2", "Park", "아니", "sad"),
    ("d3", "Kim", "그래 가자", "sad"),
    ("d3", "Choi", "", "sad"),
    ("d3", "Choi", "정말?", "happy"),
    ("d3", "Choi", "그래   가자…", "happy"),
    ("d4", "Oh", "응", "happy"),
]


def corpus(named=True):
    return Corpus(
        "table",
        ("sad", "happy", "fear"),
        tuple(
            Utterance(
                id=f"u{number}",
                session=dialogue,
                dialogue=dialogue,
                speaker=speaker[0],
                start=float(number),
                end=number + 1.0,
                wav=None,
                duration=0.5,
                text=text,
                emotion=emotion,
                speaker_id=speaker if named else None,
            )
            for number, (dialogue, speaker, text, emotion) in enumerate(TURNS)
        ),
    )


SPLIT = Split("official", train=("d1",), dev=("d2",), test=("d3",), left_out=("d4",))


def test_every_utterance_is_counted_on_its_side_and_in_all():
    parts = divide(corpus(), SPLIT)
    found = {name: [u.id for u in part] for name, part in parts.items()}
    assert found == {
        "train": ["u0", "u1"],
        "dev": ["u2"],
        "test": ["u3", "u4", "u5", "u6"],
        "left_out": ["u7"],
        "all": [f"u{number}" for number in range(8)],
    }
    assert list(divide(corpus(), None)) == ["all"]


def test_figures_of_a_side():
    figures = side_figures(divide(corpus(), SPLIT)["test"], corpus().emotions)
    assert figures == {
        "dialogues": 1,
        "utterances": 4,
        "speakers": 2,
        "seconds": 2.0,
        "emotions": {"sad": 2, "happy": 2, "fear": 0},
    }
    assert side_figures(corpus(named=False).utterances, ("sad",))["speakers"] is None


def test_speakers_on_two_sides_are_named_for_each_two():
    assert shared_speakers(divide(corpus(), SPLIT)) == {
        "train/dev": [],
        "train/test": ["Kim"],
        "dev/test": [],
    }
    assert set(map(tuple, shared_speakers(divide(corpus(named=False), SPLIT)).values())) == {()}


def test_texts_are_shared_whatever_their_blanks_and_punctuation_empty_ones_never():
    assert shared_texts(divide(corpus(), SPLIT)) == {
        "utterances": 3,
        "seen": 2,
        "share": pytest.approx(2 / 3),
        "texts": 2,
        "texts_seen": 1,
    }
    assert shared_texts(divide(corpus(), None)) is None


def test_modalities_are_those_that_every_side_has():
    assert modalities(divide(corpus(), SPLIT)) == "t"
    parts = divide(corpus(), SPLIT)
    heard = {
        side: [replace(part[0], wav=Path("x.wav"), text=""), *part[1:]]
        for side, part in parts.items()
        if part
    }
    assert modalities(heard) == "a"  # the one text of dev is gone
    assert modalities(divide(corpus(), None)) == "t"
