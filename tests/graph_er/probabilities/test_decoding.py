from __future__ import annotations

import itertools
import time

import numpy as np
import pytest

from graph_er.dialogues import Dialogue
from graph_er.probabilities.decoding import (
    decode,
    fit_transitions,
    memory,
    normalise,
    speaker_chains,
)
from graph_er.probabilities.finish import Finish

C = 3


def dialogue(identifier, speakers, labels):
    n = len(labels)
    return Dialogue(
        id=identifier,
        utterance_ids=tuple(f"{identifier}_{i}" for i in range(n)),
        speakers=tuple(speakers),
        labels=np.array(labels),
        sentences=("",) * n,
    )


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@pytest.fixture
def transitions(rng):
    return rng.standard_normal((C, C))


def enumerated(scores, potentials):
    """Log marginals [n, C] by adding up the probability of every label sequence there is."""
    n = len(scores)
    marginals = np.zeros((n, C))
    for labels in itertools.product(range(C), repeat=n):
        total = sum(scores[i, label] for i, label in enumerate(labels))
        total += sum(potentials[pair] for pair in itertools.pairwise(labels))
        for i, label in enumerate(labels):
            marginals[i, label] += np.exp(total)
    return np.log(marginals / marginals.sum(axis=1, keepdims=True))


def test_chains_are_the_turns_of_each_speaker_in_each_dialogue():
    dialogues = [dialogue("d1", "FMF", [0, 1, 2]), dialogue("d2", "MM", [0, 0])]
    assert [chain.tolist() for chain in speaker_chains(dialogues)] == [[0, 2], [1], [3, 4]]


def test_marginals_are_those_of_all_label_sequences(rng, transitions):
    scores = rng.standard_normal((4, C))
    found = decode(scores, [np.arange(4)], transitions, 0.7, causal=False)
    np.testing.assert_allclose(found, enumerated(scores, 0.7 * transitions), atol=1e-12)


def test_the_filter_gives_the_last_turn_of_each_beginning(rng, transitions):
    scores = rng.standard_normal((4, C))
    found = decode(scores, [np.arange(4)], transitions, 0.7, causal=True)
    for n in range(1, 5):
        expected = enumerated(scores[:n], 0.7 * transitions)[-1]
        np.testing.assert_allclose(found[n - 1], expected, atol=1e-12)


def test_chains_of_different_length_do_not_touch(rng, transitions):
    scores = rng.standard_normal((7, C))
    chains = [np.array([0, 3]), np.array([1, 2, 5, 6]), np.array([4])]
    found = decode(scores, chains, transitions, 0.5, causal=False)
    for chain in chains:
        expected = enumerated(scores[chain], 0.5 * transitions)
        np.testing.assert_allclose(found[chain], expected, atol=1e-12)


@pytest.mark.parametrize("causal", [False, True])
def test_what_comes_later_counts_only_where_it_may(rng, transitions, causal):
    scores = rng.standard_normal((6, C))
    later = scores.copy()
    later[4:] = rng.standard_normal((2, C))
    chains = [np.array([0, 2, 4]), np.array([1, 3, 5])]
    first = decode(scores, chains, transitions, 0.5, causal=causal)
    second = decode(later, chains, transitions, 0.5, causal=causal)
    assert np.array_equal(first[:4], second[:4]) is causal
    assert not np.allclose(first[4:], second[4:])


def test_turn_by_turn_is_the_causal_decode(rng, transitions):
    scores = rng.standard_normal((2, 9, C))  # two models
    speakers = "FMFFMFMMF"
    chains = speaker_chains([dialogue("d", speakers, [0] * 9)])
    whole = decode(scores, chains, transitions, 0.4, causal=True)
    step = Finish(1.0, 0.4, transitions, causal=True).turn_by_turn()
    for position, speaker in enumerate(speakers):
        found = np.log(step(speaker, scores[:, position]))
        np.testing.assert_allclose(found, whole[:, position], rtol=0, atol=1e-13)


@pytest.mark.parametrize("causal", [False, True])
def test_weight_0_and_utterances_in_no_chain_stay(rng, transitions, causal):
    scores = rng.standard_normal((2, 5, C))
    for chains, weight in (([np.arange(5)], 0.0), ([], 1.0)):
        found = decode(scores, chains, transitions, weight, causal=causal)
        np.testing.assert_allclose(found, normalise(scores), atol=1e-12)


def test_leading_axes_are_decoded_alike(rng, transitions):
    scores = rng.standard_normal((2, 3, 8, C))
    chains = [np.array([0, 1, 4, 7]), np.array([2, 3, 5, 6])]
    together = decode(scores, chains, transitions, 0.3, causal=False)
    for index in np.ndindex(2, 3):
        alone = decode(scores[index], chains, transitions, 0.3, causal=False)
        np.testing.assert_allclose(together[index], alone, atol=1e-13)


