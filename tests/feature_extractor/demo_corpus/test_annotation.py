"""Ratings and rows: ten raters, the majority, 43 columns."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from feature_extractor.demo_corpus.annotation import (
    Rating,
    annotation_row,
    draw_ratings,
    draw_signals,
    header_rows,
    majority,
)
from graph_er.schema.emotions import KEMDY_EMOTIONS


@pytest.mark.parametrize("emotion", KEMDY_EMOTIONS)
@pytest.mark.parametrize("intensity", [0.0, 0.5, 1.2])
def test_most_raters_name_the_emotion(emotion: str, intensity: float) -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        ratings = draw_ratings(emotion, intensity, rng)
        votes = Counter(rating.emotion for rating in ratings)

        assert len(ratings) == 10
        assert majority(ratings) == emotion
        assert votes[emotion] >= 6
        assert all(1 <= r.valence <= 5 and 1 <= r.arousal <= 5 for r in ratings)


def test_ties_are_joined() -> None:
    tied = [Rating("sad", 2, 2)] * 5 + [Rating("angry", 2, 4)] * 5

    assert majority(tied) == "angry;sad"


def test_a_row_by_position() -> None:
    ratings = [Rating("happy", 4, 3)] * 9 + [Rating("neutral", 3, 3)]
    signals = ["1", "2", "0.5", "0.6", "33.1", "33.2"]

    cells = annotation_row("Sess01_impro02_M003", 1.5, 2.75, signals, ratings)

    assert cells[:2] == ["1.500", "2.750"]
    assert cells[2:8] == signals
    assert cells[8:12] == ["Sess01_impro02_M003", "happy", "3.9", "3.0"]
    assert cells[12:15] == ["happy", "4", "3"]
    assert cells[39:] == ["neutral", "3", "3"]
    assert len(cells) == 42  # the running number comes first in the file


def test_headers() -> None:
    top, second = header_rows()

    assert len(top) == len(second) == 43
    assert [top[i] for i in (0, 1, 3, 5, 7, 9, 10, 13, 40)] == [
        *("Numb", "Wav", "ECG", "E4-EDA", "E4-TEMP"),
        *("Segment ID", "Total Evaluation", "Eval01F", "Eval10M"),
    ]
    assert [i for i, cell in enumerate(top) if not cell][:6] == [2, 4, 6, 8, 11, 12]
    assert second[1:3] == ["start", "end"]
    assert second[0] == second[9] == ""
    assert second[10:13] == second[40:] == ["Emotion", "Valence", "Arousal"]


def test_signals_are_six_numbers() -> None:
    cells = draw_signals(np.random.default_rng(0))

    assert len(cells) == 6
    assert all(np.isfinite(float(cell)) for cell in cells)
