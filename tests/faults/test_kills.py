"""Each stage, the study and the tuner under SIGKILL at random moments; see `killing`."""

import json
import math
import random
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file

from graph_er.validation.search_journal import JOURNAL_NAME
from tests.faults.killing import ROOT, Command, python, rounds

pytestmark = pytest.mark.fault
KILLS = 30


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    """A small corpus, and of it a stage-1 checkpoint and a dialogue file."""
    root = tmp_path_factory.mktemp("ground")
    small = ("--sessions", "6", "--dialogues", "3", "--utterances", "20")
    python("feature_extractor/demo.py", "--out", root / "demo", *small).run(root / "log")
    train = stage1(root / "demo", root / "stage1")
    seconds = {"stage 1": train.run(root / "log")}
    extract = stage2(root, root)
    seconds["stage 2"] = extract.run(root / "log")
    return root, seconds


def stage1(corpus, out):
    options = ("--modalities", "at", "--epochs", "3", "--out", out, "--resume")
    return python("feature_extractor/train.py", "--root", corpus, *options)


def stage2(ground, folder):
    options = ("--checkpoint", ground / "stage1", "--root", ground / "demo")
    return python("feature_extractor/extract.py", *options, "--out", folder / "features.pkl")


def stage3(ground, folder):
    options = ("--data_dir", ground / "features.pkl", "--seeds", "2", "--epochs", "6")
    return python("graph_er/train.py", *options, "--out", folder / "graph")


def tuner(ground, folder):
    options = ("--data_dir", ground / "features.pkl", "--trials", "4", "--epochs", "3")
    return python("graph_er/tune.py", *options, "--folds", "2", "--out", folder / "search")


def metrics(folder):
    return json.loads((folder / "run.json").read_text(encoding="utf-8"))["metrics"]


def test_stage_1(ground, tmp_path, records):
    root, seconds = ground
    expected, scores = load_file(root / "stage1" / "model.safetensors"), metrics(root / "stage1")
    met, folders = rounds(
        lambda folder: stage1(root / "demo", folder / "stage1"),
        tmp_path, seconds["stage 1"], KILLS, random.Random(1),
    )  # fmt: skip
    for folder in folders:
        found = load_file(folder / "stage1" / "model.safetensors")
        assert found.keys() == expected.keys()
        for name, values in expected.items():
            np.testing.assert_allclose(found[name], values, atol=1e-5)
        assert_alike(metrics(folder / "stage1"), scores)
    records.add("SIGKILL in stage 1", tried=met, survived=met)


def test_stage_2(ground, tmp_path, records):
    root, seconds = ground
    expected = (root / "features.pkl").read_bytes()
    met, folders = rounds(
        lambda folder: stage2(root, folder), tmp_path, seconds["stage 2"], KILLS, random.Random(2)
    )
    assert all((folder / "features.pkl").read_bytes() == expected for folder in folders)
    records.add("SIGKILL in stage 2", tried=met, survived=met)


def test_stage_3(ground, tmp_path, records):
    root, _ = ground
    seconds = stage3(root, tmp_path).run(tmp_path / "log")
    expected = metrics(tmp_path / "graph")
    met, folders = rounds(
        lambda folder: stage3(root, folder), tmp_path, seconds, KILLS, random.Random(3)
    )
    assert [metrics(folder / "graph") for folder in folders] == [expected] * len(folders)
    records.add("SIGKILL in stage 3", tried=met, survived=met)


def test_tuner(ground, tmp_path, records):
    root, _ = ground
    seconds = tuner(root, tmp_path).run(tmp_path / "log")
    expected = best(tmp_path)
    met, folders = rounds(
        lambda folder: tuner(root, folder), tmp_path, seconds, KILLS, random.Random(4)
    )
    for folder in folders:
        assert (folder / "search" / JOURNAL_NAME).exists()
        assert best(folder) == expected
    records.add("SIGKILL in the tuner", tried=met, survived=met)


def best(folder):
    return json.loads((folder / "search" / "best.json").read_text(encoding="utf-8"))


def test_study(ground, tmp_path, records):
    root, _ = ground
    whole = copy_of_project(tmp_path / "whole", root)
    seconds = whole.run(tmp_path / "log")
    expected = results(tmp_path / "whole")
    met, folders = rounds(
        lambda folder: copy_of_project(folder / "project", root),
        # A life that spans several steps and ends in the midst of one.
        tmp_path, seconds / 3, KILLS, random.Random(5),
    )  # fmt: skip
    for folder in folders:
        assert_alike(results(folder / "project"), expected)
    records.add("SIGKILL in the study", tried=met, survived=met)


def copy_of_project(copy, root):
    """Return the study's command in a copy of the project."""
    if not copy.exists():
        for name in ("graph_er", "feature_extractor", "scripts"):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, copy / name, ignore=ignored)
        for name in ("pyproject.toml", "requirements.txt"):
            shutil.copy(ROOT / name, copy / name)
    options = ("--root", root / "demo", "--seeds", "1", "--stage1_epochs", "1")
    return Command(["bash", copy / "scripts" / "run_all.sh", *options], copy)


def results(project):
    path = project / "runs" / "demo" / "results.json"
    entries = json.loads(path.read_text(encoding="utf-8"))["entries"]
    kept = ("method", "modalities", "seed", "n", "weighted_f1", "accuracy")
    return [{name: entry[name] for name in kept} for entry in entries]


def assert_alike(found, expected):
    """Compare plain values, numbers within what float32 sums of another order may differ by."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            assert_alike(found[name], value)
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_alike(one, other)
    elif isinstance(expected, float):
        assert math.isclose(found, expected, rel_tol=1e-4, abs_tol=1e-5)
    else:
        assert found == expected
