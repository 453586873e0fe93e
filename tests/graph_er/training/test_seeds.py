"""Seeds side by side: the same numbers, the same records, refusals where it cannot be."""

import json
import os
import subprocess
import sys

import pytest
import torch

from graph_er.dialogues import write_dialogues
from graph_er.errors import InputError
from graph_er.networks.checkpoint import load_checkpoint
from graph_er.running import jobs as jobs_module
from graph_er.running import processes
from graph_er.running.jobs import choose_jobs, do_jobs, threads_for
from graph_er.running.side_by_side import CAN_FORK, side_by_side
from graph_er.running.tracking import Tracker
from graph_er.train import main
from graph_er.training import seeds as seeds_module
from graph_er.training.one_seed import Sides
from graph_er.training.recipe import make_recipe
from graph_er.training.seeds import SeedWork, fit_seeds, pieces_of
from tests.graph_er.dialogue_factory import make_file
from tests.graph_er.tiny_models import SPEC

needs_fork = pytest.mark.skipif(not CAN_FORK, reason="needs Linux")
OPTIONS = ("--seeds", "3", "--members", "2", "--hidden_size", "8", "--epochs", "2")


@pytest.fixture
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # so that each seed has one thread whatever --jobs is
    yield
    torch.set_num_threads(before)


@pytest.fixture
def train(tmp_path):
    data = tmp_path / "data.pkl"
    write_dialogues(data, make_file())

    def run(name, *options):
        main([*OPTIONS, "--data_dir", str(data), "--out", str(tmp_path / name), *options])
        record = json.loads((tmp_path / name / "run.json").read_text("utf-8"))
        return load_checkpoint(tmp_path / name), record

    return run


PLATEAU = ("--schedule", "plateau", "--select", "best")


@needs_fork
@pytest.mark.parametrize("options", [(), ("--no-refit",), PLATEAU, ("--comet", "offline")])
def test_seeds_side_by_side_are_those_one_after_another(train, one_thread, capsys, options):
    (first, record), (second, other) = (train(n, "--jobs", n, *options) for n in ("1", "2"))
    assert first.seeds == second.seeds == [1, 2, 3]
    for one, two in zip(first.members, second.members, strict=True):
        assert one["dev"] == two["dev"]
        assert all(
            torch.equal(one["weights"][name], two["weights"][name]) for name in one["weights"]
        )
    assert record["metrics"] == other["metrics"]
    bars = capsys.readouterr().err
    assert "3 seeds: 100%" in bars  # one bar for all
    assert "seed 3: 100%" in bars  # and one each, one after another


@needs_fork
def test_one_seed_is_fitted_and_refitted_side_by_side(train, one_thread, monkeypatch, tmp_path):
    beside = []

    def watched(work, items, **options):
        beside.extend(map(str, items))
        return side_by_side(work, items, **options)

    monkeypatch.setattr(jobs_module, "side_by_side", watched)
    train("1", "--jobs", "1", "--seeds", "1")
    assert beside == []
    train("2", "--jobs", "2", "--seeds", "1")
    assert beside == ["the refit of seed 1", "seed 1"]
    one, two = ((tmp_path / jobs / "model.pt").read_bytes() for jobs in ("1", "2"))
    assert one == two


@pytest.mark.parametrize(
    ("training", "tracked", "parts"),
    [
        ({}, False, ["refit", "scored"]),
        ({}, True, ["all"]),
        ({"refit": False}, False, ["all"]),
        ({"select": "best"}, False, ["all"]),  # dev decides how long the refit takes
        ({"schedule": "plateau"}, False, ["all"]),  # and when its learning rate falls
    ],
)
def test_a_refit_is_a_piece_of_its_own_where_it_needs_nothing_of_the_fit(training, tracked, parts):
    recipe = make_recipe("default", "at", {}, training)
    pieces = pieces_of(recipe, [3, 4], tracked=tracked)
    assert [(piece.seed, piece.part) for piece in pieces] == [(s, p) for s in (3, 4) for p in parts]


@needs_fork
def test_what_a_seed_refuses_is_told_once_and_nothing_is_written(train, one_thread, tmp_path):
    rough = ("--learning_rate", "1e30", "--clip_norm", "0", "--ema", "0")
    for schedule in ("plateau", "one_cycle"):  # whole seeds, and both fits of each
        with pytest.raises(InputError, match="--learning_rate"):
            train("out", "--jobs", "2", "--schedule", schedule, *rough)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("error", [InputError, KeyboardInterrupt])
def test_the_tracker_of_a_seed_that_fails_is_ended(monkeypatch, error):
    ended = []

    class Watched(Tracker):
        def end(self):
            ended.append(self)

    def fails(*_, **__):
        raise error

    monkeypatch.setattr(seeds_module, "fit_seed", fails)
    tracker = Watched()
    recipe = make_recipe("default", "at", {}, {})
    work = SeedWork(SPEC, recipe, Sides([], []), "cpu", lambda seed: tracker)
    with pytest.raises(error):
        fit_seeds(work, [3], jobs=1, threads=1)
    assert ended == [tracker]


