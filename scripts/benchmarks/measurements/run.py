"""Whole training runs: ours from the command line, the published loop in full or extrapolated."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, median
from typing import Any

from graph_er.dialogues import write_dialogues
from graph_er.training.fit import EpochReport, fit
from scripts.benchmarks.context import Context
from scripts.benchmarks.processes import ROOT, Cost, measured, python
from scripts.benchmarks.reference.training import Epoch
from scripts.benchmarks.rows import Goal, Row
from scripts.benchmarks.stage3 import make_task, published_training
from scripts.benchmarks.synthetic_dialogues import make_file

_KEMDY_TURNS, _KEMDY_WIDTH = 48, 768
_FIVE_SEEDS_SECONDS = 180


def measure_run(context: Context) -> list[Row]:
    """Measure one run, and where the sizes ask for it several seeds and the scores reached."""
    sizes = context.sizes
    first = train(context, "first")
    history = _reference(context) if sizes.run_epochs else []
    runs = [first, train(context, "second")] if history else [first]
    ours = median(cost.seconds for cost in runs)
    if history:
        whole, from_what = history[-1].seconds, "all epochs run"
    else:
        whole = sizes.published_epochs * _epoch_seconds(context)
        from_what = f"extrapolated from {sizes.epochs} epochs"
    rows = [
        Row(
            "run",
            f"one run: train.py's default against {sizes.published_epochs} published epochs",
            "s",
            ours,
            whole,
            goal=Goal("ratio at least", 15),
            memory_ours=max(cost.peak_bytes for cost in runs),
            note=f"ours with start-up, reading and refit, the reference's loop alone, {from_what}",
        )
    ]
    _unit_costs(context, ours)
    if history:
        rows += [_scores(context, history), _time_to_score(context, history)]
    if sizes.seeds:
        rows.append(_seeds(context, whole))
    if sizes.kemdy_size:
        rows.append(_kemdy_sized(context))
    return rows


def train(context: Context, name: str, *options: str, data: Path | None = None) -> Cost:
    """Run ``graph_er/train.py`` with its defaults into a folder of the scratch folder."""
    command = python(str(ROOT / "graph_er" / "train.py"), "--device", context.device)
    path = data or context.dialogue_path
    modalities = context.modalities if data is None else "at"
    where = ["--data_dir", str(path), "--out", str(context.scratch / name)]
    return measured([*command, *where, "--modalities", modalities, *options])


def _reference(context: Context) -> list[Epoch]:
    task = make_task(context.dialogues, context.modalities, "cogmen")
    return published_training(task, context.device).run(context.sizes.run_epochs)


def _epoch_seconds(context: Context) -> float:
    """Return what an epoch of the published loop takes, after one to warm up."""
    if context.published_epoch is None:
        task = make_task(context.dialogues, context.modalities, "cogmen")
        history = published_training(task, context.device).run(1 + context.sizes.epochs)
        spent = history[-1].seconds - history[0].seconds
        context.published_epoch = spent / context.sizes.epochs
    return context.published_epoch


def _unit_costs(context: Context, spent: float) -> None:
    file = context.dialogues
    utterances = sum(len(dialogue) for side in ("train", "dev") for dialogue in file.side(side))
    context.unit_costs["stage3_seconds_per_utterance"] = spent / utterances


def dev_score(folder: Path, seed: int = 0) -> float:
    """Return the weighted F1 on dev that a run's record tells, before decoding is chosen on dev."""
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    return record["metrics"]["training"][seed]["dev"]["weighted_f1"]


def _scores(context: Context, history: Sequence[Epoch]) -> Row:
    return Row(
        "run",
        "weighted F1 on dev: the default's last epoch against the published best epoch",
        "score",
        dev_score(context.scratch / "first"),
        max(epoch.dev_f1 for epoch in history),
        goal=Goal("ratio at least", 1),
        note="ours before decoding; the reference's epoch is chosen on that same dev",
    )


def _time_to_score(context: Context, history: Sequence[Epoch]) -> Row:
    """Return when each reached the reference's best score on dev, start-up left out of both."""
    best = max(history, key=lambda epoch: epoch.dev_f1)
    reached = seconds_to_score(context, best.dev_f1)
    return Row(
        "run",
        f"seconds until weighted F1 on dev is {best.dev_f1:.3f}, the reference's best",
        "s",
        reached,
        best.seconds,
        note="not reached" if reached is None else "preset default, without start-up",
    )


def seconds_to_score(context: Context, wanted: float) -> float | None:
    """Train preset ``default`` and return when its dev score was `wanted` or more, if ever."""
    task = make_task(context.dialogues, context.modalities, "default")
    start = time.perf_counter()
    reached: list[float] = []

    def on_epoch(report: EpochReport) -> None:
        if report.dev is not None and report.dev["weighted_f1"] >= wanted:
            reached.append(time.perf_counter() - start)

    options: dict[str, Any] = {"seed": 1, "device": context.device, "on_epoch": on_epoch}
    fit(task.build, task.train, task.dev, task.spec.emotions, task.recipe.training, **options)
    return reached[0] if reached else None


def _seeds(context: Context, reference: float) -> Row:
    count = context.sizes.seeds
    cost = train(context, "seeds", "--seeds", str(count))
    scores = [dev_score(context.scratch / "seeds", seed) for seed in range(count)]
    return Row(
        "run",
        f"{count} seeds in one command against {count} published runs",
        "s",
        cost.seconds,
        count * reference,
        goal=Goal("ratio at least", 30),
        memory_ours=cost.peak_bytes,
        note=f"reference: {count} times the one run; ours with start-up and refits, mean weighted "
        f"F1 on dev {mean(scores):.3f}",
    )


def _kemdy_sized(context: Context) -> Row:
    path = context.scratch / "kemdy_sized.pkl"
    file = make_file(context.sizes.kemdy_size, _KEMDY_TURNS, text=_KEMDY_WIDTH, audio=_KEMDY_WIDTH)
    write_dialogues(path, file)
    seeds = context.sizes.seeds
    cost = train(context, "kemdy_sized", "--seeds", str(seeds), data=path)
    utterances = sum(map(len, file.dialogues))
    return Row(
        "run",
        f"{seeds} seeds of the default, a file of KEMDy19's size ({utterances:,} utterances)",
        "s",
        cost.seconds,
        goal=Goal("ours at most", _FIVE_SEEDS_SECONDS),
        memory_ours=cost.peak_bytes,
        note=f"{_KEMDY_WIDTH} + {_KEMDY_WIDTH} features; the whole command",
    )
