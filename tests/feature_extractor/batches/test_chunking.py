from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch

from feature_extractor.batches.chunking import cut_clip
from feature_extractor.batches.dataset import UtteranceDataset
from feature_extractor.batches.padding import Collator
from feature_extractor.execution import Execution
from feature_extractor.extraction.prediction import predict
from feature_extractor.fusion.pooling import audio_frames
from feature_extractor.networks.frozen import load_frozen
from feature_extractor.utterance import Corpus
from tests.feature_extractor.tiny_corpus import (
    EMOTIONS,
    make_audio_folder,
    make_checkpoint,
    make_text_folder,
    make_utterance,
)

CPU = Execution(torch.device("cpu"), batch_size=3)
RATE = 16_000


def clip(path, seconds, seed=0):
    samples = 0.1 * np.random.default_rng(seed).standard_normal(round(RATE * seconds))
    soundfile.write(path, samples, RATE, subtype="FLOAT")
    return path


@pytest.fixture
def corpus(tmp_path):
    """Clips of 0.3, 1.03 (long), 0.2 s, one that is not there, and one of 0.45 s."""
    rows = []
    for number, seconds in enumerate((0.3, 1.03, 0.2, 0.0, 0.45)):
        row = make_utterance(tmp_path / "corpus", 1, number)
        wav = clip(tmp_path / f"{number}.wav", seconds, number) if seconds else None
        rows.append(replace(row, wav=wav, duration=seconds))
    return Corpus("tiny", EMOTIONS, tuple(rows))


def run(model, collate, corpus, clip_length, indices=None, execution=CPU):
    rows = corpus.utterances if indices is None else [corpus.utterances[i] for i in indices]
    dataset = UtteranceDataset(corpus, rows, sampling_rate=RATE)
    return predict(model, collate, dataset, execution, clip_length)


def frames_of(encoder, collate, samples):
    """Every frame of a clip by itself, ``[T, D]``."""
    batch = collate([{"text": "", "audio": samples}])
    with torch.inference_mode():
        frames = audio_frames(encoder, batch["input_values"], batch["audio_mask"])
    return frames.last[0, : int(frames.mask.sum())]


@pytest.mark.parametrize("norm", ["layer", "group"])
@pytest.mark.parametrize("rows", [1, 2, 16])
def test_a_long_clip_is_the_mean_over_the_frames_of_its_chunks(tmp_path, corpus, norm, rows):
    checkpoint = make_checkpoint(tmp_path / "encoders", "at", norm)
    model, collate = checkpoint.model.eval(), checkpoint.collator()
    execution = replace(CPU, batch_size=rows)
    output = run(model, collate, corpus, 0.25, execution=execution)
    samples, _ = soundfile.read(corpus.utterances[1].wav, dtype="float32")
    chunks = np.array_split(samples, 5)
    assert len({len(chunk) for chunk in chunks}) == 1 or max(map(len, chunks)) <= 4000
    frames = torch.cat([frames_of(model.audio_encoder, collate, chunk) for chunk in chunks])
    with torch.inference_mode():
        audio = model.fusion.audio_projection(frames.mean(dim=0, keepdim=True))
        text = torch.from_numpy(output["text"][1:2])
        logits = model.fusion.classifier(torch.cat([text, audio], dim=1))
    np.testing.assert_allclose(output["audio"][1], audio[0], atol=1e-5)
    np.testing.assert_allclose(output["logits"][1], logits[0], atol=1e-5)