def test_jobs_are_as_many_as_cores_and_pieces_allow(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    monkeypatch.setattr("graph_er.running.jobs.CAN_FORK", True)
    assert choose_jobs(0, 9, "cpu") == 1  # a notebook, say, whose threads may have been used
    monkeypatch.setattr("graph_er.running.jobs.forks_may_use_threads", lambda: True)
    chosen = [choose_jobs(0, pieces, "cpu") for pieces in (1, 3, 9)]
    assert chosen == [1, 3, 4]
    assert choose_jobs(7, 9, "cpu") == 7
    assert choose_jobs(0, 9, "cuda") == 1
    with pytest.raises(InputError, match="--jobs is 2"):
        choose_jobs(2, 9, "cuda")
    monkeypatch.setattr(processes, "count", lambda: 2)
    assert choose_jobs(0, 9, "cpu") == 1


def test_jobs_part_the_threads(one_thread, monkeypatch):
    torch.set_num_threads(5)
    with threads_for(2) as threads:
        assert (threads, torch.get_num_threads()) == (1, 1)
    monkeypatch.setattr("graph_er.running.jobs.forks_may_use_threads", lambda: True)
    with threads_for(2) as threads:
        assert (threads, torch.get_num_threads()) == (2, 1)
    with threads_for(1) as threads:
        assert (threads, torch.get_num_threads()) == (5, 5)
    assert torch.get_num_threads() == 5


@needs_fork
def test_each_process_has_the_threads_that_it_is_given(one_thread):
    options = {"jobs": 2, "threads": 3, "on_message": print}
    assert do_jobs(lambda item, tell: torch.get_num_threads(), range(2), **options) == [3, 3]
    assert torch.get_num_threads() == 1


def test_training_imports_no_package_that_it_does_not_use():
    unused = ("transformers", "numba", "pandas", "torch_geometric.datasets")
    code = (
        "import sys; from graph_er.running.geometric import import_geometric; import_geometric();"
        "import graph_er.training.experiment;"
        f"print([n for n in {unused} if n in sys.modules]);"
        "from transformers import AutoConfig; from torch_geometric.datasets import FakeDataset;"
        "from sklearn.svm import SVC; from pandas import DataFrame;"
        "svc = SVC().fit(DataFrame([[0], [1]]), [0, 1]);"
        "print(len(FakeDataset()[0].x) > 0, svc.n_features_in_)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["[]", "True 1"]


def test_optimisers_do_without_the_compiler_until_something_is_compiled():
    code = (
        "import sys; from graph_er.running.geometric import import_geometric; import_geometric();"
        "import torch; weight = torch.nn.Parameter(torch.ones(2));"
        "optimizer = torch.optim.AdamW([weight], lr=0.1);"
        "schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=3);"
        "weight.sum().backward(); optimizer.step(); schedule.step(); optimizer.zero_grad();"
        "print('torch._dynamo.eval_frame' in sys.modules, weight.tolist()[0] < 1);"
        "from transformers import PreTrainedModel; torch.compiler.disable(lambda: 0);"
        "doubled = torch.compile(lambda x: 2 * x, backend='eager')(torch.ones(1)).item();"
        "import torch._dynamo.config;"
        "print('torch._dynamo.eval_frame' in sys.modules, doubled)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["False True", "True 2.0"]


WIDE = ("--epochs", "1", "--hidden_size", "512")
COGMEN = ("--preset", "cogmen", "--epochs", "1", "--hidden_size", "1024")


@needs_fork
@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("graph_er.train", *WIDE), id="fits"),  # a seed's two
        *(
            pytest.param(command, id=name, marks=pytest.mark.slow)
            for name, command in {
                "seeds": ("graph_er.train", "--seeds", "2", *COGMEN),
                "folds": ("graph_er.crossval", "--folds", "2", *WIDE),
                "choose_epochs": (
                    *("graph_er.crossval", "--folds", "2", "--choose_epochs", "1", "2"),
                    *WIDE,
                ),
            }.items()
        ),
    ],
)
def test_networks_of_full_width_train_side_by_side_on_several_threads_each(tmp_path, command):
    write_dialogues(tmp_path / "data.pkl", make_file(num_sessions=6))
    program = [sys.executable, "-m", *command]
    finishes([*program, "--data_dir", str(tmp_path / "data.pkl"), "--out", str(tmp_path / "run")])


NOTEBOOK = """
import sys, torch
torch.set_num_threads(4)
torch.randn(600, 600) @ torch.randn(600, 600)
from graph_er.train import cli, main
main(sys.argv[1:])
assert cli() == 0
main([*sys.argv[1:], "--jobs", "2"])
"""


@needs_fork
def test_a_program_that_has_used_threads_can_train(tmp_path):
    write_dialogues(tmp_path / "data.pkl", make_file())
    where = ["--data_dir", str(tmp_path / "data.pkl"), "--out", str(tmp_path / "run")]
    finishes([sys.executable, "-c", NOTEBOOK, *where, *WIDE])


def finishes(command):
    """Run it with four threads: a process that is forked from running ones waits for ever."""
    environment = {**os.environ, "OMP_NUM_THREADS": "4"}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
