from __future__ import annotations

import json

import numpy as np
import pytest

from graph_er import compare
from graph_er.scoring.bootstrap import (
    REPLICATES,
    bootstrap_scores,
    can_conclude,
    confidence_intervals,
    confusions_by_dialogue,
    interval,
    scores_of,
    two_sided_p,
)
from graph_er.scoring.scores import METRICS, score

EMOTIONS = ("calm", "glad", "upset", "afraid")
C = len(EMOTIONS)


def simulate(rng, num_dialogues, hardness=0.15, gain=0.0, lengths=(4, 20)):
    """Dialogues of which some are harder than others, as confusion matrices ``[D, C, C]``."""
    dialogues, gold, predicted = [], [], []
    for dialogue in range(num_dialogues):
        length = int(rng.integers(*lengths))
        labels = rng.choice(C, length, p=(0.5, 0.3, 0.15, 0.05))
        right = rng.random(length) < np.clip(0.6 + gain + hardness * rng.normal(), 0, 1)
        dialogues += [f"d{dialogue}"] * length
        gold.append(labels)
        predicted.append(np.where(right, labels, rng.integers(0, C, length)))
    return confusions_by_dialogue(dialogues, np.concatenate(gold), np.concatenate(predicted), C)


def test_scores_of_matrices_are_those_of_scikit_learn_on_every_replicate():
    """Few utterances of four classes: many draws lack a class in gold, in answers, or in both."""
    rng = np.random.default_rng(3)
    dialogues = np.repeat(["a", "b", "c", "d", "e"], 3)
    gold, predicted = rng.integers(0, C, 15), rng.integers(0, C, 15)
    confusions = confusions_by_dialogue(dialogues, gold, predicted, C)
    lacking = 0
    for _ in range(40):
        drawn = rng.integers(0, 5, 5)
        rows = np.concatenate([np.flatnonzero(dialogues == "abcde"[d]) for d in drawn])
        expected = score(gold[rows], predicted[rows], EMOTIONS)
        found = scores_of(confusions[drawn].sum(axis=0))
        assert {m: float(found[m]) for m in METRICS} == pytest.approx(
            {m: expected[m] for m in METRICS}
        )
        lacking += len(set(gold[rows])) < C
    assert lacking > 5


def test_replicates_are_scores_of_whole_dialogues_drawn_with_replacement():
    """Two dialogues: the four equally likely draws give three scores, 1 : 2 : 1."""
    confusions = np.array([[[4, 0], [0, 0]], [[0, 0], [12, 0]]])
    (drawn,) = bootstrap_scores([confusions[None]], replicates=4000)
    values, counts = np.unique(drawn["accuracy"], return_counts=True)
    assert values == pytest.approx([0, 0.25, 1])
    assert counts / 4000 == pytest.approx([0.25, 0.5, 0.25], abs=0.03)


def test_intervals_do_not_depend_on_the_order_of_rows():
    rng = np.random.default_rng(0)
    dialogues = rng.choice(list("abcdefghijkl"), 60)
    gold, predicted = rng.integers(0, C, 60), rng.integers(0, C, 60)
    first = confidence_intervals(confusions_by_dialogue(dialogues, gold, predicted, C), 500)
    order = rng.permutation(60)
    shuffled = confusions_by_dialogue(dialogues[order], gold[order], predicted[order], C)
    assert confidence_intervals(shuffled, 500) == first
    assert confidence_intervals(shuffled, 500, seed=1) != first
    assert json.loads(json.dumps(first, allow_nan=False)) == first


def test_the_dialogue_is_the_unit():
    """Every utterance ten times tells nothing new; ten times as many dialogues would."""
    confusions = simulate(np.random.default_rng(1), 30)

    def width(matrices):
        low, high = confidence_intervals(matrices, 4000)["weighted_f1"]
        return high - low

    assert width(10 * confusions) == pytest.approx(width(confusions), rel=1e-9)
    assert width(np.tile(confusions, (10, 1, 1))) < width(confusions) / 2.5


def test_a_dialogue_alone_has_no_interval():
    assert confidence_intervals(simulate(np.random.default_rng(0), 1)) is None


@pytest.mark.parametrize("num_dialogues", [12, 40])
def test_intervals_hold_the_truth_about_as_often_as_they_say(num_dialogues):
    rng = np.random.default_rng(0)
    runs = [simulate(rng, 5000), simulate(rng, 5000, gain=0.05)]
    truth = [scores_of(run.sum(axis=0))["weighted_f1"] for run in runs]
    trials, single, paired = 200, 0, 0
    for trial in range(trials):
        rows = rng.integers(0, 5000, num_dialogues)
        a, b = (
            drawn["weighted_f1"]
            for drawn in bootstrap_scores([run[None, rows] for run in runs], 400, seed=trial)
        )
        low, high = interval(a, num_dialogues)
        single += low <= truth[0] <= high
        low, high = interval(a - b, num_dialogues)
        paired += low <= truth[0] - truth[1] <= high
    # Three standard errors of 200 trials at 95 %.
    assert 0.90 <= single / trials <= 0.995
    assert 0.90 <= paired / trials <= 0.995