def test_the_order_of_dialogues_changes_nothing(rng, transitions):
    dialogues = [
        dialogue("d1", "FMFM", [0, 1, 0, 2]),
        dialogue("d2", "MMM", [2, 2, 1]),
        dialogue("d3", "ABBA", [1, 0, 0, 1]),
    ]
    scores = {d.id: rng.standard_normal((len(d), C)) for d in dialogues}

    def decoded(order):
        joined = np.concatenate([scores[d.id] for d in order])
        found = decode(joined, speaker_chains(order), transitions, 0.5, causal=False)
        return dict(
            zip([d.id for d in order], np.split(found, np.cumsum([*map(len, order)])), strict=False)
        )

    forwards, backwards = decoded(dialogues), decoded(dialogues[::-1])
    for identifier, expected in forwards.items():
        np.testing.assert_allclose(backwards[identifier], expected, atol=1e-13)
    np.testing.assert_array_equal(
        fit_transitions(dialogues, C), fit_transitions(dialogues[::-1], C)
    )


def test_certainty_and_long_chains_stay_finite(rng, transitions):
    with np.errstate(divide="ignore"):
        scores = np.log(np.eye(C)[rng.integers(0, C, 3000)])  # one class certain, the others never
    found = decode(scores, [np.arange(3000)], 1e3 * transitions, 1.0, causal=False)
    np.testing.assert_array_equal(found.argmax(axis=-1), scores.argmax(axis=-1))
    np.testing.assert_allclose(np.exp(found).sum(axis=-1), 1)


@pytest.mark.parametrize("bad", [np.nan, -np.inf])
def test_scores_that_are_none_are_refused(transitions, bad):
    scores = np.zeros((2, C))
    scores[1] = bad
    with pytest.raises(ValueError, match="not finite"):
        decode(scores, [np.arange(2)], transitions, 0.5, causal=False)


def test_transitions_are_counted_within_speaker_and_dialogue():
    """Pairs 0→0 twice and 1→1 once; of three pairs, 4/3 of 0→0 are expected by chance."""
    dialogues = [dialogue("d1", "FMFMF", [0, 1, 0, 1, 0]), dialogue("d2", "F", [2])]
    ratio = np.exp(fit_transitions(dialogues, C))
    expected = [
        [(2 + 1) / (4 / 3 + 1), 1 / (2 / 3 + 1), 1],
        [1 / (2 / 3 + 1), (1 + 1) / (1 / 3 + 1), 1],
        [1, 1, 1],  # never seen: no evidence
    ]
    np.testing.assert_allclose(ratio, expected)


@pytest.mark.parametrize("dialogues", [[], [dialogue("d", "FM", [0, 1])]])
def test_no_pair_says_nothing(dialogues):
    np.testing.assert_array_equal(fit_transitions(dialogues, C), np.zeros((C, C)))


def test_transitions_of_many_turns_approach_the_chain(rng):
    """The rows of a symmetric chain that stays with probability .8: log(.8 · 3) and log(.1 · 3)."""
    labels = [0]
    for _ in range(20_000):
        stays = rng.random() < 0.8
        labels.append(labels[-1] if stays else (labels[-1] + rng.integers(1, C)) % C)
    found = fit_transitions([dialogue("d", "F" * len(labels), labels)], C)
    expected = np.where(np.eye(C, dtype=bool), np.log(2.4), np.log(0.3))
    np.testing.assert_allclose(found, expected, atol=0.1)


def test_a_large_corpus_is_decoded_in_well_under_a_second(rng):
    dialogues = [dialogue(f"d{i}", "FM" * 25, rng.integers(0, 7, 50)) for i in range(200)]
    scores = rng.standard_normal((5, 10_000, 7))
    chains, transitions = speaker_chains(dialogues), fit_transitions(dialogues, 7)
    started = time.process_time()
    decode(scores, chains, transitions, 0.2, causal=False)
    assert time.process_time() - started < 1


@pytest.mark.parametrize("weight", [0.0, 0.1, 0.5, 2.0])
def test_what_is_further_away_than_the_memory_moves_nothing(rng, transitions, weight):
    steps = memory(transitions, weight, tolerance=1e-6)
    length = 2 * steps + 3
    moves = []
    for _ in range(20):
        scores = rng.standard_normal((length, C))
        far = scores.copy()
        far[0], far[-1] = 30 * np.eye(C)[rng.integers(C, size=2)]
        moved = decode(
            np.stack([scores, far]), [np.arange(length)], transitions, weight, causal=False
        )
        moves.append(np.abs(np.diff(np.exp(moved), axis=0)).max(axis=(0, 2)))
    assert np.max(moves, axis=0)[steps + 1] <= 1e-6
    assert steps == 0 or np.max(moves, axis=0)[1] > 1e-4  # near ones do move it


def test_memory_is_longer_for_stronger_transitions_and_finite(transitions):
    lengths = [memory(transitions, weight) for weight in (0.0, 0.1, 0.3, 0.5, 2.0, 1e6)]
    assert lengths == sorted(lengths)
    assert lengths[0] == 0
    assert memory(np.zeros((C, C)), 0.5) == 0
