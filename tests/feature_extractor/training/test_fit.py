import inspect
import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import save, save_file

from feature_extractor.batches.dataset import UtteranceDataset
from feature_extractor.execution import Execution
from feature_extractor.extraction.prediction import predict
from feature_extractor.settings import TrainingSettings
from feature_extractor.training import fit as fitting
from feature_extractor.training.fit import (
    CHECKPOINTS,
    Job,
    fit,
    parameter_groups,
)
from feature_extractor.training.resuming import last_complete
from feature_extractor.utterance import Corpus
from graph_er.errors import InputError
from graph_er.running.tracking import Tracker
from graph_er.scoring.scores import score
from tests.feature_extractor.tiny_corpus import EMOTIONS, make_checkpoint, make_corpus

QUICK = TrainingSettings(
    epochs=3, batch_size=2, accumulate_grad=2, lr=1e-3, head_lr=1e-2, num_workers=0
)


class Recorder(Tracker):
    def __init__(self):
        self.steps = []

    def log_metrics(self, metrics, *, step):
        if "eval_loss" in metrics:
            self.steps.append(step)


def sides(tmp_path, modalities="at", soft=False):
    corpus = make_corpus(tmp_path / "corpus")
    rate = 16_000 if "a" in modalities else None
    halves = corpus.utterances[:10], corpus.utterances[10:]
    return [UtteranceDataset(corpus, half, sampling_rate=rate, soft_labels=soft) for half in halves]


def train(tmp_path, name, settings=QUICK, modalities="at", resume=False, tracker=None):
    checkpoint = make_checkpoint(tmp_path / name / "encoders", modalities)
    job = Job(tmp_path / name, 0, torch.device("cpu"), tracker or Tracker())
    torch.manual_seed(5)
    result = fit(checkpoint, *sides(tmp_path, modalities), settings, job, resume)
    return checkpoint.model, result


def equal(first, second):
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    return all(torch.equal(one, other) for one, other in pairs)


def test_the_same_seed_gives_the_same_model(tmp_path):
    assert equal(train(tmp_path, "one")[0], train(tmp_path, "two")[0])


def test_a_launchers_precision_is_not_taken_over(tmp_path, monkeypatch):
    before, _ = train(tmp_path, "one")
    for precision in ("fp16", "bf16"):
        monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", precision)
        job = Job(tmp_path, 0, torch.device("cpu"), Tracker())
        assert fitting._arguments(QUICK, job).mixed_precision == "no"
    assert equal(train(tmp_path, "two")[0], before)


def test_the_best_epoch_by_dev_loss_is_kept(tmp_path):
    recorder = Recorder()
    model, result = train(tmp_path, "run", tracker=recorder)
    losses = [entry["dev_loss"] for entry in result["history"]]
    assert len(losses) == QUICK.epochs
    assert result["best_epoch"] == 1 + losses.index(min(losses))
    assert recorder.steps == [1, 2, 3]
    _, dev = sides(tmp_path)
    checkpoint = make_checkpoint(tmp_path / "again")
    batch = checkpoint.collator()([dev[index] for index in range(len(dev))])
    labels = batch.pop("labels")
    with torch.inference_mode():
        loss = torch.nn.functional.cross_entropy(model.cpu().eval()(**batch).logits, labels)
    assert loss.item() == pytest.approx(min(losses), abs=1e-4)


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("clip_length", [0.1, 0.25])
def test_dev_clips_that_are_too_long_are_heard_as_in_prediction(tmp_path, clip_length, workers):
    checkpoint = make_checkpoint(tmp_path / "encoders")
    checkpoint.model.config.clip_length = clip_length
    whole, dev = sides(tmp_path)
    short = [u for u in whole.utterances if u.duration <= clip_length]
    train = UtteranceDataset(whole._corpus, short, sampling_rate=16_000)
    assert 0 < len(dev.needs_chunks(clip_length)) < len(dev)
    job = Job(tmp_path / "run", 0, torch.device("cpu"), Tracker())
    settings = replace(QUICK, epochs=1, num_workers=workers)
    result = fit(checkpoint, train, dev, settings, job)
    what = (checkpoint.model, checkpoint.collator(), dev)
    logits = predict(*what, Execution(torch.device("cpu")), clip_length)["logits"]
    labels = torch.tensor([dev[index]["labels"] for index in range(len(dev))])
    loss = torch.nn.functional.cross_entropy(torch.from_numpy(logits), labels)
    assert result["best_dev_loss"] == pytest.approx(loss.item(), abs=1e-5)


