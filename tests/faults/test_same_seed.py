"""Same seed, same result: every command twice, and what of machine or options may not matter."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from graph_er import eval as eval_command
from graph_er import train as train_command
from graph_er.dialogues import write_dialogues
from graph_er.running.cli import run_command
from graph_er.running.paths import CHECKPOINT_NAME
from graph_er.running.run_record import RECORD_NAME
from tests.faults.killing import ROOT, Command, python
from tests.graph_er.dialogue_factory import make_file

KIND = "Same seed, same result"
SMALL = ("--epochs", "2", "--hidden_size", "8")
# What a run measures of the clock, and where it was told to write.
_OF_THE_MOMENT = {"train_seconds", "inference_ms", "wall_time_s", "run", "seconds", "created"}


def same_bytes(first, second, *names):
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def metrics(folder):
    return json.loads((folder / RECORD_NAME).read_text(encoding="utf-8"))["metrics"]


def lasting(value):
    """Return a JSON value without what differs from run to run by its nature."""
    if isinstance(value, dict):
        return {k: lasting(v) for k, v in value.items() if k not in _OF_THE_MOMENT}
    return [lasting(v) for v in value] if isinstance(value, list) else value


@pytest.mark.parametrize("preset", ["default", "cogmen"])
def test_stage_3_trains_and_scores_alike(tmp_path, preset, records):
    write_dialogues(tmp_path / "data.pkl", make_file())
    data = ("--data_dir", str(tmp_path / "data.pkl"))
    runs = [tmp_path / "one", tmp_path / "two"]
    for out in runs:
        options = ("--preset", preset, "--jobs", "1", *SMALL)
        assert run_command(train_command.main, [*data, "--out", str(out), *options]) == 0
        assert run_command(eval_command.main, [*data, "--pt_dir", str(out)]) == 0
    scores = ("eval_test/eval.json", "eval_test/predictions.csv")
    same_bytes(*runs, CHECKPOINT_NAME, *scores)
    assert metrics(runs[0]) == metrics(runs[1])
    records.add(KIND, tried=2, survived=2)


@dataclass(frozen=True)
class Ground:
    """A small corpus, and of it a stage-1 checkpoint, a dialogue file and a trained graph."""

    root: Path
    log: Path

    def run(self, script, *options, threads=1):
        words = python(script, *options).words
        prefix = ("env", f"OMP_NUM_THREADS={threads}")
        Command([*prefix, *words], ROOT).run(self.log)

    def stage_1(self, out, *options, threads=1):
        known = ("--root", self.root / "demo", "--epochs", "1", "--device", "cpu", "--seed", "3")
        self.run("feature_extractor/train.py", *known, "--out", out, *options, threads=threads)
        return out

    def stage_2(self, out, *options, threads=1):
        known = ("--root", self.root / "demo", "--checkpoint", self.root / "stage1")
        known = (*known, "--device", "cpu", "--out", out)
        self.run("feature_extractor/extract.py", *known, *options, threads=threads)
        return out

    def stage_3(self, out, *options, threads=1):
        known = ("--data_dir", self.root / "features.pkl", "--device", "cpu", *SMALL)
        self.run("graph_er/train.py", *known, "--out", out, *options, threads=threads)
        return out


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    root = tmp_path_factory.mktemp("same")
    ground = Ground(root, root / "log")
    small = ("--sessions", "6", "--dialogues", "1", "--utterances", "8")
    ground.run("feature_extractor/demo.py", "--out", root / "demo", *small)
    ground.stage_1(root / "stage1")
    ground.stage_2(root / "features.pkl")
    ground.stage_3(root / "graph")
    return ground


@pytest.mark.fault
def test_the_demo_corpus(ground, tmp_path, records):
    small = ("--sessions", "6", "--dialogues", "1", "--utterances", "8")
    ground.run("feature_extractor/demo.py", "--out", tmp_path / "demo", *small)
    files = [p for p in (tmp_path / "demo").rglob("*") if p.is_file()]
    assert files
    for path in files:
        known = ground.root / "demo" / path.relative_to(tmp_path / "demo")
        assert path.read_bytes() == known.read_bytes(), path
    records.add(KIND, tried=1, survived=1)


@pytest.mark.fault
def test_stage_1(ground, tmp_path, records):
    again = ground.stage_1(tmp_path / "again")
    same_bytes(again, ground.root / "stage1", "model.safetensors")
    assert metrics(again) == metrics(ground.root / "stage1")
    records.add(KIND, tried=1, survived=1)


@pytest.mark.fault
def test_stage_1_with_processes_that_decode(ground, tmp_path, records):
    # Nothing but the speed of clips is drawn where they are decoded.
    plain = ("--speed_perturbation", "0")
    runs = [
        ground.stage_1(tmp_path / f"run{count}", *plain, "--num_workers", str(count))
        for count in (0, 2)
    ]
    same_bytes(*runs, "model.safetensors")
    drawn = [ground.stage_1(tmp_path / f"drawn{n}", "--num_workers", "2") for n in range(2)]
    same_bytes(*drawn, "model.safetensors")
    records.add(KIND, tried=2, survived=2)


@pytest.mark.fault
@pytest.mark.parametrize("options", [(), ("--num_workers", "2"), ("--dtype", "bfloat16")])
def test_stage_2(ground, tmp_path, options, records):
    known = ground.root / "features.pkl"
    if "--dtype" in options:  # other numbers, the same ones each time
        known = ground.stage_2(tmp_path / "known.pkl", *options)
    assert ground.stage_2(tmp_path / "again.pkl", *options).read_bytes() == known.read_bytes()
    records.add(KIND, tried=1, survived=1)


@pytest.mark.fault
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("preset", ["default", "cogmen"])
def test_stage_3_whatever_is_done_side_by_side(ground, tmp_path, preset, dtype, records):
    options = ("--preset", preset, "--dtype", dtype, "--seeds", "2")
    one = ground.stage_3(tmp_path / "one", *options, "--jobs", "1")
    other = ground.stage_3(tmp_path / "other", *options, "--jobs", "1")
    # Each of the two seeds then has one thread of the two.
    beside = ground.stage_3(tmp_path / "beside", *options, "--jobs", "2", threads=2)
    for run in (other, beside):
        same_bytes(one, run, CHECKPOINT_NAME)
        assert metrics(one) == metrics(run)
    records.add(KIND, tried=2, survived=2)


@pytest.mark.fault
def test_as_many_threads_give_the_same_bits(ground, tmp_path, records):
    runs = [ground.stage_3(tmp_path / f"graph{n}", "--jobs", "1", threads=2) for n in range(2)]
    same_bytes(*runs, CHECKPOINT_NAME)
    runs = [ground.stage_1(tmp_path / f"speech{n}", threads=2) for n in range(2)]
    same_bytes(*runs, "model.safetensors")
    records.add(KIND, tried=2, survived=2)


@pytest.mark.fault
def test_what_reads_a_trained_graph(ground, tmp_path, records):
    data, graph = ("--data_dir", ground.root / "features.pkl"), ground.root / "graph"
    table = tmp_path / "talk.csv"
    table.write_text("speaker,wav,text\nA,,그래\nB,,정말 좋아!\n", encoding="utf-8")
    other = ground.stage_3(tmp_path / "other", "--seed", "5")
    ground.run("graph_er/eval.py", *data, "--pt_dir", other)
    for name in ("one", "two"):
        out = tmp_path / name
        scores = ("--pt_dir", graph, "--out", out / "scores" / "eval.json")
        ground.run("graph_er/eval.py", *data, *scores)
        known = ("--pt_dir", graph, "--extractor", ground.root / "stage1", "--device", "cpu")
        files = ("--input", table, "--out", out / "predicted.csv")
        ground.run("graph_er/predict.py", *known, *files)
        pair = (tmp_path / "one" / "scores", other / "eval_test")
        ground.run("graph_er/compare.py", *pair, "--out", out / "compared.json")
    names = ("scores/eval.json", "scores/predictions.csv", "predicted.csv", "compared.json")
    same_bytes(tmp_path / "one", tmp_path / "two", *names)
    records.add(KIND, tried=3, survived=3)


@pytest.mark.fault
def test_what_trains_many_graphs(ground, tmp_path, records):
    data = ("--data_dir", ground.root / "features.pkl")
    for name in ("one", "two"):
        out = tmp_path / name
        ground.run("graph_er/crossval.py", *data, *SMALL, "--out", out / "folds")
        search = ("--trials", "3", "--seeds", "1", "--only", "dropout", *SMALL)
        ground.run("graph_er/tune.py", *data, "--out", out / "search", *search)
    names = ("folds/eval.json", "folds/predictions.csv", "search/best.json", "search/trials.json")
    same_bytes(tmp_path / "one", tmp_path / "two", *names)
    records.add(KIND, tried=2, survived=2)


@pytest.mark.fault
def test_the_ablation(tmp_path, records):
    write_dialogues(tmp_path / "data.pkl", make_file(num_sessions=4, dialogues_per_session=1))
    ground = Ground(tmp_path, tmp_path / "log")
    for name in ("one", "two"):
        options = ("--data_dir", tmp_path / "data.pkl", "--seeds", "2")
        ground.run("graph_er/ablation.py", *options, "--out", tmp_path / name / "rows.json")
    same_bytes(tmp_path / "one", tmp_path / "two", "rows.json", "rows.md")
    records.add(KIND, tried=1, survived=1)


@pytest.mark.fault
def test_the_comparison_of_fusions_whatever_the_lanes(ground, tmp_path, records):
    what = ("--fusions", "concat", "--modalities", "t", "--epochs", "1", "--seeds", "1")
    for lanes in ("1", "2"):
        out = tmp_path / f"lanes{lanes}"
        places = ("--out", out, "--cache_dir", out / "cache", "--lanes", lanes)
        demo = ("--root", ground.root / "demo")
        ground.run("feature_extractor/compare_fusions.py", *demo, *what, *places)
    one, two = (
        lasting(json.loads((tmp_path / f"lanes{n}" / "results.json").read_text("utf-8")))
        for n in (1, 2)
    )
    assert one == two
    records.add(KIND, tried=1, survived=1)
