from __future__ import annotations

import pytest

from graph_er.errors import InputError
from graph_er.report.example import choose_example


def test_the_example_is_of_the_strongest_run_and_nearest_to_its_accuracy(
    runs, write_run, dialogue_file
):
    # 2 of 2 and 0 of 2 right are as far from one half; the second has more emotions.
    write_run("graph_atv", [[0, 0, 2, 1]])
    example = choose_example(runs, dialogue_file)
    assert (example.method, example.modalities, example.seeds) == ("graph", "atv", 1)
    assert example.dialogue == "Sess3_b"
    assert example.accuracy == 0.0


def test_turns_join_the_dialogue_by_utterance_id(runs, dialogue_file):
    path = runs / "graph_at" / "predictions.csv"
    header, *rows = path.read_text().splitlines()
    path.write_text("\n".join([header, *reversed(rows)]) + "\n")
    example = choose_example(runs, dialogue_file)
    assert example.speakers == ["F", "M"]
    assert [(t.utterance, t.speaker, t.sentence, t.gold, t.predicted) for t in example.turns] == [
        ("Sess3_b_0", "F", "<script>alert(1)</script>", "angry", "angry"),
        ("Sess3_b_1", "M", "정말 너무해.", "sad", "sad"),
    ]
    # Seeds give sad 0.8 and 0.25; the ensemble is their mean.
    assert example.turns[1].confidence == pytest.approx(0.525)


def test_an_utterance_without_prediction_is_named(runs, dialogue_file):
    path = runs / "graph_at" / "predictions.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:-1]) + "\n")
    with pytest.raises(InputError, match=r"predictions\.csv.*Sess3_b, utterance Sess3_b_1"):
        choose_example(runs, dialogue_file)


def test_missing_predictions_are_named(runs, dialogue_file):
    (runs / "graph_at" / "predictions.csv").unlink()
    with pytest.raises(InputError, match=r"predictions\.csv: no such file"):
        choose_example(runs, dialogue_file)
