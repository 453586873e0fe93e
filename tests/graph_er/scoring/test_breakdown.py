from __future__ import annotations

import json

import numpy as np
import pytest

from graph_er.scoring.breakdown import breakdown
from graph_er.scoring.evaluation import EvaluatedUtterances
from graph_er.scoring.scores import METRICS, score

EMOTIONS = ("neutral", "angry", "happy")


def make_utterances(dialogues, gold, speakers=None):
    return EvaluatedUtterances(
        dialogues=dialogues,
        utterances=[f"u{i}" for i in range(len(dialogues))],
        speakers=speakers or ["F", "M"] * (len(dialogues) // 2),
        gold=np.array(gold),
        emotions=EMOTIONS,
    )


DIALOGUES = [*["Sess10_impro01"] * 4, *["Sess2_script01"] * 4, *["Sess2_impro01"] * 4]
UTTERANCES = make_utterances(DIALOGUES, [0, 1, 2, 0] * 3)
PREDICTED = np.array([0, 1, 2, 0, 0, 0, 0, 0, 1, 1, 1, 0])
PARTS = {"Sess10_impro01": "impro", "Sess2_script01": "script", "Sess2_impro01": "impro"}


def test_every_group_is_scored_by_itself():
    result = breakdown(UTTERANCES, PREDICTED, {"parts": PARTS})
    assert list(result["by_part"]) == ["impro", "script"]
    assert list(result["by_session"]) == ["Sess2", "Sess10"]
    assert list(result["by_speaker"]) == ["Sess2/F", "Sess2/M", "Sess10/F", "Sess10/M"]
    impro = [i for i, d in enumerate(DIALOGUES) if "impro" in d]
    expected = score(UTTERANCES.gold[impro], PREDICTED[impro], EMOTIONS)
    assert result["by_part"]["impro"] == {
        "n": 8,
        "dialogues": 2,
        **{metric: expected[metric] for metric in METRICS},
    }
    assert result["by_session"]["Sess10"]["accuracy"] == 1
    assert result["by_speaker"]["Sess2/M"]["accuracy"] == pytest.approx(3 / 4)
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_the_groups_of_each_kind_are_all_utterances():
    for groups in breakdown(UTTERANCES, PREDICTED, {"parts": PARTS}).values():
        assert sum(scores["n"] for scores in groups.values()) == len(DIALOGUES)
        mean = sum(s["n"] * s["accuracy"] for s in groups.values()) / len(DIALOGUES)
        assert mean == pytest.approx((UTTERANCES.gold == PREDICTED).mean())


def test_sessions_come_from_the_file_where_it_names_them():
    sessions = {"Sess10_impro01": "A", "Sess2_script01": "A"}
    result = breakdown(UTTERANCES, PREDICTED, {"sessions": sessions})
    assert {name: scores["n"] for name, scores in result["by_session"].items()} == {
        "A": 8,
        "Sess2": 4,
    }
    assert set(result["by_speaker"]) == {"A/F", "A/M", "Sess2/F", "Sess2/M"}


def test_a_file_without_parts_has_none_and_a_dialogue_without_one_says_so():
    unknown = make_utterances(["d1", "d2"], [0, 1])
    assert breakdown(unknown, np.array([0, 1]), {})["by_part"] == {}
    result = breakdown(UTTERANCES, PREDICTED, {"parts": {"Sess2_script01": "script"}})
    assert {name: scores["n"] for name, scores in result["by_part"].items()} == {
        "script": 4,
        "unnamed": 8,
    }


def test_ids_of_kemdy_and_iemocap_tell_the_part_where_the_file_does_not():
    told, named = (breakdown(UTTERANCES, PREDICTED, info) for info in ({}, {"parts": PARTS}))
    assert told["by_part"] == named["by_part"]
    ids = ["Ses01F_impro01", "Ses01M_script02_1", "d3"]
    utterances = make_utterances(ids, [0, 1, 2], speakers=[*"FMF"])
    groups = breakdown(utterances, np.array([0, 1, 2]), {})["by_part"]
    assert {name: scores["n"] for name, scores in groups.items()} == {
        "impro": 1,
        "script": 1,
        "unnamed": 1,
    }


def test_speakers_may_be_any_labels():
    utterances = make_utterances(["d_1"] * 4, [0, 1, 2, 0], speakers=[0, ("x", 1), 0, None])
    result = breakdown(utterances, np.zeros(4, dtype=int), {})
    assert {name: scores["n"] for name, scores in result["by_speaker"].items()} == {
        "d/0": 2,
        "d/('x', 1)": 1,
        "d/None": 1,
    }


def test_a_number_and_a_text_of_one_spelling_are_two_speakers():
    utterances = make_utterances(["d_1"] * 3 + ["e_1"], [0, 1, 2, 0], speakers=[1, "1", 1, "1"])
    result = breakdown(utterances, np.zeros(4, dtype=int), {})
    assert {name: scores["n"] for name, scores in result["by_speaker"].items()} == {
        "d/1": 2,
        "d/'1'": 1,
        "e/1": 1,
    }


def test_thousands_of_sessions_of_one_utterance_are_left_out():
    many = make_utterances([f"{i}_a" for i in range(202)], [0, 1] * 101)
    result = breakdown(many, np.zeros(202, dtype=int), {"parts": {"0_a": "x", "1_a": " "}})
    assert result["by_session"] == result["by_speaker"] == {}
    assert set(result["by_part"]) == {"x", "unnamed"}
