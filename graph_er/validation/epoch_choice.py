"""How many epochs: cross-validation of several counts, and the one-standard-error rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def choose_epochs(scores: Mapping[int, Sequence[float]]) -> dict[str, Any]:
    """Choose the fewest epochs whose score is within one standard error of the best.

    The error is that of the difference to the best, fold by fold: folds differ far more from one
    another than epoch counts do, and that is the same for all counts.

    Args:
        scores: for each count its score on every fold.

    Returns:
        ``best``, ``chosen``, and ``counts``: for each its ``epochs``, ``folds`` (scores), ``mean``,
        ``behind`` (mean difference to the best) and ``error`` (standard error of that).
    """
    best = max(sorted(scores), key=lambda count: np.mean(scores[count]))
    counts: list[dict[str, Any]] = []
    for count in sorted(scores):
        differences = np.subtract(scores[best], scores[count])
        error = differences.std(ddof=1) / np.sqrt(len(differences))
        counts.append(
            {
                "epochs": count,
                "folds": [float(value) for value in scores[count]],
                "mean": float(np.mean(scores[count])),
                "behind": float(differences.mean()),
                "error": float(error),
            }
        )
    chosen = next(c["epochs"] for c in counts if c["behind"] <= c["error"])
    return {"best": best, "chosen": chosen, "counts": counts}
