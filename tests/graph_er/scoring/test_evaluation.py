import csv
import json

import numpy as np
import pytest

from graph_er.scoring.evaluation import EvaluatedUtterances, evaluate, write_evaluation

EMOTIONS = ("neutral", "angry")
UTTERANCES = EvaluatedUtterances(
    dialogues=["S1_a", "S1_a", "S1_b"],
    utterances=["u1", "u2", "u3"],
    speakers=["F", "M", "F"],
    gold=np.array([0, 1, 1]),
    emotions=EMOTIONS,
)
# The members disagree on the last utterance; the second is the surer one.
FIRST = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
SECOND = np.array([[0.8, 0.2], [0.3, 0.7], [0.1, 0.9]])


def test_one_seed_is_scored_by_itself():
    evaluation = evaluate(UTTERANCES, FIRST[None], [7])
    assert evaluation["seed"] == 7
    assert evaluation["n"] == 3
    assert evaluation["accuracy"] == pytest.approx(2 / 3)
    assert "seeds" not in evaluation
    assert "mean" not in evaluation


def test_several_seeds_give_mean_sd_and_the_ensemble_of_probabilities():
    evaluation = evaluate(UTTERANCES, np.stack([FIRST, SECOND]), [7, 8])
    assert evaluation["seeds"] == [7, 8]
    assert [member["accuracy"] for member in evaluation["per_seed"]] == pytest.approx([2 / 3, 1])
    assert evaluation["mean"]["accuracy"] == pytest.approx(5 / 6)
    assert evaluation["std"]["accuracy"] == pytest.approx(np.std([2 / 3, 1], ddof=1))
    assert evaluation["ensemble"]["accuracy"] == evaluation["accuracy"] == 1
    assert evaluation["confusion_matrix"] == [[1, 0], [0, 2]]


def test_files_hold_one_row_per_utterance_with_probabilities(tmp_path):
    evaluation = evaluate(UTTERANCES, FIRST[None], [7])
    write_evaluation(tmp_path / "eval.json", evaluation, UTTERANCES, FIRST[None])
    assert json.loads((tmp_path / "eval.json").read_text())["n"] == 3
    with (tmp_path / "predictions.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        *("dialogue", "utterance", "speaker", "gold", "pred"),
        *("prob_neutral", "prob_angry"),
    ]
    assert rows[2] == {
        "dialogue": "S1_b",
        "utterance": "u3",
        "speaker": "F",
        "gold": "angry",
        "pred": "neutral",
        "prob_neutral": "0.600000",
        "prob_angry": "0.400000",
    }


def test_without_a_seed_or_with_probabilities_that_are_none_there_are_no_scores():
    with pytest.raises(ValueError, match="no seed"):
        evaluate(UTTERANCES, np.empty((0, 3, 2)), [])
    with pytest.raises(ValueError, match="not finite"):
        evaluate(UTTERANCES, np.where(FIRST == 0.4, np.nan, FIRST)[None], [7])
