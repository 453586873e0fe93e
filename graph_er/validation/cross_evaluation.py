"""A cross-validation as one evaluation: what ``eval.json`` holds, and the folder for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from graph_er.answers.prediction import evaluated_utterances
from graph_er.dialogues import DialogueFile
from graph_er.errors import InputError
from graph_er.running.paths import CHECKPOINT_NAME, STAGE1_WEIGHTS
from graph_er.running.run_record import RECORD_NAME
from graph_er.schema.splits import session_of
from graph_er.scoring.bootstrap import confidence_intervals, confusions_by_dialogue
from graph_er.scoring.breakdown import breakdown
from graph_er.scoring.evaluation import evaluate
from graph_er.scoring.evaluation_files import remove_evaluation
from graph_er.scoring.prediction_files import CROSS_VALIDATION
from graph_er.scoring.scores import METRICS, summarise
from graph_er.validation.cross_validation import FoldResult, pooled
from graph_er.validation.fold_controls import fold_controls
from graph_er.validation.folds import extractor_trained_on


def cross_evaluation(
    file: DialogueFile, results: Sequence[FoldResult], seeds: Sequence[int]
) -> dict[str, Any]:
    """Return the content of ``eval.json``, plain values.

    The top level scores all utterances together, each predicted in the fold that left it out.
    ``folds`` has each fold's own scores, ``over_folds`` the ``mean`` and the sample standard
    deviation (``std``) over folds of the scores' mean over seeds and of the ``ensemble``.
    ``extractor_trained_on`` names the sessions whose features are no proof of anything, see
    `graph_er.validation.folds.extractor_trained_on`.
    """
    utterances, probabilities = pooled(file, results)
    predicted = probabilities.mean(axis=0).argmax(axis=-1)
    confusions = confusions_by_dialogue(
        utterances.dialogues, utterances.gold, predicted, len(file.emotions)
    )
    folds = [_fold_record(file, result, seeds) for result in results]
    over_folds = {}
    for name in ("mean", "ensemble"):
        mean, std = summarise([fold[name] for fold in folds])
        over_folds[name] = {"mean": mean, "std": std}
    return {
        **evaluate(utterances, probabilities, seeds),
        "split": CROSS_VALIDATION,
        "folds": folds,
        "over_folds": over_folds,
        "extractor_trained_on": extractor_trained_on(
            file, [dialogue for result in results for dialogue in result.fold.test]
        ),
        "confidence_intervals": confidence_intervals(confusions),
        **fold_controls(file, [result.fold for result in results]),
        **breakdown(utterances, predicted, file.info),
    }


def check_folder(out: Path) -> None:
    """Raise `InputError` where `out` is no folder, or one of a trained model."""
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file; name a folder with --out")
    if any((out / name).exists() for name in (CHECKPOINT_NAME, STAGE1_WEIGHTS)):
        raise InputError(f"{out} holds a checkpoint; name another folder with --out")


def remove_earlier(out: Path) -> None:
    """Remove what an earlier cross-validation left in `out`, so that nothing of it is mixed in."""
    remove_evaluation(out)
    (out / RECORD_NAME).unlink(missing_ok=True)


def _fold_record(file: DialogueFile, result: FoldResult, seeds: Sequence[int]) -> dict[str, Any]:
    fold = result.fold
    evaluation = evaluate(
        evaluated_utterances(fold.test, file.emotions), result.probabilities, seeds
    )
    ensemble = {metric: evaluation[metric] for metric in METRICS}
    sessions = {
        name: sorted({session_of(dialogue.id, file.info) for dialogue in side})
        for name, side in (("sessions", fold.test), ("dev_sessions", fold.dev))
    }
    return {
        "name": fold.name,
        **sessions,
        "dialogues": len(fold.test),
        "n": evaluation["n"],
        "mean": evaluation.get("mean", ensemble),
        "std": evaluation.get("std"),
        "ensemble": ensemble,
        "epochs": result.epochs,
        "temperature": result.temperature,
        "weight": result.weight,
    }
