import json
import os
from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch

from feature_extractor.batches.dataset import UtteranceDataset
from feature_extractor.caches.caching import Cache, cached_states
from feature_extractor.execution import Execution
from feature_extractor.extraction.prediction import predict
from feature_extractor.networks.checkpoint import build_checkpoint
from feature_extractor.networks.states_model import StatesClassifier
from feature_extractor.settings import ModelSettings
from feature_extractor.utterance import Corpus
from graph_er.errors import InputError
from tests.feature_extractor.tiny_corpus import (
    EMOTIONS,
    make_audio_folder,
    make_corpus,
    make_text_folder,
)

CPU = Execution(torch.device("cpu"), batch_size=3)


@pytest.fixture
def corpus(tmp_path):
    """Sixteen utterances, one of them without audio and one longer than the clip length."""
    rows = list(make_corpus(tmp_path / "corpus").utterances)
    rows[2] = replace(rows[2], wav=None, duration=0.0)
    long = tmp_path / "long.wav"
    noise = 0.1 * np.random.default_rng(9).standard_normal(16_000)
    soundfile.write(long, noise, 16_000)
    rows[5] = replace(rows[5], wav=long, duration=1.0)
    return Corpus("tiny", EMOTIONS, tuple(rows))


def checkpoint_of(tmp_path, modalities="at", fusion="concat", context=0, audio=None, **options):
    settings = ModelSettings(
        fusion=fusion,
        text_encoder=str(make_text_folder(tmp_path / "text")),
        audio_encoder=audio or str(make_audio_folder(tmp_path / "audio")),
        fusion_options=options,
        context=context,
    )
    torch.manual_seed(2)
    checkpoint = build_checkpoint(settings, modalities, EMOTIONS)
    checkpoint.model.config.clip_length = 0.6
    return checkpoint


def cached(checkpoint, modalities, corpus, folder, dtype="float32"):
    what = (checkpoint, modalities, corpus, corpus.utterances, Cache(folder, dtype), CPU)
    return cached_states(*what)


def heard(checkpoint, corpus, states=None):
    dataset = UtteranceDataset(
        corpus,
        corpus.utterances,
        sampling_rate=checkpoint.sampling_rate,
        context=checkpoint.model.context,
        states=states,
    )
    model = StatesClassifier(checkpoint.model) if states else checkpoint.model
    return predict(model, checkpoint.collator(), dataset, CPU, 0.6)


@pytest.mark.parametrize(
    ("modalities", "fusion", "context", "options"),
    [
        ("at", "concat", 0, {}),
        ("a", "concat", 0, {"pooling": "layers"}),
        ("t", "concat", 2, {}),
        ("at", "vanilla_concat", 2, {}),
        ("at", "late_fusion", 0, {}),
        ("at", "distilled_gate", 2, {"follow": True}),
        ("a", "distilled_gate", 2, {"follow": True}),
        ("t", "distilled_gate", 2, {"follow": True}),
        ("at", "distilled_gate", 2, {}),
    ],
)
def test_states_that_were_kept_give_what_the_encoders_give(
    tmp_path, corpus, modalities, fusion, context, options
):
    checkpoint = checkpoint_of(tmp_path, modalities, fusion, context, **options)
    states = cached(checkpoint, modalities, corpus, tmp_path / "cache")
    kept, fresh = heard(checkpoint, corpus, states), heard(checkpoint, corpus)
    assert set(kept) == set(fresh)
    for name, values in fresh.items():
        np.testing.assert_allclose(kept[name], values, atol=2e-5)


def made_anew(checkpoint, modalities, corpus, folder, monkeypatch):
    """The utterances whose states are made in this call."""
    from feature_extractor.caches.state_store import StateStore

    made, plain = [], StateStore.append

    def noting(store, rows):
        rows = list(rows)
        made.extend(utterance_id for utterance_id, _, _ in rows)
        plain(store, rows)

    monkeypatch.setattr(StateStore, "append", noting)
    cached(checkpoint, modalities, corpus, folder)
    monkeypatch.setattr(StateStore, "append", plain)
    return made


def test_only_what_changed_is_made_anew(tmp_path, corpus, monkeypatch):
    checkpoint = checkpoint_of(tmp_path)
    folder = tmp_path / "cache"
    assert len(made_anew(checkpoint, "at", corpus, folder, monkeypatch)) == 2 * 16
    assert made_anew(checkpoint, "at", corpus, folder, monkeypatch) == []

    rows = list(corpus.utterances)
    rows[0] = replace(rows[0], text="전혀 다른 말")
    corpus = replace(corpus, utterances=tuple(rows))
    assert made_anew(checkpoint, "at", corpus, folder, monkeypatch) == [rows[0].id]

    samples, rate = soundfile.read(rows[1].wav)
    soundfile.write(rows[1].wav, -samples, rate)
    assert made_anew(checkpoint, "at", corpus, folder, monkeypatch) == [rows[1].id]

    os.utime(rows[3].wav, (1, 1))  # touched, but the same bytes
    assert made_anew(checkpoint, "at", corpus, folder, monkeypatch) == []

    before = rows[4].wav.stat()
    samples, rate = soundfile.read(rows[4].wav)
    soundfile.write(rows[4].wav, -samples, rate)
    os.utime(rows[4].wav, ns=(before.st_atime_ns, before.st_mtime_ns))  # replaced, as if untouched
    assert rows[4].wav.stat().st_size == before.st_size
    assert made_anew(checkpoint, "at", corpus, folder, monkeypatch) == [rows[4].id]


