"""The conversation as a self-contained web page: timeline by speaker, words and probabilities.

Everything is in the one file and nothing is fetched. What a turn says and how sure the model is
shows on hover, on focus and, without scripts, as the browser's own tooltip; so does the table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from graph_er.display.shown_turns import (
    ShownDialogue,
    ShownTurn,
    Strip,
    clock_text,
    marks_text,
    strips_of,
)
from graph_er.display.strip_layout import (
    NAME_COLUMNS,
    fitting,
    placed_turns,
    short_name,
    tick_marks,
)
from graph_er.display.words import WORDS, number_of, percent, word
from graph_er.report.lettering import shortened_apart
from graph_er.report.palette import DARK, LIGHT, emotion_colours
from graph_er.running.templates import render

_TURNS_PER_STRIP, _MOST_STRIPS = 30, 400
# In units of the drawing: its width without names, a lane, the room for names and for the clock.
WIDTH, LANE, NAMES, CLOCK = 960.0, 26.0, 136.0, 22.0
# Dialogues with more turns than this have their table folded.
_LONG = 100
# The likeliest emotions that the card of a turn shows: more have no room on a phone.
_MOST_BARS = 12
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
    """A dialogue with its lanes, as (label, whole name), its strips, and the share of each emotion.

    `is_open` tells whether its table is.
    """

    shown: ShownDialogue
    lanes: tuple[tuple[str, str], ...]
    strips: tuple[DrawnStrip, ...]
    shares: dict[str, float]
    is_open: bool


def render_page(
    dialogues: Sequence[ShownDialogue],
    emotions: Sequence[str],
    title: str,
    modalities: str,
    language: str = "en",
) -> str:
    """Return the page; every text of the user's is escaped.

    Args:
        dialogues: at least one.
        emotions: names in label order.
        title: what was predicted, e.g. the name of the input.
        modalities: letters of what the model reads; named are those that a turn has.
        language: key of `words.WORDS`.
    """
    had = {
        letter for dialogue in dialogues for turn in dialogue.turns for letter in turn.modalities
    }
    names = {emotion: word(emotion, language) for emotion in emotions}
    read = [_READ.get(letter, letter) for letter in modalities if letter in had]
    t = WORDS[language]
    return render(
        "graph_er.display",
        "conversation.html.jinja",
        language=language,
        t=t,
        title=title,
        read=t["and"].join(word(name, language) for name in read),
        emotions=list(emotions),
        colours=emotion_colours(emotions),
        dialogues=[draw_dialogue(dialogue, names) for dialogue in dialogues],
        turns=number_of(t, "one_turn", "turns", sum(len(d.turns) for d in dialogues)),
        clock=clock_text,
        word=lambda name: word(name, language),
        marks=lambda turn: marks_text(turn.marks, language),
        percent=lambda share: percent(share, language),
        most_bars=_MOST_BARS,
        light=LIGHT,
        dark=DARK,
        size={"width": WIDTH, "lane": LANE, "names": NAMES, "clock": CLOCK},
    )


def draw_dialogue(dialogue: ShownDialogue, names: Mapping[str, str]) -> DrawnDialogue:
    """Lay a dialogue out in strips.

    Args:
        dialogue: what is drawn.
        names: of the emotions, in label order, as they are written into turns.
    """
    strips = strips_of(dialogue, _TURNS_PER_STRIP, _MOST_STRIPS)
    labels = shortened_apart(dialogue.lane_names, NAME_COLUMNS)
    counts = {e: sum(turn.emotion == e for turn in dialogue.turns) for e in names}
    return DrawnDialogue(
        shown=dialogue,
        lanes=tuple(zip(labels, dialogue.lane_names, strict=True)),
        strips=tuple(_draw_strip(dialogue, strip, names) for strip in strips),
        shares={e: count / len(dialogue.turns) for e, count in counts.items() if count},
        is_open=len(dialogue.turns) <= _LONG,
    )


def _draw_strip(dialogue: ShownDialogue, strip: Strip, names: Mapping[str, str]) -> DrawnStrip:
    blocks = []
    for placed in placed_turns(dialogue, strip):
        width, name = placed.width * WIDTH, names[placed.turn.emotion]
        blocks.append(
            Block(
                turn=placed.turn,
                x=round(NAMES + placed.x * WIDTH, 1),
                y=placed.lane * LANE,
                width=round(width, 1),
                opacity=round(placed.opacity, 2),
                edge=round(min(3.0, 0.25 * width), 1),
                label=fitting((name, short_name(name)), placed.width),
            )
        )
    ticks = tuple((round(NAMES + x * WIDTH, 1), text) for x, text in tick_marks(dialogue, strip))
    return DrawnStrip(len(dialogue.lane_names) * LANE, tuple(blocks), ticks)
