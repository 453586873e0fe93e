"""``scripts/run_all.sh`` in a copy of the project, on a small demo corpus."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from feature_extractor.corpora import CORPORA

ROOT = Path(__file__).resolve().parents[1]


def run(copy, *options):
    environment = {**os.environ, "GRAPH_ER_PYTHON": sys.executable, "HF_HUB_OFFLINE": "1"}
    return subprocess.run(
        ["bash", str(copy / "scripts" / "run_all.sh"), *options],
        cwd=copy.parent,  # any working directory will do
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    copy = tmp_path_factory.mktemp("study") / "graph_er"
    copy.mkdir()
    for name in ("graph_er", "feature_extractor", "scripts"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "requirements.txt"):
        shutil.copy(ROOT / name, copy / name)
    small = ("--sessions", "4", "--dialogues", "2", "--utterances", "8")
    subprocess.run(
        [sys.executable, copy / "feature_extractor" / "demo.py", "--out", "data/demo", *small],
        cwd=copy,
        check=True,
        capture_output=True,
    )
    return copy


def test_help_names_acoustic_features_as_audio_encoders():
    assert re.search(r"--audio_encoder ID .* mfcc or egemaps", run(ROOT, "--help").stdout)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--corpus", "nothing"], "unknown corpus nothing"),
        (["--seeds", "none"], "--seeds must be"),
        (["--folds", "1"], "--folds must be"),
        *((["--corpus", name], f"{name} needs --root") for name in CORPORA if name != "demo"),
        (["--modalities", "v"], "--modalities must be"),
        (["--name", "../elsewhere"], "--name must be"),
        (["--fold", "1/2"], "--name must be"),
        (["--split"], "--split needs a value"),
        (["--what"], "unknown option --what"),
        (["--seeds"], "--seeds needs a value"),
    ],
)
def test_wrong_options_end_with_status_2(copy, options, message):
    done = run(copy, *options)
    assert done.returncode == 2
    assert message in done.stderr


def test_the_script_lists_the_corpora_that_are_known():
    script = (ROOT / "scripts" / "run_all.sh").read_text(encoding="utf-8")
    (listed,) = re.findall(r'^corpora="(.*)"$', script, re.M)
    assert listed.split() == [*CORPORA]


def test_help_names_every_corpus_and_every_policy(copy):
    done = run(copy, "--help")
    assert done.returncode == 0
    options = {f"--{policy}" for corpus in CORPORA.values() for policy in corpus.policies}
    assert [word for word in (*CORPORA, *options) if word not in done.stdout] == []
    assert not (copy / "runs").exists()


def test_a_corpus_that_is_not_usable_is_told_before_any_work(copy, tmp_path):
    (tmp_path / "table.csv").write_text("speaker,text\nA,hello\n")
    done = run(copy, "--corpus", "table", "--root", str(tmp_path / "table.csv"), "--force")
    assert done.returncode == 2
    assert "emotion" in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in (copy / "runs" / "table").iterdir()] == ["corpus.json"]
    assert not (copy / "model_checkpoints").exists()


def test_the_study_runs_then_reuses_what_is_finished(copy):
    options = ("--seeds", "2", "--stage1_epochs", "1")
    done = run(copy, *options)
    assert done.returncode == 0, done.stderr
    assert "Weighted F1" in done.stdout
    runs = copy / "runs" / "demo"
    results = json.loads((runs / "results.json").read_text(encoding="utf-8"))
    found = {(e["method"], e["modalities"], e["seed"]) for e in results["entries"]}
    assert len(found) == 3 + 2 * 3 * 2
    assert {e["n"] for e in results["entries"]} == {32}
    assert results["study"]["synthetic"] is True
    assert (runs / "report.md").exists()
    assert "<html" in (runs / "report.html").read_text(encoding="utf-8")
    bundle = copy / "model_checkpoints" / "demo" / "bundle"
    assert {path.name for path in bundle.iterdir()} >= {"bundle.json", "README.md", "live"}
    assert "passed over" not in done.stderr
    leftovers = [p for p in copy.rglob("*") if ".partial" in p.name or p.name.endswith(".parts")]
    assert leftovers == []

    again = run(copy, *options)
    assert again.returncode == 0, again.stderr
    assert again.stdout == done.stdout
    assert again.stderr.count("finished before") == 23


@pytest.mark.slow
def test_a_refused_study_undoes_nothing(copy):
    options = ("--name", "refused", "--seeds", "1", "--stage1_epochs")
    assert run(copy, *options, "1").returncode == 0
    refused = run(copy, *options, "0")
    assert refused.returncode == 2
    assert "epochs" in refused.stderr
    again = run(copy, *options, "1")
    assert again.returncode == 0, again.stderr
    assert "== stage1_t: finished before" in again.stderr


@pytest.mark.slow
def test_only_what_other_options_change_is_made_anew(copy):
    options = ("--name", "fewer", "--stage1_epochs", "1", "--seeds")
    assert run(copy, *options, "2").returncode == 0
    fewer = run(copy, *options, "1")
    assert fewer.returncode == 0, fewer.stderr
    assert fewer.stderr.count("finished before") == 8
    path = copy / "runs" / "fewer" / "results.json"
    assert len(json.loads(path.read_text(encoding="utf-8"))["entries"]) == 3 + 2 * 3


@pytest.mark.slow
def test_rows_of_another_corpus_are_no_rows_of_a_study(copy, tmp_path):
    root = shutil.copytree(copy / "data" / "demo", tmp_path / "demo")
    options = ("--root", str(root), "--name", "mixed", "--seeds", "1", "--stage1_epochs", "1")
    assert run(copy, *options, "--modalities", "t").returncode == 0
    one, other, *_ = sorted((root / "wav").rglob("*.wav"))
    shutil.copyfile(other, one)
    done = run(copy, *options, "--modalities", "a")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("is of an earlier study, of something else: removed") == 3
    results = json.loads((copy / "runs" / "mixed" / "results.json").read_text(encoding="utf-8"))
    assert {entry["modalities"] for entry in results["entries"]} == {"a"}
    assert (results["modalities"], results["missing"]) == (["a"], [])
    assert "missing" not in done.stdout


@pytest.mark.slow
def test_out_of_fold_features_are_a_method_more_where_asked_for(copy, tmp_path):
    root = tmp_path / "demo"
    small = ("--sessions", "5", "--dialogues", "2", "--utterances", "8")
    subprocess.run(
        [sys.executable, copy / "feature_extractor" / "demo.py", "--out", root, *small],
        check=True,
        capture_output=True,
    )
    options = ("--root", str(root), "--name", "folded", "--modalities", "t", "--seeds", "1")
    options += ("--stage1_epochs", "1")
    done = run(copy, *options)
    assert done.returncode == 0, done.stderr
    assert "out-of-fold" not in done.stdout

    with_folds = run(copy, *options, "--folds", "2")
    assert with_folds.returncode == 0, with_folds.stderr
    assert with_folds.stderr.count("finished before") == 11
    assert "| Graph on out-of-fold features " in with_folds.stdout
    config = copy / "model_checkpoints" / "folded" / "fold2_of_2" / "config.json"
    split = json.loads(config.read_text(encoding="utf-8"))["split"]
    assert (split["name"], split["fold"]) == ("inner:2@official", 2)

    more_seeds = run(copy, *options, "--folds", "2", "--seeds", "2")
    assert more_seeds.returncode == 0, more_seeds.stderr
    for step in ("stage1_fold1_of_2", "stage1_fold2_of_2", "stage2_oof"):
        assert f"== {step}: finished before" in more_seeds.stderr

    again = run(copy, *options)
    assert again.returncode == 0, again.stderr
    assert again.stdout == done.stdout
