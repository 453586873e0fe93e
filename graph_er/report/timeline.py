"""The picture of one dialogue over time: who spoke, the gold emotion and the predicted one."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from graph_er.report.canvas import (
    BODY,
    SMALL,
    TINY,
    add_legend,
    any_text,
    blank_figure,
    label_row,
    outline,
    plain_labels,
)
from graph_er.report.example import Example, Turn
from graph_er.report.palette import LIGHT, Theme, emotion_colours, text_on

# Heights in rows: a lane is a gold cell, a predicted cell, a confidence bar and a gap.
_LANE, _CONFIDENCE = 3.4, 0.7
# Inches; a dialogue of few turns still needs room for the legend.
_MIN_WIDTH = 6.5


@any_text()
def dialogue_figure(example: Example, emotions: Sequence[str], theme: Theme = LIGHT) -> Figure:
    """Draw the turns from left to right, one lane for each speaker.

    A lane shows the gold emotion above the predicted one (outlined where it is wrong) and below
    them the confidence: the probability of the predicted emotion as a bar.
    """
    speakers, turns = example.speakers, example.turns
    width = max(_MIN_WIDTH, 1.6 + 0.43 * len(turns))
    figure, axes = blank_figure((width, 0.9 + 1.35 * len(speakers)), theme)
    colours = emotion_colours(emotions)
    for lane, name in enumerate(plain_labels(speakers, "speaker")):
        _label_lane(axes, _LANE * lane, name, theme)
    for position, turn in enumerate(turns):
        top = _LANE * speakers.index(turn.speaker)
        _draw_turn(axes, position, top, turn, _short_names(emotions), colours, theme)
    axes.set_xlim(-0.55, len(turns) - 0.45)
    axes.set_ylim(_LANE * len(speakers) - 0.5, -0.1)
    axes.set_xticks(range(len(turns)), [str(n + 1) for n in range(len(turns))])
    axes.tick_params(labelsize=SMALL, labelcolor=theme.muted)
    axes.set_yticks([])
    axes.set_xlabel("turn", color=theme.muted, fontsize=SMALL)
    seen = {t.gold for t in turns} | {t.predicted for t in turns}
    names = dict(zip(emotions, plain_labels(emotions, "emotion"), strict=True))
    add_legend(figure, {names[e]: colours[e] for e in emotions if e in seen}, theme)
    return figure


def _short_names(emotions: Sequence[str]) -> dict[str, str]:
    """Return what fits into a cell: three letters, or the number that stands for a name."""
    return {
        name: plain.split()[-1][:3]
        for name, plain in zip(emotions, plain_labels(emotions, "emotion"), strict=True)
    }


def _label_lane(axes: Axes, top: float, speaker: str, theme: Theme) -> None:
    axes.axhspan(top + 0.02, top + 2.85, color=theme.line, alpha=0.28, linewidth=0, zorder=0)
    for row, label in ((0.5, "gold"), (1.5, "predicted"), (2.45, "confidence")):
        label_row(axes, top + row, label, color=theme.muted, fontsize=SMALL)
    label_row(axes, top + 1, speaker, distance=68, color=theme.ink, fontsize=BODY)


def _draw_turn(
    axes: Axes,
    position: int,
    top: float,
    turn: Turn,
    short: dict[str, str],
    colours: dict[str, str],
    theme: Theme,
) -> None:
    for row, emotion in ((0, turn.gold), (1, turn.predicted)):
        edge = outline(theme)
        if row == 1 and not turn.right:
            edge = {"edgecolor": theme.ink, "linewidth": 1.8}
        axes.add_patch(
            Rectangle(
                (position - 0.44, top + row + 0.08),
                *(0.88, 0.84),
                facecolor=colours[emotion],
                **edge,
            )
        )
        axes.text(
            *(position, top + row + 0.5, short[emotion]),
            color=text_on(colours[emotion]),
            fontsize=SMALL,
            ha="center",
            va="center",
        )
    height = _CONFIDENCE * turn.confidence
    base = top + 2.1 + _CONFIDENCE
    axes.add_patch(
        Rectangle((position - 0.44, base - height), 0.88, height, facecolor=theme.muted, alpha=0.55)
    )
    axes.text(
        *(position, base - 0.06, f"{100 * turn.confidence:.0f}"),
        color=theme.ink,
        fontsize=TINY,
        ha="center",
        va="bottom",
    )
