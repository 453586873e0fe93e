from __future__ import annotations

import json

import pytest

from graph_er.errors import InputError
from graph_er.scoring.scores import METRICS, score, summarise

EMOTIONS = ("calm", "glad", "upset")


def test_six_labels_worked_by_hand():
    """calm: P 2/3, R 2/3, F1 2/3; glad: P 1/2, R 1/2, F1 1/2; upset: P 1, R 1, F1 1."""
    result = score([0, 0, 0, 1, 1, 2], [0, 0, 1, 0, 1, 2], EMOTIONS)
    assert result["n"] == 6
    assert result["accuracy"] == pytest.approx(4 / 6)
    assert result["weighted_f1"] == pytest.approx((3 * 2 / 3 + 2 * 1 / 2 + 1) / 6)
    assert result["macro_f1"] == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    assert result["uar"] == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    assert result["confusion_matrix"] == [[2, 1, 0], [1, 1, 0], [0, 0, 1]]
    assert result["labels"] == list(EMOTIONS)
    assert result["per_class"]["glad"] == {
        "precision": 0.5,
        "recall": 0.5,
        "f1": 0.5,
        "support": 2,
    }


def test_a_class_never_predicted_has_f1_zero_and_counts():
    """calm: P 2/3, R 1, F1 4/5; glad: F1 0."""
    result = score([0, 0, 1], [0, 0, 0], EMOTIONS[:2])
    assert result["macro_f1"] == pytest.approx((4 / 5 + 0) / 2)
    assert result["weighted_f1"] == pytest.approx(2 * 4 / 5 / 3)
    assert result["uar"] == pytest.approx(1 / 2)
    assert result["per_class"]["glad"]["f1"] == 0.0


def test_a_class_that_gold_lacks_counts_in_macro_f1_only_if_predicted():
    unpredicted = score([0, 1], [0, 1], EMOTIONS)
    assert (unpredicted["macro_f1"], unpredicted["uar"]) == (1.0, 1.0)
    assert unpredicted["per_class"]["upset"]["support"] == 0
    predicted = score([0, 0, 1], [0, 2, 1], EMOTIONS)
    assert predicted["macro_f1"] == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert predicted["uar"] == pytest.approx((1 / 2 + 1) / 2)
    assert predicted["weighted_f1"] == pytest.approx((2 * 2 / 3 + 1) / 3)


def test_everything_is_plain_json():
    result = score([0, 1, 2], [0, 1, 1], EMOTIONS)
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_nothing_to_score_is_bad_input():
    with pytest.raises(InputError, match="nothing to score"):
        score([], [], EMOTIONS)


@pytest.mark.parametrize(("gold", "predicted"), [([0, 1], [0]), ([0, 3], [0, 1]), ([0], [-1])])
def test_labels_that_do_not_fit_are_refused(gold, predicted):
    with pytest.raises(ValueError, match=r"labels"):
        score(gold, predicted, EMOTIONS)


def test_mean_and_sample_deviation_over_seeds():
    entries = [dict.fromkeys(METRICS, value) for value in (0.5, 0.6, 0.7)]
    mean, std = summarise(entries)
    assert mean == pytest.approx(dict.fromkeys(METRICS, 0.6))
    assert std == pytest.approx(dict.fromkeys(METRICS, 0.1))


def test_one_seed_has_no_deviation():
    mean, std = summarise([dict.fromkeys(METRICS, 0.5)])
    assert mean == dict.fromkeys(METRICS, 0.5)
    assert std == dict.fromkeys(METRICS, 0.0)
