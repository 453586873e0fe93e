"""Two runs compared on the same utterances: intervals, tests, and the verdict as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graph_er.errors import InputError
from graph_er.running.run_record import describe_data
from graph_er.scoring.bootstrap import (
    LEVEL,
    REPLICATES,
    bootstrap_scores,
    can_conclude,
    confusions_by_dialogue,
    interval,
    scores_of,
    two_sided_p,
)
from graph_er.scoring.prediction_files import EvaluatedRun
from graph_er.scoring.prediction_table import Predictions
from graph_er.scoring.scores import METRICS
from graph_er.scoring.significance import effect_size, mcnemar

PRIMARY = "weighted_f1"  # named beforehand, so that no metric is picked for its p-value
_FEW_DIALOGUES = 10


def compare_runs(
    run_a: EvaluatedRun, run_b: EvaluatedRun, replicates: int, seed: int
) -> dict[str, Any]:
    """Compare two runs; every difference is A less B.

    Args:
        run_a: the one run.
        run_b: the other, evaluated on the same utterances, in any order of rows.
        replicates: draws of the bootstrap.
        seed: of the draws.

    Returns:
        ``split``, ``a`` and ``b`` (what was read, with ``learned``: how that run may have learned
        from what is compared, and ``trained_on``: whether that is proven), ``n``, ``dialogues``,
        ``level``, ``replicates``, ``seed``, ``scores`` ({metric: ``a``, ``b``, ``difference``, each
        with ``value``, ``low``, ``high``, the difference also with ``p``}), ``mean_over_seeds``
        (the same for the mean score of a run's seeds, or None where predictions of the seeds are
        missing), ``mcnemar``,
        ``effect_size``, ``notes`` and ``conclusion_from``: which of ``scores`` and
        ``mean_over_seeds`` compares like with like; None where neither does.

    Raises:
        InputError: other utterances, dialogues or gold labels, a single dialogue, or a
            cross-validation against a run that is none.
    """
    reference = run_a.predictions
    if run_a.side != run_b.side:
        raise InputError(
            f"{reference.path} is of {run_a.side}, {run_b.predictions.path} of {run_b.side}; "
            "compare two evaluations of one side, or two cross-validations"
        )
    for predictions in (*run_a.members, run_b.predictions, *run_b.members):
        _check_same(reference, predictions)
    emotions = _all_emotions([run_a.predictions, run_b.predictions])
    whole_a, whole_b = (
        _confusions([run.predictions], reference, emotions) for run in (run_a, run_b)
    )
    num_dialogues = whole_a.shape[1]
    if num_dialogues < 2:
        raise InputError(f"{reference.path}: one dialogue; a comparison needs at least two")
    # A run of one model has itself as its only member, so two such runs were compared above.
    several = run_a.members and run_b.members and max(len(run_a.members), len(run_b.members)) > 1
    members = [
        _confusions(run.members, reference, emotions) for run in (run_a, run_b) if several
    ] or None
    return {
        "split": run_a.side,
        "a": _describe(run_a),
        "b": _describe(run_b),
        "n": len(reference.utterances),
        "dialogues": num_dialogues,
        "level": LEVEL,
        "replicates": replicates,
        "seed": seed,
        "scores": differences([whole_a, whole_b], replicates, seed),
        "mean_over_seeds": members and differences(members, replicates, seed),
        "mcnemar": mcnemar(*(_right(run.predictions, reference) for run in (run_a, run_b))),
        "effect_size": effect_size(whole_a[0], whole_b[0]),
        "notes": _notes(run_a, run_b, num_dialogues, replicates),
        "conclusion_from": _conclusion_from(run_a, run_b),
    }


def differences(
    runs: Sequence[np.ndarray], replicates: int = REPLICATES, seed: int = 0
) -> dict[str, Any]:
    """Compare two runs on the same dialogues by paired bootstrap.

    Args:
        runs: of each the confusion matrices of its ``S`` members, ``[S, D, C, C]``.
        replicates: how many draws.
        seed: of the draws.

    Returns:
        By metric ``a``, ``b`` and ``difference``, each with ``value``, ``low`` and ``high``, the
        last also with ``p``. Values are means over members.
    """
    num_dialogues = runs[0].shape[1]
    points = [scores_of(run.sum(axis=1)) for run in runs]
    drawn = bootstrap_scores(runs, replicates, seed)
    result = {}
    for metric in METRICS:
        value_a, value_b = (float(point[metric].mean()) for point in points)
        drawn_a, drawn_b = (scores[metric] for scores in drawn)
        difference = _bounded(value_a - value_b, drawn_a - drawn_b, num_dialogues)
        result[metric] = {
            "a": _bounded(value_a, drawn_a, num_dialogues),
            "b": _bounded(value_b, drawn_b, num_dialogues),
            "difference": {**difference, "p": two_sided_p(drawn_a - drawn_b, num_dialogues)},
        }
    return result


def _bounded(value: float, drawn: np.ndarray, num_dialogues: int) -> dict[str, float]:
    low, high = interval(drawn, num_dialogues)
    return {"value": value, "low": low, "high": high}


def _confusions(
    members: Sequence[Predictions], reference: Predictions, emotions: Sequence[str]
) -> np.ndarray:
    """Return the confusion matrices of each member and dialogue, ``[S, D, C, C]``."""
    label = {emotion: index for index, emotion in enumerate(emotions)}
    gold = np.array([label[name] for name in reference.gold])
    return np.stack(
        [
            confusions_by_dialogue(
                reference.dialogues,
                gold,
                np.array([label[name] for name in _predicted(member, reference)]),
                len(emotions),
            )
            for member in members
        ]
    )


def _predicted(predictions: Predictions, reference: Predictions) -> list[str]:
    """Return the predicted emotions in the order of the reference's utterances."""
    by_key = dict(zip(predictions.keys, predictions.predicted, strict=True))
    return [by_key[key] for key in reference.keys]


