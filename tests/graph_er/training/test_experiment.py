"""A run from dialogue file to checkpoint folder: seeds, refit, what is kept and recorded."""

import errno
import sys
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from graph_er.answers.prediction import predict_log_probabilities, predict_probabilities
from graph_er.dialogues import write_dialogues
from graph_er.errors import InputError
from graph_er.networks.checkpoint import load_checkpoint
from graph_er.networks.spec import spec_of
from graph_er.running.run_record import read_run_record
from graph_er.scoring.scores import score
from graph_er.training import experiment
from graph_er.training.experiment import Run, run_training
from graph_er.training.fit import fit
from tests.graph_er.dialogue_factory import EMOTIONS, make_dialogue, make_file
from tests.graph_er.tiny_models import COGMEN, CONFIGS, CONTEXTUAL, TRAINING

FILE = make_file()
REFIT = replace(TRAINING, epochs=3, refit=True, decode=True)


@pytest.fixture
def train(tmp_path):
    data = tmp_path / "data.pkl"
    write_dialogues(data, FILE)

    def run(
        name="run", *, modalities="at", model=CONTEXTUAL, training=REFIT, seeds=(3,), file=FILE,
        comet="off",
    ):  # fmt: skip
        out = tmp_path / name
        run_training(
            file,
            Run(
                modalities=modalities, model=model, training=training, seeds=list(seeds), out=out,
                tag=name, data=data, device="cpu", comet=comet, started=time.monotonic(),
            ),
        )  # fmt: skip
        return load_checkpoint(out), read_run_record(out)

    return run


def test_a_run_remembers_the_extractor_of_its_features(train):
    made_by = {"checkpoint": "at", "checkpoint_sha256": "ab" * 32}
    _, record = train(file=replace(FILE, info={**FILE.info, **made_by, "frozen": False}))
    assert {key: record["data"][key] for key in made_by} == made_by
    frozen = {"frozen": True, "weights_sha256": "cd" * 32}
    _, record = train("frozen", file=replace(FILE, info={**FILE.info, **frozen}))
    assert {key: record["data"][key] for key in frozen} == frozen
    _, record = train("again")
    assert {*record["data"]} == {"name", "sha256", "trained_dialogues_sha256"}


@pytest.mark.parametrize("training", [TRAINING, REFIT])
def test_a_run_remembers_the_dialogues_of_its_training(train, training):
    checkpoint, record = train(training=training)
    ids = {*FILE.train_ids, *(FILE.dev_ids if training.refit else ())}
    assert {*checkpoint.trained_ids} == ids
    assert record["data"]["trained_dialogues_sha256"] == FILE.content_sha256(ids)


def fitted(sides, dev, *, model=CONTEXTUAL, training=REFIT, seed=3, **further):
    spec = spec_of(FILE, (*FILE.side("train"), *FILE.side("dev")), "at", model)
    graphs = [graph for side in sides for graph in spec.graphs(FILE.side(side), model)]
    scored = spec.graphs(FILE.side("dev"), model) if dev else []
    return fit(lambda: spec.build(model), graphs, scored, EMOTIONS, training, seed=seed, **further)


def equal(first, second):
    return set(first) == set(second) and all(torch.equal(first[n], second[n]) for n in first)


@pytest.mark.parametrize("preset", CONFIGS)
@pytest.mark.parametrize("select", ["last", "best"])
@pytest.mark.parametrize("schedule", ["one_cycle", "plateau"])
def test_a_refitted_run_keeps_a_fit_on_train_and_dev_of_the_epochs_that_dev_bore_out(
    train, preset, select, schedule
):
    rough = {"learning_rate": 0.1, "ema": 0.0, "schedule": schedule, "epochs": 5}
    options = {"model": CONFIGS[preset], "training": replace(REFIT, select=select, **rough)}
    for seed in range(1, 20):
        options["seed"] = seed
        before = fitted(["train"], True, **options)
        if select == "last" or before.kept.epoch < 5:
            break
    assert (before.kept.epoch == 5) is (select == "last")
    checkpoint, record = train(
        model=options["model"], training=options["training"], seeds=[options["seed"]]
    )
    (member,) = checkpoint.members
    assert (member["epoch"], member["dev"]) == (before.kept.epoch, before.kept.dev)
    known = {"seed": options["seed"], "epoch": member["epoch"], "dev": before.kept.dev}
    assert record["metrics"]["training"] == [known]
    options |= {"stop_after": before.kept.epoch, "like": before}
    assert equal(member["weights"], fitted(["train", "dev"], False, **options).weights)
    assert not equal(member["weights"], before.weights)
    assert checkpoint.refitted
    assert {*checkpoint.trained_ids} == {*FILE.train_ids, *FILE.dev_ids}


