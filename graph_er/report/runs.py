"""Read the evaluated runs of a study: one folder ``<method>_<modalities>`` for each.

A folder holds an evaluation (see `graph_er.scoring.evaluation`) and, where the run wrote one,
``run.json`` (what it was made with).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graph_er.errors import InputError
from graph_er.running.regular_files import read_json_file
from graph_er.running.run_record import RECORD_NAME
from graph_er.schema.emotions import MODALITIES
from graph_er.scoring.evaluation_files import EVALUATION_NAME
from graph_er.scoring.scores import METRICS

_LIVE = "live"
logger = logging.getLogger(__name__)

# Folder name and title of each method, in the order of the tables.
METHODS = {
    "concat": "Concat (stage 1 alone)",
    "graph_frozen": "Graph on frozen features",
    "graph": "Graph on stage-1 features",
    "graph_oof": "Graph on out-of-fold features",
}
# Not part of every study: shown where there are runs of them.
OPTIONAL_METHODS = ("graph_oof",)


@dataclass(frozen=True)
class Run:
    """One evaluated run.

    Attributes:
        method: a key of `METHODS`.
        modalities: letters in the order of `MODALITIES`, e.g. ``at``.
        folder: where its files lie.
        evaluation: the content of ``eval.json``, checked.
        record: the content of ``run.json``; empty where there is none.
    """

    method: str
    modalities: str
    folder: Path
    evaluation: dict[str, Any]
    record: dict[str, Any]

    @property
    def seed_scores(self) -> list[dict[str, Any]]:
        """One dictionary of scores for each seed, each with its ``seed``."""
        return self.evaluation.get("per_seed") or [self.evaluation]


def modality_order(modalities: str) -> tuple[int, list[int]]:
    """Sort key: single modalities before pairs, each in the order of `MODALITIES`."""
    return len(modalities), [MODALITIES.index(letter) for letter in modalities]


def read_runs(folder: Path) -> list[Run]:
    """Read every run below `folder`, by method and then by modalities.

    Folders that are no run of the study are passed over, with a notice if they hold scores; so is
    the causal graph for live answers, which is no method to compare, without a notice.

    Raises:
        InputError: no such folder, no run in it, or a file in a run that cannot be used.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; --runs names the folder of the study's runs")
    runs = []
    for path in sorted(folder.glob(f"*/{EVALUATION_NAME}")):
        method, _, modalities = path.parent.name.rpartition("_")
        if method in METHODS and _is_selection(modalities):
            runs.append(_read_run(path.parent, method, modalities))
        elif method != _LIVE:
            logger.info(
                "%s: not a run of the study (<method>_<modalities>), passed over", path.parent
            )
    if not runs:
        raise InputError(
            f"{folder}: holds no <method>_<modalities>/{EVALUATION_NAME} with a method of "
            f"{', '.join(METHODS)}; evaluate the runs first"
        )
    methods = list(METHODS)
    return sorted(runs, key=lambda r: (methods.index(r.method), modality_order(r.modalities)))


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        InputError: the file cannot be read or holds something else.
    """
    value = read_json_file(path)
    if not isinstance(value, dict):
        raise InputError(f"{path}: holds a JSON {type(value).__name__}, not an object")
    return value


def _is_selection(modalities: str) -> bool:
    return bool(modalities) and modalities == "".join(m for m in MODALITIES if m in modalities)


def _read_run(folder: Path, method: str, modalities: str) -> Run:
    path = folder / EVALUATION_NAME
    evaluation = read_json(path)
    _check_scores(evaluation, str(path))
    if evaluation.get("modalities") != modalities:
        raise InputError(
            f"{path}: scores modalities {evaluation.get('modalities')!r}, but its folder says "
            f"{modalities!r}; move the run to the folder of its modalities"
        )
    if evaluation.get("split") != "test":
        raise InputError(
            f"{path}: scores the {evaluation.get('split')!r} split; the study compares scores on "
            "'test': evaluate with --split test"
        )
    _check_seeds(evaluation, path)
    record = folder / RECORD_NAME
    return Run(method, modalities, folder, evaluation, read_json(record) if record.exists() else {})


def _check_seeds(evaluation: dict[str, Any], path: Path) -> None:
    if "seeds" not in evaluation:
        if "seed" not in evaluation:
            raise InputError(f"{path}: has neither 'seed' nor 'seeds'; not an evaluation of ours")
        return
    per_seed = evaluation.get("per_seed")
    if (
        not isinstance(per_seed, list)
        or [score.get("seed") if isinstance(score, dict) else None for score in per_seed]
        != evaluation["seeds"]
    ):
        raise InputError(f"{path}: 'per_seed' does not hold one score for each of 'seeds'")
    for score in per_seed:
        _check_scores({"labels": evaluation["labels"], **score}, f"{path}: seed {score['seed']}")


def _check_scores(scores: dict[str, Any], where: str) -> None:
    for metric in METRICS:
        value = scores.get(metric)
        if not isinstance(value, int | float) or not 0 <= value <= 1:
            raise InputError(f"{where}: '{metric}' is {value!r}, not a number from 0 to 1")
    if not isinstance(scores.get("n"), int):
        raise InputError(f"{where}: 'n' is {scores.get('n')!r}, not a number of utterances")
    labels = scores.get("labels")
    if not isinstance(labels, list) or not labels:
        raise InputError(f"{where}: 'labels' is {labels!r}, not a list of emotion names")
    _check_classes(scores.get("per_class"), labels, where)
    matrix = scores.get("confusion_matrix")
    rows = [matrix, *matrix] if isinstance(matrix, list) else [matrix]
    if any(not isinstance(row, list) or len(row) != len(labels) for row in rows):
        raise InputError(
            f"{where}: 'confusion_matrix' is not {len(labels)} x {len(labels)}, one row and one "
            "column for each emotion of 'labels'"
        )


def _check_classes(per_class: Any, labels: list[str], where: str) -> None:
    if not isinstance(per_class, dict) or list(per_class) != labels:
        raise InputError(f"{where}: 'per_class' does not name the emotions of 'labels'")
    for emotion, scores in per_class.items():
        f1 = scores.get("f1") if isinstance(scores, dict) else None
        if not isinstance(f1, int | float):
            raise InputError(f"{where}: 'per_class' has no f1 for {emotion}")
