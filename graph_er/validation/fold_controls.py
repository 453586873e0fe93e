"""The controls of `graph_er.scoring.controls` under cross-validation: each fold's, put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from graph_er.dialogues import DialogueFile
from graph_er.scoring.controls import controls, normalised_texts, texts_seen
from graph_er.scoring.scores import score
from graph_er.validation.folds import Fold

_CONTROLS = ("majority", "text_lookup", "previous_label")


def fold_controls(file: DialogueFile, folds: Sequence[Fold]) -> dict[str, Any]:
    """Return what ``eval.json`` holds of controls, over all folds.

    What stands in a fold's train or dev dialogues is what its controls know. They are
    ``controls``, ``texts_seen`` and ``controls_know``, the sides that these two are made from.
    """
    files = [_as_file(file, fold) for fold in folds]
    of_folds = [found for part in files if (found := controls(part, "test")) is not None]
    result = {name: _together([c[name] for c in of_folds], file.emotions) for name in _CONTROLS}
    if result["majority"]:
        commonest = [fold["majority"]["emotion"] for fold in of_folds]
        result["majority"] |= {"emotion": max(commonest, key=commonest.count)}
    if result["previous_label"]:
        result["previous_label"] |= {"oracle": True}
    return {"controls": result, "texts_seen": _seen(files), "controls_know": ["train", "dev"]}


def _as_file(file: DialogueFile, fold: Fold) -> DialogueFile:
    train = tuple(dialogue.id for dialogue in (*fold.train, *fold.dev))
    test = tuple(dialogue.id for dialogue in fold.test)
    return replace(file, train_ids=train, dev_ids=(), test_ids=test)


def _together(
    of_folds: Sequence[dict[str, Any] | None], emotions: tuple[str, ...]
) -> dict[str, Any] | None:
    """Score all folds at once; their confusion matrices hold all that scores are made of."""
    matrices = [scores["confusion_matrix"] for scores in of_folds if scores is not None]
    if len(matrices) < len(of_folds):
        return None
    matrix = np.sum(matrices, axis=0)
    gold, predicted = np.indices(matrix.shape).reshape(2, -1).repeat(matrix.ravel(), axis=1)
    return score(gold, predicted, emotions)


def _seen(files: Sequence[DialogueFile]) -> float | None:
    """Return the share of texts that a fold's train or dev has too, of all folds."""
    seen, total = 0.0, 0
    for file in files:
        count = sum(bool(t) for dialogue in file.side("test") for t in normalised_texts(dialogue))
        seen, total = seen + (texts_seen(file, "test") or 0.0) * count, total + count
    return seen / total if total else None
