"""The pictures of the scores: weighted F1, F1 of each emotion, confusion matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from graph_er.report.canvas import (
    BODY,
    BOLD,
    SMALL,
    add_legend,
    any_text,
    blank_figure,
    heat_cells,
    label_row,
    outline,
    plain_labels,
)
from graph_er.report.lettering import text_width
from graph_er.report.palette import LIGHT, Theme
from graph_er.report.runs import METHODS
from graph_er.report.summary import (
    emotion_f1,
    mean_and_sd,
    measured,
    modalities_title,
    seed_entries,
    shown_methods,
    support,
)

_GROUP_WIDTH = 0.81
_HEADS = 78  # columns of text that have room above the columns of a heat map


def weighted_f1_figure(results: dict[str, Any], theme: Theme = LIGHT) -> Figure:
    """Draw weighted F1 as bars: groups are modalities, bars methods, whiskers ± one sd."""
    groups = results["modalities"]
    methods, colours = shown_methods(results), dict(zip(METHODS, theme.methods, strict=True))
    width = _GROUP_WIDTH / len(methods)
    figure, axes = blank_figure((10.2, 4.2), theme)
    for position, method in enumerate(methods):
        for group, modalities in enumerate(groups):
            entries = seed_entries(results, (method, modalities))
            x = group + (position - (len(methods) - 1) / 2) * width
            _bar(axes, x, width, entries, colours[method], theme)
    _majority_line(axes, results["baselines"]["majority"]["weighted_f1"], len(groups), theme)
    axes.set_xticks(range(len(groups)), [modalities_title(group) for group in groups])
    axes.set_xlim(-0.5, len(groups) - 0.15)
    axes.set_ylim(0, 104)
    axes.set_yticks(range(0, 101, 20))
    axes.yaxis.grid(visible=True, color=theme.line, linewidth=0.8)
    axes.tick_params(axis="y", labelcolor=theme.muted, labelsize=SMALL)
    axes.set_ylabel("weighted F1 on test (%)", color=theme.muted, fontsize=SMALL)
    add_legend(figure, {METHODS[method]: colours[method] for method in methods}, theme)
    return figure


@any_text()
def emotion_figure(results: dict[str, Any], theme: Theme = LIGHT) -> Figure:
    """Draw F1 of each emotion (columns) in each measured condition (rows) as a heat map."""
    rows = measured(results)
    columns, style, head = _heads(results)
    size = max(10.2, 3.3 + 0.3 * len(columns)), head + 0.34 * len(rows)
    figure, axes = blank_figure(size, theme)
    heat_cells(axes, np.array([emotion_f1(results, condition) for condition in rows]), theme)
    axes.set_xticks(range(len(columns)), columns, **style)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.set_yticks(range(len(rows)), [modalities_title(modalities) for _, modalities in rows])
    for method, title in METHODS.items():
        group = [index for index, row in enumerate(rows) if row[0] == method]
        if group:
            axes.axhline(group[0] - 0.5, color=theme.paper, linewidth=7)
            style = {"color": theme.ink, "fontsize": BODY, **BOLD}
            label_row(axes, (group[0] + group[-1]) / 2, title, distance=96, **style)
    return figure


@any_text()
def confusion_figure(
    matrix: Sequence[Sequence[int]], emotions: Sequence[str], theme: Theme = LIGHT
) -> Figure:
    """Draw a confusion matrix ``[C][C]`` (rows gold).

    Colour and large number are per cent of the row, the small number is the count.
    """
    counts = np.asarray(matrix, dtype=float)
    size = 0.95 + 0.36 * len(emotions)
    figure, axes = blank_figure((size, size - 0.05), theme)
    heat_cells(axes, counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), theme, counts)
    names = plain_labels(emotions, "emotion")
    axes.set_xticks(range(len(names)), names, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(labelsize=SMALL)
    axes.set_xlabel("predicted", color=theme.muted, fontsize=SMALL)
    axes.set_ylabel("gold", color=theme.muted, fontsize=SMALL)
    return figure


def _heads(results: dict[str, Any]) -> tuple[list[str], dict[str, Any], float]:
    """Return what stands above each emotion's column, how, and the inches for it and the margins.

    It is slanted where it would else run into its neighbours.
    """
    names = [*zip(plain_labels(results["emotions"], "emotion"), support(results), strict=True)]
    widest = max(text_width(text) for name, count in names for text in (name, f"n = {count}"))
    if (widest + 1) * len(names) <= _HEADS:
        return [f"{name}\nn = {count}" for name, count in names], {}, 0.9
    columns = [f"{name}, n = {count}" for name, count in names]
    style = {"rotation": 40, "ha": "left", "rotation_mode": "anchor"}
    return columns, style, 0.9 + 0.07 * max(map(text_width, columns))


def _bar(
    axes: Axes, x: float, width: float, entries: Sequence[dict[str, Any]], colour: str, theme: Theme
) -> None:
    text: dict[str, Any] = {"ha": "center", "va": "bottom", "fontsize": SMALL}
    if not entries:
        axes.text(x, 1, "missing", rotation=90, color=theme.muted, **text)
        return
    mean, sd = mean_and_sd(entries, "weighted_f1")
    top = 100 * (mean + (sd or 0))
    axes.bar(x, 100 * mean, width=width - 0.025, color=colour, **outline(theme))
    if sd is not None:
        # Paper below ink: a whisker is to be seen on every bar colour.
        for layer, line in ((theme.paper, 3), (theme.ink, 1)):
            style: dict[str, Any] = {"linewidth": line, "capthick": line, "capsize": 3}
            axes.errorbar(x, 100 * mean, 100 * sd, color=layer, **style)
    axes.text(x, top + 1, f"{100 * mean:.1f}", color=theme.ink, **text)


def _majority_line(axes: Axes, value: float, num_groups: int, theme: Theme) -> None:
    axes.axhline(100 * value, color=theme.ink, linewidth=1, linestyle=(0, (4, 3)))
    axes.text(
        num_groups - 0.15,
        100 * value + 1,
        f"majority\nclass {100 * value:.1f}",
        color=theme.ink,
        fontsize=SMALL,
        ha="right",
        va="bottom",
    )
