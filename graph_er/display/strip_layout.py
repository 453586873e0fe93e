"""Where the turns of a strip stand on its line; lengths are parts of the line's own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from graph_er.display.shown_turns import ShownDialogue, ShownTurn, Strip, clock_text, tick_step
from graph_er.report.lettering import text_width

NAME_COLUMNS = 14  # of text, for the name of a speaker beside the lane
PALEST = 0.3  # opacity of a prediction without any confidence
_THINNEST = 0.0032  # a turn of 50 ms in three hours is still seen
_LETTER = 0.0068  # width of a column of text, roughly


class PlacedTurn(NamedTuple):
    """A turn on its lane: where it begins, how long it is, and how opaque its confidence is."""

    turn: ShownTurn
    lane: int
    x: float
    width: float
    opacity: float


def placed_turns(dialogue: ShownDialogue, strip: Strip) -> list[PlacedTurn]:
    """Return the turns of a strip, cut at its ends; all lie on the line, from 0 to 1."""
    lanes = dialogue.lanes
    placed = []
    for turn in strip.turns:
        begin = max(turn.start - strip.start, 0.0) / strip.seconds
        end = min((turn.end - strip.start) / strip.seconds, 1.0)
        width = max(end - begin, _THINNEST)
        opacity = PALEST + (1 - PALEST) * turn.confidence
        x = min(begin, 1.0 - width)
        placed.append(PlacedTurn(turn, lanes[turn.speaker], x, width, opacity))
    return placed


def tick_marks(dialogue: ShownDialogue, strip: Strip) -> list[tuple[float, str]]:
    """Return places on the line with their times, or without a clock, numbers of turns."""
    step = tick_step(strip.seconds)
    first, last = (math.ceil(s / step) for s in (strip.start, strip.start + strip.seconds))
    times = [step * number for number in range(first, last)]
    return [
        (
            (time - strip.start) / strip.seconds,
            clock_text(time) if dialogue.clock else str(round(time) + 1),
        )
        for time in times
    ]


def fitting(texts: Sequence[str], width: float) -> str:
    """Return the first of `texts` that has room in a turn so wide, or nothing."""
    return next((text for text in texts if (text_width(text) + 1) * _LETTER <= width), "")


def short_name(emotion: str) -> str:
    """Return three letters for an emotion: of several words the last, which may be a number."""
    return emotion.split()[-1][:3] if emotion.split() else ""
