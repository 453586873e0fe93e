from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from feature_extractor.utterance import Corpus, Utterance
from graph_er.errors import InputError


def utterance(dialogue: str, number: int, start: float, emotion: str = "sad") -> Utterance:
    return Utterance(
        id=f"{dialogue}_F{number:03}",
        session=dialogue.split("_")[0],
        dialogue=dialogue,
        speaker="F",
        start=start,
        end=start + 1,
        wav=Path("a.wav"),
        duration=1.0,
        text="",
        emotion=emotion,
    )


A1, A2 = utterance("Sess01_script01", 1, 0.0), utterance("Sess01_script01", 2, 1.0, "happy")
B1 = utterance("Sess02_script01", 1, 0.5)


def test_corpus_groups_dialogues_and_labels_by_position():
    corpus = Corpus("x", ("happy", "sad"), (A1, A2, B1))
    assert corpus.dialogues() == {"Sess01_script01": [A1, A2], "Sess02_script01": [B1]}
    assert corpus.sessions == ["Sess01", "Sess02"]
    assert [corpus.label(u) for u in corpus.utterances] == [1, 0, 1]


def test_an_id_that_occurs_twice_is_named():
    with pytest.raises(InputError, match=r"Sess01_script01_F001 occurs twice"):
        Corpus("x", ("sad",), (A1, replace(A1, start=3.0)))


@pytest.mark.parametrize("order", [(A2, A1), (A1, B1, A2)])
def test_disorder_is_refused(order):
    with pytest.raises(ValueError, match=r"Sess01_script01"):
        Corpus("x", ("happy", "sad"), order)