def _right(predictions: Predictions, reference: Predictions) -> np.ndarray:
    return np.array(_predicted(predictions, reference)) == np.array(reference.gold)


def _all_emotions(files: Sequence[Predictions]) -> list[str]:
    """Return A's emotions and what B could answer beyond them."""
    return list(dict.fromkeys(emotion for file in files for emotion in file.emotions))


def _check_same(reference: Predictions, other: Predictions) -> None:
    """Raise `InputError` unless both are of the same utterances with the same gold labels."""
    first, second = (dict(zip(p.keys, p.gold, strict=True)) for p in (reference, other))
    for there, here, path, lacking in (
        (first, second, reference.path, other.path),
        (second, first, other.path, reference.path),
    ):
        extra = [key for key in there if key not in here]
        if extra:
            raise InputError(
                f"{lacking}: lacks utterance {extra[0][1]} of dialogue {extra[0][0]}, which "
                f"{path} has ({len(extra)} such); only runs on the same utterances compare: "
                "evaluate both on the same data and side"
            )
    unlike = [key for key in first if first[key] != second[key]]
    if unlike:
        dialogue, utterance = unlike[0]
        raise InputError(
            f"dialogue {dialogue}, utterance {utterance}: gold emotion {first[unlike[0]]!r} in "
            f"{reference.path}, {second[unlike[0]]!r} in {other.path} ({len(unlike)} such); "
            "evaluate both runs on the same data"
        )


def _describe(run: EvaluatedRun) -> dict[str, Any]:
    path = run.predictions.path
    return {
        "run": str(path.parent),
        **describe_data(path),
        "seeds": run.seeds,
        "learned": [*run.learned],
        "trained_on": run.trained_on,
    }


def _seeds_differ(run_a: EvaluatedRun, run_b: EvaluatedRun) -> bool:
    """Tell whether runs are known to be of unequal numbers of seeds."""
    return len({run.seeds for run in (run_a, run_b)} - {None}) > 1


def _conclusion_from(run_a: EvaluatedRun, run_b: EvaluatedRun) -> str | None:
    if not _seeds_differ(run_a, run_b):
        return "scores"
    return "mean_over_seeds" if run_a.members and run_b.members else None


def _notes(
    run_a: EvaluatedRun, run_b: EvaluatedRun, num_dialogues: int, replicates: int
) -> list[str]:
    notes = []
    unlike = _seeds_differ(run_a, run_b)
    if unlike:
        notes.append(
            f"A is {models_text(run_a.seeds)} and B {models_text(run_b.seeds)}: averaging models "
            "gains by itself, so part of the difference may be that"
        )
    for letter, run in (("A", run_a), ("B", run_b)):
        tell = "tell" if run.trained_on else "may tell"
        notes += [f"{letter}: {way}; such scores {tell} nothing of new ones" for way in run.learned]
        if not run.members and run.seeds is not None:
            notes.append(
                f"{letter} has no predictions of its single seeds, so means over seeds are not "
                "compared; evaluate it again, which writes them"
            )
    return notes + sample_notes(
        num_dialogues, replicates, single_seed=1 in (run_a.seeds, run_b.seeds)
    )


def sample_notes(
    num_dialogues: int, replicates: int = REPLICATES, *, single_seed: bool
) -> list[str]:
    """Say what intervals and p of `differences` do not show where little was drawn from.

    Args:
        num_dialogues: drawn from.
        replicates: how many draws.
        single_seed: whether a run is of one seed.
    """
    notes = []
    if single_seed:
        notes.append(
            "a single seed does not show how much seeds differ: intervals and p lack that, and "
            "another seed may turn the conclusion round; train with --seeds 5"
        )
    if num_dialogues < _FEW_DIALOGUES:
        notes.append(f"{num_dialogues} dialogues are few: intervals and p are rough")
    if not can_conclude(num_dialogues, replicates):
        notes.append(
            f"{replicates:,} draws of {num_dialogues} dialogues can show no difference, however "
            "large: intervals are their whole range, which is too narrow, and only p holds"
        )
    return notes


def models_text(seeds: int | None) -> str:
    """Say what a run's predictions are of."""
    if seeds is None:
        return "predictions of unknown origin"
    return "one model" if seeds == 1 else f"an ensemble of {seeds} seeds"
