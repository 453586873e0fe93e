import numpy as np
import pytest
import torch

from feature_extractor.batches.dataset import UtteranceDataset
from feature_extractor.batches.padding import length_batches
from tests.feature_extractor.tiny_corpus import EMOTIONS, make_checkpoint, make_corpus


@pytest.mark.parametrize(("batch_size", "max_seconds"), [(3, 100.0), (100, 6.0), (1, 1.0)])
def test_every_utterance_is_in_one_batch_within_the_bounds(batch_size, max_seconds):
    durations = np.random.default_rng(0).uniform(0.1, 5.0, 50).tolist()
    batches = length_batches(durations, batch_size, max_seconds)
    assert sorted(index for batch in batches for index in batch) == list(range(50))
    for batch in batches:
        longest = max(durations[index] for index in batch)
        assert len(batch) <= batch_size
        assert len(batch) == 1 or len(batch) * longest <= max_seconds
    assert [durations[b[0]] for b in batches] == sorted(durations[b[0]] for b in batches)[::-1]


def test_a_clip_longer_than_the_bound_stands_alone():
    assert length_batches([1.0, 90.0, 1.0], 8, 10.0) == [[1], [0, 2]]


def test_any_number_of_short_clips_makes_a_batch():
    assert length_batches([1.0] * 90, None, 100.0) == [list(range(90))]


def test_a_large_batch_takes_up_none_that_is_much_shorter():
    # 3 * 10 is a quarter of the budget; 9.5 is alike, 5 is not.
    assert length_batches([10.0, 10.0, 10.0, 9.5, 5.0, 1.0], None, 100.0) == [[0, 1, 2, 3], [4, 5]]


def test_collator_pads_and_masks(tmp_path):
    checkpoint = make_checkpoint(tmp_path)
    clips = [np.ones(500, dtype=np.float32), np.ones(1000, dtype=np.float32)]
    texts = ("그래", "아니 그게 무슨 말이야")
    batch = checkpoint.collator()([{"text": t, "audio": c} for t, c in zip(texts, clips)])  # noqa: B905
    assert batch["input_values"].shape == (2, 1000)
    assert batch["audio_mask"].sum(dim=1).tolist() == [500, 1000]
    assert batch["text_mask"][0].sum() < batch["text_mask"][1].sum() == batch["input_ids"].shape[1]
    assert "labels" not in batch


def test_a_long_text_is_cut_to_what_the_encoder_takes(tmp_path):
    checkpoint = make_checkpoint(tmp_path, "t")
    batch = checkpoint.collator()([{"text": "왜 그래 " * 500}])
    assert batch["input_ids"].shape == (1, checkpoint.model.config.max_tokens)
    assert checkpoint.model.eval()(**batch).logits.isfinite().all()


def test_dataset_gives_labels_or_votes(tmp_path):
    corpus = make_corpus(tmp_path)
    first = corpus.utterances[0]
    hard = UtteranceDataset(corpus, corpus.utterances, sampling_rate=16_000)[0]
    assert hard["labels"] == EMOTIONS.index(first.emotion)
    assert hard["audio"].shape == (round(16_000 * first.duration),)
    soft = UtteranceDataset(corpus, [first], sampling_rate=None, soft_labels=True)[0]
    assert "audio" not in soft
    assert soft["labels"].tolist() == [float(e == first.emotion) for e in EMOTIONS]


def test_votes_are_collated_as_shares(tmp_path):
    checkpoint = make_checkpoint(tmp_path, "t")
    votes = [np.array([0.5, 0.5, 0], np.float32), np.array([0, 0, 1], np.float32)]
    batch = checkpoint.collator()([{"text": "왜", "labels": vote} for vote in votes])
    assert batch["labels"].dtype == torch.float32
    assert batch["labels"].tolist() == [[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]


@pytest.mark.parametrize(
    ("earlier", "there"), [((), False), (("",), False), (("", ""), False), (("", "왜"), True)]
)
def test_no_text_is_missing_where_an_earlier_one_has_a_word(tmp_path, earlier, there):
    collate = make_checkpoint(tmp_path).collator()
    clip = np.ones(500, dtype=np.float32)
    rows = [{"text": text, "earlier": earlier, "audio": clip} for text in ("", "그래")]
    marked = collate(rows).get("has_text")
    assert (marked is None) if there else (marked.tolist() == [False, True])
