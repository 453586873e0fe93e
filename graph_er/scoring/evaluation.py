"""Evaluation files that every stage writes alike: one JSON of scores, one CSV of predictions.

Several seeds: the top level and the CSV are the ensemble's (mean of the members' probabilities),
``per_seed`` holds each member's own scores, ``mean`` and ``std`` run over the seeds.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from graph_er.running.csv_cells import guarded
from graph_er.running.files import atomic_path, sha256, write_json
from graph_er.scoring.evaluation_files import (
    PREDICTIONS_DIGEST,
    PREDICTIONS_NAME,
    PROBABILITY,
    member_path,
)
from graph_er.scoring.scores import METRICS, score, summarise


@dataclass(frozen=True)
class EvaluatedUtterances:
    """What is evaluated, one entry per utterance of the split (``N`` of them).

    Attributes:
        dialogues, utterances, speakers: ids and labels, length ``N``.
        gold: integer labels ``[N]``.
        emotions: the ``C`` label names.
    """

    dialogues: Sequence[str]
    utterances: Sequence[str]
    speakers: Sequence[Any]
    gold: np.ndarray
    emotions: tuple[str, ...]


def evaluate(
    utterances: EvaluatedUtterances, probabilities: np.ndarray, seeds: Sequence[int]
) -> dict[str, Any]:
    """Score the members of a run and, where there are several, their ensemble.

    Args:
        utterances: what is evaluated.
        probabilities: ``[S, N, C]``, one slice per seed.
        seeds: the ``S`` seeds, at least one.

    Raises:
        ValueError: there is no seed, a probability is not finite, or lengths are unequal.
    """
    if len(seeds) == 0:
        raise ValueError("there is no seed to score")
    if not np.isfinite(probabilities).all():
        raise ValueError("a probability is not finite; predict again")
    gold, emotions = utterances.gold, utterances.emotions
    per_seed = [
        {"seed": seed, **score(gold, member.argmax(axis=-1), emotions)}
        for seed, member in zip(seeds, probabilities, strict=True)
    ]
    if len(per_seed) == 1:
        return per_seed[0]
    ensemble = score(gold, probabilities.mean(axis=0).argmax(axis=-1), emotions)
    mean, std = summarise(per_seed)
    return {
        **ensemble,
        "seeds": list(seeds),
        "mean": mean,
        "std": std,
        "ensemble": {metric: ensemble[metric] for metric in METRICS},
        "per_seed": per_seed,
    }


def write_evaluation(
    path: Path,
    evaluation: dict[str, Any],
    utterances: EvaluatedUtterances,
    probabilities: np.ndarray,
) -> None:
    """Write the scores as JSON to `path`; beside it the predictions, of several seeds each's too.

    Args:
        path: the JSON file.
        evaluation: from `evaluate`, with what else is to be recorded. The SHA-256 of the
            predictions is written with it, as ``predictions_sha256``.
        utterances: what was evaluated.
        probabilities: ``[S, N, C]``, one slice per seed.
    """
    predictions = Path(path).with_name(PREDICTIONS_NAME)
    write_predictions(predictions, utterances, probabilities.mean(axis=0))
    if len(probabilities) > 1:
        for one, member in zip(evaluation["per_seed"], probabilities, strict=True):
            write_predictions(member_path(predictions, one["seed"]), utterances, member)
    # Last, since these scores tell that all of it is there.
    write_json(Path(path), {**evaluation, PREDICTIONS_DIGEST: sha256(predictions)})


def write_predictions(
    path: Path, utterances: EvaluatedUtterances, probabilities: np.ndarray
) -> None:
    """Write one CSV row per utterance: ids, gold and predicted emotion, probability per emotion.

    Cells are kept from being run as formulas, see `graph_er.running.csv_cells`.
    """
    emotions = utterances.emotions
    header = ["dialogue", "utterance", "speaker", "gold", "pred"]
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*header, *(f"{PROBABILITY}{emotion}" for emotion in emotions)])
        rows = zip(
            utterances.dialogues,
            utterances.utterances,
            utterances.speakers,
            utterances.gold,
            probabilities,
            strict=True,
        )
        for dialogue, utterance, speaker, gold, row in rows:
            named = (dialogue, utterance, speaker, emotions[gold], emotions[int(row.argmax())])
            writer.writerow([*map(guarded, named), *(f"{value:.6f}" for value in row)])