def test_unequal_chunks_count_by_their_frames(tmp_path):
    # 0.05 s of a 40-sample hop: chunks of one sample more or less can differ by a frame.
    model, collate, _ = load_frozen(None, str(make_audio_folder(tmp_path / "audio")), None)
    model.eval()
    corpus = Corpus("tiny", EMOTIONS, (make_utterance(tmp_path / "c", 1, 0),))
    path = clip(tmp_path / "long.wav", 0.101)
    row = replace(corpus.utterances[0], wav=path, duration=0.101)
    corpus = replace(corpus, utterances=(row,))
    samples, _ = soundfile.read(path, dtype="float32")
    for seconds in (0.02, 0.03, 0.0411, 0.0502, 0.07):
        chunks = cut_clip(samples, round(seconds * RATE))
        frames = [frames_of(model.audio_encoder, collate, chunk) for chunk in chunks]
        expected = torch.cat(frames).mean(dim=0)
        found = run(model, collate, corpus, round(seconds * RATE) / RATE)["audio"][0]
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_clips_within_the_limit_are_the_same_bit_for_bit(tmp_path, corpus):
    checkpoint = make_checkpoint(tmp_path / "encoders")
    model, collate = checkpoint.model, checkpoint.collator()
    short = [0, 2, 4]
    at_limit = run(model, collate, corpus, 0.45, short)
    unlimited = run(model, collate, corpus, 25.0, short)
    among_others = run(model, collate, corpus, 0.45)
    for name in ("logits", "text", "audio"):
        assert np.array_equal(at_limit[name], unlimited[name])
        assert np.array_equal(among_others[name][short], unlimited[name])


def test_no_audio_is_a_zero_vector_beside_the_usual_text(tmp_path, corpus):
    checkpoint = make_checkpoint(tmp_path / "encoders")
    model, collate = checkpoint.model.eval(), checkpoint.collator()
    output = run(model, collate, corpus, 25.0)
    assert not output["audio"][3].any()
    assert output["audio"][[0, 1, 2, 4]].any(axis=1).all()
    with torch.inference_mode():
        text = collate([{"text": corpus.utterances[3].text, "audio": np.zeros(900, np.float32)}])
        text_vector = model(**text).text_vector
        logits = model.fusion.classifier(torch.cat([text_vector, torch.zeros(1, 20)], dim=1))
    np.testing.assert_allclose(output["text"][3], text_vector[0], atol=1e-5)
    np.testing.assert_allclose(output["logits"][3], logits[0], atol=1e-5)


def test_a_model_that_reads_only_never_opens_audio(tmp_path, corpus):
    checkpoint = make_checkpoint(tmp_path / "encoders", "t")
    for utterance in corpus.utterances:
        if utterance.wav is not None:
            utterance.wav.unlink()
    dataset = UtteranceDataset(corpus, corpus.utterances, sampling_rate=None)
    output = predict(checkpoint.model, checkpoint.collator(), dataset, CPU, 0.01)
    assert set(output) == {"logits", "text"}
    assert output["text"].shape == (5, 16)


def test_worker_processes_give_the_same(tmp_path, corpus):
    text, audio = make_text_folder(tmp_path / "text"), make_audio_folder(tmp_path / "audio")
    model, collate, _ = load_frozen(str(text), str(audio), None)
    alone = run(model, collate, corpus, 0.25)
    shared = run(model, collate, corpus, 0.25, execution=replace(CPU, num_workers=1))
    assert set(alone) == {"text", "audio"}
    for name, rows in alone.items():
        assert np.array_equal(rows, shared[name])


@pytest.mark.parametrize("length", [1, 99, 100, 101, 250, 1000])
def test_chunks_are_the_clip_in_pieces_of_like_length(length):
    samples = np.arange(length, dtype=np.float32)
    chunks = cut_clip(samples, 100)
    assert np.array_equal(np.concatenate(chunks), samples)
    sizes = [len(chunk) for chunk in chunks]
    assert max(sizes) <= 100
    assert max(sizes) - min(sizes) <= 1
    assert len(sizes) == -(-length // 100)


def test_the_encoder_never_hears_more_than_the_limit(tmp_path, corpus, monkeypatch):
    checkpoint = make_checkpoint(tmp_path / "encoders")
    heard = []
    plain = Collator.audio_batch

    def noting(collate, clips):
        heard.append((len(clips), max(len(clip) for clip in clips)))
        return plain(collate, clips)

    monkeypatch.setattr(Collator, "audio_batch", noting)
    execution = replace(CPU, batch_seconds=0.5)
    run(checkpoint.model, checkpoint.collator(), corpus, 0.25, [1], execution)
    assert heard == [(2, 3296), (2, 3296), (1, 3296)]
