"""What the pictures of a conversation show: its turns by speaker, laid out over time in strips."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from graph_er.conversations.turns import Turn, by_dialogue
from graph_er.display.words import word
from graph_er.inference.predictions import SEPARATOR
from graph_er.scoring.evaluation_files import PROBABILITY

# Seconds that a turn is drawn at most of which only the start is known.
_UNKNOWN_LENGTH = 3.0
# Lanes of a picture: a hundred speakers are no more to be told apart by them.
_MOST_LANES = 60
_OTHERS = "…"


@dataclass(frozen=True)
class ShownTurn:
    """One turn with its prediction.

    Attributes:
        number: place in the dialogue, from 1.
        speaker, text: as given.
        start, end: seconds.
        emotion, confidence: the prediction and its probability.
        probabilities: of each emotion, in label order.
        marks: what is odd about it.
        modalities: letters of what it has of what the model reads.
    """

    number: int
    speaker: str
    text: str
    start: float
    end: float
    emotion: str
    confidence: float
    probabilities: dict[str, float]
    marks: str
    modalities: str


@dataclass(frozen=True)
class ShownDialogue:
    """A dialogue of at least one turn.

    Attributes:
        id: as given.
        turns: in time order.
        clock: whether seconds mean something; without times and audio each turn is one long.
    """

    id: str
    turns: tuple[ShownTurn, ...]
    clock: bool

    @property
    def speakers(self) -> list[str]:
        """Speakers in order of their first turn."""
        return list(dict.fromkeys(turn.speaker for turn in self.turns))

    @property
    def lanes(self) -> dict[str, int]:
        """Which lane each speaker is drawn in; those beyond the first 59 of more share the last."""
        return {name: min(lane, _MOST_LANES - 1) for lane, name in enumerate(self.speakers)}

    @property
    def lane_names(self) -> list[str]:
        """What stands at each lane."""
        speakers = self.speakers
        if len(speakers) <= _MOST_LANES:
            return speakers
        return [*speakers[: _MOST_LANES - 1], _OTHERS]

    @property
    def start(self) -> float:
        """Second at which the first turn begins."""
        return self.turns[0].start

    @property
    def seconds(self) -> float:
        """Seconds from the first beginning to the last end, a little at least."""
        return max(max(turn.end for turn in self.turns) - self.start, 0.1)


@dataclass(frozen=True)
class Strip:
    """A part of a dialogue's time, one line of a picture; turns at its edges are on two."""

    start: float
    seconds: float
    turns: tuple[ShownTurn, ...]


def shown_dialogues(
    turns: Sequence[Turn], rows: Sequence[Mapping[str, Any]], emotions: Sequence[str]
) -> list[ShownDialogue]:
    """Join turns with their predictions.

    Args:
        turns: dialogue by dialogue.
        rows: of `predictions.prediction_rows` on these turns.
        emotions: names in label order.
    """
    order = {position: row for position, row in enumerate(sorted(t.position for t in turns))}
    row_of = {position: rows[index] for index, position in order.items()}
    return [
        ShownDialogue(
            id=name,
            turns=tuple(
                _shown(turn, end, number, row_of[turn.position], emotions)
                for number, (turn, end) in enumerate(zip(own, _ends(own), strict=True), start=1)
            ),
            clock=any(turn.timed or turn.duration > 0 for turn in own),
        )
        for name, own in by_dialogue(turns).items()
    ]


def _ends(own: Sequence[Turn]) -> list[float]:
    """Return where turns end; one of unknown length lasts until the next, but not for long."""
    nexts = [after.start for _, after in pairwise(own)] + [math.inf]
    return [
        turn.end if turn.end > turn.start else min(after, turn.start + _UNKNOWN_LENGTH)
        for turn, after in zip(own, nexts, strict=True)
    ]


def _shown(
    turn: Turn, end: float, number: int, row: Mapping[str, Any], emotions: Sequence[str]
) -> ShownTurn:
    return ShownTurn(
        number=number,
        speaker=turn.speaker,
        text=turn.text,
        start=turn.start,
        end=end,
        emotion=row["emotion"],
        confidence=row["confidence"],
        probabilities={emotion: row[f"{PROBABILITY}{emotion}"] for emotion in emotions},
        marks=row["marks"],
        modalities=row["modalities_used"],
    )


def strips_of(dialogue: ShownDialogue, turns_per_strip: int, most: int) -> list[Strip]:
    """Divide a dialogue's time into equal parts.

    Args:
        dialogue: what is divided.
        turns_per_strip: wanted on the average.
        most: parts at most.
    """
    count = min(most, math.ceil(len(dialogue.turns) / turns_per_strip))
    seconds = dialogue.seconds / count
    if not dialogue.clock:  # a turn is one long: divided between turns, not within them
        seconds = math.ceil(seconds)
        count = math.ceil(dialogue.seconds / seconds)
    strips = []
    for index in range(count):
        start = dialogue.start + index * seconds
        last = index == count - 1
        inside = (
            turn
            for turn in dialogue.turns
            if (turn.start < start + seconds or last) and (turn.end > start or turn.start >= start)
        )
        strips.append(Strip(start, seconds, tuple(inside)))
    return strips


def clock_text(seconds: float) -> str:
    """Return seconds as ``m:ss``, or ``h:mm:ss`` from an hour on."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def marks_text(marks: str, language: str) -> str:
    """Return the marks of a turn in a language."""
    return SEPARATOR.join(word(mark, language) for mark in marks.split(SEPARATOR))


def tick_step(seconds: float, wanted: int = 8) -> float:
    """Return a round distance between ticks, so that there are about `wanted` of them."""
    steps = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
    return next((step for step in steps if seconds / step <= wanted), 7200)
