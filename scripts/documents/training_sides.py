"""Models compared on several training sides of one corpus, as one table."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from feature_extractor.fusion_study.page import against_others
from scripts.documents.blocks import percents, spread, table


def training_sides(comparisons: Sequence[dict[str, Any]]) -> str:
    """Return weighted F1 of every model on each test side, and what is sure of ours on each.

    Args:
        comparisons: results of ``compare_fusions`` with the same models, each trained on another
            side.
    """
    scores: dict[str, list[list[float]]] = {}
    for results in comparisons:
        for row in results["rows"]:
            scores.setdefault(row["name"], []).append(row["test"]["weighted_f1"]["values"])
    means = {
        name: [statistics.fmean(values) for values in on_sides] for name, on_sides in scores.items()
    }
    best = [max(means, key=lambda name: means[name][side]) for side in range(len(comparisons))]
    over_all = {name: statistics.fmean(of_model) for name, of_model in means.items()}
    rows = []
    for name, on_sides in scores.items():
        cells = [spread(values) for values in on_sides]
        marked = [_bold(cell, first == name) for cell, first in zip(cells, best, strict=True)]
        most = max(over_all, key=over_all.__getitem__) == name
        rows.append((name, *marked, _bold(percents([over_all[name]]), most)))
    header = ("Weighted F1", *(f"side {n}" for n in range(1, len(comparisons) + 1)), "mean")
    lines = [f"Side {n}: {against_others(c)}" for n, c in enumerate(comparisons, start=1)]
    return "\n".join((table(header, rows), *lines))


def _bold(text: str, marked: bool) -> str:
    return f"**{text}**" if marked else text
