"""The picture of an explanation: what moved the prediction of one turn, as bars.

To the right of the line stands what supports the predicted emotion, to the left what speaks
against it, by how much its probability changes where the turn or modality is unknown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from graph_er.report.canvas import BODY, BOLD, SMALL, add_legend, any_text, outline
from graph_er.report.fonts import drawable_or
from graph_er.report.lettering import shortened, signed
from graph_er.report.palette import LIGHT
from graph_er.report.reasons import Reason, reason_label, reasons

if TYPE_CHECKING:
    from graph_er.answers.explanation import Explanation, Influence, TurnInfluence

_ROW, _WIDTH = 0.27, 8.8  # inches
_LEFT = -264  # points from the plot to the left edge
# Number, speaker and sentence of a turn: points from the plot, and most columns of text.
_COLUMNS = ((-252, 5), (-228, 12), (-152, 31))
_COLOURS = {True: LIGHT.methods[2], False: LIGHT.methods[3]}  # by whether bars support
_NARROWEST = 0.02  # of probability: the axis shows no less, so that next to nothing looks like it


@any_text()
def explanation_figure(explanation: Explanation, turns: int = 12) -> Figure:
    """Draw what the turn carries, what the conversation does, and the strongest other turns.

    All bars are on one scale.

    Args:
        explanation: of one turn.
        turns: most turns to draw; they are the strongest, and stand in their order.
    """
    lines = _lines(explanation, turns)
    size = (_WIDTH, 1.5 + _ROW * len(lines))
    figure = Figure(figsize=size, layout="constrained", facecolor=LIGHT.paper)
    axes = figure.add_subplot(facecolor=LIGHT.paper)
    _set_axes(axes, lines)
    for row, line in enumerate(lines):
        if isinstance(line, str):
            style = {"color": LIGHT.ink, "fontsize": SMALL, **BOLD}
            axes.annotate(line, (0, row), (_LEFT, 0), **_beside(axes), **style)
        else:
            _draw_label(axes, row, line, explanation)
            _draw_bar(axes, row, line.influence, explanation)
    label = f"percentage points of “{_name(explanation, explanation.emotion)}” that are due to it"
    axes.set_xlabel(label, color=LIGHT.muted, fontsize=SMALL)
    _set_title(axes, explanation)
    names = {"supports it": _COLOURS[True], "speaks against it": _COLOURS[False]}
    add_legend(figure, names, LIGHT)
    return figure


def _lines(explanation: Explanation, turns: int) -> list[Reason | str]:
    """Return the rows below the headings of their sections."""
    lines: list[Reason | str] = []
    for reason in reasons(explanation, turns):
        if reason.kind == "other":
            heading = "The other turns that move it most"
        else:
            heading = "This turn" if reason.is_own else "The conversation"
        if heading not in lines:
            lines.append(heading)
        lines.append(reason)
    return lines


def _said(turn: Explanation | TurnInfluence) -> tuple[str, str]:
    """Return who spoke and what; without a font for them nobody, and the utterance's id."""
    utterance = drawable_or(f"utterance {turn.utterance_id}", "")
    return drawable_or(str(turn.speaker), ""), drawable_or(turn.sentence, utterance)


def _name(explanation: Explanation, emotion: str) -> str:
    """Return the name of an emotion, or its number where no font has its letters."""
    return drawable_or(emotion, f"emotion {[*explanation.probabilities].index(emotion) + 1}")


def _set_axes(axes: Axes, lines: list[Reason | str]) -> None:
    axes.set_frame_on(False)
    axes.axvline(0, color=LIGHT.muted, linewidth=0.8)
    changes = [line.influence.change for line in lines if isinstance(line, Reason)]
    low, high = min(*changes, 0.0), max(*changes, 0.0)
    margin = 0.22 * max(high - low, _NARROWEST)  # room for the numbers at the bars' ends
    axes.set_xlim(100 * (low - margin), 100 * (high + margin))
    axes.set_ylim(len(lines) - 0.4, -0.6)
    axes.set_yticks([])
    axes.tick_params(length=0, labelsize=SMALL, labelcolor=LIGHT.muted)


def _draw_bar(axes: Axes, row: int, influence: Influence, explanation: Explanation) -> None:
    change = 100 * influence.change
    axes.barh(row, change, 0.68, color=_COLOURS[change > 0], **outline(LIGHT))
    number = signed(change)
    if influence.without != explanation.emotion:
        number += f"  else {_name(explanation, influence.without)}"
    side = 1 if change > 0 else -1
    axes.annotate(
        *(number, (change, row), (4 * side, 0)),
        textcoords="offset points",
        ha="left" if side > 0 else "right",
        va="center",
        color=LIGHT.muted,
        fontsize=SMALL,
    )


def _draw_label(axes: Axes, row: int, reason: Reason, explanation: Explanation) -> None:
    """Write what the row is of: in one column, or in those of a turn."""
    texts: list[tuple[str, float]]
    if reason.other is None:
        texts = [(reason_label(reason, explanation), _COLUMNS[0][0])]
    else:
        words = (str(reason.other.position + 1), *_said(reason.other))
        columns = zip(words, _COLUMNS, strict=True)
        texts = [(shortened(word, width), offset) for word, (offset, width) in columns]
    for number, (text, offset) in enumerate(texts):
        colour = LIGHT.muted if len(texts) > 1 and not number else LIGHT.ink
        style: dict[str, Any] = {"color": colour, "fontsize": SMALL}
        axes.annotate(text, (0, row), (offset, 0), **_beside(axes), **style)


def _beside(axes: Axes) -> dict[str, Any]:
    """Return how text is placed: points left of the plot, at the height of its row."""
    place = {"textcoords": "offset points", "xycoords": axes.get_yaxis_transform()}
    return {**place, "va": "center"}


def _set_title(axes: Axes, explanation: Explanation) -> None:
    speaker, said = _said(explanation)
    parts = (str(explanation.position + 1), shortened(speaker, 20), shortened(said, 64))
    turn = "   ".join(part for part in parts if part)
    predicted = f"{_name(explanation, explanation.emotion)}   {100 * explanation.probability:.0f} %"
    place: dict[str, Any] = {"textcoords": "offset points", "va": "bottom"}
    place["xycoords"] = "axes fraction"
    axes.annotate(turn, (0, 1), (_LEFT, 24), color=LIGHT.ink, **place, fontsize=BODY)
    axes.annotate(predicted, (0, 1), (_LEFT, 8), color=LIGHT.ink, **place, fontsize=BODY)
