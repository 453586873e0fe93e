"""Stage 1 in two processes on this machine's CPU, as a launcher starts them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

from feature_extractor.global_batches import GlobalBatches, share
from feature_extractor.launching import in_turn
from graph_er.errors import InputError
from graph_er.processes import one_voice
from tests.feature_extractor.launched_fit import main as fit_here

ROOT = Path(__file__).resolve().parents[2]
WORKER = ROOT / "tests" / "feature_extractor" / "launched_fit.py"


def launch(*command):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2")
    return subprocess.run(
        [sys.executable, *torchrun, *map(str, command)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def assert_same_training(root, one, other):
    first, second = (
        json.loads((root / name / "summary.json").read_text("utf-8")) for name in (one, other)
    )
    assert first["best_epoch"] == second["best_epoch"]
    for before, after in zip(first["history"], second["history"], strict=True):
        assert before == pytest.approx(after, abs=1e-5)
    weights = [load_file(root / name / "weights.safetensors") for name in (one, other)]
    assert weights[0].keys() == weights[1].keys()
    for name, weight in weights[0].items():
        assert (weight - weights[1][name]).abs().max() < 1e-4, name


def test_two_processes_train_as_one_of_twice_the_batch(tmp_path):
    # 17 utterances: the last batch has one, which both read. 5 dev utterances: no even share.
    done = launch(WORKER, tmp_path, "two", "t", 17, 4, 1)
    assert done.returncode == 0, done.stderr
    fit_here(tmp_path, "one", "t", 17, 8, 1)
    assert_same_training(tmp_path, "one", "two")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("modalities", "utterances", "one", "two"),
    [
        ("at", 21, (8, 1), (4, 1)),
        ("a", 16, (8, 1), (4, 1)),
        ("t", 16, (4, 2), (4, 1)),  # accumulated in one process
        ("t", 19, (8, 2), (4, 2)),  # accumulated in both
    ],
)
def test_the_same_holds_of_other_batches(tmp_path, modalities, utterances, one, two):
    done = launch(WORKER, tmp_path, "two", modalities, utterances, *two)
    assert done.returncode == 0, done.stderr
    fit_here(tmp_path, "one", modalities, utterances, *one)
    assert_same_training(tmp_path, "one", "two")


@pytest.mark.slow
def test_an_ended_run_goes_on_where_it_stopped(tmp_path):
    assert launch(WORKER, tmp_path, "cut", "t", 17, 4, 1, 2).returncode != 0
    assert [path.name for path in (tmp_path / "cut" / "checkpoints").iterdir()] == ["checkpoint-3"]
    for name in ("cut", "whole"):
        done = launch(WORKER, tmp_path, name, "t", 17, 4, 1)
        assert done.returncode == 0, done.stderr
    assert_same_training(tmp_path, "whole", "cut")


@pytest.mark.slow
def test_the_command_writes_one_folder_and_speaks_with_one_voice(tmp_path):
    small = ("--sessions", "4", "--dialogues", "2", "--utterances", "8")
    demo = [sys.executable, ROOT / "feature_extractor" / "demo.py", "--out", tmp_path / "demo"]
    subprocess.run([*demo, *small], check=True, capture_output=True)
    command = [ROOT / "feature_extractor" / "train.py", "--root", tmp_path / "demo"]
    command += ["--out", tmp_path / "run", "--modalities", "t", "--epochs", "1", "--device", "cpu"]
    command += ["--freeze_text", "all", "--cache_dir", tmp_path / "cache", "--comet", "offline"]
    done = launch(*command)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("saved to") == 1
    assert done.stdout.count("not seen here") == 1
    written = {path.name for path in (tmp_path / "run").iterdir()}
    assert written >= {"run.json", "config.json", "model.safetensors", "comet"}
    assert "checkpoints" not in written
    assert len(list((tmp_path / "run" / "comet").iterdir())) == 1
    record = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    assert record["config"]["processes"] == 2

    again = launch(*command, "--resume")
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("nothing to do") == 1

    here = subprocess.run(
        [sys.executable, *command, "--resume"], capture_output=True, text=True, check=False
    )
    assert here.returncode == 2
    assert "processes was 2, is 1" in here.stderr

    for wrong, message in (
        (("--epochs", "0"), "epochs"),
        ((), "holds a finished run"),
        (("--overwrite", "--lr", "1e30", "--head_lr", "1e30", "--batch_size", "4"), "loss became"),
    ):
        refused = launch(*command, *wrong)
        assert refused.returncode != 0
        assert refused.stderr.count("error: ") == 1, refused.stderr
        assert message in refused.stderr
        assert 'feature_extractor/train.py", line' not in refused.stderr
        assert refused.stderr.count("exitcode  : 2") == 2


def test_a_batch_is_divided_evenly_and_whole():
    for size in range(2, 12):
        for processes in range(1, size + 1):
            shares = [share(range(size), index, processes) for index in range(processes)]
            assert [number for part in shares for number in part] == list(range(size))
            assert max(map(len, shares)) - min(map(len, shares)) <= 1
    assert [share([7, 8], index, 5) for index in range(5)] == [[7], [8], [7], [8], [7]]


def test_one_process_has_the_batches_that_it_always_had():
    batches = GlobalBatches([4, 2, 0, 1, 3], 5, 2)
    assert list(batches) == [[4, 2], [0, 1], [3]]
    assert len(batches) == 3


def test_without_a_launcher_everything_is_done_here(monkeypatch):
    for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    assert in_turn(lambda: 3) == 3
    with pytest.raises(InputError, match="bad"), one_voice():
        raise InputError("bad")


def test_other_processes_than_the_first_are_silent_before_they_are_joined(monkeypatch, capsys):
    for name, value in (("RANK", "1"), ("LOCAL_RANK", "1"), ("WORLD_SIZE", "2")):
        monkeypatch.setenv(name, value)
    with one_voice():
        print("words")
    with pytest.raises(SystemExit) as end, one_voice():
        sys.exit(0)
    assert end.value.code == 0
    assert capsys.readouterr() == ("", "")
