"""``docs/recordings.json`` from compared models on real recordings, and the table made from it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from feature_extractor.corpora.table import read_table
from feature_extractor.splits.splitting import SIDES, split_corpus
from graph_er.errors import InputError
from graph_er.running.files import write_json
from graph_er.schema.splits import natural_key
from scripts.documents.blocks import spread, table

# Of each column: which part of the recordings, how it is divided, into how many folds, and title.
_COLUMNS = {
    "plain": ("plain", "speakers:5", 5, "one speaker left out"),
    "emotional": ("emotional", "crossed:3", 9, "speakers and sentences left out"),
    "shared": ("emotional", "speakers:10", 10, "one speaker left out, sentences shared"),
}
# Of each folder of runs: how its features are scaled, and which columns it has.
_RUNS = {
    "as_they_are": ("as they are", ("plain", "emotional")),
    "by_speaker": ("scaled by speaker", tuple(_COLUMNS)),
    "mfcc_by_speaker": ("scaled by speaker", ("plain", "emotional")),
}
_BASELINES = ("majority class", "logistic regression")


def write_folds(metadata: Path, out: Path, most: int) -> list[Path]:
    """Write the ids of the folds of each column to ``<column>-<fold>.json``; return their paths.

    Args:
        metadata: table of the recordings, with a column ``part``.
        out: folder.
        most: folds of each column.

    Raises:
        InputError: the table cannot be read or divided.
    """
    corpus, written = read_table(metadata), []
    for column, (part, spec, folds, _) in _COLUMNS.items():
        of_part = tuple(u for u in corpus.utterances if u.part == part)
        for fold in range(1, min(folds, most) + 1):
            split = split_corpus(replace(corpus, utterances=of_part), spec, fold)
            written.append(out / f"{column}-{fold}.json")
            write_json(written[-1], {side: list(getattr(split, side)) for side in SIDES})
    return written


def collect(runs: Path) -> dict[str, Any]:
    """Return one row for each kind of features, scaling and model, scored on all folds together.

    Args:
        runs: folder of ``folds/<fold>.json`` and ``<features>/<fold>/results.json``.

    Raises:
        InputError: a fold is missing.
    """
    rows: list[dict[str, Any]] = []
    sizes: dict[str, int] = {}
    budget: dict[str, Any] = {}
    for folder, (scaling, columns) in _RUNS.items():
        found = {column: _folds(runs, folder, column) for column in columns}
        sizes |= {name: sum(fold["n"]["test"] for fold in folds) for name, folds in found.items()}
        sample = found["emotional"][0]
        budget = budget or sample["budget"]
        heard = {
            row["name"]: ("mfcc" if row["mfcc"] else sample["audio_encoder"], row["fusion"])
            for row in sample["rows"]
        }
        # The baselines read features of their own, scaled alike: once for each scaling.
        told = any(row["scaling"] == scaling for row in rows)
        for name in (*(() if told else _BASELINES), *heard):
            features, model = heard.get(name, ("", name))
            scores = {column: _pooled(folds, name) for column, folds in found.items()}
            rows.append({"features": features, "scaling": scaling, "model": model, **scores})
    return {"n": sizes, "budget": budget, "rows": rows}


def _folds(runs: Path, folder: str, column: str) -> list[dict[str, Any]]:
    found, names = [], (runs / "folds").glob(f"{column}-*.json")
    for fold in sorted(names, key=lambda path: natural_key(path.stem)):
        path = runs / folder / fold.stem / "results.json"
        if not path.is_file():
            raise InputError(f"{path} is missing; make it with scripts/make_docs.sh")
        found.append(json.loads(path.read_text(encoding="utf-8")))
    if not found:
        raise InputError(
            f"{runs / 'folds'}: no fold of {column}; make them with scripts/make_docs.sh"
        )
    return found


def _pooled(folds: list[dict[str, Any]], name: str) -> list[float]:
    """Return the accuracy over the utterances of all folds, for each seed; one of a baseline."""
    per_fold = [_accuracies(fold, name) for fold in folds]
    sizes = [fold["n"]["test"] for fold in folds]
    return [
        sum(share * size for share, size in zip(seed, sizes, strict=True)) / sum(sizes)
        for seed in zip(*per_fold, strict=True)
    ]


def _accuracies(fold: dict[str, Any], name: str) -> list[float]:
    for row in fold["rows"]:
        if row["name"] == name:
            return row["test"]["accuracy"]["values"]
    return [row["test"]["accuracy"] for row in fold["baselines"] if row["name"] == name]


def recordings_block(document: dict[str, Any]) -> str:
    """Return the table of docs/recordings.md."""
    header = ["features", "scaling", "model"] + [
        f"{part}: {title} (n {document['n'][column]})"
        for column, (part, _, _, title) in _COLUMNS.items()
    ]
    rows = [
        [row["features"], row["scaling"], row["model"]]
        + [spread(row[column]) if column in row else "" for column in _COLUMNS]
        for row in document["rows"]
    ]
    budget = document["budget"]
    rates = " or ".join(map(str, budget["learning_rates"]))
    counts = [(row["model"], len(row["emotional"])) for row in document["rows"]]
    few = [f" ({count} of {model})" for model, count in counts if count not in (1, budget["seeds"])]
    seeds = "".join([f"{budget['seeds']} seeds", *dict.fromkeys(few)])
    return (
        f"{table(header, rows, num_text=3)}\n"
        f"Accuracy in per cent over the utterances of all folds, mean ± sd over {seeds}; "
        f"{budget['epochs']} epochs in batches of {budget['batch_size']}, learning rate "
        f"{rates} by dev with seed 0, the epoch by dev loss.\n"
    )