def test_mixed_precision_is_for_devices_that_compute_in_it(tmp_path, monkeypatch):
    asked, made = [], []
    # All but the second GPU are older than Ampere and imitate it.
    monkeypatch.setattr(fitting, "native_bfloat16", lambda device: device in ("cuda:1", "cpu"))
    monkeypatch.setattr(
        fitting,
        "TrainingArguments",
        lambda **given: asked.append(given) or SimpleNamespace(n_gpu=1, bf16=given["bf16"]),
    )
    for device in ("cuda:0", "cuda:1", "cpu"):
        job = Job(tmp_path, 0, torch.device(device), Tracker())
        made.append(fitting._arguments(QUICK, job).mixed_precision)
    assert [given["bf16"] for given in asked] == [False, True, False]
    assert made == ["no", "bf16", "no"]


def test_a_model_trained_in_bfloat16_is_scored_in_the_precision_that_is_asked(
    tmp_path, monkeypatch
):
    def arguments(*what):
        made = real(*what)
        made.bf16, made.mixed_precision = True, "bf16"
        return made

    real = fitting._arguments
    monkeypatch.setattr(fitting, "_arguments", arguments)
    model, _ = train(tmp_path, "run", replace(QUICK, epochs=1), modalities="t")
    _, dev = sides(tmp_path, "t")
    same = make_checkpoint(tmp_path / "same", "t")
    same.model.load_state_dict(model.state_dict())
    what = (same.collator(), dev, Execution(torch.device("cpu")), model.config.clip_length)
    found, expected = (predict(scored, *what)["logits"] for scored in (model, same.model))
    np.testing.assert_array_equal(found, expected)


def test_the_best_epoch_is_found_in_a_folder_that_was_renamed(tmp_path):
    for number in (3, 6):
        checkpoint = tmp_path / "now" / f"checkpoint-{number}"
        checkpoint.mkdir(parents=True)
        state = {"best_model_checkpoint": str(tmp_path / "then" / "checkpoint-3")}
        (checkpoint / "trainer_state.json").write_text(json.dumps(state))
        save_file({"x": torch.zeros(1)}, checkpoint / "model.safetensors")
    last = last_complete(tmp_path / "now")
    assert last.name == "checkpoint-6"
    best = json.loads((last / "trainer_state.json").read_text())["best_model_checkpoint"]
    assert best == str(tmp_path / "now" / "checkpoint-3")


def test_interrupted_and_resumed_equals_uninterrupted(tmp_path, monkeypatch):
    whole, whole_result = train(tmp_path, "whole")

    class Stop(Tracker):
        def log_metrics(self, metrics, *, step):
            # After the dev scores of epoch 3, before its checkpoint: epoch 2's is the last.
            if step == 3 and "eval_loss" in metrics:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, "cut", tracker=Stop())
    last = last_complete(tmp_path / "cut" / CHECKPOINTS)
    assert last is not None
    resumed, result = train(tmp_path, "cut", resume=True)
    assert result == whole_result
    assert equal(resumed, whole)


def test_resuming_a_run_that_only_lacked_its_end(tmp_path):
    whole, whole_result = train(tmp_path, "run")
    again, result = train(tmp_path, "run", resume=True)
    assert result == whole_result
    assert equal(again, whole)


def test_incomplete_checkpoints_are_deleted(tmp_path):
    whole = save({"x": torch.zeros(2)})
    for step, state, weights in (
        (9, '{"a": 1}', whole),
        (10, '{"cut sh', whole),
        (11, None, whole),
        (12, '{"a": 1}', whole[:-1]),
        (13, '{"a": 1}', None),
    ):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        if weights is not None:
            (folder / "model.safetensors").write_bytes(weights)
        if state is not None:
            (folder / "trainer_state.json").write_text(state)
    assert last_complete(tmp_path) == tmp_path / "checkpoint-9"
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-9"]
    assert last_complete(tmp_path / "nowhere") is None


