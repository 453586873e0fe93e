from __future__ import annotations

import pytest

from graph_er.errors import InputError
from graph_er.schema.emotions import (
    DATASET_EMOTIONS,
    KEMDY_EMOTIONS,
    MODALITIES,
    MODALITY_NAMES,
    normalise_emotion,
)


def test_the_order_of_kemdys_labels_is_fixed():
    assert KEMDY_EMOTIONS == ("neutral", "angry", "happy", "surprise", "sad", "fear", "disgust")
    assert DATASET_EMOTIONS["kemdy19"] == KEMDY_EMOTIONS


@pytest.mark.parametrize("name", KEMDY_EMOTIONS)
def test_the_seven_names_are_their_own_normal_form(name):
    assert normalise_emotion(name) == name
    assert normalise_emotion(f" {name.upper()}\n") == name


@pytest.mark.parametrize(
    ("written", "meant"),
    [("disqust", "disgust"), ("Anger", "angry"), ("슬픔", "sad"), ("중립", "neutral")],
)
def test_other_spellings(written, meant):
    assert normalise_emotion(written) == meant


@pytest.mark.parametrize("name", ["", "joyful", "happy;sad"])
def test_unknown_names_are_told_with_the_known_ones(name):
    with pytest.raises(InputError, match=r"unknown emotion '.*neutral, angry"):
        normalise_emotion(name)


@pytest.mark.parametrize("names", DATASET_EMOTIONS.values())
def test_no_data_set_names_an_emotion_twice(names):
    assert len(set(names)) == len(names)


def test_every_modality_letter_has_a_name():
    assert tuple(MODALITY_NAMES) == MODALITIES
