"""One epoch of preset ``cogmen`` against the published loop, at equal arithmetic."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import torch
from torch_geometric.data import Data

from graph_er.answers.prediction import predict_logits
from graph_er.training.fit import EpochReport, fit
from scripts.benchmarks.context import Context
from scripts.benchmarks.processes import task as in_process
from scripts.benchmarks.rows import Goal, Row
from scripts.benchmarks.stage3 import Task, make_task, published_training, same_logits
from scripts.benchmarks.timing import alternate, seconds, wait_for


def measure_epoch(context: Context) -> list[Row]:
    """Measure an epoch with its scoring, the training pass alone, and predicting."""
    task = make_task(context.dialogues, context.modalities, "cogmen")
    check = same_logits(task, context.device)
    rows = epoch_rows(task, context.sizes.epochs, context.device, check.what)
    context.published_epoch = rows[0].reference
    rows[0] = replace(rows[0], check=check, **_memory(context))
    return [*rows, _predicting(context, task)]


def epoch_rows(task: Task, epochs: int, device: str, what: str, stage: str = "epoch") -> list[Row]:
    """Return the rows of an epoch with its scoring and of the training pass alone.

    Args:
        task: of preset ``cogmen``.
        epochs: of each side, after one of each to warm up.
        device: ``cpu`` or a CUDA device.
        what: said of the file in the first row's note.
        stage: name of the measurement.
    """
    training = published_training(task, device)
    whole = side_by_side(task, task.dev, training.epoch, epochs, device)
    passes = side_by_side(task, [], training.train_pass, max(1, epochs // 2), device)
    utterances = sum(graph.num_nodes for graph in task.train)
    counted = {"items": utterances, "item": "training utterances"}
    first = Row(
        stage,
        f"epoch of preset cogmen, scoring included ({device})",
        "s",
        whole.ours,
        whole.reference,
        goal=Goal("ratio at least", 3),
        note="equal widths, batch and float32; ours scores dev once, the published loop dev twice "
        f"and test; {what}",
        **counted,
    )
    title = f"its training pass alone ({device})"
    return [first, Row(stage, title, "s", passes.ours, passes.reference, **counted)]


@dataclass(frozen=True)
class Pair:
    """Median seconds of ours and of the reference."""

    ours: float
    reference: float


def side_by_side(
    task: Task,
    dev: Sequence[Data],
    reference: Callable[[], object],
    epochs: int,
    device: str = "cpu",
) -> Pair:
    """Train ours, and after each of its epochs run the reference once: ABAB in one process.

    Args:
        task: what ours trains.
        dev: dialogues that ours scores each epoch; none for the training pass alone.
        reference: one epoch of the reference.
        epochs: of each, after one of each to warm up.
        device: ``cpu`` or a CUDA device.
    """
    ours: list[float] = []
    theirs: list[float] = []
    mark = time.perf_counter()

    def on_epoch(_: EpochReport) -> None:
        nonlocal mark
        wait_for(device)
        ours.append(time.perf_counter() - mark)
        with _usual_algorithms():
            theirs.append(seconds(reference, device))
        mark = time.perf_counter()

    recipe = task.recipe.training
    emotions = task.spec.emotions
    fit(
        task.build, task.train, dev, emotions, recipe,
        seed=1, device=device, on_epoch=on_epoch, stop_after=epochs + 1,
    )  # fmt: skip
    return Pair(median(ours[1:]), median(theirs[1:]))


@contextmanager
def _usual_algorithms() -> Iterator[None]:
    """Let the reference run as it would by itself: ours asks torch for deterministic sums."""
    before = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(False)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warn_only)


def _memory(context: Context) -> dict[str, Any]:
    """Return the peak memory of one epoch of each, in processes of their own."""
    arguments = {"path": str(context.dialogue_path), "modalities": context.modalities}
    _, ours = in_process("cogmen_epoch", **arguments)
    _, reference = in_process("published_epoch", **arguments)
    return {"memory_ours": ours.peak_bytes, "memory_reference": reference.peak_bytes}


def _predicting(context: Context, cogmen: Task) -> Row:
    """Return the seconds of predicting a whole side, of ours by preset ``default``."""
    default = make_task(context.dialogues, context.modalities, "default")
    model = default.build()
    model.fit_scaler(torch.cat([graph.x for graph in default.train]))
    training = published_training(cogmen, context.device)
    ours, reference = alternate(
        lambda: predict_logits(model, default.test, context.device),
        lambda: training.score(cogmen.test),
        context.sizes.repeats,
        context.device,
    )
    utterances = sum(graph.num_nodes for graph in default.test)
    context.unit_costs["predict_seconds_per_utterance"] = ours / utterances
    return Row(
        "epoch",
        "predicting test: preset default against the published network",
        "s",
        ours,
        reference,
        items=utterances,
        item="utterances",
        note="networks of different kind, so their results are not compared here",
    )
