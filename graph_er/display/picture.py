"""The timeline of a conversation as PNG: a lane for each speaker, coloured by emotion."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.legend_handler import HandlerTuple
from matplotlib.patches import Patch, Rectangle

from graph_er.display.shown_turns import ShownDialogue, Strip, strips_of
from graph_er.display.strip_layout import (
    NAME_COLUMNS,
    PALEST,
    PlacedTurn,
    fitting,
    placed_turns,
    short_name,
    tick_marks,
)
from graph_er.display.words import WORDS, word
from graph_er.report.canvas import (
    BODY,
    SMALL,
    any_text,
    fit_legend,
    outline,
    plain_labels,
    write_png,
)
from graph_er.report.fonts import drawable_or
from graph_er.report.palette import LIGHT, blended, emotion_colours, text_on

_WIDTH, _DPI = 12.0, 130  # inches, and dots in one
_TURNS_PER_STRIP, _MOST_STRIPS = 26, 40
_MOST_LANES = 120  # of all strips of a dialogue
_STEPS = (1.0, 0.65, PALEST)  # of the legend's key to opacity
_TITLE = 60  # columns of text


class _Look(NamedTuple):
    """By emotion, its colour and its name as it can be drawn."""

    colours: dict[str, str]
    names: dict[str, str]


@any_text()
def conversation_figure(
    dialogues: Sequence[ShownDialogue], emotions: Sequence[str], language: str = "en"
) -> tuple[Figure, int]:
    """Draw dialogues one below the other, long ones in several strips.

    Opacity is confidence. The emotion is written into a turn where there is room.

    Args:
        dialogues: at least one.
        emotions: names in label order.
        language: of names and key, a key of `words.WORDS`.

    Returns:
        The figure, and how many of the dialogues fitted into it.
    """
    parts = [(d, strips_of(d, _TURNS_PER_STRIP, _most_strips(d))) for d in dialogues]
    shown = _fitting(parts)
    strips = [(d, strip, strip is own[0]) for d, own in parts[:shown] for strip in own]
    lanes = [0.3 * len(d.lane_names) for d, _, _ in strips]
    # The clock stands below every strip, and above the first of a dialogue its id.
    height = sum(lanes) + 0.34 * len(strips) + 0.26 * shown + 0.5
    figure = Figure(figsize=(_WIDTH, height), layout="constrained", facecolor=LIGHT.paper)
    engine = figure.get_layout_engine()
    assert isinstance(engine, ConstrainedLayoutEngine)
    engine.set(h_pad=0.03, hspace=0)
    axes = figure.subplots(len(strips), 1, squeeze=False, gridspec_kw={"height_ratios": lanes})
    # English says more than numbers where no font has Korean letters.
    named = [drawable_or(word(emotion, language), emotion) for emotion in emotions]
    names = dict(zip(emotions, plain_labels(named, "emotion"), strict=True))
    look = _Look(emotion_colours(emotions), names)
    ids = [d.id for d in dialogues]
    titles = dict(zip(ids, plain_labels(ids, "dialogue", _TITLE), strict=True))
    for place, (dialogue, strip, first) in zip(axes[:, 0], strips, strict=True):
        _draw_strip(place, dialogue, strip, look)
        if first:
            place.set_title(titles[dialogue.id], loc="left", color=LIGHT.ink, fontsize=BODY)
    seen = {turn.emotion for dialogue, _, _ in strips for turn in dialogue.turns}
    pale = drawable_or(WORDS[language]["pale"], WORDS["en"]["pale"])
    _add_legend(figure, [emotion for emotion in emotions if emotion in seen], look, pale)
    return figure, shown


def write_picture(
    path: Path, dialogues: Sequence[ShownDialogue], emotions: Sequence[str], language: str = "en"
) -> int:
    """Write the PNG, all of it or nothing; return how many of the dialogues it shows."""
    figure, shown = conversation_figure(dialogues, emotions, language)
    write_png(path, figure, dpi=_DPI)
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
    names = dialogue.lane_names
    axes.set_facecolor(LIGHT.paper)
    axes.set_frame_on(False)
    axes.set_xlim(0, 1)
    axes.set_ylim(len(names), 0)
    for lane in range(len(names)):
        axes.axhspan(lane + 0.06, lane + 0.94, color=LIGHT.line, alpha=0.3, linewidth=0, zorder=0)
    for placed in placed_turns(dialogue, strip):
        _draw_turn(axes, placed, look)
    places = [lane + 0.5 for lane in range(len(names))]
    axes.set_yticks(places, plain_labels(names, "speaker", NAME_COLUMNS))
    axes.tick_params(length=0, labelcolor=LIGHT.ink, labelsize=SMALL)
    ticks = tick_marks(dialogue, strip)
    axes.set_xticks([x for x, _ in ticks], [text for _, text in ticks])
    axes.tick_params(axis="x", labelcolor=LIGHT.muted, labelsize=SMALL)


def _draw_turn(axes: Axes, placed: PlacedTurn, look: _Look) -> None:
    turn, top = placed.turn, placed.lane + 0.06
    colour, corner = look.colours[turn.emotion], (placed.x, top)
    layers: tuple[tuple[float, dict[str, Any]], ...] = (
        (placed.width, {"facecolor": colour, "alpha": placed.opacity, "linewidth": 0}),
        (min(0.2 * placed.width, 0.003), {"facecolor": colour, "linewidth": 0}),
        (placed.width, {"facecolor": "none", **outline(LIGHT)}),
    )
    for width, style in layers:
        axes.add_patch(Rectangle(corner, width, 0.88, **style))
    label = look.names[turn.emotion]
    texts = (f"{label} {100 * turn.confidence:.0f}", label, short_name(label))
    if text := fitting(texts, placed.width):
        ink = text_on(blended(colour, LIGHT.paper, placed.opacity))
        style = {"ha": "center", "va": "center", "fontsize": SMALL, "color": ink}
        axes.text(placed.x + placed.width / 2, placed.lane + 0.5, text, **style)


def _add_legend(figure: Figure, seen: Sequence[str], look: _Look, pale: str) -> None:
    labels = [look.names[emotion] for emotion in seen]
    edge = outline(LIGHT)
    handles: list[Any] = [Patch(facecolor=look.colours[emotion], **edge) for emotion in seen]
    # Steps, since one pale patch would be taken for an emotion's own colour.
    handles.append(tuple(Patch(facecolor=LIGHT.ink, alpha=opacity) for opacity in _STEPS))
    figure.legend(
        handles, [*labels, pale], loc="outside upper left",
        ncols=fit_legend(figure, [*labels, pale], SMALL, 4.4),
        frameon=False, labelcolor=LIGHT.ink, fontsize=SMALL,
        handlelength=1.6, handleheight=1.1, handler_map={tuple: HandlerTuple(None, pad=0)},
    )  # fmt: skip
