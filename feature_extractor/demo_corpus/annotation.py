"""Ratings by ten made-up raters, and the rows and headers of KEMDy19's annotation files.

A file has two header rows and 43 columns: running number; start and end of the segment and of the
ECG, EDA and temperature values; segment id; majority emotion with mean valence and arousal; and
those three for each of ten raters.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from graph_er.schema.emotions import KEMDY_EMOTIONS

NUM_RATERS = 10
NUM_COLUMNS = 13 + 3 * NUM_RATERS
ID_COLUMN, EMOTION_COLUMN = 9, 10

# Mean ratings on KEMDy19's scales: valence 1 negative to 5 positive, arousal 1 low to 5 high.
_VALENCE_AROUSAL = {
    "neutral": (3.0, 2.7),
    "angry": (1.7, 4.3),
    "happy": (4.4, 3.8),
    "surprise": (3.0, 4.1),
    "sad": (1.8, 2.3),
    "fear": (1.9, 3.9),
    "disgust": (1.7, 3.3),
}
_RATING_SPREAD = 0.6


@dataclass(frozen=True)
class Rating:
    """One rater's judgement of one segment."""

    emotion: str
    valence: int
    arousal: int


def header_rows() -> list[list[str]]:
    """Return the two header rows."""
    top = ["Numb", "Wav", "", "ECG", "", "E4-EDA", "", "E4-TEMP", "", "Segment ID"]
    top += ["Total Evaluation", "", ""]
    for rater in range(1, NUM_RATERS + 1):
        top += [f"Eval{rater:02d}{'MF'[rater % 2]}", "", ""]
    second = ["", *["start", "end"] * 4, "", *["Emotion", "Valence", "Arousal"] * (NUM_RATERS + 1)]
    return [top, second]


def draw_ratings(emotion: str, intensity: float, rng: np.random.Generator) -> list[Rating]:
    """Draw ten ratings of which six or more, the more the clearer, name `emotion`."""
    clearness = min(1.0, 0.5 + 0.5 * intensity)
    agreeing = 6 + int(rng.binomial(4, clearness))
    others = [name for name in KEMDY_EMOTIONS if name != emotion]
    ratings = []
    for rank in rng.permutation(NUM_RATERS):
        named = emotion if rank < agreeing else others[int(rng.integers(len(others)))]
        valence, arousal = _VALENCE_AROUSAL[named]
        ratings.append(Rating(named, _scale(valence, rng), _scale(arousal, rng)))
    return ratings


def _scale(mean: float, rng: np.random.Generator) -> int:
    return int(np.clip(np.rint(mean + _RATING_SPREAD * rng.standard_normal()), 1, 5))


def draw_signals(rng: np.random.Generator) -> list[str]:
    """Draw the six biosignal cells: ECG, EDA and temperature at a segment's start and end."""
    ecg = rng.integers(-400, 400, size=2)
    eda = rng.uniform(0.1, 4.0) + rng.normal(0.0, 0.02, size=2)
    temperature = rng.uniform(31.0, 34.5) + rng.normal(0.0, 0.03, size=2)
    return [*map(str, ecg), *(f"{abs(x):.6f}" for x in eda), *(f"{x:.2f}" for x in temperature)]


def majority(ratings: list[Rating]) -> str:
    """Return the emotion most raters named; ties are joined by ``;`` in label order."""
    votes = Counter(rating.emotion for rating in ratings)
    return ";".join(name for name in KEMDY_EMOTIONS if votes[name] == max(votes.values()))


def annotation_row(
    segment: str, start: float, end: float, signals: list[str], ratings: list[Rating]
) -> list[str]:
    """Return a row without its running number, which is given when a file is put together."""
    valence = sum(rating.valence for rating in ratings) / NUM_RATERS
    arousal = sum(rating.arousal for rating in ratings) / NUM_RATERS
    cells = [f"{start:.3f}", f"{end:.3f}", *signals, segment]
    cells += [majority(ratings), f"{valence:.1f}", f"{arousal:.1f}"]
    for rating in ratings:
        cells += [rating.emotion, str(rating.valence), str(rating.arousal)]
    return cells
