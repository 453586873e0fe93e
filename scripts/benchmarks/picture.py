"""The picture: a bar per ratio on a logarithmic axis, its goal as a mark."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from graph_er.report.canvas import BODY, SMALL, blank_figure, label_row, write_png
from graph_er.report.palette import LIGHT
from scripts.benchmarks.rows import Row
from scripts.benchmarks.tables import ratio_text

_LABEL_WIDTH = 46  # characters of a line
_MET, _MISSED, _FREE = 2, 3, 0  # of the theme's bar colours


def ratio_figure(rows: Sequence[Row]) -> Figure:
    """Draw the ratios of the rows that have one, the first row on top."""
    shown = [(row, row.ratio) for row in rows if row.ratio is not None]
    figure, axes = blank_figure((10.2, 1.3 + 0.52 * max(1, len(shown))), LIGHT)
    colours = {True: LIGHT.methods[_MET], False: LIGHT.methods[_MISSED], None: LIGHT.methods[_FREE]}
    # From 1 on: a bar to the left of it is slower than the reference.
    for place, (row, ratio) in enumerate(shown):
        axes.barh(place, ratio - 1, left=1, height=0.62, color=colours[row.met])
        if row.goal is not None:
            axes.plot([row.goal.value] * 2, [place - 0.4, place + 0.4], color=LIGHT.ink, lw=2)
        _name(axes, place, row, ratio)
    _axis(axes, shown)
    _legend(figure, colours)
    return figure


def write_picture(path: Path, rows: Sequence[Row]) -> None:
    """Write the picture as PNG, all of it or nothing."""
    write_png(path, ratio_figure(rows))


def _name(axes: Axes, place: int, row: Row, ratio: float) -> None:
    title = textwrap.fill(row.title, _LABEL_WIDTH)
    label_row(axes, place, title, color=LIGHT.ink, fontsize=SMALL)
    goal = row.goal.value if row.goal is not None else 1
    wanted = f", goal {ratio_text(goal)}" if row.goal is not None else ""
    axes.annotate(
        ratio_text(ratio) + wanted,
        xy=(max(ratio, goal, 1), place),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        color=LIGHT.ink,
        fontsize=BODY,
    )


def _axis(axes: Axes, shown: Sequence[tuple[Row, float]]) -> None:
    goals = [row.goal.value for row, _ in shown if row.goal is not None]
    ratios = [ratio for _, ratio in shown]
    axes.set_xscale("log")
    axes.set_xlim(min([0.5, *(0.8 * r for r in ratios if r)]), 5 * max([10, *ratios, *goals]))
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_yticks([])
    axes.minorticks_off()
    axes.xaxis.set_major_formatter(lambda value, _: f"× {value:g}")
    axes.xaxis.grid(visible=True, color=LIGHT.line, linewidth=0.8)
    axes.axvline(1, color=LIGHT.muted, linewidth=1)
    axes.tick_params(axis="x", labelcolor=LIGHT.muted, labelsize=SMALL)
    axes.set_xlabel(
        "times better than the reference (logarithmic)", color=LIGHT.muted, fontsize=SMALL
    )


def _legend(figure: Figure, colours: dict[bool | None, str]) -> None:
    names = {True: "goal met", False: "goal missed", None: "no goal"}
    marks = [Patch(facecolor=colours[met], label=name) for met, name in names.items()]
    figure.legend(
        handles=[*marks, Line2D([], [], color=LIGHT.ink, lw=2, label="goal")],
        loc="outside upper left",
        ncols=4,
        frameon=False,
        labelcolor=LIGHT.ink,
        fontsize=BODY,
        handlelength=1.1,
    )
