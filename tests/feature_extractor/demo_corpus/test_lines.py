"""What is said: shared lines, per-session parts, and the transcribers' marks."""

from __future__ import annotations

import re

import numpy as np

from feature_extractor.demo_corpus.hangul import is_syllable
from feature_extractor.demo_corpus.lines import SessionLines
from feature_extractor.demo_corpus.marks import annotate
from feature_extractor.transcript import clean_transcript
from graph_er.schema.emotions import KEMDY_EMOTIONS


def draw(seed: int, emotion: str, count: int = 400) -> list[str]:
    lines = SessionLines(np.random.default_rng(seed))
    rng = np.random.default_rng(99)
    return [lines.draw(emotion, rng) for _ in range(count)]


def test_lines_are_plain_korean() -> None:
    for emotion in KEMDY_EMOTIONS:
        for line in draw(0, emotion):
            assert any(map(is_syllable, line))
            assert clean_transcript(line) == line


def test_about_half_of_the_lines_fit_any_emotion() -> None:
    angry, happy = set(draw(0, "angry")), set(draw(0, "happy"))
    shared = np.mean([line in happy for line in draw(0, "angry")])

    assert 0.35 < shared < 0.65
    assert angry != happy


def test_sessions_rarely_share_a_whole_emotional_line() -> None:
    ambiguous = set(draw(1, "sad")) & set(draw(1, "happy"))
    other_session = set(draw(2, "sad"))
    own = [line for line in draw(1, "sad") if line not in ambiguous]

    assert np.mean([line in other_session for line in own]) < 0.25


def test_marks_come_at_the_rates_of_the_corpus() -> None:
    rng = np.random.default_rng(0)
    marked = [annotate("내일 여행 준비하면 돼.", rng) for _ in range(3000)]

    def share(pattern: str) -> float:
        return float(np.mean([bool(re.search(pattern, line)) for line in marked]))

    assert 0.35 < share(r"[a-zA-Z]/") < 0.50
    assert 0.18 < share("b/") < 0.24
    assert 0.13 < share("o/") < 0.18
    assert 0.13 < share(r"\(") < 0.19
    assert 0.07 < share(r"\((.)\+\1\) \1") < 0.13


def test_removing_marks_leaves_the_line() -> None:
    rng = np.random.default_rng(0)
    line = "내일 여행 준비하면 돼."
    for _ in range(300):
        transcript = annotate(line, rng)
        cleaned = clean_transcript(transcript)
        extra = re.search(r"\((\w+)\)", transcript)
        words = cleaned.split()
        if extra:
            words.remove(extra.group(1))
        assert " ".join(words) == line


def test_one_word_lines_can_be_marked() -> None:
    rng = np.random.default_rng(0)

    assert all("응." in annotate("응.", rng) for _ in range(200))
