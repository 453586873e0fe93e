"""Stage 1 in two processes on this machine's CPU, as a launcher starts them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file

from feature_extractor.batches.dataset import UtteranceDataset
from feature_extractor.fusion.base import FusionModel
from feature_extractor.fusion.registry import FUSIONS
from feature_extractor.networks.model import UtteranceOutput
from feature_extractor.settings import TrainingSettings
from feature_extractor.train import main as train_command
from feature_extractor.training import utterance_trainer
from feature_extractor.training.fit import Job, fit
from feature_extractor.training.global_batches import STAND_IN, GlobalBatches, collated, share
from feature_extractor.training.launching import in_turn, joined
from feature_extractor.training.losses import LOSSES
from feature_extractor.training.stage1 import require_one_process
from feature_extractor.training.utterance_trainer import UtteranceTrainer
from graph_er.errors import InputError
from graph_er.running.processes import one_voice
from graph_er.running.tracking import Tracker
from tests.feature_extractor.launched_fit import main as fit_here
from tests.feature_extractor.tiny_corpus import (
    EMOTIONS,
    make_audio_folder,
    make_checkpoint,
    make_corpus,
)
from tests.launched_command import skip_where_threads_are_not_told

ROOT = Path(__file__).resolve().parents[3]
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
    # 17 utterances: the last batch has one, and one process none. 5 dev utterances: no even share.
    done = launch(WORKER, tmp_path, "two", "t", 17, 4, 1)
    assert done.returncode == 0, done.stderr
    fit_here(tmp_path, "one", "t", 17, 8, 1)
    assert_same_training(tmp_path, "one", "two")


def test_a_short_last_batch_weighs_no_more_in_a_step_of_several(tmp_path):
    fit_here(tmp_path, "one", "t", 9, 9, 1)
    fit_here(tmp_path, "several", "t", 9, 4, 3)  # batches of 4, 4 and 1
    assert_same_training(tmp_path, "one", "several")


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
    worker = (ROOT / "tests" / "launched_command.py", "feature_extractor.train")
    done = launch(*worker, *command[1:])
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
        (("--overwrite", "--lr", "1e30", "--head_lr", "1e30", "--batch_size", "1"), "loss became"),
    ):
        refused = launch(*command, *wrong)
        assert refused.returncode != 0
        assert refused.stderr.count("error: ") == 1, refused.stderr
        assert message in refused.stderr
        assert 'feature_extractor/train.py", line' not in refused.stderr
        codes = re.findall(r"exitcode  : (\S+)", refused.stderr)
        # When the first ends, the launcher ends by SIGTERM whoever has not ended yet.
        assert "2" in codes
        assert {*codes} <= {"2", "-15"}
    skip_where_threads_are_not_told()


@pytest.mark.slow
def test_of_what_is_decoded_in_several_processes_all_is_told_and_once(tmp_path):
    rows = ["dialogue,speaker,wav,emotion,split"]
    for dialogue, side in enumerate(("train", "train", "dev", "test")):
        for turn in range(4):
            wav, seconds = tmp_path / f"{dialogue}_{turn}.wav", 0.3 + 0.1 * turn
            level = 0.0 if turn in (1, 2) else 0.1
            sound = level * np.random.default_rng(turn).standard_normal(round(16_000 * seconds))
            soundfile.write(wav, sound, 16_000)
            rows.append(f"d{dialogue},A,{wav.name},{EMOTIONS[turn % 3]},{side}")
    (tmp_path / "corpus.csv").write_text("\n".join(rows), encoding="utf-8")
    command = [ROOT / "feature_extractor" / "train.py", "--corpus", "table", "--modalities", "a"]
    command += ["--root", tmp_path / "corpus.csv", "--out", tmp_path / "run", "--epochs", "1"]
    command += ["--audio_encoder", make_audio_folder(tmp_path / "audio"), "--device", "cpu"]
    done = launch(*command, "--num_workers", "0")
    assert done.stdout.count("6 utterances in which nothing is heard: ") == 1, done.stderr

    # All processes look at the longest clip to see how large a batch may be.
    for wav in tmp_path.glob("*_3.wav"):
        soundfile.write(wav, np.full(9600, np.nan), 16_000, subtype="FLOAT")
    done = launch(*command, "--num_workers", "1", "--overwrite")
    assert done.stderr.count("holds NaN") == 1, done.stderr


def test_a_batch_is_divided_evenly_and_whole():
    for size in range(1, 12):
        for processes in range(1, 16):
            shares = [share(range(size), index, processes) for index in range(processes)]
            assert [number for part in shares for number in part] == list(range(size))
            assert max(map(len, shares)) - min(map(len, shares)) <= 1


class Scores(torch.nn.Module):
    """A model whose only weights are the logits of each utterance."""

    def __init__(self, utterances):
        super().__init__()
        self.logits = torch.nn.Parameter(torch.zeros(utterances, 3))

    def forward(self, number):
        return UtteranceOutput(self.logits[number])


def collate(examples):
    return {name: torch.tensor([e[name] for e in examples]) for name in examples[0]}


@pytest.mark.parametrize("processes", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("utterances", [1, 2, 3, 4, 7, 8, 9])
def test_each_utterance_weighs_the_same_and_once(monkeypatch, utterances, processes):
    dataset = [
        {"number": number, "labels": number % 3, "row": number} for number in range(utterances)
    ]
    sums = torch.tensor([0.0, utterances])
    monkeypatch.setattr(utterance_trainer, "count", lambda: processes)
    trainer = UtteranceTrainer.__new__(UtteranceTrainer)
    trainer.accelerator = SimpleNamespace(reduce=lambda mine: sums.clone())
    trainer.fusion, trainer._criterion = FusionModel(), LOSSES["ce"]
    trainer._since_step, trainer._mean_size = [], float(utterances)
    model = Scores(utterances)
    for index in range(processes):
        part = [dataset[number] for number in share(range(utterances), index, processes)]
        batch = collated(collate, dataset, part)
        assert (STAND_IN in batch) == (not part)
        # As distributed training does: the mean over processes.
        (trainer.compute_loss(model, batch) / processes).backward()
    trained, model.logits.grad = model.logits.grad, None
    batch = collate(dataset)
    LOSSES["ce"](model.logits, batch["labels"]).backward()
    assert torch.allclose(trained, model.logits.grad, atol=1e-6)


def test_a_fusion_with_its_own_loss_is_trained_in_one_process(monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match=r"--fusion distilled_gate .*2 processes.*one process"):
        require_one_process("distilled_gate")
    for fusion in FUSIONS.keys() - {"distilled_gate"}:
        require_one_process(fusion)
    monkeypatch.delenv("LOCAL_RANK")
    require_one_process("distilled_gate")


def test_it_is_refused_before_anything_is_read_or_written(tmp_path, monkeypatch):
    for name, value in (("RANK", "0"), ("LOCAL_RANK", "0"), ("WORLD_SIZE", "2")):
        monkeypatch.setenv(name, value)
    options = ["--corpus", "demo", "--root", str(tmp_path / "none"), "--out", str(tmp_path / "out")]
    with pytest.raises(InputError, match="--fusion distilled_gate"):
        train_command([*options, "--fusion", "distilled_gate"])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", list(LOSSES))
@pytest.mark.parametrize("votes", [False, True])
def test_each_loss_is_a_mean_over_utterances(name, votes):
    torch.manual_seed(0)
    logits, labels = torch.randn(6, 3), torch.tensor([0, 1, 2, 2, 0, 1])
    targets = torch.rand(6, 3).softmax(dim=1) if votes else labels
    single = [LOSSES[name](logits[i : i + 1], targets[i : i + 1]) for i in range(6)]
    assert torch.allclose(LOSSES[name](logits, targets), torch.stack(single).mean())


@pytest.mark.parametrize("workers", [0, 1])
def test_bad_audio_is_told_in_one_line_whoever_decodes_it(tmp_path, workers):
    corpus = make_corpus(tmp_path / "corpus")
    bad = corpus.utterances[0].wav
    bad.write_bytes(b"no audio")
    train = UtteranceDataset(corpus, corpus.utterances[:4], sampling_rate=16_000)
    dev = UtteranceDataset(corpus, corpus.utterances[4:8], sampling_rate=16_000)
    settings = TrainingSettings(epochs=1, batch_size=4, num_workers=workers)
    job = Job(tmp_path / "run", 0, torch.device("cpu"), Tracker())
    with pytest.raises(InputError) as caught:
        fit(make_checkpoint(tmp_path / "encoders", "a"), train, dev, settings, job)
    assert str(bad) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "Traceback" not in str(caught.value)


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


def test_more_processes_than_gpus_are_refused_before_they_are_joined(monkeypatch):
    for name, value in (("RANK", "0"), ("LOCAL_RANK", "0"), ("WORLD_SIZE", "2")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    refused = pytest.raises(InputError, match=r"^2 processes on this machine, which has 1 GPU;")
    with refused, joined(torch.device("cuda")):
        pass


def test_other_processes_than_the_first_are_silent_before_they_are_joined(monkeypatch, capsys):
    for name, value in (("RANK", "1"), ("LOCAL_RANK", "1"), ("WORLD_SIZE", "2")):
        monkeypatch.setenv(name, value)
    with one_voice():
        print("words")
    with pytest.raises(SystemExit) as end, one_voice():
        sys.exit(0)
    assert end.value.code == 0
    assert capsys.readouterr() == ("", "")
