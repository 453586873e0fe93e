"""``docs/real_dialogues.json`` from evaluated runs, and the table and sentences made from it."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from graph_er.dialogues import DialogueFile, read_dialogues, write_dialogues
from graph_er.errors import InputError
from graph_er.schema.splits import natural_key, session_of, split_dev
from graph_er.scoring.evaluation_files import EVALUATION_NAME
from scripts.documents.blocks import percents, spread, table

# Folder of the runs (a fold's name behind it), and how the table names them.
_TITLES = {
    "meld": "MELD, official test",
    "emorynlp": "EmoryNLP, official test",
    "dyadic_at": "acted dyadic dialogues, four sessions left out in turn",
    "dyadic_causal": "the same, `--wf 0` (the past only)",
    "dyadic_t": "the same",
    "dyadic_a": "the same",
}
_HEADER = ("dialogues", "modalities", "n", "weighted F1", "macro F1", "ensemble")


def write_session_folds(data: Path, out: Path) -> list[Path]:
    """Write one dialogue file per session, in which that session is test; return their paths.

    Dev is taken from the others by session, as everywhere (`graph_er.schema.splits.split_dev`).
    """
    file = read_dialogues(data)
    sessions = {d.id: session_of(d.id, file.info) for d in file.dialogues}
    return [
        _write_fold(file, sessions, left_out, out)
        for left_out in sorted(set(sessions.values()), key=natural_key)
    ]


def _write_fold(file: DialogueFile, sessions: dict[str, str], left_out: str, out: Path) -> Path:
    train, dev = split_dev(session for session in sessions.values() if session != left_out)
    sides: dict[str, Any] = {
        f"{side}_ids": tuple(i for i, session in sessions.items() if session in members)
        for side, members in (("train", train), ("dev", dev), ("test", (left_out,)))
    }
    path = out / f"{left_out}.pkl"
    write_dialogues(path, replace(file, **sides))
    return path


def collect(runs: Path) -> dict[str, Any]:
    """Return the rows of all runs below a folder.

    Raises:
        InputError: a kind of run was not evaluated.
    """
    return {"rows": [_row(name, runs) for name in _TITLES]}


def _row(name: str, runs: Path) -> dict[str, Any]:
    paths = sorted(runs.glob(f"{name}/{EVALUATION_NAME}")) or sorted(
        runs.glob(f"{name}-*/{EVALUATION_NAME}"), key=lambda path: natural_key(path.parent.name)
    )
    if not paths:
        raise InputError(f"{runs}: no evaluated run {name} or {name}-<session>")
    found = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    by_seed = [_per_seed(one) for one in found]
    whole = len(found) == 1
    return {
        "name": name,
        "modalities": found[0]["modalities"],
        "commit": _commit(paths[0].with_name("run.json")),
        "n": sum(one["n"] for one in found),
        **{
            metric: [
                statistics.fmean(fold[metric] for fold in folds)
                for folds in zip(*by_seed, strict=True)
            ]
            for metric in ("weighted_f1", "macro_f1")
        },
        "ensemble": statistics.fmean(one["weighted_f1"] for one in found),
        "interval": found[0]["confidence_intervals"]["weighted_f1"] if whole else None,
        "folds": None
        if whole
        else [statistics.fmean(seed["weighted_f1"] for seed in fold) for fold in by_seed],
    }


def _commit(record: Path) -> str | None:
    made = json.loads(record.read_text(encoding="utf-8"))
    return made["commit"] and made["commit"][:7]


def _per_seed(evaluation: dict[str, Any]) -> Sequence[dict[str, Any]]:
    return evaluation.get("per_seed") or [evaluation]


def real_block(document: dict[str, Any]) -> str:
    """Return the table of docs/real_dialogues.md, and the commits that it was measured at."""
    commits = dict.fromkeys(row["commit"] or "unknown" for row in document["rows"])
    return f"{_table(document)}\nMeasured at commit {' and '.join(commits)}.\n"


def _table(document: dict[str, Any]) -> str:
    rows = [
        (
            _TITLES[row["name"]],
            "a (10 acoustic columns)" if row["modalities"] == "a" else row["modalities"],
            f"{row['n']:,}",
            spread(row["weighted_f1"]),
            percents([statistics.fmean(row["macro_f1"])]),
            percents([row["ensemble"]]),
            f"[{percents(row['interval'])}]" if row["interval"] else percents(row["folds"]),
        )
        for row in document["rows"]
    ]
    text = table((*_HEADER, "interval or folds"), rows, num_text=2)
    return text.replace("---: |\n", "--- |\n", 1)  # the last column is text


def real_sentence(document: dict[str, Any], language: str) -> str:
    """Return what a README says of MELD and EmoryNLP, in ``en`` or ``ko``."""
    meld, emorynlp = (
        next(row for row in document["rows"] if row["name"] == name)
        for name in ("meld", "emorynlp")
    )
    if language == "ko":
        return (
            f"weighted F1은 MELD 테스트에서 {spread(meld['weighted_f1'])}(n = {meld['n']:,}, "
            f"앙상블의 95 % 신뢰 구간 {percents(meld['interval'], '~')}), EmoryNLP 테스트에서 "
            f"{spread(emorynlp['weighted_f1'])}(n = {emorynlp['n']:,}, "
            f"{percents(emorynlp['interval'], '~')})입니다."
        )
    return (
        f"weighted F1 {spread(meld['weighted_f1'])} on MELD's test (n = {meld['n']:,}, 95 % "
        f"interval of the ensemble {percents(meld['interval'], ' to ')}), "
        f"{spread(emorynlp['weighted_f1'])} on EmoryNLP's (n = {emorynlp['n']:,}, "
        f"{percents(emorynlp['interval'], ' to ')});"
    )
