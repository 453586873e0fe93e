"""Whether confidences can be believed: the reliability diagram, and the line for the terminal."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from graph_er.report.canvas import BODY, SMALL, TINY, add_legend, blank_figure
from graph_er.report.palette import LIGHT, emotion_colours


def calibration_text(calibration: dict[str, Any]) -> str:
    """Return one line: the expected calibration error, its part by chance, and what was fitted.

    Args:
        calibration: from `graph_er.probabilities.calibration.reliability`, with ``temperature`` and
            ``weight`` (of the transitions) where they are known.
    """
    return f"calibration: {', '.join([_error(calibration), *_fitted(calibration)])}"


def reliability_figure(calibration: dict[str, Any]) -> Figure:
    """Draw accuracy against confidence, bin by bin, above the number of utterances in each bin.

    Where a bin's bar and its mean confidence differ, the gap is hatched: confidence promised too
    much where the gap stands on the bar, too little where it lies in it.

    Args:
        calibration: as for `calibration_text`.
    """
    figure, upper = blank_figure((5.4, 6.2), LIGHT)
    grid = figure.add_gridspec(2, 1, height_ratios=(3, 1))
    upper.set_subplotspec(grid[0])
    lower = figure.add_subplot(grid[1], sharex=upper, facecolor=LIGHT.paper)
    accuracy_colour, gap_colour = LIGHT.methods[1], emotion_colours(["angry"])["angry"]
    bins = len(calibration["count"])
    for index, (count, confidence, accuracy) in enumerate(_filled(calibration)):
        if not count or confidence is None or accuracy is None:
            continue
        place: dict[str, Any] = {"x": 100 * (index + 0.5) / bins, "width": 92 / bins}
        upper.bar(height=100 * accuracy, color=accuracy_colour, **place)
        gap: dict[str, Any] = {"color": "none", "edgecolor": gap_colour, "hatch": "////"}
        upper.bar(
            height=100 * (confidence - accuracy), bottom=100 * accuracy, linewidth=1, **gap, **place
        )
        lower.bar(height=count, color=LIGHT.muted, **place)
        lower.text(place["x"], count, f"{count}", ha="center", va="bottom", **_text(TINY))
    upper.plot((0, 100), (0, 100), color=LIGHT.ink, linewidth=1, linestyle=(0, (4, 3)))
    _label(upper, lower)
    size = f"n = {sum(calibration['count']):,}"
    title = f"{_error(calibration)}\n{', '.join([*_fitted(calibration), size])}"
    upper.set_title(title, loc="left", **_text(BODY))
    legend = {"accuracy": accuracy_colour, "gap between confidence and accuracy": gap_colour}
    add_legend(figure, legend, LIGHT)
    return figure


def _error(calibration: dict[str, Any]) -> str:
    error, chance = (100 * calibration[name] for name in ("ece", "ece_by_chance"))
    return f"ECE {error:.1f} % (by chance alone {chance:.1f} %)"


def _fitted(calibration: dict[str, Any]) -> list[str]:
    named = {"temperature": "temperature", "weight": "transition weight"}
    return [f"{word} {calibration[key]:.2f}" for key, word in named.items() if key in calibration]


def _filled(calibration: dict[str, Any]) -> zip[tuple[int, float | None, float | None]]:
    columns = (calibration[name] for name in ("count", "confidence", "accuracy"))
    return zip(*columns, strict=True)


def _text(size: float) -> dict[str, Any]:
    return {"color": LIGHT.ink, "fontsize": size}


def _label(upper: Axes, lower: Axes) -> None:
    """Scale, rule and name the axes of both panels."""
    lower.set_frame_on(False)
    for axes, name in ((upper, "accuracy (%)"), (lower, "utterances")):
        axes.set_ylabel(name, color=LIGHT.muted, fontsize=SMALL)
        axes.tick_params(length=0, labelcolor=LIGHT.muted, labelsize=SMALL)
        axes.yaxis.grid(visible=True, color=LIGHT.line, linewidth=0.8)
        axes.set_axisbelow(True)
    upper.set_ylim(0, 102)
    upper.set_xlim(0, 100)
    upper.set_xticks(np.arange(0, 101, 20))
    upper.tick_params(labelbottom=False)
    lower.set_xlabel("confidence (%)", color=LIGHT.muted, fontsize=SMALL)
