"""The timeline of a conversation as PNG: a lane for each speaker, coloured by emotion."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.legend_handler import HandlerTuple
from matplotlib.patches import Patch, Rectangle

from graph_er.inference.shown_turns import (
    ShownDialogue,
    ShownTurn,
    Strip,
    clock_text,
    strips_of,
    tick_step,
)
from graph_er.report.canvas import BODY, SMALL, to_png
from graph_er.report.fonts import drawable_or, families
from graph_er.report.palette import LIGHT, Theme, emotion_colours, text_on
from graph_er.running.files import atomic_path

_WIDTH, _DPI = 12.0, 130  # inches, and dots in one
_TURNS_PER_STRIP, _MOST_STRIPS = 26, 40
_MOST_LANES = 120  # of all strips of a dialogue
_PALEST = 0.3  # opacity of a prediction without any confidence
_STEPS = (1.0, 0.65, _PALEST)  # of the legend's key to opacity
_LONGEST_NAME = 14  # letters of a speaker's
_THINNEST = 0.0025  # of a strip's width: a turn of 50 ms in three hours is still seen
_LETTER = 0.0062  # width of a letter as a part of the strip's, roughly


class _Look(NamedTuple):
    """The page's theme, and by emotion the colour and the name as it can be drawn."""

    theme: Theme
    colours: dict[str, str]
    names: dict[str, str]


def conversation_figure(
    dialogues: Sequence[ShownDialogue], emotions: Sequence[str], theme: Theme = LIGHT
) -> tuple[Figure, int]:
    """Draw dialogues one below the other, long ones in several strips.

    Opacity is confidence. The emotion is written into a turn where there is room.

    Args:
        dialogues: at least one.
        emotions: names in label order.
        theme: colours of the page.

    Returns:
        The figure, and how many of the dialogues fitted into it.
    """
    parts = [(d, strips_of(d, _TURNS_PER_STRIP, _most_strips(d))) for d in dialogues]
    shown = _fitting(parts)
    strips = [(d, strip, strip is own[0]) for d, own in parts[:shown] for strip in own]
    lanes = [0.3 * len(d.lane_names) for d, _, _ in strips]
    # The clock stands below every strip, and above the first of a dialogue its id.
    height = sum(lanes) + 0.34 * len(strips) + 0.26 * shown + 0.5
    with matplotlib.rc_context({"font.family": families()}):
        figure = Figure(figsize=(_WIDTH, height), layout="constrained", facecolor=theme.paper)
        engine = figure.get_layout_engine()
        assert isinstance(engine, ConstrainedLayoutEngine)
        engine.set(h_pad=0.03, hspace=0)
        axes = figure.subplots(
            *(len(strips), 1), squeeze=False, gridspec_kw={"height_ratios": lanes}
        )
        look = _Look(theme, emotion_colours(emotions), _plain_names(emotions, "emotion"))
        titles = _plain_names([d.id for d in dialogues], "dialogue")
        for place, (dialogue, strip, first) in zip(axes[:, 0], strips, strict=True):
            _draw_strip(place, dialogue, strip, look)
            if first:
                place.set_title(titles[dialogue.id], loc="left", color=theme.ink, fontsize=BODY)
        seen = {turn.emotion for dialogue, _, _ in strips for turn in dialogue.turns}
        _add_legend(figure, [emotion for emotion in emotions if emotion in seen], look)
    return figure, shown


def write_picture(path: Path, dialogues: Sequence[ShownDialogue], emotions: Sequence[str]) -> int:
    """Write the PNG, all of it or nothing; return how many of the dialogues it shows."""
    figure, shown = conversation_figure(dialogues, emotions)
    content = to_png(figure, dpi=_DPI)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
    return shown


