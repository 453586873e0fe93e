"""The emotion process: who follows whom, and what switching it off leaves."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from feature_extractor.demo_corpus.dynamics import EmotionTurn, contagion_matrix, draw_dialogue
from graph_er.schema.emotions import KEMDY_EMOTIONS


def dialogues(*, dynamics: bool) -> list[list[EmotionTurn]]:
    rng = np.random.default_rng(0)
    return [draw_dialogue(20, rng, dynamics=dynamics) for _ in range(200)]


def share_unchanged(many: list[list[EmotionTurn]]) -> float:
    pairs = [(a, b) for turns in many for a, b in pairwise(turns)]
    return float(np.mean([a.emotion == b.emotion for a, b in pairs]))


def test_emotions_persist_from_turn_to_turn() -> None:
    assert 0.65 < share_unchanged(dialogues(dynamics=True)) < 0.80


def test_without_dynamics_a_turn_tells_nothing_on_the_next() -> None:
    many = dialogues(dynamics=False)
    counts = np.array([[t.emotion for t in turns].count(e) for turns in many for e in ["neutral"]])

    assert share_unchanged(many) < 0.20
    # A binomial count per dialogue: moods would spread it far wider.
    share = counts.mean() / 20
    assert counts.var() < 1.4 * 20 * share * (1 - share)


def test_speakers_mostly_alternate() -> None:
    many = dialogues(dynamics=True)
    changes = [a.speaker != b.speaker for t in many for a, b in pairwise(t)]

    assert 0.85 < np.mean(changes) < 0.91


def test_all_emotions_occur_and_none_rules() -> None:
    drawn = [turn.emotion for turns in dialogues(dynamics=True) for turn in turns]
    shares = {emotion: drawn.count(emotion) / len(drawn) for emotion in KEMDY_EMOTIONS}

    assert min(shares.values()) > 0.04
    assert max(shares.values()) < 0.32


def test_anger_frightens_and_joy_calms() -> None:
    matrix = contagion_matrix()
    angry, happy, fear = (KEMDY_EMOTIONS.index(e) for e in ("angry", "happy", "fear"))

    assert matrix[angry, fear] > 0
    assert matrix[happy, angry] < 0
    assert np.all(matrix.diagonal() == matrix.max())
