"""Scores as plain text for the terminal."""

from __future__ import annotations

from typing import Any

from graph_er.scoring.scores import METRICS


def classification_report(evaluation: dict[str, Any]) -> str:
    """Return the per-emotion table and the metrics of an evaluation, mean and sd over its seeds."""
    labels = evaluation["labels"]
    width = max(len(label) for label in (*labels, "emotion"))
    lines = [f"{'emotion':<{width}}  precision  recall      F1  support"]
    for label in labels:
        row = evaluation["per_class"][label]
        numbers = f"{row['precision']:9.4f}  {row['recall']:6.4f}  {row['f1']:6.4f}"
        lines.append(f"{label:<{width}}  {numbers}  {row['support']:7d}")
    several = "mean" in evaluation
    lines += ["", f"n = {evaluation['n']}" + (", table above: ensemble" if several else "")]
    for metric in METRICS:
        line = f"{metric:<12} {evaluation[metric]:.4f}"
        if several:
            mean, std = evaluation["mean"][metric], evaluation["std"][metric]
            line += f"   mean over {len(evaluation['seeds'])} seeds {mean:.4f} ± {std:.4f}"
        lines.append(line)
    return "\n".join(lines)
