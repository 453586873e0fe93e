"""A graph model is used with the extractor whose features it was trained on, if that is known."""

import json
import shutil
from dataclasses import replace

import pytest
from safetensors.torch import load_file, save_file

from graph_er import bundle as bundle_command
from graph_er import predict
from graph_er.errors import InputError
from graph_er.inference.predictor import EmotionPredictor
from graph_er.networks.checkpoint import save_checkpoint
from graph_er.packing.bundle_writing import Sources, write_bundle
from graph_er.running.cli import run_command
from graph_er.running.files import sha256
from graph_er.running.run_record import describe_data
from tests.graph_er.conversation_factory import talk, write_table
from tests.graph_er.tiny_predictor import save_graph


def write_record(folder, data):
    record = {"config": {"corpus": "demo"}, "seed": 0, "metrics": {}, "data": data}
    (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


@pytest.fixture
def made_by(models):
    """What training records of the features that `models.extractor` made."""
    return describe_data(models.extractor.parent / "features.pkl", models.file.info)


@pytest.fixture
def graph(models, made_by, tmp_path):
    save_checkpoint(tmp_path / "graph", replace(models.checkpoint, data_sha256=made_by["sha256"]))
    return write_record(tmp_path / "graph", made_by)


@pytest.fixture
def own(models, tmp_path):
    """The extractor under another name."""
    return write_record(shutil.copytree(models.extractor, tmp_path / "own"), None)


@pytest.fixture
def other(own, tmp_path):
    """An extractor of equal widths with other weights."""
    folder = shutil.copytree(own, tmp_path / "other")
    weights = load_file(folder / "model.safetensors")
    name = min(weights)
    save_file({**weights, name: weights[name] + 1}, folder / "model.safetensors", {"format": "pt"})
    return folder


def test_the_extractor_is_known_by_its_weights_wherever_it_lies(graph, own, other, made_by):
    assert made_by["checkpoint_sha256"] == sha256(own / "model.safetensors")
    EmotionPredictor.load(graph, own, "cpu")
    for named in (graph, graph / "model.pt"):
        with pytest.raises(InputError, match=r"is another one .*; name the one it was") as refused:
            EmotionPredictor.load(named, other, "cpu")
        trained_on = f"{made_by['checkpoint']} ({made_by['checkpoint_sha256'][:12]}…)"
        given = f"{other} is another one ({sha256(other / 'model.safetensors')[:12]}…)"
        for part in (f"{named}: ", trained_on, given):
            assert part in str(refused.value)


@pytest.mark.parametrize("role", ["graph", "live"])
def test_a_bundle_of_models_that_do_not_belong_together_is_refused(
    models, made_by, graph, own, other, tmp_path, role
):
    live = tmp_path / "live"
    causal = save_graph(live, models.file, config=replace(models.checkpoint.config, wf=0))
    save_checkpoint(live, replace(causal, data_sha256=made_by["sha256"]))
    unknown = write_record(shutil.copytree(graph, tmp_path / "unknown"), None)
    write_record(live, made_by if role == "live" else None)
    sources = Sources(other, graph if role == "graph" else unknown, live)
    with pytest.raises(InputError, match=f"{role}: was trained on features of the extractor"):
        write_bundle(sources, tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def test_a_bundle_keeps_what_its_model_was_trained_on(graph, own, other, tmp_path):
    write_bundle(Sources(own, graph), tmp_path / "bundle")
    EmotionPredictor.load(tmp_path / "bundle", device="cpu")
    EmotionPredictor.load(tmp_path / "bundle" / "graph", tmp_path / "bundle" / "extractor", "cpu")
    with pytest.raises(InputError, match="is another one"):
        EmotionPredictor.load(tmp_path / "bundle" / "graph", other, "cpu")


def test_no_extractor_is_taken_for_encoders_as_pretrained(graph, own, made_by, tmp_path):
    frozen = {"frozen": True, "weights_sha256": "ab" * 32}
    write_record(graph, {**without(made_by, "checkpoint", "checkpoint_sha256"), **frozen})
    refusal = r"features of encoders as pretrained \(extract.py --frozen\).*train a graph model on"
    with pytest.raises(InputError, match=refusal):
        EmotionPredictor.load(graph, own, "cpu")
    with pytest.raises(InputError, match=refusal):
        write_bundle(Sources(own, graph), tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def without(record, *keys):
    return {key: value for key, value in record.items() if key not in keys}


@pytest.mark.parametrize(
    "data",
    [
        lambda record: without(record, "checkpoint", "checkpoint_sha256", "frozen"),
        lambda record: {**record, "checkpoint_sha256": 5},
        lambda record: {**record, "sha256": "ab" * 32},
        lambda record: None,
        lambda record: "x.pkl",
    ],
    ids=["older", "no text", "of another model", "none", "no object"],
)
def test_runs_whose_record_does_not_tell_load_with_any(graph, other, made_by, data):
    write_record(graph, data(made_by))
    EmotionPredictor.load(graph, other, "cpu")


@pytest.mark.parametrize("content", [None, "{", "[]"])
def test_so_do_models_beside_no_record(graph, other, content):
    (graph / "run.json").unlink()
    if content is not None:
        (graph / "run.json").write_text(content, encoding="utf-8")
    EmotionPredictor.load(graph, other, "cpu")


def test_both_commands_refuse_in_one_line(graph, other, tmp_path, capsys):
    table = write_table(tmp_path / "talk.csv", talk(2))
    models = ("--pt_dir", str(graph), "--extractor", str(other))
    out = str(tmp_path / "out.csv")
    assert run_command(predict.main, [*models, "--input", str(table), "--out", out]) == 2
    assert "name the one it was trained on with --extractor" in capsys.readouterr().err
    assert not (tmp_path / "out.csv").exists()
    assert run_command(bundle_command.main, [*models, "--out", str(tmp_path / "bundle")]) == 2
    assert "name the one it was trained on with --extractor" in capsys.readouterr().err
    assert not (tmp_path / "bundle").exists()
