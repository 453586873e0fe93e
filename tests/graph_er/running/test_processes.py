"""Training in two processes on the CPU: the same model as one makes of the same batches."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from graph_er.dialogues import write_dialogues
from graph_er.errors import InputError
from graph_er.networks.checkpoint import load_checkpoint
from graph_er.running.processes import (
    added,
    agreed,
    count,
    first_only,
    from_first,
    gathered,
    index,
    is_first,
    launched,
    of_this_machine,
)
from graph_er.train import main
from tests.graph_er.dialogue_factory import make_file
from tests.launched_command import skip_where_threads_are_not_told

ROOT = Path(__file__).resolve().parents[3]
# Batches of three of eight dialogues: two for one process, one for the other, and a last batch of
# two. Nothing is drawn at random in training, so that the processes can be compared with one.
COMMON = (
    *("--batch_size", "3", "--hidden_size", "8", "--graph_heads", "2", "--dropout", "0"),
    *("--epochs", "3", "--device", "cpu", "--learning_rate", "0.001"),
)
PRESETS = {
    "default": (
        *("--members", "2", "--audio_offset", "0", "--input_dropout", "0", "--shift", "0.3"),
        *("--logit_adjustment", "0.3"),
        *("--seeds", "2", "--select", "best", "--jobs", "1"),
    ),
    "cogmen": ("--preset", "cogmen", "--context_layers", "1", "--context_feedforward", "16"),
}
# What a softmax or a batch norm takes out has no gradient but rounding, which Adam blows up.
NOISE = {
    *("attention.0.query_key_value.bias", "graph.attention.lin_key.bias", "graph.relational.bias"),
    *("graph.attention.lin_value.bias", "graph.attention.lin_skip.bias", "graph.norm.running_mean"),
}


def told_by_a_gradient(name, weights):
    """Return a weight without the bias of keys, which a softmax takes out as well."""
    if not name.endswith("in_proj_bias"):
        return weights[name]
    query, _, value = weights[name].chunk(3)
    return torch.cat([query, value])


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "data.pkl"
    write_dialogues(path, make_file(num_sessions=6, length=5))
    return path


def launch(*command):
    """Run a program of the repository in two processes."""
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2")
    return subprocess.run(
        [sys.executable, *launcher, *map(str, command)],
        capture_output=True, text=True, check=False, timeout=300, cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def test_gradients_and_statistics_of_two_processes_are_those_of_one():
    done = launch("tests/graph_er/launched_gradients.py")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("preset", PRESETS)
def test_two_processes_make_the_model_that_one_makes(preset, data, tmp_path):
    options = ("--data_dir", str(data), *COMMON, *PRESETS[preset])
    worker = ("tests/launched_command.py", "graph_er.train")
    done = launch(*worker, *options, "--out", tmp_path / "two")
    assert done.returncode == 0, done.stderr
    main([*options, "--out", str(tmp_path / "one")])
    one, two = (load_checkpoint(tmp_path / name) for name in ("one", "two"))
    assert one.seeds == two.seeds
    for alone, together in zip(one.members, two.members, strict=True):
        assert alone["epoch"] == together["epoch"]
        assert alone["dev"] == pytest.approx(together["dev"], abs=1e-4)
        for name in {*alone["weights"]} - NOISE:
            found, expected = (
                told_by_a_gradient(name, fit["weights"]) for fit in (together, alone)
            )
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    assert two.finish.temperature == pytest.approx(one.finish.temperature, abs=1e-3)
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == ["model.pt", "run.json"]
    records = [json.loads((tmp_path / n / "run.json").read_text("utf-8")) for n in ("one", "two")]
    assert [record["config"]["processes"] for record in records] == [1, 2]
    assert records[0]["metrics"]["dev"]["weighted_f1"] == pytest.approx(
        records[1]["metrics"]["dev"]["weighted_f1"], abs=1e-4
    )
    # The first process alone speaks.
    assert done.stderr.count("wrote ") == 1
    assert done.stderr.count("temperature") == 1
    skip_where_threads_are_not_told()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--epochs", "0"), "--epochs is 0"),
        (("--epochs", "many"), "invalid int value"),
        pytest.param(("--contrastive", "0.1"), "--contrastive is 0.1", marks=pytest.mark.slow),
    ],
)
def test_bad_input_ends_all_processes_with_one_message(options, message, data, tmp_path):
    done = launch(
        "graph_er/train.py", "--data_dir", data, *COMMON, *options, "--out", tmp_path / "out"
    )
    assert done.returncode != 0
    assert done.stderr.count(message) == 1, done.stderr
    assert "exitcode  : 2" in done.stderr
    assert not (tmp_path / "out" / "run.json").exists()


def test_the_first_process_may_take_its_time_to_speak():
    """A launcher ends all as soon as one leaves."""
    done = launch("tests/graph_er/launched_late_word.py")
    assert done.stderr.count("error: told once") == 1, done.stderr
    assert "exitcode  : 2" in done.stderr


def test_a_variable_that_was_left_behind_is_no_launcher(monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "0")
    assert launched() == 1


def test_a_process_alone_does_everything_itself():
    assert (count(), index(), is_first()) == (1, 0, True)
    assert [work(lambda: 3) for work in (agreed, first_only, from_first)] == [3, 3, 3]
    assert added(torch.ones(2)).tolist() == [1, 1]
    assert (gathered("a"), of_this_machine()) == (["a"], 1)

    def refuse():
        raise InputError("no")

    for work in (agreed, first_only, from_first):
        with pytest.raises(InputError, match="no"):
            work(refuse)
