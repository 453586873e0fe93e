"""``docs/out_of_fold.json`` from the runs of stages 1 and 3, and the block made from it."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

from graph_er.errors import InputError
from scripts.documents.blocks import percents, spread, table

CONDITIONS = {
    "in_fold": "in-fold, one extractor for all",
    "unaligned": "out-of-fold, not aligned (`--no-align`)",
    "aligned": "out-of-fold, aligned",
}


def collect(runs: Path, seeds: int, folds: int) -> dict[str, Any]:
    """Return the scores of all runs below a folder.

    Args:
        runs: holds ``whole<seed>`` and ``fold<k>_<seed>`` of stage 1, ``<condition>_<seed>`` of
            stage 3, and their ``eval_<side>.json``.
        seeds: of stage 1, from 0.
        folds: of the training side.

    Raises:
        InputError: one of them is missing.
    """
    seen, parts = range(seeds), range(1, folds + 1)
    graphs = {name: [_dev(runs / f"{name}_{seed}") for seed in seen] for name in CONDITIONS}
    return {
        "n": graphs["in_fold"][0]["n"],
        "folds": folds,
        "graph": {name: [_by_seed(one) for one in found] for name, found in graphs.items()},
        "test": {
            name: [
                score
                for seed in seen
                for score in _by_seed(_read(runs / f"{name}_{seed}" / "eval_test.json"))
            ]
            for name in ("in_fold", "aligned")
        },
        "stage1": {
            "whole": [_dev(runs / f"whole{seed}")["weighted_f1"] for seed in seen],
            "folds": [
                _dev(runs / f"fold{part}_{seed}")["weighted_f1"] for seed in seen for part in parts
            ],
            "train": _read(runs / "whole0" / "eval_train.json")["weighted_f1"],
            "left_out": [
                _read(runs / f"fold{part}_0" / "eval_test.json")["weighted_f1"] for part in parts
            ],
        },
    }


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise InputError(f"{path}: no such file; make it with scripts/make_docs.sh")
    return json.loads(path.read_text(encoding="utf-8"))


def _dev(run: Path) -> dict[str, Any]:
    return _read(run / "run.json")["metrics"]["dev"]


def _by_seed(scores: dict[str, Any]) -> list[float]:
    return [one["weighted_f1"] for one in scores.get("per_seed") or [scores]]


def out_of_fold_block(document: dict[str, Any]) -> str:
    """Return the table and what its numbers say, as Markdown."""
    graph, stage1, test = (document[name] for name in ("graph", "stage1", "test"))
    seeds = range(len(stage1["whole"]))
    means = {name: [statistics.fmean(one) for one in found] for name, found in graph.items()}
    gains = [a - u for a, u in zip(means["aligned"], means["unaligned"], strict=True)]
    loss = statistics.fmean(means["aligned"]) - statistics.fmean(means["in_fold"])
    rows = [
        (title, *map(spread, graph[name]), spread([score for one in graph[name] for score in one]))
        for name, title in CONDITIONS.items()
    ]
    header = ("training features of the graph", *(f"stage-1 seed {seed}" for seed in seeds), "all")
    return "\n".join(
        [
            f"Weighted F1 on dev in %, `--modalities at`, n = {document['n']} utterances, "
            f"K = {document['folds']}; in each cell mean ± sd over {len(graph['aligned'][0])} "
            "seeds of stage 3 (`--preset default`), in the last column over all.",
            "",
            table(header, rows),
            f"- Alignment: {100 * statistics.fmean(gains):+.1f} points on average; by seed of "
            f"stage 1 {', '.join(f'{100 * gain:+.1f}' for gain in gains)}.",
            f"- Out-of-fold features, aligned, against in-fold ones: {100 * loss:+.1f} points.",
            "- Stage 1 alone, weighted F1: on dev "
            f"{percents([min(stage1['whole']), max(stage1['whole'])], ' to ')} where it was "
            "trained on the whole training side, "
            f"{percents([min(stage1['folds']), max(stage1['folds'])], ' to ')} without a group; "
            f"seed 0: {percents([stage1['train']])} on its training side, "
            f"{percents(stage1['whole'][:1])} on dev, and the extractors that lack a group "
            f"{percents(stage1['left_out'])} on the group left out.",
            "- Test sessions, scored once after the choice of alignment was made on dev: in-fold "
            f"{spread(test['in_fold'])}, out-of-fold aligned {spread(test['aligned'])}.",
        ]
    )