def _most_strips(dialogue: ShownDialogue) -> int:
    return min(_MOST_STRIPS, max(1, _MOST_LANES // len(dialogue.lane_names)))


def _fitting(parts: Sequence[tuple[ShownDialogue, list[Strip]]]) -> int:
    """Return how many dialogues fit: as many as have `_MOST_STRIPS` strips, the first always."""
    total = 0
    for number, (_, strips) in enumerate(parts):
        total += len(strips)
        if number and total > _MOST_STRIPS:
            return number
    return len(parts)


def _draw_strip(axes: Axes, dialogue: ShownDialogue, strip: Strip, look: _Look) -> None:
    names, lanes, theme = dialogue.lane_names, dialogue.lanes, look.theme
    axes.set_facecolor(theme.paper)
    axes.set_frame_on(False)
    axes.set_xlim(strip.start, strip.start + strip.seconds)
    axes.set_ylim(len(names), 0)
    for lane in range(len(names)):
        axes.axhspan(lane + 0.06, lane + 0.94, color=theme.line, alpha=0.3, linewidth=0, zorder=0)
    for turn in strip.turns:
        _draw_turn(axes, lanes[turn.speaker], turn, strip, look)
    places = [lane + 0.5 for lane in range(len(names))]
    axes.set_yticks(places, [*_plain_names(names, "speaker", _LONGEST_NAME).values()])
    axes.tick_params(length=0, labelcolor=theme.ink, labelsize=SMALL)
    _set_clock(axes, dialogue, strip, theme)


def _set_clock(axes: Axes, dialogue: ShownDialogue, strip: Strip, theme: Theme) -> None:
    step = tick_step(strip.seconds)
    first = math.ceil(strip.start / step)
    ticks = [step * n for n in range(first, math.ceil((strip.start + strip.seconds) / step))]
    if dialogue.clock:
        labels = [clock_text(tick) for tick in ticks]
    else:
        labels = [str(round(tick) + 1) for tick in ticks]
    axes.set_xticks(ticks, labels)
    axes.tick_params(axis="x", labelcolor=theme.muted, labelsize=SMALL)


def _draw_turn(axes: Axes, lane: int, turn: ShownTurn, strip: Strip, look: _Look) -> None:
    begin, end = max(turn.start, strip.start), min(turn.end, strip.start + strip.seconds)
    width = max(end - begin, _THINNEST * strip.seconds)
    colour, opacity = look.colours[turn.emotion], _PALEST + (1 - _PALEST) * turn.confidence
    axes.add_patch(
        Rectangle((begin, lane + 0.06), width, 0.88, facecolor=colour, alpha=opacity, linewidth=0)
    )
    edge = min(0.2 * width, 0.003 * strip.seconds)
    axes.add_patch(Rectangle((begin, lane + 0.06), edge, 0.88, facecolor=colour, linewidth=0))
    label = look.names[turn.emotion]
    # Of a name of several words the last: it may be the number that stands for it.
    short = label.split()[-1][:3] if label else ""
    for text in (f"{label} {100 * turn.confidence:.0f}", label, short):
        if (len(text) + 1) * _LETTER * strip.seconds <= width:
            style: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": SMALL}
            ink = text_on(_blend(colour, look.theme.paper, opacity))
            axes.text(begin + width / 2, lane + 0.5, text, color=ink, **style)
            return


def _add_legend(figure: Figure, seen: Sequence[str], look: _Look) -> None:
    theme, labels = look.theme, [look.names[emotion] for emotion in seen]
    handles: list[Any] = [Patch(facecolor=look.colours[emotion]) for emotion in seen]
    # Steps, since one pale patch would be taken for an emotion's own colour.
    handles.append(tuple(Patch(facecolor=theme.ink, alpha=opacity) for opacity in _STEPS))
    figure.legend(
        handles, [*labels, "pale: little confidence"], loc="outside upper left",
        ncols=len(handles), frameon=False, labelcolor=theme.ink, fontsize=SMALL,
        handlelength=1.6, handleheight=1.1, handler_map={tuple: HandlerTuple(None, pad=0)},
    )  # fmt: skip


def _blend(colour: str, paper: str, opacity: float) -> str:
    pairs = [(int(colour[i : i + 2], 16), int(paper[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(opacity * c + (1 - opacity) * p):02X}" for c, p in pairs)


def _plain_names(names: Sequence[str], word: str, longest: int | None = None) -> dict[str, str]:
    """Return names as they can be drawn, and as matplotlib does not read them as a formula.

    Those whose letters no font has become ``<word> <n>``, `n` by their order.
    """
    return {
        name: _cut(drawable_or(name, f"{word} {number}"), longest).replace("$", r"\$")
        for number, name in enumerate(names, start=1)
    }


def _cut(name: str, longest: int | None) -> str:
    return name if longest is None or len(name) <= longest else f"{name[: longest - 1]}…"
