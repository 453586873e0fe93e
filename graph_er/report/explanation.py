"""The picture of an explanation: what moved the prediction of one turn, as bars.

To the right of the line stands what supports the predicted emotion, to the left what speaks
against it, by how much its probability changes where the turn or modality is unknown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from graph_er.report.canvas import BODY, SMALL, add_legend
from graph_er.report.fonts import drawable, drawable_or, families, shortened
from graph_er.report.palette import LIGHT, Theme

if TYPE_CHECKING:
    from graph_er.answers.explanation import Explanation, Influence, TurnInfluence

_ROW, _WIDTH = 0.27, 8.8  # inches
_LEFT = -264  # points from the plot to the left edge
# Number, speaker and sentence of a turn: points from the plot, and most columns of text.
_COLUMNS = ((-252, 5), (-228, 12), (-152, 31))
_NARROWEST = 0.02  # of probability: the axis shows no less, so that next to nothing looks like it


class _Bar(NamedTuple):
    """A row: a bar with its label, in one column or in those of a turn; or a section's heading."""

    label: tuple[str, ...]
    influence: Influence | None = None


def explanation_figure(explanation: Explanation, turns: int = 12, theme: Theme = LIGHT) -> Figure:
    """Draw what the turn carries, what the conversation does, and the strongest other turns.

    The turns have an axis of their own: one of many moves little beside a modality of all.

    Args:
        explanation: of one turn.
        turns: most turns to draw; they are the strongest, and stand in their order.
        theme: colours of the page.
    """
    panels = [_parts(explanation)]
    if strongest := _strongest(explanation, turns):
        panels.append(strongest)
    heights = [len(bars) + 1.4 for bars in panels]
    size = (_WIDTH, 1.0 + _ROW * sum(heights))
    figure = Figure(figsize=size, layout="constrained", facecolor=theme.paper)
    ratios = {"height_ratios": heights}
    for axes, bars in zip(
        figure.subplots(len(panels), squeeze=False, gridspec_kw=ratios)[:, 0], panels, strict=True
    ):
        _draw_panel(axes, bars, explanation, theme)
    label = f"percentage points of “{_name(explanation, explanation.emotion)}” that are due to it"
    axes.set_xlabel(label, color=theme.muted, **_words(SMALL))
    _set_title(figure.axes[0], explanation, theme)
    colours = _colours(theme)
    names = {"supports it": colours[True], "speaks against it": colours[False]}
    add_legend(figure, names, theme)
    return figure


def _parts(explanation: Explanation) -> list[_Bar]:
    bars = [_Bar(("This turn",)), _Bar(("all of it",), explanation.turn)]
    if len(explanation.turn_modalities) > 1:
        bars += [_Bar((f"its {m}",), i) for m, i in explanation.turn_modalities.items()]
    bars.append(_Bar(("The conversation",)))
    bars += [_Bar((f"all {m}",), i) for m, i in explanation.dialogue_modalities.items()]
    if explanation.context:
        bars.append(_Bar(("all other turns",), explanation.context))
    if explanation.far:
        bars.append(_Bar((f"the {explanation.far_turns} turns furthest away",), explanation.far))
    return bars


def _strongest(explanation: Explanation, turns: int) -> list[_Bar]:
    chosen = sorted(explanation.turns[:turns], key=lambda turn: turn.position)
    if not chosen:
        return []
    rows = [((str(t.position + 1), *_said(t)), t.influence) for t in chosen]
    return [_Bar(("The other turns that move it most",)), *(_Bar(*row) for row in rows)]


def _said(turn: Explanation | TurnInfluence) -> tuple[str, str]:
    """Return who spoke and what; without a font for them nobody, and the utterance's id."""
    utterance = drawable_or(f"utterance {turn.utterance_id}", "")
    return drawable_or(str(turn.speaker), ""), drawable_or(turn.sentence, utterance)