@pytest.mark.parametrize("preset", CONFIGS)
def test_without_refit_the_weights_are_those_that_dev_scored(train, preset):
    options = {"model": CONFIGS[preset], "training": replace(REFIT, refit=False)}
    checkpoint, record = train(**options)
    assert equal(checkpoint.members[0]["weights"], fitted(["train"], True, **options).weights)
    assert not checkpoint.refitted
    assert {*checkpoint.trained_ids} == {*FILE.train_ids}
    # So what is recorded can be had again from the checkpoint itself.
    dev = FILE.side("dev")
    predicted = predict_probabilities(checkpoint, dev)[0].argmax(-1)
    gold = np.concatenate([dialogue.labels for dialogue in dev])
    again = score(gold, predicted, EMOTIONS)
    assert record["metrics"]["dev"]["weighted_f1"] == pytest.approx(again["weighted_f1"])


def test_dev_scores_and_calibration_are_of_models_that_never_saw_dev(train):
    (refitted, record), (plain, plain_record) = (
        train(name, training=replace(REFIT, refit=refit))
        for name, refit in (("refitted", True), ("plain", False))
    )
    assert record["metrics"] == plain_record["metrics"]
    assert refitted.finish.to_plain() == plain.finish.to_plain()


def test_test_dialogues_leave_no_trace(train):
    garbled = [
        replace(d, text=d.text[::-1].copy(), audio=d.audio + 1, labels=(d.labels + 1) % 3)
        for d in FILE.dialogues
    ]
    dialogues = tuple(g if g.id in FILE.test_ids else d
                      for g, d in zip(garbled, FILE.dialogues, strict=True))  # fmt: skip
    first, _ = train("first")
    second, _ = train("second", file=replace(FILE, dialogues=dialogues))
    assert equal(first.members[0]["weights"], second.members[0]["weights"])
    assert first.finish.to_plain() == second.finish.to_plain()


def test_each_seed_of_a_run_is_the_run_of_that_seed(train):
    together, record = train("together", seeds=(4, 5))
    assert together.seeds == [4, 5]
    assert record["seed"] == [4, 5]
    for member in together.members:
        alone, record = train("alone", seeds=(member["seed"],))
        assert equal(alone.members[0]["weights"], member["weights"])
        assert record["seed"] == member["seed"]
    assert not equal(*(member["weights"] for member in together.members))


@pytest.mark.parametrize("future", [0, 4])
def test_decoding_is_causal_where_the_model_is(train, future):
    checkpoint, _ = train(model=replace(CONTEXTUAL, wf=future))
    assert checkpoint.finish.causal is (future == 0)


def test_without_decoding_the_weight_is_zero(train):
    checkpoint, _ = train(training=replace(REFIT, decode=False))
    assert checkpoint.finish.weight == 0
    test = FILE.side("test")
    graphs = checkpoint.spec.graphs(test, checkpoint.config)
    raw = predict_log_probabilities(checkpoint.models(), graphs)
    tempered = np.exp(raw / checkpoint.finish.temperature)
    np.testing.assert_allclose(
        predict_probabilities(checkpoint, test), tempered / tempered.sum(-1, keepdims=True)
    )


def test_the_record_names_preset_and_every_option(train):
    for name, config in CONFIGS.items():
        _, record = train(name, model=config)
        assert record["config"]["preset"] == name
        assert record["config"]["model"] == vars(config)
        assert record["config"]["training"] == vars(REFIT)


@pytest.mark.parametrize("side", ["train", "dev"])
def test_a_file_without_a_side_is_refused_before_anything_is_removed(train, side, tmp_path):
    train()
    before = (tmp_path / "run" / "model.pt").read_bytes()
    with pytest.raises(InputError, match=f"no {side} dialogues"):
        train(file=replace(FILE, **{f"{side}_ids": ()}))
    assert (tmp_path / "run" / "model.pt").read_bytes() == before


def test_a_configuration_that_does_not_fit_the_file_is_refused_before_anything_is_removed(
    train, tmp_path
):
    train()
    before = (tmp_path / "run" / "model.pt").read_bytes()
    with pytest.raises(InputError, match="context_heads"):
        train(model=replace(COGMEN, context_heads=3))
    assert (tmp_path / "run" / "model.pt").read_bytes() == before


def test_a_folder_of_stage_1_is_left_alone(train, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "model.safetensors").touch()
    with pytest.raises(InputError, match="holds a stage-1 checkpoint"):
        train()
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["model.safetensors"]


