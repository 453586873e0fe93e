"""Scores of predicted against gold labels: plain numbers that tables, files and tests share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    precision_recall_fscore_support,
)

from graph_er.errors import InputError

METRICS = ("accuracy", "weighted_f1", "macro_f1", "uar")


Labels = Sequence[int] | np.ndarray


def score(gold: Labels, predicted: Labels, emotions: Sequence[str]) -> dict[str, Any]:
    """Score predictions; every value is a plain Python number and all metrics lie in 0 to 1.

    A class that the gold labels lack counts as F1 = 0 in ``macro_f1`` only if it was predicted,
    and never in ``uar`` (unweighted average recall over the classes present in `gold`).

    Args:
        gold: true labels, ``[N]``, each an index into `emotions`.
        predicted: predicted labels, ``[N]``.
        emotions: the ``C`` label names in label order.

    Returns:
        ``n``, ``accuracy``, ``weighted_f1``, ``macro_f1``, ``uar``, ``labels``, ``per_class``
        ({name: precision, recall, f1, support}) and ``confusion_matrix`` (``[C][C]``, rows gold).

    Raises:
        InputError: no labels at all.
        ValueError: unequal lengths, or a label that is no index into `emotions`.
    """
    gold = np.asarray(gold, dtype=int)
    predicted = np.asarray(predicted, dtype=int)
    _check_labels(gold, predicted, len(emotions))
    indices = list(range(len(emotions)))
    occurring = sorted(set(gold.tolist()) | set(predicted.tolist()))
    _, _, weighted_f1, _ = precision_recall_fscore_support(
        gold, predicted, labels=occurring, average="weighted", zero_division=0.0
    )
    _, _, macro_f1, _ = precision_recall_fscore_support(
        gold, predicted, labels=occurring, average="macro", zero_division=0.0
    )
    precision, recall, f1, support = precision_recall_fscore_support(
        gold, predicted, labels=indices, average=None, zero_division=0.0
    )
    # Of a single emotion scikit-learn would warn that others might be missing.
    several = len(emotions) > 1
    matrix = confusion_matrix(gold, predicted, labels=indices) if several else [[len(gold)]]
    present = support > 0
    return {
        "n": len(gold),
        "accuracy": float(accuracy_score(gold, predicted)),
        "weighted_f1": float(weighted_f1),
        "macro_f1": float(macro_f1),
        "uar": float(recall[present].mean()),
        "labels": list(emotions),
        "per_class": {
            name: {
                "precision": float(precision[i]),
                "recall": float(recall[i]),
                "f1": float(f1[i]),
                "support": int(support[i]),
            }
            for i, name in enumerate(emotions)
        },
        "confusion_matrix": np.asarray(matrix).tolist(),
    }


def _check_labels(gold: np.ndarray, predicted: np.ndarray, num_emotions: int) -> None:
    if not len(gold):
        raise InputError("nothing to score: there is not one labelled utterance")
    if gold.shape != predicted.shape:
        raise ValueError(f"{len(gold)} gold labels but {len(predicted)} predictions")
    labels = np.concatenate([gold, predicted])
    # scikit-learn would leave such labels out of the matrix without a word.
    if labels.min() < 0 or labels.max() >= num_emotions:
        raise ValueError(f"labels {labels.min()} to {labels.max()} for {num_emotions} emotions")


def summarise(scores: Sequence[dict[str, Any]]) -> tuple[dict[str, float], dict[str, float]]:
    """Return mean and sample standard deviation of each metric over the seeds' scores.

    One seed alone has no deviation; 0.0 stands for it, since JSON has no NaN.
    """
    values = {metric: np.array([entry[metric] for entry in scores]) for metric in METRICS}
    mean = {metric: float(column.mean()) for metric, column in values.items()}
    ddof = 1 if len(scores) > 1 else 0
    std = {metric: float(column.std(ddof=ddof)) for metric, column in values.items()}
    return mean, std
