from __future__ import annotations

import math

import pytest

from graph_er.errors import InputError
from graph_er.scoring.evaluation_files import remove_evaluation
from graph_er.scoring.prediction_table import read_predictions

HEADER = "dialogue,utterance,speaker,gold,pred,prob_neutral,prob_angry,prob_sad\n"


def test_predictions_are_read_by_column_names(tmp_path):
    path = tmp_path / "predictions.csv"
    path.write_text(
        "prob_sad,note,pred,gold,prob_neutral,utterance,prob_angry,dialogue,speaker\n"
        "0.2,x,angry,sad,0.1,u1,0.7,d1,F\n"
    )
    found = read_predictions(path)
    assert (found.dialogues, found.utterances, found.gold) == (("d1",), ("u1",), ("sad",))
    assert (found.predicted, found.confidence) == (("angry",), (0.7,))
    assert found.emotions == ("sad", "neutral", "angry")


def test_predictions_that_a_spreadsheet_saved_again_are_read(tmp_path):
    path = tmp_path / "predictions.csv"
    path.write_text(HEADER + "d1,u1,F,sad,angry,0.1,0.7,0.2\n", encoding="utf-8-sig")
    assert read_predictions(path).dialogues == ("d1",)


def test_answers_without_probabilities_are_read(tmp_path):
    path = tmp_path / "predictions.csv"
    path.write_text(HEADER + "d1,u1,F,sad,angry,,,\n")
    found = read_predictions(path)
    assert found.predicted == ("angry",)
    assert math.isnan(found.confidence[0])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("angry,angry", "angry,rage", "row 2: 'pred' is 'rage', but there is no column prob_rage"),
        ("0.7", "often", "row 2: 'prob_angry' is 'often'"),
        ("0.7", "nan", "row 2: 'prob_angry' is 'nan'"),
        ("0.7", "1.5", "row 2: 'prob_angry' is '1.5', not a number from 0 to 1"),
        (",0.1,0.7,0.2", "", "row 2: 'prob_angry' is None"),
    ],
)
def test_bad_predictions_are_refused_by_row(tmp_path, old, new, message):
    path = tmp_path / "predictions.csv"
    path.write_text((HEADER + "d1,u1,F,angry,angry,0.1,0.7,0.2\n").replace(old, new))
    with pytest.raises(InputError, match=message):
        read_predictions(path)


def test_what_an_evaluation_wrote_is_removed_and_nothing_of_another_name(tmp_path):
    mine = ("predictions_seed_notes.csv", "eval_notes.json", "predictions_seed1.txt")
    ours = ("eval.json", "predictions.csv", "predictions_seed1.csv", "reliability.png")
    for name in (*mine, *ours):
        (tmp_path / name).touch()
    remove_evaluation(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(mine)
    remove_evaluation(tmp_path / "absent")
