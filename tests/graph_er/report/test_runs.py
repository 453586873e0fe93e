from __future__ import annotations

import json

import pytest

from graph_er.errors import InputError
from graph_er.report.runs import read_runs


def test_runs_come_in_table_order_whatever_their_names(write_run, tmp_path):
    for name in ("graph_at", "graph_a", "concat_t", "graph_frozen_at", "concat_atv", "concat_at"):
        write_run(name, [[0, 0, 1, 2]])
    found = [(run.method, run.modalities) for run in read_runs(tmp_path / "runs")]
    assert found == [
        ("concat", "t"),
        ("concat", "at"),
        ("concat", "atv"),
        ("graph_frozen", "at"),
        ("graph", "a"),
        ("graph", "at"),
    ]


def test_folders_that_are_no_run_are_passed_over(runs, write_run):
    write_run("stage1_at", [[0, 0, 0, 0]])
    write_run("graph_ta", [[0, 0, 0, 0]])
    assert [run.folder.name for run in read_runs(runs)] == ["concat_at", "graph_at"]


def test_seed_scores_of_one_and_of_several_seeds(runs):
    concat, graph = read_runs(runs)
    assert [scores["seed"] for scores in concat.seed_scores] == [0]
    assert [scores["accuracy"] for scores in graph.seed_scores] == [1.0, 0.75]
    assert graph.evaluation["accuracy"] == 1.0
    assert graph.record["commit"] == "abc"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be read as JSON"),
        ("[1]", "holds a JSON list"),
        ('{"accuracy": 0.5}', "'weighted_f1' is None"),
        ('{"accuracy": NaN}', "'accuracy' is nan"),
        ('{"accuracy": 61.2}', "'accuracy' is 61.2"),
    ],
)
def test_a_foreign_json_is_refused_by_name(runs, content, message):
    path = runs / "graph_at" / "eval.json"
    path.write_text(content)
    with pytest.raises(InputError, match=message) as caught:
        read_runs(runs)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"modalities": "a"}, "scores modalities 'a'"),
        ({"split": "dev"}, "scores the 'dev' split"),
        ({"n": None}, "'n' is None"),
        ({"labels": ["neutral"]}, "'per_class' does not name"),
        ({"confusion_matrix": [[1, 2, 3], [1, 2], [1, 2, 3]]}, "'confusion_matrix' is not 3 x 3"),
        ({"confusion_matrix": [1, 2, 3]}, "'confusion_matrix' is not 3 x 3"),
        ({"per_class": {"neutral": 1, "angry": 1, "sad": 1}}, "has no f1 for neutral"),
        ({"seeds": [0, 1, 2]}, "one score for each of 'seeds'"),
        ({"per_seed": [{"seed": 0}, {"seed": 1}]}, "seed 0: 'accuracy' is None"),
    ],
)
def test_a_run_that_does_not_fit_is_refused(runs, change, message):
    path = runs / "graph_at" / "eval.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match=message):
        read_runs(runs)


def test_a_folder_without_runs_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        read_runs(tmp_path / "absent")
    with pytest.raises(InputError, match="evaluate the runs first"):
        read_runs(tmp_path)
