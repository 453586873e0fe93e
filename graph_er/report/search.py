"""A hyper-parameter search as a picture: the score of every trial, and the best so far."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from graph_er.report.canvas import BODY, SMALL, blank_figure
from graph_er.report.palette import LIGHT
from graph_er.report.summary import percent
from graph_er.report.tables import Row, Table
from graph_er.running.counted import counted


def search_text(best: dict[str, Any], defaults: dict[str, Any], path: Path, check: str) -> str:
    """Return what the best trial changed, if any did better, and how far that can be believed.

    Args:
        best: from `graph_er.validation.search.best_settings`.
        defaults: of each field that was searched.
        path: where `best` stands.
        check: the command that scores it again with other seeds.
    """
    values = {**best["model"], **best["training"]}
    found = {name: values[name] for name in defaults}
    rows = tuple(Row((name, _text(defaults[name]), _text(found[name]))) for name in defaults)
    table = Table(("Field", "Default", "Best"), rows).markdown().rstrip()
    if found == defaults:
        return (
            f"{table}\n\nNone of {counted(best['trials'], 'trial')} beat the defaults, weighted F1 "
            f"{percent(best['score_of_defaults'])}: {path} is preset '{best['preset']}' as it is, "
            "but for the fields that you fixed."
        )
    lines = [
        table,
        f"weighted F1 {percent(best['score'])} in trial {best['trial']} of {best['trials']}; "
        f"defaults {percent(best['score_of_defaults'])}",
        f"The best of many trials is better by luck, too: believe it after other seeds, `{check}`.",
    ]
    return "\n\n".join(lines)


def search_figure(trials: Sequence[dict[str, Any]], best: dict[str, Any]) -> Figure:
    """Draw weighted F1 by trial.

    Args:
        trials: from `graph_er.validation.search.plain_trials`.
        best: from `graph_er.validation.search.best_settings`.
    """
    figure, axes = blank_figure((7.2, 3.6), LIGHT)
    complete = [trial for trial in trials if not trial["pruned"]]
    pruned = [trial for trial in trials if trial["pruned"] and trial["score"] is not None]
    rings: dict[str, Any] = {"facecolors": "none", "edgecolors": LIGHT.methods[0]}
    for group, label, style in (
        (complete, "all folds", {"color": LIGHT.methods[1]}),
        (pruned, "given up early", rings),
    ):
        if group:
            places = [trial["number"] for trial in group]
            scores = [100 * trial["score"] for trial in group]
            axes.scatter(places, scores, s=22, label=label, **style)
    places = [trial["number"] for trial in complete]
    so_far = np.maximum.accumulate([100 * trial["score"] for trial in complete])
    # To the last trial, also where that was given up.
    line = [*places, len(trials)], [*so_far, so_far[-1]]
    axes.step(*line, where="post", color=LIGHT.accent, linewidth=1.6, label="best so far")
    level = 100 * best["score_of_defaults"]
    axes.axhline(level, color=LIGHT.ink, linewidth=1, linestyle=(0, (4, 3)), label="defaults")
    _frame(axes)
    title = f"best {percent(best['score'])} in trial {best['trial']} of {len(trials)}"
    axes.set_title(title, loc="left", color=LIGHT.ink, fontsize=BODY)
    legend: dict[str, Any] = {"frameon": False, "labelcolor": LIGHT.ink, "fontsize": SMALL}
    figure.legend(loc="outside lower center", ncols=4, **legend)
    return figure


def _text(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _frame(axes: Any) -> None:
    axes.xaxis.set_major_locator(MaxNLocator(nbins=10, integer=True))
    axes.yaxis.grid(visible=True, color=LIGHT.line, linewidth=0.8)
    axes.tick_params(labelcolor=LIGHT.muted, labelsize=SMALL)
    axes.set_xlabel("trial", color=LIGHT.muted, fontsize=SMALL)
    axes.set_ylabel("weighted F1 (%), mean over folds", color=LIGHT.muted, fontsize=SMALL)
    axes.margins(x=0.03, y=0.08)
