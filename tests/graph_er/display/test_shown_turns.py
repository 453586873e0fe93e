import pytest

from graph_er.conversations.turns import Turn
from graph_er.display.shown_turns import clock_text, shown_dialogues, strips_of, tick_step


def shown(*times, timed=True):
    """A dialogue whose turns have these starts and ends."""
    turns = [
        Turn(
            f"u{n}",
            "d",
            "AB"[n % 2],
            None,
            0.0,
            f"text {n}",
            start,
            end,
            timed,
            position=n,
        )
        for n, (start, end) in enumerate(times)
    ]
    rows = [
        {"emotion": "happy", "confidence": 0.5, "prob_happy": 0.5, "prob_sad": 0.5, "marks": "",
         "modalities_used": "t"}
    ] * len(turns)  # fmt: skip
    return shown_dialogues(turns, rows, ("happy", "sad"))


def test_turns_with_their_predictions():
    (dialogue,) = shown((1, 2), (3, 5))
    assert [turn.number for turn in dialogue.turns] == [1, 2]
    assert (dialogue.speakers, dialogue.start, dialogue.seconds) == (["A", "B"], 1, 4)
    assert dialogue.turns[0].probabilities == {"happy": 0.5, "sad": 0.5}
    assert dialogue.clock


def test_predictions_find_their_turns_by_position():
    turns = [Turn(str(p), "d", "A", None, 0.0, "x", p, p + 1, position=p) for p in (2, 0, 1)]
    rows = [
        {"emotion": e, "confidence": 1.0, "prob_x": 1.0, "marks": "", "modalities_used": ""}
        for e in ("zero", "one", "two")
    ]
    (dialogue,) = shown_dialogues(turns, rows, ("x",))
    assert [turn.emotion for turn in dialogue.turns] == ["two", "zero", "one"]


def test_seconds_mean_nothing_without_times_and_audio():
    (dialogue,) = shown((0, 1), (1, 2), timed=False)
    assert not dialogue.clock


def test_strips_hold_every_turn_and_divide_those_at_their_edges():
    (dialogue,) = shown((0, 4), (4, 6), (6, 9), (9, 10))
    first, second = strips_of(dialogue, turns_per_strip=2, most=9)
    assert (first.start, second.start, first.seconds) == (0, 5, 5)
    assert [turn.number for turn in first.turns] == [1, 2]
    assert [turn.number for turn in second.turns] == [2, 3, 4]
    assert len(strips_of(dialogue, turns_per_strip=1, most=3)) == 3


def test_strips_without_a_clock_hold_whole_turns():
    (dialogue,) = shown(*((n, n + 1) for n in range(7)), timed=False)
    strips = strips_of(dialogue, turns_per_strip=2, most=9)
    assert [[turn.number for turn in strip.turns] for strip in strips] == [
        *([1, 2], [3, 4], [5, 6], [7])
    ]


def test_turns_of_unknown_length_last_until_the_next_but_not_for_long():
    (dialogue,) = shown((2, 2), (3, 3), (3, 4), (9, 9))
    assert [turn.end for turn in dialogue.turns] == [3, 3, 4, 12]
    (strip,) = strips_of(dialogue, 10, 10)
    assert len(strip.turns) == 4


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (65.4, "1:05"), (59.7, "1:00"), (3661, "1:01:01")]
)
def test_clock(seconds, text):
    assert clock_text(seconds) == text


def test_ticks_are_few_and_round():
    assert [tick_step(s) for s in (5, 27, 300, 10_000, 10**6)] == [1, 5, 60, 1800, 7200]
