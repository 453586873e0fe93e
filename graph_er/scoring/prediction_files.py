"""Which evaluation wrote what: a run's predictions, those of each seed, and their scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graph_er.errors import InputError
from graph_er.running.counted import counted
from graph_er.running.files import sha256
from graph_er.running.regular_files import read_json_file
from graph_er.scoring.evaluation_files import (
    EVALUATION_NAME,
    PREDICTIONS_DIGEST,
    PREDICTIONS_NAME,
    evaluation_path,
    member_path,
    names_a_member,
)
from graph_er.scoring.prediction_table import Predictions, read_predictions

CROSS_VALIDATION = "cross-validation"  # the `split` of an evaluation of every side in turn


@dataclass(frozen=True)
class EvaluatedRun:
    """A run on one side.

    Attributes:
        predictions: of the run as a whole (its only model, or the ensemble of its seeds), or of
            the one seed of it that was named.
        seeds: how many models that is; None where no scores lie beside the predictions.
        members: the predictions of each seed; empty where they were not written.
        side: what was predicted: the side that was asked for, or a cross-validation.
        scores: the file of the scores of these predictions, None where it is not known.
        learned: how models of the run may have learned from what is predicted, as the scores tell;
            empty where they tell of nothing.
        trained_on: whether they prove that it was trained on some of these dialogues.
    """

    predictions: Predictions
    seeds: int | None
    members: tuple[Predictions, ...]
    side: str
    scores: Path | None = None
    learned: tuple[str, ...] = ()
    trained_on: bool = False


def read_evaluated_run(path: Path, side: str) -> EvaluatedRun:
    """Read a run from its checkpoint folder (or ``.pt`` file), evaluation folder or CSV.

    Args:
        path: what the user named.
        side: ``test``, ``dev`` or ``train``; a cross-validation is read whatever it is.

    Raises:
        InputError: no predictions there, of another side, not those that the scores beside them
            are of, or a malformed file.
    """
    found = _find(path, side)
    whole = found.with_name(PREDICTIONS_NAME)
    scores, evaluation = _evaluation_of(found, whole)
    split = evaluation.get("split", side)
    if split not in (side, CROSS_VALIDATION):
        raise InputError(
            f"{found}: predictions of the {split} side, not of {side}; "
            f"give --split {split}, or evaluate the run with --split {side}"
        )
    predictions = read_predictions(found)
    proven = evaluation.get("trained_on") is True
    told = split, scores if evaluation else None, learned_from(evaluation), proven
    paths = [member_path(whole, seed) for seed in evaluation.get("seeds", ())]
    if paths and found not in paths:
        complete = all(member.is_file() for member in paths)
        members = tuple(read_predictions(member) for member in paths) if complete else ()
        return EvaluatedRun(predictions, len(paths), members, *told)
    if paths or "seed" in evaluation:
        return EvaluatedRun(predictions, 1, (predictions,), *told)
    return EvaluatedRun(predictions, None, (), *told)


def learned_from(evaluation: Mapping[str, Any]) -> tuple[str, ...]:
    """Return how models may have learned from what they were scored on, as the scores tell.

    Args:
        evaluation: the scores of stage 1 or 3, or of a cross-validation, from wherever: what is
            not there, or of another type than ours, tells of nothing.
    """
    ways = []
    same = evaluation.get("ids_trained_on")
    if evaluation.get("trained_on") is True:
        ways.append("it was trained on dialogues that are compared")
    elif isinstance(same, int) and not isinstance(same, bool) and same > 0:
        ways.append(f"{same} of the dialogues bear ids of ones that it was trained on")
    sessions = evaluation.get("extractor_trained_on")
    if isinstance(sessions, list) and sessions:
        ways.append(
            "the extractor that made its features was trained on the labels of "
            f"{counted(len(sessions), 'session')} of them, unless it was trained on another corpus"
        )
    return tuple(ways)


def read_scored_predictions(path: Path) -> Predictions:
    """Read the predictions whose scores a file holds.

    Args:
        path: the scores, JSON; the predictions lie beside it.

    Raises:
        InputError: as `read_predictions`; or another evaluation wrote over them since.
    """
    predictions = path.with_name(PREDICTIONS_NAME)
    if not predictions.is_file():
        raise InputError(f"{predictions}: no such file; evaluate the run again, which writes it")
    digest = _digest_named_in(path)
    if digest not in (None, sha256(predictions)):  # none in an earlier release
        raise _overwritten(predictions, path)
    return read_predictions(predictions)


def _find(path: Path, side: str) -> Path:
    if path.suffix == ".csv" and not path.is_dir():
        candidates = [path]
    else:
        folder = path.parent if path.suffix == ".pt" else path
        candidates = [
            evaluation_path(folder, side).with_name(PREDICTIONS_NAME),
            folder / PREDICTIONS_NAME,
        ]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise InputError(
        f"{path}: no predictions there ({' and '.join(map(str, candidates))} missing); make them "
        f"with `python graph_er/eval.py --pt_dir DIR --split {side}`, or for stage 1 with "
        "`python feature_extractor/eval.py --checkpoint DIR`"
    )


def _evaluation_of(found: Path, whole: Path) -> tuple[Path | None, dict[str, Any]]:
    """Return the file and the scores of the evaluation that wrote `found`.

    Where none is known to have, that is None and no scores.

    Args:
        found: a CSV of predictions.
        whole: what the predictions of an evaluation into its folder are called.
    """
    if found == whole or names_a_member(found, whole):
        scores, evaluation = _evaluation_beside(whole)
        members = [member_path(whole, seed) for seed in evaluation.get("seeds", ())]
        if found in (whole, *members):
            return scores, evaluation
    return _evaluation_naming(found, sha256(found)) or (None, {})


def _evaluation_beside(whole: Path) -> tuple[Path, dict[str, Any]]:
    """Return the file and the scores of the evaluation that wrote what lies in a folder.

    Every evaluation into a folder writes its predictions over those of the one before, whatever its
    own scores are called: ``eval.json`` need not be of the predictions that are there now.
    """
    path = whole.with_name(EVALUATION_NAME)
    evaluation = _read_evaluation(path)
    digest = sha256(whole) if whole.is_file() else None
    if digest is None or evaluation.get(PREDICTIONS_DIGEST) == digest:
        return path, evaluation
    if named := _evaluation_naming(whole, digest):
        return named
    if PREDICTIONS_DIGEST in evaluation:
        raise _overwritten(whole, path)
    return path, evaluation  # of an earlier release, which named none


def _evaluation_naming(predictions: Path, digest: str) -> tuple[Path, dict[str, Any]] | None:
    """Return the file and the scores beside predictions that name these by their digest."""
    for path in sorted(predictions.parent.glob("*.json")):
        if _digest_named_in(path) == digest:
            return path, _read_evaluation(path)
    return None


def _overwritten(predictions: Path, scores: Path) -> InputError:
    return InputError(
        f"{predictions}: not the predictions whose scores are in {scores}; another evaluation "
        "wrote over them, or they were changed. Evaluate the run again, each side with --out into "
        "a folder of its own"
    )


def _digest_named_in(path: Path) -> Any:
    try:
        value = read_json_file(path)
    except InputError:  # no evaluation, and nobody named it
        return None
    return value.get(PREDICTIONS_DIGEST) if isinstance(value, dict) else None


def _read_evaluation(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    evaluation = read_json_file(path)
    seeds = evaluation.get("seeds", [0]) if isinstance(evaluation, dict) else None
    if not isinstance(seeds, list) or not seeds or not all(isinstance(s, int) for s in seeds):
        raise InputError(f"{path}: not an evaluation of ours; evaluate the run again")
    return evaluation