def _name(explanation: Explanation, emotion: str) -> str:
    """Return the name of an emotion, or its number where no font has its letters."""
    return drawable_or(emotion, f"emotion {[*explanation.probabilities].index(emotion) + 1}")


def _draw_panel(axes: Axes, bars: list[_Bar], explanation: Explanation, theme: Theme) -> None:
    axes.set_facecolor(theme.paper)
    axes.set_frame_on(False)
    for row, bar in enumerate(bars):
        _draw(axes, row, bar, explanation, theme)
    axes.axvline(0, color=theme.muted, linewidth=0.8)
    changes = [bar.influence.change for bar in bars if bar.influence]
    low, high = min(*changes, 0.0), max(*changes, 0.0)
    margin = 0.22 * max(high - low, _NARROWEST)  # room for the numbers at the bars' ends
    axes.set_xlim(100 * (low - margin), 100 * (high + margin))
    axes.set_ylim(len(bars) - 0.4, -0.6)
    axes.set_yticks([])
    axes.tick_params(length=0, labelsize=SMALL, labelcolor=theme.muted)


def _draw(axes: Axes, row: int, bar: _Bar, explanation: Explanation, theme: Theme) -> None:
    _draw_label(axes, row, bar, theme)
    if bar.influence is None:
        return
    change, without = bar.influence.change, bar.influence.without
    axes.barh(row, 100 * change, 0.68, color=_colours(theme)[change > 0])
    number = f"{round(100 * change, 1) + 0.0:+.1f}".replace("-", "−")
    if without != explanation.emotion:
        number += f"  else {_name(explanation, without)}"
    side = 1 if change > 0 else -1
    axes.annotate(
        *(number, (100 * change, row), (4 * side, 0)),
        textcoords="offset points",
        ha="left" if side > 0 else "right",
        va="center",
        color=theme.muted,
        **_words(SMALL),
    )


def _draw_label(axes: Axes, row: int, bar: _Bar, theme: Theme) -> None:
    place: dict[str, Any] = {"textcoords": "offset points", "va": "center"}
    place["xycoords"] = axes.get_yaxis_transform()
    if bar.influence is None:
        bold: dict[str, Any] = {"color": theme.ink, "weight": "bold", "fontsize": SMALL}
        axes.annotate(bar.label[0], (0, row), (_LEFT, 0), **place, **bold)
        return
    if len(bar.label) == 1:
        axes.annotate(
            bar.label[0], (0, row), (_COLUMNS[0][0], 0), color=theme.ink, **place, **_words(SMALL)
        )
        return
    for text, (offset, width) in zip(bar.label, _COLUMNS, strict=True):
        shown = shortened(drawable(text), width)
        colour = theme.muted if offset == _COLUMNS[0][0] else theme.ink
        axes.annotate(shown, (0, row), (offset, 0), color=colour, **place, **_words(SMALL))


def _words(size: float) -> dict[str, Any]:
    """Return how text is drawn that may be in Korean or hold a dollar sign."""
    return {"family": families(), "parse_math": False, "fontsize": size}


def _colours(theme: Theme) -> dict[bool, str]:
    """Return the bars' colour by whether they support the prediction."""
    return {True: theme.methods[2], False: theme.methods[3]}


def _set_title(axes: Axes, explanation: Explanation, theme: Theme) -> None:
    speaker, said = _said(explanation)
    parts = (str(explanation.position + 1), shortened(speaker, 20), shortened(said, 64))
    turn = "   ".join(part for part in parts if part)
    predicted = f"{_name(explanation, explanation.emotion)}   {100 * explanation.probability:.0f} %"
    place: dict[str, Any] = {"textcoords": "offset points", "va": "bottom"}
    place["xycoords"] = "axes fraction"
    axes.annotate(turn, (0, 1), (_LEFT, 24), color=theme.ink, **place, **_words(BODY))
    axes.annotate(predicted, (0, 1), (_LEFT, 8), color=theme.ink, **place, **_words(BODY))
