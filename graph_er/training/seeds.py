"""Every seed of a run, one after another or side by side, with progress and a tracker for each."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from graph_er.errors import InputError
from graph_er.networks.spec import ModelSpec
from graph_er.running import processes
from graph_er.running.side_by_side import CAN_FORK, Tell, side_by_side
from graph_er.running.tracking import Tracker
from graph_er.scoring.scores import METRICS
from graph_er.training.fit import EpochReport
from graph_er.training.one_seed import OnEpoch, Sides, fit_seed
from graph_er.training.recipe import Recipe

logger = logging.getLogger(__name__)

# The member of the checkpoint, and dev's log probabilities (see `fit_seed`).
Fitted = tuple[dict[str, Any], np.ndarray | None]


@dataclass(frozen=True)
class SeedWork:
    """What every seed of a run shares.

    Attributes:
        spec, recipe, sides, device: as for `graph_er.training.one_seed.fit_seed`.
        track: starts the tracker of a seed.
    """

    spec: ModelSpec
    recipe: Recipe
    sides: Sides
    device: str
    track: Callable[[int], Tracker]


def choose_jobs(wanted: int, seeds: int, device: str) -> int:
    """Return how many seeds to train side by side: as wanted, or for 0 as many as there are cores.

    Raises:
        InputError: several are wanted where that cannot be.
    """
    possible = CAN_FORK and device == "cpu" and processes.count() == 1
    if wanted > 1 and not possible:
        raise InputError(
            f"--jobs is {wanted}; seeds are trained side by side on Linux, on the CPU and without "
            "a launcher alone; leave it out"
        )
    return min(wanted or (torch.get_num_threads() if possible else 1), seeds)


@contextmanager
def threads_for(jobs: int) -> Iterator[int]:
    """Give each of several jobs its part of the threads, and this process one alone meanwhile.

    A process that has used several threads cannot be forked into one that does.
    """
    threads = torch.get_num_threads()
    if jobs > 1:
        torch.set_num_threads(1)
    try:
        yield max(1, threads // jobs)
    finally:
        torch.set_num_threads(threads)


def fit_seeds(work: SeedWork, seeds: Sequence[int], *, jobs: int, threads: int) -> list[Fitted]:
    """Fit every seed and log its scores.

    Args:
        work: what they share.
        seeds: the seeds.
        jobs: how many are trained side by side.
        threads: of each; see `threads_for`. Their number decides how sums are rounded, and nothing
            else.

    Raises:
        InputError: a loss or an output is not finite, or a process was killed.
    """
    if jobs == 1:
        return [_fit_with_bar(work, seed) for seed in seeds]
    epochs = work.recipe.epochs_per_seed
    with tqdm(total=epochs * len(seeds), desc=f"{len(seeds)} seeds", unit="epoch") as bar:
        fitted = side_by_side(
            lambda seed, tell: _fit_in_process(work, seed, threads, tell),
            seeds,
            jobs=jobs,
            on_message=lambda report: _show(bar, report),
        )
        bar.total = bar.n  # a refit of fewer epochs is done as well
    fitted = [(_as_here(member), on_dev) for member, on_dev in fitted]
    for member, _ in fitted:
        _log_scores(member)
    return fitted


def _as_here(value: Any) -> Any:
    """Return what came from another process as it would be here, so that it is written alike.

    Arrays are tensors again, and names one object each, as a pickle tells equal ones from the same.
    """
    if isinstance(value, dict):
        return {sys.intern(name): _as_here(part) for name, part in value.items()}
    return torch.from_numpy(value) if isinstance(value, np.ndarray) else value


def _fit_with_bar(work: SeedWork, seed: int) -> Fitted:
    total, silent = work.recipe.epochs_per_seed, not processes.is_first()
    with tqdm(total=total, desc=f"seed {seed}", unit="epoch", disable=silent) as bar:
        fitted = _fit(work, seed, lambda report: _show(bar, report))
        bar.total = bar.n
    _log_scores(fitted[0])
    return fitted


def _fit_in_process(work: SeedWork, seed: int, threads: int, tell: Tell) -> Fitted:
    """Fit in a process of its own; arrays travel to the parent as they are, tensors would not."""
    torch.set_num_threads(threads)
    member, on_dev = _fit(work, seed, tell)
    return {**member, "weights": {n: v.numpy() for n, v in member["weights"].items()}}, on_dev


def _fit(work: SeedWork, seed: int, on_epoch: OnEpoch) -> Fitted:
    """Fit one seed, and tell its tracker each epoch and how dev was confused."""
    tracker = processes.first_only(lambda: work.track(seed)) or Tracker()

    def told(report: EpochReport) -> None:
        on_epoch(report)
        tracker.log_metrics(report.numbers(), step=report.epoch)

    member, on_dev = fit_seed(
        work.spec, work.recipe, work.sides, seed=seed, device=work.device, on_epoch=told
    )
    if on_dev is not None:
        gold = torch.cat([graph.y for graph in work.sides.dev]).tolist()
        predicted = on_dev.argmax(axis=-1).tolist()
        tracker.log_confusion_matrix(gold, predicted, work.spec.emotions, "dev")
    tracker.end()
    return member, on_dev


def _show(bar: tqdm, report: EpochReport) -> None:
    bar.update()
    shown = {"loss": f"{report.train_loss:.3f}"}
    if report.dev is not None:
        shown["dev"] = f"{report.dev['weighted_f1']:.3f}"
    bar.set_postfix(shown)


def _log_scores(member: dict[str, Any]) -> None:
    scores = "  ".join(f"{metric} {member['dev'][metric]:.4f}" for metric in METRICS)
    logger.info("seed %d: epoch %d, dev %s", member["seed"], member["epoch"], scores)
