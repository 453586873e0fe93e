from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.utils.data import default_convert

from feature_extractor.batches import stream
from feature_extractor.batches.dataset import UtteranceDataset
from feature_extractor.batches.stream import batch_sizes, load_batches, plan_batches
from feature_extractor.execution import Execution
from feature_extractor.extraction.prediction import predict, predict_groups
from feature_extractor.fusion.context import Context
from graph_er.errors import InputError
from graph_er.running.shared_memory import tensor_bytes
from tests.feature_extractor.tiny_corpus import make_checkpoint, make_corpus

CPU = Execution(torch.device("cpu"), batch_seconds=1.0)
GROUPS = [[3, 1, 2], [0], [15, 4, 9, 11, 12]]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return make_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return make_checkpoint(tmp_path_factory.mktemp("encoders"))


def dataset_of(corpus, **options):
    return UtteranceDataset(corpus, corpus.utterances, **{"sampling_rate": 16_000, **options})


def test_each_place_of_each_group_is_in_one_batch_within_the_budget(corpus):
    dataset = dataset_of(corpus)
    batches = plan_batches(dataset, GROUPS, CPU, clip_length=0.4)
    assert [batch.group for batch in batches] == sorted(batch.group for batch in batches)
    for number, group in enumerate(GROUPS):
        mine = [batch for batch in batches if batch.group == number]
        assert sorted(place for batch in mine for place in batch.places) == list(range(len(group)))
        assert all(batch.indices == tuple(group[p] for p in batch.places) for batch in mine)
    for batch in batches:
        longest = max(corpus.utterances[index].duration for index in batch.indices)
        assert batch.in_chunks == (longest > 0.4)
        assert len(batch.indices) == 1 or len(batch.indices) * longest <= 1.0


def test_earlier_clips_count_towards_the_budget(corpus):
    for heard in (0, 3):
        dataset = dataset_of(corpus, context=Context(heard, "a"))
        for batch in plan_batches(dataset, [range(16)], CPU, clip_length=25):
            longest = max(dataset.seconds(index) for index in batch.indices)
            rows = len(batch.indices) * (1 + heard)
            assert len(batch.indices) == 1 or rows * longest <= 1.0


def test_without_audio_batches_are_bounded_by_characters(corpus):
    dataset = dataset_of(corpus, sampling_rate=None, context=Context(1))
    for batch in plan_batches(dataset, [range(16)], CPU, clip_length=25):
        longest = max(dataset.characters(index) for index in batch.indices)
        assert len(batch.indices) == 1 or len(batch.indices) * longest <= CPU.batch_characters
    assert dataset.characters(1) == sum(len(u.text) for u in corpus.utterances[:2])


@pytest.mark.parametrize("heard", [0, 2])
def test_sizes_are_those_of_the_batches(corpus, checkpoint, heard):
    dataset = dataset_of(corpus, context=Context(heard, "a"), speed_perturbation=0.1)
    collate = replace(checkpoint.collator(), context=Context(heard, "a"))
    batches = plan_batches(dataset, GROUPS, replace(CPU, batch_seconds=9.0), clip_length=0.45)
    drawn = torch.get_rng_state()
    sizes = batch_sizes(dataset, collate, batches)
    assert torch.equal(torch.get_rng_state(), drawn)
    plain = dataset_of(corpus, context=Context(heard, "a"))
    for batch, size in zip(batches, sizes, strict=True):
        examples = [plain[index] for index in batch.indices]
        item = default_convert(examples[0] if batch.in_chunks else collate(examples))
        assert 0.7 * tensor_bytes(item) < size
        assert batch.in_chunks or size < 1.3 * tensor_bytes(item)
    silent = dataset_of(corpus, sampling_rate=None)
    assert batch_sizes(silent, collate, batches) == [0.0] * len(batches)


def test_workers_that_have_no_room_are_not_started(corpus, checkpoint, monkeypatch, caplog):
    dataset, execution = dataset_of(corpus), replace(CPU, num_workers=2)
    batches = plan_batches(dataset, GROUPS, execution, clip_length=25)
    monkeypatch.setattr(stream, "free_bytes", lambda: 1000)
    started, loader = [], stream.DataLoader

    def noted(*what, num_workers, **options):
        started.append(num_workers)
        return loader(*what, num_workers=num_workers, **options)

    monkeypatch.setattr(stream, "DataLoader", noted)
    found = list(load_batches(dataset, checkpoint.collator(), batches, execution))
    assert [batch for batch, _ in found] == batches
    assert started == [0]
    assert "0 of 2 processes" in caplog.text


@pytest.mark.parametrize("workers", [0, 2])
def test_a_group_gets_the_same_bytes_alone_and_among_others(corpus, checkpoint, workers):
    execution = replace(CPU, num_workers=workers)
    model, collate, dataset = checkpoint.model, checkpoint.collator(), dataset_of(corpus)
    together = predict_groups(model, collate, dataset, GROUPS, execution, 0.4)
    for group, rows in zip(GROUPS, together, strict=True):
        own = UtteranceDataset(corpus, [corpus.utterances[i] for i in group], sampling_rate=16_000)
        alone = predict(model, collate, own, CPU, 0.4)
        assert rows.keys() == alone.keys() == {"logits", "text", "audio"}
        assert all(np.array_equal(rows[name], alone[name]) for name in rows)


def test_a_group_is_there_before_later_ones_are_loaded(corpus, checkpoint, monkeypatch):
    dataset, asked = dataset_of(corpus), []
    plain = UtteranceDataset.__getitem__
    monkeypatch.setattr(
        UtteranceDataset, "__getitem__", lambda self, i: (asked.append(i), plain(self, i))[1]
    )
    rows = predict_groups(checkpoint.model, checkpoint.collator(), dataset, GROUPS, CPU, 25)
    next(rows)
    # The batch after the group's last one may be there already: it tells where the group ends.
    assert set(asked) <= {*GROUPS[0], *GROUPS[1]}


def test_the_loader_is_one_for_all_groups(corpus, checkpoint):
    dataset = dataset_of(corpus)
    batches = plan_batches(dataset, GROUPS, CPU, clip_length=25)
    loaded = load_batches(dataset, checkpoint.collator(), batches, CPU)
    assert [batch for batch, _ in loaded] == batches


@pytest.mark.parametrize("workers", [0, 1])
def test_bad_audio_is_told_plainly(corpus, checkpoint, tmp_path, workers):
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"no audio")
    utterances = [replace(corpus.utterances[0], wav=bad), corpus.utterances[1]]
    dataset = UtteranceDataset(corpus, utterances, sampling_rate=16_000)
    execution = replace(CPU, num_workers=workers)
    with pytest.raises(InputError) as error:
        predict(checkpoint.model, checkpoint.collator(), dataset, execution, 25)
    named = f"utterance {utterances[0].id}: {bad}: no readable audio"
    assert str(error.value).startswith(named)
    assert "Traceback" not in str(error.value)


def test_bfloat16_stays_close_to_float32(corpus, checkpoint):
    how = (checkpoint.model, checkpoint.collator(), dataset_of(corpus))
    exact = predict(*how, CPU, 25)
    close = predict(*how, replace(CPU, dtype=torch.bfloat16), 25)
    for name in ("text", "audio"):
        assert close[name].dtype == np.float32
        norms = np.linalg.norm(exact[name], axis=1) * np.linalg.norm(close[name], axis=1)
        said = norms > 0  # without a word a text vector is zero
        assert said.sum() > 10
        assert ((exact[name] * close[name]).sum(axis=1) >= 0.999 * norms).all()
        assert not np.array_equal(exact[name], close[name])