def test_a_changed_encoder_is_noticed(tmp_path, corpus, monkeypatch):
    checkpoint = checkpoint_of(tmp_path)
    folder = tmp_path / "cache"
    cached(checkpoint, "at", corpus, folder)
    with torch.no_grad():
        next(iter(checkpoint.model.text_encoder.parameters()))[0, 0] += 1e-3
    made = made_anew(checkpoint, "at", corpus, folder, monkeypatch)
    assert sorted(made) == sorted(u.id for u in corpus.utterances)
    checkpoint.feature_extractor.do_normalize = not checkpoint.feature_extractor.do_normalize
    assert len(made_anew(checkpoint, "at", corpus, folder, monkeypatch)) == 16
    checkpoint.model.config.clip_length = 0.4
    assert len(made_anew(checkpoint, "at", corpus, folder, monkeypatch)) == 16


def test_text_does_not_depend_on_the_audio_encoder(tmp_path, corpus, monkeypatch):
    folder = tmp_path / "cache"
    cached(checkpoint_of(tmp_path), "t", corpus, folder)
    other = checkpoint_of(tmp_path, audio="mfcc")
    assert made_anew(other, "t", corpus, folder, monkeypatch) == []


def test_a_killed_run_goes_on(tmp_path, corpus, monkeypatch):
    from feature_extractor.caches.state_store import StateStore

    checkpoint, plain = checkpoint_of(tmp_path), StateStore.append
    calls = []

    def stopping(store, rows):
        calls.append(store)
        if len(calls) == 3:
            raise KeyboardInterrupt
        plain(store, rows)

    monkeypatch.setattr(StateStore, "append", stopping)
    with pytest.raises(KeyboardInterrupt):
        cached(checkpoint, "a", corpus, tmp_path / "cache")
    monkeypatch.setattr(StateStore, "append", plain)
    left = made_anew(checkpoint, "a", corpus, tmp_path / "cache", monkeypatch)
    assert 0 < len(left) < 16
    states = cached(checkpoint, "a", corpus, tmp_path / "cache")
    kept = heard(checkpoint_of(tmp_path, "a"), corpus, states)
    np.testing.assert_allclose(
        kept["audio"], heard(checkpoint_of(tmp_path, "a"), corpus)["audio"], atol=2e-5
    )


def test_what_is_trained_from_states_is_the_model_itself(tmp_path):
    checkpoint = checkpoint_of(tmp_path)
    part = StatesClassifier(checkpoint.model)
    names = {name for name, _ in part.named_parameters()}
    assert names == {f"fusion.{name}" for name, _ in checkpoint.model.fusion.named_parameters()}
    assert part.fusion is checkpoint.model.fusion


@pytest.mark.parametrize(
    "memory", ["[]", "null", '{"x": 5}', "[" * 100_000, '{"x": NaN}', '{"%s": [1, 2, 3, null]}']
)
def test_a_memory_of_files_that_is_none_is_made_anew(tmp_path, corpus, monkeypatch, memory):
    checkpoint, folder = checkpoint_of(tmp_path, "a"), tmp_path / "cache"
    cached(checkpoint, "a", corpus, folder)
    (path,) = folder.glob("*/files.json")
    if "%s" in memory:
        memory %= str(corpus.utterances[0].wav.resolve())
    path.write_text(memory)
    assert made_anew(checkpoint, "a", corpus, folder, monkeypatch) == []
    assert len(json.loads(path.read_text())) == 15


@pytest.mark.parametrize("workers", [0, 1])
def test_bad_audio_that_a_worker_meets_is_told_in_one_line(tmp_path, corpus, workers):
    clip = corpus.utterances[3].wav
    clip.write_bytes(b"RIFF, but no sound")
    execution = replace(CPU, num_workers=workers)
    what = (checkpoint_of(tmp_path, "a"), "a", corpus, corpus.utterances)
    with pytest.raises(InputError, match=clip.name) as caught:
        cached_states(*what, Cache(tmp_path / "cache"), execution)
    assert "Traceback" not in str(caught.value)
    assert "\n" not in str(caught.value)
