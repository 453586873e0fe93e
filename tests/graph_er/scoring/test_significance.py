from __future__ import annotations

import numpy as np
import pytest

from graph_er.scoring.significance import effect_size, mcnemar


def rights(only_a, only_b, both=5, neither=3):
    table = {(True, False): only_a, (False, True): only_b, (True, True): both}
    table[False, False] = neither
    pairs = np.array([pair for pair, count in table.items() for _ in range(count)])
    return pairs[:, 0], pairs[:, 1]


def test_few_disagreements_are_tested_exactly():
    """Nine of ten: p = 2 (1 + 10) / 2^10."""
    result = mcnemar(*rights(9, 1))
    assert result == {
        "only_a_right": 9,
        "only_b_right": 1,
        "test": "exact",
        "p": pytest.approx(22 / 1024),
    }


def test_many_disagreements_by_chi_square_with_continuity_correction():
    """(|40 - 20| - 1)^2 / 60 = 6.0167, of which the upper tail at one degree is 0.0142."""
    result = mcnemar(*rights(40, 20))
    assert result["test"] == "chi2"
    assert result["p"] == pytest.approx(0.01417, abs=1e-5)
    assert mcnemar(*rights(20, 40))["p"] == result["p"]


@pytest.mark.parametrize("count", [0, 3, 50])
def test_equally_many_disagreements_show_nothing(count):
    assert mcnemar(*rights(count, count))["p"] == pytest.approx(1)


def confusions(*hits, n=10):
    return np.array([[[h, n - h], [0, 0]] for h in hits])


def test_effect_size_worked_by_hand():
    """Accuracies 3/4 and 1/4: h = 2 (pi / 3 - pi / 6)."""
    result = effect_size(confusions(8, 7), confusions(2, 3))
    assert result["cohens_h"] == pytest.approx(np.pi / 3)
    assert result["magnitude"] == "large"
    assert result["dialogues"] == {"a_better": 2, "equal": 0, "b_better": 0}
    assert effect_size(confusions(2, 3), confusions(8, 7))["cohens_h"] == pytest.approx(-np.pi / 3)


@pytest.mark.parametrize(
    ("hits", "magnitude"), [(5, "very small"), (6, "small"), (8, "medium"), (10, "large")]
)
def test_magnitudes_are_in_cohens_words(hits, magnitude):
    assert effect_size(confusions(hits), confusions(5))["magnitude"] == magnitude


def test_dialogues_are_counted_by_who_is_more_often_right():
    result = effect_size(confusions(9, 5, 1), confusions(1, 5, 2))
    assert result["dialogues"] == {"a_better": 1, "equal": 1, "b_better": 1}
