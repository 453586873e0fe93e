"""Stage 1's workers hand over batches by way of shared memory, of which containers have little."""

from dataclasses import replace

import pytest
import torch

from feature_extractor.batches.dataset import UtteranceDataset
from feature_extractor.settings import TrainingSettings
from feature_extractor.training import fit as fitting
from feature_extractor.training.fit import Job, fit
from graph_er.running.tracking import Tracker
from tests.feature_extractor.tiny_corpus import make_checkpoint, make_corpus

SETTINGS = TrainingSettings(
    epochs=1, batch_size=2, accumulate_grad=2, lr=1e-3, head_lr=1e-2, num_workers=2
)


def sides(tmp_path):
    corpus = make_corpus(tmp_path / "corpus")
    halves = corpus.utterances[:10], corpus.utterances[10:]
    return [UtteranceDataset(corpus, half, sampling_rate=16_000) for half in halves]


def train(tmp_path, settings):
    checkpoint = make_checkpoint(tmp_path / "encoders")
    job = Job(tmp_path / "run", 0, torch.device("cpu"), Tracker())
    return fit(checkpoint, *sides(tmp_path), settings, job)


def test_workers_without_room_for_their_batches_are_not_started(tmp_path, monkeypatch, caplog):
    there_is_room = train(tmp_path / "1", SETTINGS)
    assert not caplog.messages
    monkeypatch.setattr(fitting, "free_bytes", lambda: 0)
    started = []
    arguments = fitting._arguments
    monkeypatch.setattr(
        fitting, "_arguments", lambda s, job: started.append(s.num_workers) or arguments(s, job)
    )
    assert train(tmp_path / "2", SETTINGS) == there_is_room
    assert started == [0]
    (told,) = [message for message in caplog.messages if "--shm-size" in message]
    assert told.startswith("0 of 2 processes")


def test_processes_of_one_machine_share_its_room(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(fitting, "with_room", lambda workers, sizes, free: asked.append(free))
    monkeypatch.setattr(fitting, "free_bytes", lambda: 64e6)
    monkeypatch.setattr(fitting, "of_this_machine", lambda: 4)
    fitting._workers_with_room(sides(tmp_path)[0], make_checkpoint(tmp_path / "e"), SETTINGS)
    assert asked == [16e6]


def test_looking_whether_there_is_room_draws_nothing(tmp_path):
    results = []
    for workers in (0, 2):
        torch.manual_seed(5)
        results.append(train(tmp_path / str(workers), replace(SETTINGS, num_workers=workers)))
    assert results[0] == results[1]


@pytest.mark.parametrize("clip_length", [0.1, 0.25])
def test_what_is_heard_in_chunks_needs_no_room(tmp_path, monkeypatch, clip_length):
    asked = []
    monkeypatch.setattr(fitting, "with_room", lambda workers, sizes, free: asked.append(sizes))
    checkpoint = make_checkpoint(tmp_path / "encoders")
    checkpoint.model.config.clip_length = clip_length
    _, dev = sides(tmp_path)
    fitting._workers_with_room(dev, checkpoint, replace(SETTINGS, batch_size=1))
    assert len(asked[0]) == len(dev) - len(dev.needs_chunks(clip_length)) < len(dev)
