from __future__ import annotations

import json

import numpy as np
import pytest

from graph_er.probabilities.calibration import (
    fit_decoding,
    fit_temperature,
    reliability,
    temper,
)
from graph_er.probabilities.decoding import decode, normalise

C = 4


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def draw(log_probabilities, rng):
    """Labels drawn from the probabilities: these are then calibrated by construction."""
    cumulated = np.exp(log_probabilities).cumsum(axis=-1)
    return (cumulated > rng.random((len(log_probabilities), 1))).argmax(axis=-1)


def markov(rng, num_chains, length, persistence=0.85):
    """Labels [N] that persist, their chains, and the logarithms of the true transitions."""
    labels = rng.integers(0, C, (num_chains, length))
    for position in range(1, length):
        stays = rng.random(num_chains) < persistence
        labels[stays, position] = labels[stays, position - 1]
    matrix = persistence * np.eye(C) + (1 - persistence) / C
    chains = list(np.arange(labels.size).reshape(labels.shape))
    return labels.ravel(), chains, np.log(matrix * C)


def evidence(labels, rng):
    """The exact log posterior of each label given one noisy observation of it alone."""
    observed = np.eye(C)[labels] + rng.standard_normal((len(labels), C))
    return normalise(observed)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_a_known_scaling_is_recovered(rng, temperature):
    true = normalise(1.5 * rng.standard_normal((20_000, C)))
    found = fit_temperature(normalise(temperature * true), draw(true, rng))
    assert found == pytest.approx(temperature, rel=0.05)


def test_the_ensemble_is_what_the_temperature_calibrates(rng):
    """Independent members, calibrated each, are underconfident together: sharpen, T < 1."""
    labels = rng.integers(0, C, 5000)
    members = np.stack([evidence(labels, rng) for _ in range(5)])
    assert fit_temperature(members[0], labels) == pytest.approx(1, abs=0.08)
    temperature = fit_temperature(members, labels)
    assert temperature < 0.8

    def error(t):
        return reliability(np.exp(temper(members, t)).mean(axis=0), labels)["ece"]

    assert error(temperature) < 0.7 * error(1)


def test_nothing_to_learn_from_changes_nothing():
    assert fit_temperature(np.zeros((0, C)), np.zeros(0, dtype=int)) == pytest.approx(1, abs=1e-3)
    uniform = normalise(np.zeros((50, C)))
    assert fit_temperature(uniform, np.zeros(50, dtype=int)) == pytest.approx(1, abs=1e-3)


def test_a_few_perfect_predictions_do_not_ask_for_certainty():
    few = normalise(3 * np.eye(C)[[0, 1, 2, 3, 0, 1, 2, 3]])
    gold = few.argmax(axis=-1)
    temperature = fit_temperature(few, gold)
    assert 0.3 < temperature < 1
    many = np.tile(few, (200, 1))
    assert fit_temperature(many, np.tile(gold, 200)) < temperature


@pytest.mark.parametrize("right", [True, False])
def test_probabilities_of_0_and_1_are_survived(right):
    with np.errstate(divide="ignore"):
        certain = np.log(np.eye(C)[[0, 1, 2]])
    temperature = fit_temperature(certain, np.array([0, 1, 2 if right else 3]))
    assert 0.05 <= temperature <= 20
    assert (temperature > 1) is not right


def numbers(chains):
    """Each chain as a dialogue of its own."""
    return np.repeat(np.arange(len(chains)), [len(chain) for chain in chains])


def test_decoding_is_taken_where_it_helps(rng):
    labels, chains, transitions = markov(rng, num_chains=40, length=15)
    scores = evidence(labels, rng)
    weight, temperature = fit_decoding(
        scores, labels, chains, transitions, dialogue=numbers(chains), causal=False
    )
    assert weight == 0.5
    decoded = decode(temper(scores, temperature), chains, transitions, weight, causal=False)
    gain = (decoded.argmax(-1) == labels).mean() - (scores.argmax(-1) == labels).mean()
    assert gain > 0.1


@pytest.mark.parametrize("causal", [False, True])
def test_a_model_that_knows_the_transitions_is_left_alone(rng, causal):
    """Its posteriors are exact, so that the transitions would count twice."""
    labels, chains, transitions = markov(rng, num_chains=40, length=15)
    exact = decode(evidence(labels, rng), chains, transitions, 1.0, causal=causal)
    weight, temperature = fit_decoding(
        exact, labels, chains, transitions, dialogue=numbers(chains), causal=causal
    )
    assert weight == 0
    assert temperature == pytest.approx(1, abs=0.25)


def test_without_decoding_the_temperature_is_the_plain_one(rng):
    labels = rng.integers(0, C, 300)
    members = np.stack([evidence(labels, rng) for _ in range(2)])
    chains, none = [np.arange(300)], np.zeros((C, C))
    found = fit_decoding(members, labels, chains, none, dialogue=numbers(chains), causal=False)
    assert found == (0, pytest.approx(fit_temperature(members, labels), rel=1e-3))


@pytest.mark.parametrize(("num_dialogues", "enough"), [(1, False), (4, False), (8, True)])
def test_a_few_dialogues_are_no_evidence_for_decoding_however_many_chains(
    rng, num_dialogues, enough
):
    labels, chains, transitions = markov(rng, num_chains=40, length=15)
    dialogue = numbers(chains) % num_dialogues
    weight, _ = fit_decoding(
        evidence(labels, rng), labels, chains, transitions, dialogue=dialogue, causal=False
    )
    assert (weight > 0) is enough


def test_ece_tells_calibrated_from_overconfident(rng):
    true = normalise(1.5 * rng.standard_normal((30_000, C)))
    gold = draw(true, rng)
    assert reliability(np.exp(true), gold)["ece"] < 0.015
    assert reliability(np.exp(normalise(2 * true)), gold)["ece"] > 0.1


def test_ece_by_chance_is_what_calibrated_models_show(rng):
    true = normalise(1.5 * rng.standard_normal((400, C)))
    tables = [reliability(np.exp(true), draw(true, rng)) for _ in range(200)]
    shown = np.mean([table["ece"] for table in tables])
    assert tables[0]["ece_by_chance"] == pytest.approx(shown, rel=0.1)


def test_reliability_by_hand():
    """Confidences .6, .6 and 1.0 in two bins: one of two right, and one of one."""
    probabilities = np.array([[0.6, 0.4, 0], [0.4, 0.6, 0], [0, 1.0, 0]])
    table = reliability(probabilities, np.array([0, 0, 1]), bins=4)
    assert table["count"] == [0, 0, 2, 1]
    assert table["confidence"] == [None, None, pytest.approx(0.6), 1]
    assert table["accuracy"] == [None, None, 0.5, 1]
    assert table["ece"] == pytest.approx(2 / 3 * 0.1)
    assert json.loads(json.dumps(table)) == table


def test_absent_classes_cost_nothing():
    probabilities = np.array([[1.0, 0, 0, 0], [0, 1.0, 0, 0]])
    assert reliability(probabilities, np.array([0, 1]))["ece"] == 0


@pytest.mark.parametrize("rows", [0, 2])
def test_predictions_and_labels_must_match(rows):
    with pytest.raises(ValueError, match="gold labels"):
        reliability(np.full((rows, C), 1 / C), np.zeros(0 if rows == 0 else 3, dtype=int))
