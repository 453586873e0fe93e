"""The comparison as a picture: a line per model, a dot per modality."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from graph_er.report.canvas import BODY, SMALL, add_legend, blank_figure
from graph_er.report.palette import LIGHT

_HEAD = 0.3  # lines above the first, for the names of the baselines
_TITLES = {"a": "audio", "t": "text", "at": "both"}


def comparison_figure(results: dict[str, Any]) -> Figure:
    """Draw weighted F1 on test of every model, best first, whiskers ± one sd over seeds."""
    rows = results["rows"]
    shown = [m for m in _TITLES if any(row["modalities"] == m for row in rows)]
    reached = {
        name: max(
            (len(row["modalities"]), row["test"]["weighted_f1"]["mean"])
            for row in rows
            if row["name"] == name
        )
        for name in dict.fromkeys(row["name"] for row in rows)
    }
    names = sorted(reached, key=lambda name: reached[name])
    figure, axes = blank_figure((9.2, 1.4 + 0.36 * len(names)), LIGHT)
    colours = dict(zip(_TITLES, LIGHT.methods, strict=False))
    for row in rows:
        _dot(axes, names.index(row["name"]), row, colours[row["modalities"]])
    _baselines(axes, results, len(names))
    axes.set_yticks(range(len(names)), [name.replace("_", " ") for name in names])
    axes.set_ylim(-0.6, len(names) + _HEAD)
    axes.set_xlim(left=0)
    axes.xaxis.grid(visible=True, color=LIGHT.line, linewidth=0.8)
    axes.yaxis.grid(visible=True, color=LIGHT.line, linewidth=0.4)
    axes.tick_params(axis="x", labelcolor=LIGHT.muted, labelsize=SMALL)
    axes.tick_params(axis="y", labelsize=BODY)
    axes.set_xlabel("weighted F1 on test (%)", color=LIGHT.muted, fontsize=SMALL)
    add_legend(figure, {_TITLES[m]: colours[m] for m in shown}, LIGHT)
    return figure


def _dot(axes: Axes, line: int, row: dict[str, Any], colour: str) -> None:
    spread = row["test"]["weighted_f1"]
    mean, sd = 100 * spread["mean"], 100 * (spread["sd"] or 0.0)
    # The dots of a model's modalities may meet; a shade of height keeps them apart.
    height = line + {"a": -0.16, "t": 0.0, "at": 0.16}[row["modalities"]]
    axes.errorbar(mean, height, xerr=sd, color=colour, linewidth=1.4, capsize=2.5)
    edge: dict[str, Any] = {"markeredgecolor": LIGHT.muted, "markeredgewidth": 0.75}
    axes.plot(mean, height, "o", color=colour, markersize=6, zorder=3, **edge)
    if row["modalities"] == "at":
        axes.text(
            mean + sd + 0.8,
            height,
            f"{mean:.1f}",
            color=LIGHT.ink,
            fontsize=SMALL,
            va="center",
            # The lines of the baselines are not to run through a number.
            bbox={"facecolor": LIGHT.paper, "edgecolor": "none", "pad": 1.2},
        )


def _baselines(axes: Axes, results: dict[str, Any], lines: int) -> None:
    kept = [b for b in results["baselines"] if b["modalities"] in (None, "at")]
    values = np.array([100 * row["test"]["weighted_f1"] for row in kept])
    for value, row in zip(values, kept, strict=True):
        axes.axvline(value, color=LIGHT.ink, linewidth=0.9, linestyle=(0, (4, 3)))
        axes.text(
            value - 0.5,
            lines + _HEAD - 0.05,
            row["name"].replace(" ", "\n"),
            color=LIGHT.ink,
            fontsize=SMALL - 1,
            ha="right",
            va="top",
        )