@pytest.fixture
def finished(train, tmp_path):
    """A finished run that was evaluated, and a function that returns its files' content."""
    train(training=TRAINING)
    folder = tmp_path / "run"
    (folder / "eval_test").mkdir()
    for name in ("eval.json", "predictions.csv", "predictions_seed3.csv", "eval_test/eval.json"):
        (folder / name).write_text("of the earlier run")
    return lambda: {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_without_a_key_for_the_tracker_an_earlier_run_stays(train, finished, monkeypatch):
    before = finished()
    keyless = SimpleNamespace(get_config=lambda name: None)
    monkeypatch.setitem(sys.modules, "comet_ml", keyless)
    with pytest.raises(InputError, match="COMET_API_KEY"):
        train(comet="online")
    assert finished() == before


def test_a_run_that_fails_leaves_an_earlier_one_as_it_was(train, finished, caplog):
    before = finished()
    with pytest.raises(InputError, match="learning_rate"):
        train(training=replace(TRAINING, learning_rate=1e30))
    assert "is replaced when this one is trained" in caplog.text
    assert finished() == before


@pytest.mark.parametrize(
    ("killed_in", "done", "model"),
    [("_remove_earlier_records", True, "before"), ("write_run_record", False, "new")],
)
def test_a_run_that_is_killed_as_it_is_written_is_no_mixture(
    train, finished, monkeypatch, killed_in, done, model
):
    before, step = finished()["model.pt"], getattr(experiment, killed_in)

    def killed(*arguments, **options):
        if done:
            step(*arguments, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(experiment, killed_in, killed)
    with pytest.raises(KeyboardInterrupt):
        train(training=replace(TRAINING, learning_rate=0.1))
    left = finished()
    assert {*left} == {"model.pt"}
    assert (left["model.pt"] == before) is (model == "before")


def test_a_disk_that_is_full_leaves_an_earlier_run_as_it_was(train, finished, monkeypatch):
    before = finished()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("graph_er.networks.checkpoint.torch.save", full)
    with pytest.raises(OSError, match="No space left"):
        train(training=replace(TRAINING, learning_rate=0.1))
    assert finished() == before


def test_a_run_in_place_of_another_leaves_nothing_of_that(train, finished):
    before = finished()
    train(training=replace(TRAINING, learning_rate=0.1))
    after = finished()
    assert {*after} == {"model.pt", "run.json"}
    assert all(after[name] != before[name] for name in after)


def test_a_run_in_place_of_another_leaves_the_files_of_the_user(train, finished, tmp_path):
    finished()
    mine = ("predictions_seed_notes.csv", "eval_test/thesis.tex")
    for name in mine:
        (tmp_path / "run" / name).write_text("years of work")
    train(training=replace(TRAINING, learning_rate=0.1))
    left = {path for path in (tmp_path / "run").rglob("*") if path.is_file()}
    names = {path.relative_to(tmp_path / "run").as_posix() for path in left}
    assert names == {"model.pt", "run.json", *mine}


@pytest.mark.parametrize("length", [1, 2])
def test_dialogues_of_one_utterance_each_are_warned_of(train, caplog, length):
    dialogues = tuple(make_dialogue(d.id, length) for d in FILE.dialogues)
    train(training=TRAINING, file=replace(FILE, dialogues=dialogues))
    assert ("there is no context for the graph to use" in caplog.text) == (length == 1)


@pytest.mark.parametrize("emotions", [EMOTIONS, EMOTIONS[:1]])
def test_one_emotion_alone_is_warned_of_whatever_the_file_names(train, caplog, emotions):
    alike = tuple(replace(d, labels=np.zeros_like(d.labels)) for d in FILE.dialogues)
    train(training=TRAINING, file=replace(FILE, emotions=emotions, dialogues=alike))
    assert "train holds one emotion alone" in caplog.text


@pytest.mark.parametrize("silent", [True, False])
def test_features_that_are_alike_in_every_utterance_are_warned_of(train, caplog, silent):
    level = 0.0 if silent else 1.0
    # Those of dev differ: what is learned comes from train.
    dialogues = tuple(
        d if d.id in FILE.dev_ids else replace(d, audio=d.audio * level) for d in FILE.dialogues
    )
    train(training=TRAINING, file=replace(FILE, dialogues=dialogues))
    assert ("audio features are alike in every train utterance" in caplog.text) == silent
    assert "text features are alike" not in caplog.text


@pytest.mark.parametrize(
    ("changes", "heard"),
    [({}, True), ({"audio_level": "dialogue"}, False), ({"wf": 0}, False)],
)
def test_terms_that_nothing_hears_are_warned_of(train, caplog, changes, heard):
    train(training=TRAINING, model=replace(CONTEXTUAL, **changes))
    assert ("--deviation_terms has no effect" in caplog.text) is not heard
    assert replace(CONTEXTUAL, **changes).by_terms is heard


@pytest.mark.parametrize(
    ("modalities", "changes", "told"),
    [
        ("at", {}, False),
        ("t", {}, True),
        ("at", {"wf": 0}, True),
        ("at", {"relative_audio": False}, True),
        ("t", {"audio_level": "dialogue"}, False),
    ],
)
def test_a_speakers_level_that_nothing_is_heard_against_is_warned_of(
    train, caplog, modalities, changes, told
):
    model = replace(CONTEXTUAL, **changes)
    train(modalities=modalities, training=TRAINING, model=model)
    assert ("--audio_level speaker has no effect" in caplog.text) is told
