"""Every seed of a run, one after another or side by side, with progress and a tracker for each.

Side by side, a seed's fit and its refit are two pieces of work where neither needs the other.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from tqdm import tqdm

from graph_er.networks.spec import ModelSpec
from graph_er.running import processes
from graph_er.running.jobs import do_jobs
from graph_er.running.side_by_side import Tell
from graph_er.running.tracking import Tracker
from graph_er.scoring.scores import METRICS
from graph_er.training.fit import EpochReport
from graph_er.training.one_seed import (
    Fitted,
    OnEpoch,
    Sides,
    as_member,
    fit_scored,
    fit_seed,
    fits_apart,
    refit,
)
from graph_er.training.recipe import Recipe

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SeedWork:
    """What every seed of a run shares.

    Attributes:
        spec, recipe, sides, device: as for `graph_er.training.one_seed.fit_seed`.
        track: starts the tracker of a seed; None keeps no track.
    """

    spec: ModelSpec
    recipe: Recipe
    sides: Sides
    device: str
    track: Callable[[int], Tracker] | None = None


class Piece(NamedTuple):
    """A piece of a run's work.

    Attributes:
        seed: whose.
        part: all of it, the fit that is scored on dev, or the refit.
    """

    seed: int
    part: Literal["all", "scored", "refit"]

    def __str__(self) -> str:
        """Name it for a message."""
        return f"the refit of seed {self.seed}" if self.part == "refit" else f"seed {self.seed}"


def pieces_of(recipe: Recipe, seeds: Sequence[int], *, tracked: bool) -> list[Piece]:
    """Return what can be done side by side: whole seeds, or the fits of each.

    Args:
        recipe: how the models are made.
        seeds: one model each.
        tracked: whether a tracker follows all that a seed does, in the process that does it.
    """
    if tracked or not fits_apart(recipe):
        return [Piece(seed, "all") for seed in seeds]
    # Refits first: they are a little longer, and nothing short should wait for the last of them.
    return [Piece(seed, part) for seed in seeds for part in ("refit", "scored")]


def fit_seeds(work: SeedWork, seeds: Sequence[int], *, jobs: int, threads: int) -> list[Fitted]:
    """Fit every seed and log its scores.

    Args:
        work: what they share.
        seeds: the seeds.
        jobs: how many pieces are done side by side; see `pieces_of`.
        threads: of each; see `graph_er.running.jobs.threads_for`. Their number decides how sums are
            rounded, and nothing else.

    Raises:
        InputError: a loss or an output is not finite, or a process was killed.
    """
    if jobs == 1:
        return [_fit_with_bar(work, seed) for seed in seeds]
    epochs = work.recipe.epochs_per_seed
    pieces = pieces_of(work.recipe, seeds, tracked=work.track is not None)
    title = f"{len(seeds)} seeds" if len(seeds) > 1 else f"seed {seeds[0]}"
    with tqdm(total=epochs * len(seeds), desc=title, unit="epoch") as bar:
        done = do_jobs(
            lambda piece, tell: _do_in_process(work, piece, tell),
            pieces,
            jobs=jobs,
            threads=threads,
            on_message=lambda report: _show(bar, report),
        )
        bar.total = bar.n  # a refit of fewer epochs is done as well
    of_piece = dict(zip(pieces, done, strict=True))
    return [_gathered(of_piece, seed) for seed in seeds]


def _gathered(of_piece: Mapping[Piece, Any], seed: int) -> Fitted:
    """Put together what the pieces of a seed gave, and log its scores."""
    if Piece(seed, "all") in of_piece:
        member, on_dev = of_piece[Piece(seed, "all")]
    else:
        member, on_dev = of_piece[Piece(seed, "scored")]
        member["weights"] = of_piece[Piece(seed, "refit")]
    _log_scores(member)
    return _as_here(member), on_dev


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


def _do_in_process(work: SeedWork, piece: Piece, tell: Tell) -> Any:
    """Do a piece in a process of its own; arrays travel to the parent as such, tensors would not.

    Returns:
        A refit's weights by name, else what `fit_seed` returns.
    """
    options: dict[str, Any] = {"seed": piece.seed, "device": work.device, "on_epoch": tell}
    if piece.part == "refit":
        return _as_arrays(refit(work.spec, work.recipe, work.sides, like=None, **options))
    if piece.part == "scored":
        result = fit_scored(work.spec, work.recipe, work.sides, **options)
        member, on_dev = as_member(piece.seed, result)
        return {name: value for name, value in member.items() if name != "weights"}, on_dev
    member, on_dev = _fit(work, piece.seed, tell)
    return {**member, "weights": _as_arrays(member["weights"])}, on_dev


def _as_arrays(weights: dict[str, torch.Tensor]) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in weights.items()}


def _fit(work: SeedWork, seed: int, on_epoch: OnEpoch) -> Fitted:
    """Fit one seed, and tell its tracker each epoch and how dev was confused."""
    track = work.track
    tracker = (processes.first_only(lambda: track(seed)) if track else None) or Tracker()

    def told(report: EpochReport) -> None:
        on_epoch(report)
        tracker.log_metrics(report.numbers(), step=report.epoch)

    try:
        member, on_dev = fit_seed(
            work.spec, work.recipe, work.sides, seed=seed, device=work.device, on_epoch=told
        )
        if on_dev is not None:
            gold = torch.cat([graph.y for graph in work.sides.dev]).tolist()
            predicted = on_dev.argmax(axis=-1).tolist()
            tracker.log_confusion_matrix(gold, predicted, work.spec.emotions, "dev")
    finally:  # what a run that fails has recorded is kept
        tracker.end()
    return member, on_dev


def _show(bar: tqdm, report: EpochReport) -> None:
    """Count an epoch; what is shown is of the latest that was scored on dev."""
    bar.update()
    if report.dev is not None:
        shown = {"loss": report.train_loss, "dev": report.dev["weighted_f1"]}
        bar.set_postfix({name: f"{value:.3f}" for name, value in shown.items()})


def _log_scores(member: dict[str, Any]) -> None:
    scores = "  ".join(f"{metric} {member['dev'][metric]:.4f}" for metric in METRICS)
    logger.info("seed %d: epoch %d, dev %s", member["seed"], member["epoch"], scores)
