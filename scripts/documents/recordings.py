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

# How each part of the recordings is divided, into how many folds, and how the table names it.
_PARTS = {
    "plain": ("speakers:5", 5, "one speaker left out"),
    "emotional": ("crossed:3", 9, "speakers and sentences left out"),
}
# Folder of the runs, and how the table names it.
_SCALINGS = {"as_they_are": "as they are", "by_speaker": "scaled by speaker"}
_BASELINES = ("majority class", "logistic regression")


def write_folds(metadata: Path, out: Path, most: int) -> list[Path]:
    """Write the ids of the folds of each part to ``<part>-<fold>.json``; return their paths.

    Args:
        metadata: table of the recordings, with a column ``part``.
        out: folder.
        most: folds of each part.

    Raises:
        InputError: the table cannot be read or divided.
    """
    corpus, written = read_table(metadata), []
    for part, (spec, folds, _) in _PARTS.items():
        of_part = tuple(u for u in corpus.utterances if u.part == part)
        for fold in range(1, min(folds, most) + 1):
            split = split_corpus(replace(corpus, utterances=of_part), spec, fold)
            written.append(out / f"{part}-{fold}.json")
            write_json(written[-1], {side: list(getattr(split, side)) for side in SIDES})
    return written


def collect(runs: Path) -> dict[str, Any]:
    """Return one row for each scaling and model, scored on all folds together.

    Args:
        runs: folder of ``folds/<fold>.json`` and ``<scaling>/<fold>/results.json``.

    Raises:
        InputError: a fold is missing.
    """
    rows, first, sizes = [], None, {}
    for scaling in _SCALINGS:
        parts = {part: _folds(runs, scaling, part) for part in _PARTS}
        first = first or parts["plain"][0]
        sizes = {part: sum(fold["n"]["test"] for fold in parts[part]) for part in _PARTS}
        rows += [
            {
                "scaling": scaling,
                "model": name,
                **{part: _pooled(folds, name) for part, folds in parts.items()},
            }
            for name in (*_BASELINES, *(row["name"] for row in first["rows"]))
        ]
    assert first is not None
    return {"n": sizes, "features": first["audio_encoder"], "budget": first["budget"], "rows": rows}


def _folds(runs: Path, scaling: str, part: str) -> list[dict[str, Any]]:
    found = []
    for fold in sorted((runs / "folds").glob(f"{part}-*.json"), key=lambda p: natural_key(p.stem)):
        path = runs / scaling / fold.stem / "results.json"
        if not path.is_file():
            raise InputError(f"{path} is missing; make it with scripts/make_docs.sh")
        found.append(json.loads(path.read_text(encoding="utf-8")))
    if not found:
        raise InputError(
            f"{runs / 'folds'}: no fold of {part}; make them with scripts/make_docs.sh"
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
    header = [document["features"], "model"] + [
        f"{part}: {title} (n {document['n'][part]})" for part, (_, _, title) in _PARTS.items()
    ]
    rows = [
        [_SCALINGS[row["scaling"]], row["model"], *(spread(row[part]) for part in _PARTS)]
        for row in document["rows"]
    ]
    budget = document["budget"]
    rates = " or ".join(map(str, budget["learning_rates"]))
    return (
        f"{table(header, rows, num_text=2)}\n"
        f"Accuracy in per cent over the utterances of all folds, mean ± sd over {budget['seeds']} "
        f"seeds; {budget['epochs']} epochs in batches of {budget['batch_size']}, learning rate "
        f"{rates} by dev with seed 0, the epoch by dev loss.\n"
    )