def test_a_folder_beside_the_checkpoints_that_has_no_number_is_left_alone(tmp_path):
    for name in ("checkpoint-best", "checkpoint-9-old", "checkpoint-"):
        (tmp_path / name).mkdir()
    assert last_complete(tmp_path) is None
    assert len(list(tmp_path.iterdir())) == 3
    whole = tmp_path / "checkpoint-9"
    whole.mkdir()
    (whole / "model.safetensors").write_bytes(save({"x": torch.zeros(2)}))
    (whole / "trainer_state.json").write_text("{}")
    assert last_complete(tmp_path) == whole
    assert len(list(tmp_path.iterdir())) == 4


def test_a_loss_that_is_not_finite_ends_training(tmp_path):
    checkpoint = make_checkpoint(tmp_path / "encoders", "t")
    with torch.no_grad():
        checkpoint.model.fusion.classifier.bias[0] = float("nan")
    job = Job(tmp_path / "run", 0, torch.device("cpu"), Tracker())
    with pytest.raises(
        InputError,
        match=r"training loss became nan in epoch 1, step 1 \(utterances Sess.*lower --lr",
    ):
        fit(checkpoint, *sides(tmp_path, "t"), QUICK, job)


@pytest.mark.parametrize("modalities", ["a", "t"])
def test_training_lowers_the_loss(tmp_path, modalities):
    settings = TrainingSettings(
        epochs=8, batch_size=5, accumulate_grad=1, lr=5e-3, head_lr=5e-2, num_workers=0
    )
    _, result = train(tmp_path, "run", settings, modalities)
    losses = [entry["train_loss"] for entry in result["history"]]
    assert losses[-1] < 0.8 * losses[0]


def test_votes_can_be_learnt(tmp_path):
    checkpoint = make_checkpoint(tmp_path / "encoders", "t")
    job = Job(tmp_path / "run", 0, torch.device("cpu"), Tracker())
    result = fit(checkpoint, *sides(tmp_path, "t", soft=True), QUICK, job)
    assert len(result["history"]) == QUICK.epochs


def test_dev_scores_of_votes_are_by_the_label_of_the_corpus(tmp_path, monkeypatch):
    """A tie's label is the one that stands first, which the votes do not tell."""
    train_side, dev = sides(tmp_path, "t", soft=True)
    tie = (0.5, *(0.0 for _ in EMOTIONS[2:]), 0.5)
    rows = [replace(u, soft_label=tie, emotion=EMOTIONS[-1]) for u in dev.utterances[:3]]
    utterances = (*train_side.utterances, *rows, *dev.utterances[3:])
    corpus = Corpus("tiny", EMOTIONS, utterances)
    dev = UtteranceDataset(corpus, utterances[10:], sampling_rate=None, soft_labels=True)
    seen = []

    def recorded(gold, predicted, emotions):
        seen.append(list(gold))
        return score(gold, predicted, emotions)

    monkeypatch.setattr(fitting, "score", recorded)
    checkpoint = make_checkpoint(tmp_path / "encoders", "t")
    job = Job(tmp_path / "run", 0, torch.device("cpu"), Tracker())
    fit(checkpoint, train_side, dev, replace(QUICK, epochs=1), job)
    assert seen == [[corpus.label(utterance) for utterance in utterances[10:]]]


def test_each_parameter_is_in_one_group_of_its_own_rate(tmp_path):
    model = make_checkpoint(tmp_path).model
    groups = parameter_groups(model, QUICK)
    names = {id(p): name for name, p in model.named_parameters()}
    assert sorted(id(p) for group in groups for p in group["params"]) == sorted(names)
    for group in groups:
        for parameter in group["params"]:
            name = names[id(parameter)]
            encoder = name.startswith(("text_encoder", "audio_encoder"))
            assert group["lr"] == (QUICK.lr if encoder else QUICK.head_lr)
            if name.endswith("bias") or "layer_norm.weight" in name:
                assert group["weight_decay"] == 0.0
            if name == "fusion.classifier.weight":
                assert group["weight_decay"] == QUICK.weight_decay


def test_a_frozen_front_end_keeps_its_weights(tmp_path):
    before = make_checkpoint(tmp_path / "before").model
    settings = TrainingSettings(
        epochs=1, batch_size=2, lr=1e-2, freeze_audio="cnn", accumulate_grad=1, num_workers=0
    )
    after, _ = train(tmp_path, "run", settings)
    front = [model.audio_encoder.feature_extractor for model in (before, after)]
    assert equal(*front)
    assert not equal(before.audio_encoder.encoder, after.audio_encoder.encoder)


def test_the_test_side_has_no_way_in():
    assert not [name for name in inspect.signature(fit).parameters if "test" in name]
