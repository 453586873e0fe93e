from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex

from graph_er.probabilities.calibration import reliability
from graph_er.report.canvas import to_png
from graph_er.report.palette import LIGHT
from graph_er.report.reliability import calibration_text, reliability_figure


@pytest.fixture
def table():
    """Of 10 bins two are used: .65 with one of two right, .85 with one of one."""
    probabilities = np.array([[0.65, 0.35], [0.35, 0.65], [0.15, 0.85]])
    return reliability(probabilities, np.array([0, 0, 1]), bins=10)


def test_the_line_for_the_terminal(table):
    """By chance: (sqrt(2 · .65 · .35) + sqrt(.85 · .15)) · sqrt(2 / π) / 3 = .274."""
    plain = "calibration: ECE 15.0 % (by chance alone 27.4 %)"
    assert calibration_text(table) == plain
    fitted = table | {"temperature": 1.309, "weight": 0.2}
    assert calibration_text(fitted) == f"{plain}, temperature 1.31, transition weight 0.20"


def test_bars_are_accuracies_gaps_and_counts(table):
    figure = reliability_figure(table)
    upper, lower = figure.axes
    bars = [(p.get_x() + p.get_width() / 2, p.get_y(), p.get_height()) for p in upper.patches]
    expected = [(65, 0, 50), (65, 50, 15), (85, 0, 100), (85, 100, -15)]
    np.testing.assert_allclose(bars, expected)
    gaps = [p.get_hatch() for p in upper.patches]
    assert gaps == [None, "////", None, "////"]  # told apart without colour, too
    assert [p.get_height() for p in lower.patches] == [2, 1]
    assert to_hex(figure.get_facecolor()) == LIGHT.paper.lower()


def test_the_title_states_error_and_size(table):
    upper = reliability_figure(table).axes[0]
    assert upper.get_title(loc="left").startswith("ECE 15.0 %")
    assert upper.get_title(loc="left").endswith("n = 3")


def test_the_same_table_gives_the_same_picture(table):
    first, second = (to_png(reliability_figure(table), dpi=50) for _ in range(2))
    assert first == second
