"""Put the runs of a study into one record, the content of ``results.json``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graph_er.errors import InputError
from graph_er.report.runs import (
    METHODS,
    OPTIONAL_METHODS,
    Run,
    modality_order,
    read_json,
)
from graph_er.schema.emotions import STUDY_MODALITIES
from graph_er.scoring.controls import controls
from graph_er.scoring.evaluation_files import EVALUATION_NAME
from graph_er.scoring.scores import METRICS

if TYPE_CHECKING:
    from graph_er.dialogues import DialogueFile

SCHEMA_VERSION = 1
_SCORE_FIELDS = ("n", *METRICS, "per_class", "confusion_matrix")


def collect_study(
    runs: Sequence[Run],
    dialogue_file: DialogueFile,
    asked: Sequence[str] = STUDY_MODALITIES,
) -> dict[str, Any]:
    """Put the runs together and score the majority class; return plain values.

    Args:
        runs: from `graph_er.report.runs.read_runs`.
        dialogue_file: what they were scored on.
        asked: the selections of modalities that the study consists of; runs on others are shown
            as well.

    Returns:
        ``schema_version``, ``study`` (corpus and provenance), ``emotions``, ``modalities`` (the
        columns of the study), ``baselines``, ``entries`` (one per method, modalities and seed),
        ``ensembles`` (one per run of several seeds) and ``missing`` (expected, but not there).

    Raises:
        InputError: a run scores other emotions or utterances than the dialogue file's test side,
            or dialogues that it was trained on.
    """
    baselines = study_controls(dialogue_file)
    for run in runs:
        _check_emotions(run, dialogue_file.emotions)
        _check_scored(run, baselines["majority"])
    columns = sorted({*asked, *(run.modalities for run in runs)}, key=modality_order)
    present = {(run.method, run.modalities) for run in runs}
    return {
        "schema_version": SCHEMA_VERSION,
        "study": _provenance(runs, dialogue_file.info),
        "emotions": list(dialogue_file.emotions),
        "modalities": columns,
        "baselines": baselines,
        "entries": [_entry(run, scores) for run in runs for scores in run.seed_scores],
        "ensembles": [_ensemble(run) for run in runs if "per_seed" in run.evaluation],
        "missing": [
            {"method": method, "modalities": modalities}
            for method in METHODS
            if method not in OPTIONAL_METHODS
            for modalities in sorted({*asked}, key=modality_order)
            if (method, modalities) not in present
        ],
    }


def study_controls(dialogue_file: DialogueFile) -> dict[str, Any]:
    """Score the controls on test: majority class, text lookup, previous label (oracle)."""
    found = controls(dialogue_file, "test")
    if found is None:
        raise InputError("the dialogue file has no train dialogues: nothing to compare")
    fields = ("emotion", "oracle", *_SCORE_FIELDS)
    return {
        name: {field: scores[field] for field in fields if field in scores}
        for name, scores in found.items()
        if scores
    }


def read_results(path: Path) -> dict[str, Any]:
    """Read a ``results.json`` that an earlier call wrote.

    Raises:
        InputError: it cannot be read or is no record of this schema.
    """
    results = read_json(path)
    if results.get("schema_version") != SCHEMA_VERSION or "entries" not in results:
        raise InputError(
            f"{path}: not a results.json of schema version {SCHEMA_VERSION} "
            f"(schema_version is {results.get('schema_version')!r}); write it again with --runs"
        )
    return results


def _check_emotions(run: Run, emotions: Sequence[str]) -> None:
    labels = run.evaluation["labels"]
    if labels != list(emotions):
        raise InputError(
            f"{run.folder / EVALUATION_NAME}: scores the emotions {', '.join(labels)}, but the "
            f"dialogue file has {', '.join(emotions)}; give the --data_dir that the runs used"
        )


def _check_scored(run: Run, majority: Mapping[str, Any]) -> None:
    """Refuse a run beside which the controls, scored on the dialogue file, are of something else.

    Raises:
        InputError: see `collect_study`.
    """
    path = run.folder / EVALUATION_NAME
    if run.evaluation.get("trained_on") is True:
        raise InputError(
            f"{path}: scores dialogues that the run was trained on, which tell nothing about new "
            "ones; evaluate it on what it was not trained on"
        )
    if _support(run.evaluation) != _support(majority):
        raise InputError(
            f"{path}: scores {run.evaluation['n']} utterances, not the {majority['n']} of the "
            "dialogue file's test side, or other labels of them; give the --data_dir that the "
            "runs used, or evaluate the run on it"
        )


def _support(scores: Mapping[str, Any]) -> dict[str, Any]:
    return {emotion: own.get("support") for emotion, own in scores["per_class"].items()}


def _entry(run: Run, scores: dict[str, Any]) -> dict[str, Any]:
    identity = {"method": run.method, "modalities": run.modalities, "seed": scores["seed"]}
    return identity | {field: scores[field] for field in _SCORE_FIELDS}


def _ensemble(run: Run) -> dict[str, Any]:
    identity = {
        "method": run.method,
        "modalities": run.modalities,
        "seeds": run.evaluation["seeds"],
    }
    return identity | {field: run.evaluation[field] for field in _SCORE_FIELDS}


def _provenance(runs: Sequence[Run], info: dict[str, Any]) -> dict[str, Any]:
    corpus = " ".join(str(info.get("corpus", "unknown")).split())
    records = [run.record for run in runs]
    commits = {record.get("commit") for record in records} - {None}
    trees = {record.get("tree_clean") for record in records}
    return {
        "corpus": corpus,
        "synthetic": bool(info.get("synthetic", corpus == "demo")),
        "split": "test",
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        # Runs of different commits are no study of either: no commit is named then.
        "commit": commits.pop() if len(commits) == 1 else None,
        "tree_clean": False if False in trees else True if trees == {True} else None,
        "versions": _versions(records),
        "wall_time_s": {
            run.folder.name: run.record["wall_time_s"]
            for run in runs
            if "wall_time_s" in run.record
        },
    }


def _versions(records: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Merge the package versions of the runs; versions that differ are all named."""
    merged: dict[str, dict[str, None]] = {}
    for record in records:
        for package, version in record.get("versions", {}).items():
            if version is not None:
                merged.setdefault(package, {})[str(version)] = None
    return {package: " / ".join(seen) for package, seen in sorted(merged.items())}
