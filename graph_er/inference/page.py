"""The conversation as a self-contained web page: timeline by speaker, words and probabilities.

Everything is in the one file and nothing is fetched. What a turn says and how sure the model is
shows on hover, on focus and, without scripts, as the browser's own tooltip; so does the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from graph_er.inference.shown_turns import (
    ShownDialogue,
    ShownTurn,
    Strip,
    clock_text,
    strips_of,
    tick_step,
)
from graph_er.report.palette import DARK, LIGHT, emotion_colours
from graph_er.running.files import write_text
from graph_er.running.templates import render

_TURNS_PER_STRIP, _MOST_STRIPS = 30, 400
# In units of the drawing: its width without names, a lane, the room for names and for the clock.
WIDTH, LANE, NAMES, CLOCK = 960.0, 26.0, 110.0, 22.0
_PALEST = 0.22
_THINNEST = 3.0
_LETTER = 7.0
# Dialogues with more turns than this have their table folded.
_LONG = 100
_READ = {"a": "speech", "t": "text"}


@dataclass(frozen=True)
class Block:
    """One turn on one strip: a rectangle whose `edge` is opaque, with a `label` if one fits."""

    turn: ShownTurn
    x: float
    y: float
    width: float
    opacity: float
    edge: float
    label: str


@dataclass(frozen=True)
class DrawnStrip:
    """One line of the timeline: blocks, and ticks as (x, text)."""

    height: float
    blocks: tuple[Block, ...]
    ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class DrawnDialogue:
    """A dialogue with its strips, the share of each emotion, and whether its table is open."""

    shown: ShownDialogue
    strips: tuple[DrawnStrip, ...]
    shares: dict[str, float]
    is_open: bool


def render_page(
    dialogues: Sequence[ShownDialogue], emotions: Sequence[str], title: str, modalities: str
) -> str:
    """Return the page; every text of the user's is escaped.

    Args:
        dialogues: at least one.
        emotions: names in label order.
        title: what was predicted, e.g. the name of the input.
        modalities: letters of what the model reads; named are those that a turn has.
    """
    had = {
        letter for dialogue in dialogues for turn in dialogue.turns for letter in turn.modalities
    }
    return render(
        "graph_er.inference",
        "conversation.html.jinja",
        title=title,
        modalities=[_READ.get(letter, letter) for letter in modalities if letter in had],
        emotions=list(emotions),
        colours=emotion_colours(emotions),
        dialogues=[draw_dialogue(dialogue, emotions) for dialogue in dialogues],
        turns=sum(len(dialogue.turns) for dialogue in dialogues),
        clock=clock_text,
        light=LIGHT,
        dark=DARK,
        size={"width": WIDTH, "lane": LANE, "names": NAMES, "clock": CLOCK},
    )


def write_page(
    path: Path, dialogues: Sequence[ShownDialogue], emotions: Sequence[str], title: str, read: str
) -> None:
    """Write the page, all of it or nothing; `read` are the letters of what the model reads."""
    write_text(path, render_page(dialogues, emotions, title, read))


def draw_dialogue(dialogue: ShownDialogue, emotions: Sequence[str]) -> DrawnDialogue:
    """Lay a dialogue out in strips."""
    strips = strips_of(dialogue, _TURNS_PER_STRIP, _MOST_STRIPS)
    counts = {e: sum(turn.emotion == e for turn in dialogue.turns) for e in emotions}
    return DrawnDialogue(
        shown=dialogue,
        strips=tuple(_draw_strip(dialogue, strip) for strip in strips),
        shares={e: count / len(dialogue.turns) for e, count in counts.items() if count},
        is_open=len(dialogue.turns) <= _LONG,
    )


def _draw_strip(dialogue: ShownDialogue, strip: Strip) -> DrawnStrip:
    lanes = dialogue.lanes
    scale = WIDTH / strip.seconds
    blocks = []
    for turn in strip.turns:
        begin = max(turn.start - strip.start, 0.0) * scale
        end = min(turn.end - strip.start, strip.seconds) * scale
        width = max(end - begin, _THINNEST)
        blocks.append(
            Block(
                turn=turn,
                x=round(NAMES + min(begin, WIDTH - width), 1),
                y=lanes[turn.speaker] * LANE,
                width=round(width, 1),
                opacity=round(_PALEST + (1 - _PALEST) * turn.confidence, 2),
                edge=round(min(3.0, 0.25 * width), 1),
                label=_label(turn.emotion, width),
            )
        )
    height = len(dialogue.lane_names) * LANE
    return DrawnStrip(height, tuple(blocks), _ticks(dialogue, strip, scale))


def _label(emotion: str, width: float) -> str:
    """Return as much of a name as fits, three letters at least, or nothing."""
    if len(emotion) * _LETTER + 8 <= width:
        return emotion
    return emotion[:3] if width >= 3 * _LETTER + 4 else ""


def _ticks(dialogue: ShownDialogue, strip: Strip, scale: float) -> tuple[tuple[float, str], ...]:
    step = tick_step(strip.seconds)
    ticks = []
    number = -(-strip.start // step)
    while (at := number * step - strip.start) < strip.seconds:
        seconds = number * step
        text = clock_text(seconds) if dialogue.clock else str(round(seconds) + 1)
        ticks.append((round(NAMES + at * scale, 1), text))
        number += 1
    return tuple(ticks)
