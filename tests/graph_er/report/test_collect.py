from __future__ import annotations

import dataclasses
import json
import shutil
from datetime import datetime

import numpy as np
import pytest

from graph_er.errors import InputError
from graph_er.report.collect import collect_study, read_results, study_controls
from graph_er.report.runs import read_runs
from graph_er.report.tables import main_table


def test_one_entry_for_each_method_modalities_and_seed(results):
    entries = [(e["method"], e["modalities"], e["seed"]) for e in results["entries"]]
    assert entries == [("concat", "at", 0), ("graph", "at", 0), ("graph", "at", 1)]
    assert results["entries"][2]["confusion_matrix"] == [[2, 0, 0], [0, 1, 0], [0, 1, 0]]
    assert [(e["method"], e["seeds"], e["accuracy"]) for e in results["ensembles"]] == [
        ("graph", [0, 1], 1.0)
    ]


def test_missing_runs_are_listed(results):
    missing = [f"{run['method']}_{run['modalities']}" for run in results["missing"]]
    assert missing == [
        *("concat_a", "concat_t"),
        *("graph_frozen_a", "graph_frozen_t", "graph_frozen_at"),
        *("graph_a", "graph_t"),
    ]


def test_only_what_was_asked_for_is_missing(runs, dialogue_file):
    shutil.rmtree(runs / "graph_at")
    results = collect_study(read_runs(runs), dialogue_file, asked=["t"])
    missing = [f"{run['method']}_{run['modalities']}" for run in results["missing"]]
    assert missing == ["concat_t", "graph_frozen_t", "graph_t"]
    assert results["modalities"] == ["t", "at"]  # what there is besides is shown
    assert "audio  " not in main_table(results)


def test_majority_is_that_of_train_scored_on_test(dialogue_file):
    baseline = study_controls(dialogue_file)["majority"]
    assert baseline["emotion"] == "neutral"
    assert baseline["accuracy"] == 0.5
    # F1 of neutral = 2 * 0.5 * 1 / 1.5, for half of the utterances.
    assert baseline["weighted_f1"] == pytest.approx(1 / 3)
    assert baseline["uar"] == pytest.approx(1 / 3)


def test_the_other_controls_stand_beside_it(results, dialogue_file):
    assert results["baselines"] == study_controls(dialogue_file)
    assert list(results["baselines"]) == ["majority", "text_lookup", "previous_label"]
    assert results["baselines"]["previous_label"]["oracle"] is True


def test_provenance_comes_from_the_runs(results):
    study = results["study"]
    assert study["synthetic"] is True
    assert (study["commit"], study["tree_clean"]) == ("abc", True)
    assert study["versions"] == {"torch": "2.0"}
    assert study["wall_time_s"] == {"concat_at": 2.5, "graph_at": 2.5}
    assert datetime.fromisoformat(study["created"]).utcoffset().total_seconds() == 0


def test_runs_of_two_commits_name_none(runs, write_run, dialogue_file):
    record = {"commit": "def", "tree_clean": False, "versions": {"torch": "2.1"}}
    write_run("graph_a", [[0, 0, 0, 0]], record)
    study = collect_study(read_runs(runs), dialogue_file)["study"]
    assert study["commit"] is None
    assert study["tree_clean"] is False
    assert study["versions"] == {"torch": "2.0 / 2.1"}


def test_a_real_corpus_is_not_called_synthetic(runs, dialogue_file):
    for info, synthetic in (
        ({"corpus": "kemdy19"}, False),
        ({"corpus": "other", "synthetic": True}, True),
        ({}, False),
    ):
        file = dataclasses.replace(dialogue_file, info=info)
        assert collect_study(read_runs(runs), file)["study"]["synthetic"] is synthetic


def test_other_modalities_are_shown_as_well(runs, write_run, dialogue_file):
    write_run("graph_atv", [[0, 0, 1, 2]])
    results = collect_study(read_runs(runs), dialogue_file)
    assert results["modalities"] == ["a", "t", "at", "atv"]
    assert {"method": "concat", "modalities": "atv"} not in results["missing"]


def test_runs_on_other_emotions_are_refused(runs, dialogue_file):
    file = dataclasses.replace(dialogue_file, emotions=("neutral", "sad", "angry"))
    with pytest.raises(InputError, match=r"concat_at.*scores the emotions neutral, angry, sad"):
        collect_study(read_runs(runs), file)


@pytest.mark.parametrize("labels", [[0, 1], [1]])
def test_runs_on_other_utterances_are_refused(runs, dialogue_file, labels):
    *others, last = dialogue_file.dialogues
    other = dataclasses.replace(last, **cut(last, labels))
    file = dataclasses.replace(dialogue_file, dialogues=(*others, other))
    with pytest.raises(InputError, match=r"concat_at.*scores 4 utterances, not the \d of the dial"):
        collect_study(read_runs(runs), file)


def cut(dialogue, labels):
    count = len(labels)
    fields = ("utterance_ids", "speakers", "sentences", "text", "audio")
    return {name: getattr(dialogue, name)[:count] for name in fields} | {"labels": np.array(labels)}


def test_runs_that_were_trained_on_what_they_score_are_refused(runs, write_run, dialogue_file):
    write_run("graph_a", [[0, 0, 0, 0]], trained_on=True)
    with pytest.raises(InputError, match=r"graph_a.*was trained on"):
        collect_study(read_runs(runs), dialogue_file)


def test_results_survive_json(tmp_path, results):
    path = tmp_path / "results.json"
    path.write_text(json.dumps(results, allow_nan=False))
    assert read_results(path) == results


def test_other_json_is_no_results(tmp_path):
    path = tmp_path / "results.json"
    path.write_text('{"schema_version": 99}')
    with pytest.raises(InputError, match="schema_version is 99"):
        read_results(path)
