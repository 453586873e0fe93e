from __future__ import annotations

import json

import pytest

from graph_er.errors import InputError
from graph_er.report.example import choose_example
from graph_er.report.runs import read_runs
from graph_er.running.files import sha256


def evaluated_as(path, text):
    """Put `text` in the place of a run's predictions, as if the evaluation had written it."""
    path.write_text(text)
    scores = path.with_name("eval.json")
    named = {**json.loads(scores.read_text()), "predictions_sha256": sha256(path)}
    scores.write_text(json.dumps(named))


def test_the_example_is_of_the_strongest_run_and_nearest_to_its_accuracy(
    runs, write_run, dialogue_file
):
    # 2 of 2 and 0 of 2 right are as far from one half; the second has more emotions.
    write_run("graph_atv", [[0, 0, 2, 1]])
    example = choose_example(read_runs(runs), dialogue_file)
    assert (example.method, example.modalities, example.seeds) == ("graph", "atv", 1)
    assert example.dialogue == "Sess3_b"
    assert example.accuracy == 0.0


def test_turns_join_the_dialogue_by_utterance_id(runs, dialogue_file):
    path = runs / "graph_at" / "predictions.csv"
    header, *rows = path.read_text().splitlines()
    evaluated_as(path, "\n".join([header, *reversed(rows)]) + "\n")
    example = choose_example(read_runs(runs), dialogue_file)
    assert example.speakers == ["F", "M"]
    assert [(t.utterance, t.speaker, t.sentence, t.gold, t.predicted) for t in example.turns] == [
        ("Sess3_b_0", "F", "<script>alert(1)</script>", "angry", "angry"),
        ("Sess3_b_1", "M", "정말 너무해.", "sad", "sad"),
    ]
    # Seeds give sad 0.8 and 0.25; the ensemble is their mean.
    assert example.turns[1].confidence == pytest.approx(0.525)


def test_an_utterance_without_prediction_is_named(runs, dialogue_file):
    path = runs / "graph_at" / "predictions.csv"
    evaluated_as(path, "\n".join(path.read_text().splitlines()[:-1]) + "\n")
    with pytest.raises(InputError, match=r"predictions\.csv.*Sess3_b, utterance Sess3_b_1"):
        choose_example(read_runs(runs), dialogue_file)


def test_missing_predictions_are_named(runs, dialogue_file):
    (runs / "graph_at" / "predictions.csv").unlink()
    with pytest.raises(InputError, match=r"predictions\.csv: no such file"):
        choose_example(read_runs(runs), dialogue_file)


def test_predictions_that_are_not_those_of_the_scores_are_refused(runs, write_run, dialogue_file):
    path = runs / "graph_at" / "predictions.csv"
    scores = (runs / "graph_at" / "eval.json").read_text()
    write_run("graph_at", [[1, 1, 1, 1]])
    (runs / "graph_at" / "eval.json").write_text(scores)
    with pytest.raises(InputError, match="not the predictions whose scores are in") as caught:
        choose_example(read_runs(runs), dialogue_file)
    assert str(path) in str(caught.value)


def test_an_utterance_that_is_predicted_twice_is_refused(runs, dialogue_file):
    path = runs / "graph_at" / "predictions.csv"
    *_, last = path.read_text().splitlines()
    evaluated_as(path, path.read_text() + last + "\n")
    with pytest.raises(
        InputError, match="row 6: utterance Sess3_b_1 of dialogue Sess3_b occurs twice"
    ):
        choose_example(read_runs(runs), dialogue_file)


def test_predictions_of_other_emotions_are_refused(runs, dialogue_file):
    path = runs / "graph_at" / "predictions.csv"
    evaluated_as(path, path.read_text().replace("neutral", "calm"))
    with pytest.raises(InputError, match="has the emotions calm, angry, sad, but"):
        choose_example(read_runs(runs), dialogue_file)
