from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from graph_er.dialogues import Dialogue, DialogueFile
from graph_er.errors import InputError
from graph_er.scoring.controls import (
    controls,
    normalised_texts,
    previous_labels,
    text_labels,
    texts_seen,
)

EMOTIONS = ("neutral", "angry", "happy")


def dialogue(name, labels, sentences=None, speakers="FM"):
    count = len(labels)
    return Dialogue(
        id=name,
        utterance_ids=tuple(f"{name}_{i}" for i in range(count)),
        speakers=tuple(speakers[i % len(speakers)] for i in range(count)),
        labels=np.array(labels),
        sentences=tuple(sentences or [""] * count),
    )


def make_file(train, test):
    return DialogueFile(
        dialogues=(*train, *test),
        train_ids=tuple(d.id for d in train),
        dev_ids=(),
        test_ids=tuple(d.id for d in test),
        emotions=EMOTIONS,
    )


@pytest.fixture
def file():
    return make_file(
        [dialogue("a", [1, 1, 0, 2], ["왜!", "왜?", "왜...", "Yes, sir"])],
        [dialogue("b", [1, 2, 2, 2], ["왜", "ＹＥＳ sir!", "no", ""])],
    )


def test_every_control_worked_by_hand(file):
    result = controls(file, "test")
    assert result["majority"]["emotion"] == "angry"
    assert result["majority"]["accuracy"] == 1 / 4
    # The lookup knows the first two texts and answers "angry" to the others.
    assert result["text_lookup"]["accuracy"] == 2 / 4
    assert result["text_lookup"]["confusion_matrix"] == [[0, 0, 0], [0, 1, 0], [0, 2, 1]]
    # First turns of F and M get "angry"; then F's 1 and M's 2 are copied.
    assert result["previous_label"]["confusion_matrix"] == [[0, 0, 0], [0, 1, 0], [0, 2, 1]]
    assert result["previous_label"]["oracle"] is True
    assert "oracle" not in result["text_lookup"]
    assert texts_seen(file, "test") == pytest.approx(2 / 3)
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_the_controls_learn_from_train_alone(file):
    other = make_file(file.side("train"), [dialogue("b", [0] * 9, ["왜"] * 9)])
    assert controls(other, "test")["majority"]["emotion"] == "angry"
    assert controls(other, "test")["text_lookup"]["accuracy"] == 0


def test_texts_differ_by_words_and_not_by_width_case_or_punctuation():
    texts = ["Ａｈ--ha!", " ah HA ", "아, 그래…?", "아 그래", "ahha", "...", "３번"]
    assert normalised_texts(dialogue("a", [0] * 7, texts)) == [
        *("ah ha", "ah ha", "아 그래", "아 그래", "ahha", "", "3번")
    ]


def test_equally_frequent_labels_of_a_text_go_to_the_commoner_class():
    train = [dialogue("a", [2, 0, 2, 1], ["x", "x", "y", "z"])]
    assert text_labels(train) == {"x": 2, "y": 2, "z": 1}
    assert text_labels([dialogue("a", [2, 0], ["x", "x"])]) == {"x": 0}


def test_the_previous_label_is_of_the_same_speaker_in_the_same_dialogue():
    turns = dialogue("a", [1, 2, 0, 2, 1, 1], speakers="FFM")
    assert previous_labels(turns, first=9) == [9, 1, 9, 2, 2, 0]
    assert previous_labels(dialogue("b", [2], speakers=(0,)), first=1) == [1]


def test_a_file_without_sentences_has_no_text_control():
    file = make_file([dialogue("a", [0, 1])], [dialogue("b", [0, 1])])
    assert controls(file, "test")["text_lookup"] is None
    assert texts_seen(file, "test") is None


def test_a_side_is_seen_in_itself(file):
    assert texts_seen(file, "train") == 1
    assert controls(file, "train")["text_lookup"]["accuracy"] == 3 / 4


def test_without_train_there_is_nothing_to_control_with(file):
    alone = replace(file, train_ids=())
    assert controls(alone, "test") is None
    assert texts_seen(alone, "test") is None


def test_a_side_without_dialogues_is_bad_input(file):
    with pytest.raises(InputError, match="no dev dialogues"):
        controls(file, "dev")