def test_few_dialogues_widen_the_interval_and_many_do_not():
    values = np.random.default_rng(0).normal(size=100_000)
    assert interval(values, 5)[1] > 1.2 * np.quantile(values, 0.975)
    assert interval(values, 5000)[1] == pytest.approx(np.quantile(values, 0.975), rel=0.01)


def test_p_and_interval_agree():
    rng = np.random.default_rng(2)
    for centre in (0, 1, 1.9, 2, 2.1, 2.3, 3, -2.2):
        values = rng.normal(centre, 1, 20_000)
        low, high = interval(values, 16)
        p = two_sided_p(values, 16)
        assert (p < 0.05) == (low > 0 or high < 0), centre
        assert two_sided_p(-values, 16) == pytest.approx(p)


@pytest.mark.parametrize(
    ("dialogues", "at_most_zero"), [(4, 1), (5, 9), (6, 24), (8, 57), (16, 138), (16, 139)]
)
def test_p_and_interval_agree_where_zero_lies_between_two_replicates(dialogues, at_most_zero):
    values = np.abs(np.random.default_rng(0).normal(3, 1, 10_000)) + 0.01
    for count in (at_most_zero - 1, at_most_zero, at_most_zero + 1):
        signs = np.where(np.arange(len(values)) < count, -1, 1)
        p = two_sided_p(signs * values, dialogues)
        assert (p < 0.05) == (interval(signs * values, dialogues)[0] > 0), (count, p)
        assert (p < 0.05) == (interval(-signs * values, dialogues)[1] < 0), (count, p)


@pytest.mark.parametrize("replicates", [200, 1000, 10_000])
def test_where_a_conclusion_is_possible_no_interval_contradicts_p(replicates):
    rng = np.random.default_rng(3)
    for dialogues in range(2, 30):
        far = rng.normal(9, 1, replicates)
        assert interval(far, dialogues)[0] > 0
        assert can_conclude(dialogues, replicates) == (two_sided_p(far, dialogues) < 0.05)
    assert [d for d in range(2, 30) if not can_conclude(d)] == [2, 3]


def test_p_is_one_without_a_difference_and_never_zero():
    assert two_sided_p(np.zeros(1000), 20) == 1
    assert two_sided_p(np.full(1000, 1e-17), 20) == 1
    assert 0 < two_sided_p(np.ones(10_000), 280) < 0.0004
    assert two_sided_p(np.ones(10_000), 16) < 0.003


def test_members_are_drawn_too():
    """Two members that disagree: the mean over drawn members varies on the same dialogues."""
    good, bad = np.array([[[9, 1], [1, 9]]] * 8), np.array([[[5, 5], [5, 5]]] * 8)
    (both,) = bootstrap_scores([np.stack([good, bad])], 2000)
    values, counts = np.unique(both["accuracy"].round(9), return_counts=True)
    assert values == pytest.approx([0.5, 0.7, 0.9])
    assert counts / 2000 == pytest.approx([0.25, 0.5, 0.25], abs=0.04)
    (alone,) = bootstrap_scores([np.stack([good, good])], 50)
    assert alone["accuracy"] == pytest.approx(np.full(50, 0.9))


def test_runs_are_scored_on_the_same_draws_and_changing_places_changes_the_sign_only():
    rng = np.random.default_rng(4)
    a, b = simulate(rng, 25)[None], simulate(rng, 25)[None]
    twice = bootstrap_scores([a, a], 300)
    assert np.array_equal(twice[0]["macro_f1"], twice[1]["macro_f1"])
    one_way, other_way = bootstrap_scores([a, b], 300), bootstrap_scores([b, a], 300)
    for metric in METRICS:
        assert np.array_equal(one_way[0][metric], other_way[1][metric])


def test_dialogues_alike_are_drawn_as_if_apart():
    """Single utterances, of which few kinds exist: the spread is the binomial one."""
    right = 700
    confusions = np.zeros((1000, 2, 2), dtype=int)
    confusions[:right, 0, 0] = 1
    confusions[right:, 0, 1] = 1
    (drawn,) = bootstrap_scores([confusions[None]], 5000)
    assert drawn["accuracy"].std() == pytest.approx(np.sqrt(0.7 * 0.3 / 1000), rel=0.05)


def test_the_corpus_may_be_large():
    """More kinds of dialogue than fit into one block at once."""
    confusions = np.random.default_rng(0).integers(0, 50, (3000, 3, 3))
    low, high = confidence_intervals(confusions, 1500)["accuracy"]
    assert low < scores_of(confusions.sum(axis=0))["accuracy"] < high


@pytest.mark.parametrize(("gold", "predicted"), [([0, C], [0, 0]), ([0, 0], [-1, 0])])
def test_labels_that_do_not_fit_are_refused(gold, predicted):
    with pytest.raises(ValueError, match="invalid entry"):
        confusions_by_dialogue(["a", "b"], gold, predicted, C)


def test_the_command_draws_as_often_as_an_evaluation():
    assert compare.build_parser().parse_args(["a", "b"]).replicates == REPLICATES


@pytest.mark.parametrize("lengths", [(3, 1, 3), (3, 3, 1), (1, 3, 3)])
def test_unequal_lengths_are_refused_and_none_is_stretched(lengths):
    dialogues, gold, predicted = (np.zeros(length, int) for length in lengths)
    with pytest.raises(ValueError, match="unequal lengths"):
        confusions_by_dialogue(dialogues, gold, predicted, C)
