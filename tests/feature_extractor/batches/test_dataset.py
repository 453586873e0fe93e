"""What an example holds: text, audio or states in its place, what came before, and labels."""

from dataclasses import replace

import numpy as np
import pytest

from feature_extractor.batches.dataset import UtteranceDataset
from feature_extractor.fusion.context import Context
from tests.feature_extractor.tiny_corpus import make_corpus

RATE = 16_000


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Two dialogues of four turns; the second turn of each has no audio."""
    whole = make_corpus(tmp_path_factory.mktemp("corpus"), sessions=2)
    mute = [
        replace(u, wav=None, duration=0.0) if number % 4 == 1 else u
        for number, u in enumerate(whole.utterances)
    ]
    return replace(whole, utterances=tuple(mute))


def dataset_of(corpus, **options):
    return UtteranceDataset(corpus, corpus.utterances, **{"sampling_rate": RATE, **options})


def samples(clips):
    return [None if clip is None else len(clip) for clip in clips]


def test_clips_of_the_turns_before_come_latest_first_and_none_where_there_is_none(corpus):
    dataset = dataset_of(corpus, context=Context(2, "a"))
    third = dataset[2]
    rows = corpus.utterances
    assert third["earlier"] == [rows[1].text, rows[0].text]
    assert samples(third["earlier_audio"]) == [None, round(RATE * rows[0].duration)]
    assert len(third["audio"]) == round(RATE * rows[2].duration)
    first_of_the_next = dataset[4]
    assert "earlier" not in first_of_the_next
    assert first_of_the_next["earlier_audio"] == []


def test_of_long_clips_before_training_hears_the_beginning(corpus):
    whole = dataset_of(corpus, context=Context(2, "a"))
    limit = 0.5 * corpus.utterances[0].duration
    dataset = dataset_of(corpus, context=Context(2, "a"), earlier_seconds=limit)
    third = dataset[2]
    assert samples(third["earlier_audio"]) == [None, int(limit * RATE)]
    assert np.array_equal(third["earlier_audio"][1], dataset[0]["audio"][: int(limit * RATE)])
    assert np.array_equal(third["audio"], whole[2]["audio"])
    # The second has no audio of its own, and the first before it.
    assert (dataset.seconds(1), whole.seconds(1)) == (limit, 2 * limit)
    assert 1 in whole.needs_chunks(1.5 * limit)
    assert 1 not in dataset.needs_chunks(1.5 * limit)


def test_turns_before_that_are_read_alone_are_not_decoded(corpus):
    example = dataset_of(corpus, context=Context(2))[2]
    assert len(example["earlier"]) == 2
    assert "earlier_audio" not in example


@pytest.mark.parametrize("apart", ["", "a", "t", "at"])
def test_states_stand_in_place_of_texts_and_clips(corpus, apart):
    states = {
        name: {u.id: np.full((n, 1), n) for n, u in enumerate(corpus.utterances)}
        for name in ("text", "audio")
    }
    dataset = dataset_of(corpus, context=Context(2, apart), states=states)
    example = dataset[3]
    assert example["text_states"].shape == example["audio_states"].shape == (3, 1)
    assert not {"audio", "earlier_audio"} & set(example)
    for name, letter in (("text", "t"), ("audio", "a")):
        before = [len(rows) for rows in example.get(f"earlier_{name}_states", [])]
        assert before == ([2, 1] if letter in apart else [])
    assert dataset.silent == []


def test_votes_are_labels_where_they_are_asked_for_and_there(corpus):
    first, second, *others = corpus.utterances
    rows = (replace(first, soft_label=(0.25, 0.75, 0.0)), second, *others)
    voted = replace(corpus, utterances=rows)
    soft, hard = (dataset_of(voted, soft_labels=soft, sampling_rate=None) for soft in (True, False))
    assert soft[0]["labels"].tolist() == [0.25, 0.75, 0.0]
    assert soft[0]["labels"].dtype == np.float32
    assert soft[1]["labels"].tolist() == np.eye(3)[corpus.label(second)].tolist()
    assert (hard[0]["labels"], hard[1]["labels"]) == (corpus.label(first), corpus.label(second))
