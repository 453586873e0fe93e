"""One seed of a recipe: fit on train, score on dev, fit again on both; then the run's finish."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from torch import Tensor
from torch_geometric.data import Data

from graph_er.dialogues import Dialogue
from graph_er.networks.checkpoint import Checkpoint
from graph_er.networks.spec import ModelSpec
from graph_er.probabilities.finish import fit_finish
from graph_er.training.fit import EpochReport, FitResult, fit
from graph_er.training.recipe import Recipe

OnEpoch = Callable[[EpochReport], None]
# The member of a checkpoint, and dev's log probabilities ``[N, C]`` by the model that never saw dev
# (None in all but the first of several processes).
Fitted = tuple[dict[str, Any], np.ndarray | None]


@dataclass(frozen=True)
class Sides:
    """What a run trains on and what it chooses by, as a model takes them."""

    train: list[Data]
    dev: list[Data]


def sides_of(
    spec: ModelSpec, recipe: Recipe, train: Sequence[Dialogue], dev: Sequence[Dialogue]
) -> Sides:
    """Return both sides as graphs."""
    return Sides(spec.graphs(train, recipe.model), spec.graphs(dev, recipe.model))


def fits_apart(recipe: Recipe) -> bool:
    """Tell whether the refit needs nothing of the fit before it, so that both can run at once.

    Else dev decides how many epochs it takes or when the learning rate falls.

    Args:
        recipe: how the models are made.
    """
    training = recipe.training
    return training.refit and training.select == "last" and training.schedule == "one_cycle"


def fit_seed(
    spec: ModelSpec, recipe: Recipe, sides: Sides, *, seed: int, device: str, on_epoch: OnEpoch
) -> Fitted:
    """Train, score on dev, and train again on both sides where that is wanted.

    Args:
        spec: what the model takes and gives.
        recipe: how it is made.
        sides: what it is made of.
        seed: of weights, order and dropout.
        device: ``cpu`` or a CUDA device.
        on_epoch: called after each epoch, those of the refit (without dev scores) included.
    """
    options: dict[str, Any] = {"seed": seed, "device": device, "on_epoch": on_epoch}
    result = fit_scored(spec, recipe, sides, **options)
    member, on_dev = as_member(seed, result)
    if recipe.training.refit:
        member["weights"] = refit(spec, recipe, sides, like=result, **options)
    return member, on_dev


def as_member(seed: int, result: FitResult) -> Fitted:
    """Return what a checkpoint keeps of a fit that was scored on dev.

    Args:
        seed: of the fit.
        result: what it gave.
    """
    member = {"seed": seed, "epoch": result.kept.epoch, "dev": result.kept.dev}
    return {**member, "weights": result.weights}, result.on_dev


def fit_scored(
    spec: ModelSpec, recipe: Recipe, sides: Sides, *, seed: int, device: str, on_epoch: OnEpoch
) -> FitResult:
    """Train on the train side and score on dev; for the arguments see `fit_seed`."""
    build, training = partial(spec.build, recipe.model), recipe.training
    options: dict[str, Any] = {"seed": seed, "device": device, "on_epoch": on_epoch}
    return fit(build, sides.train, sides.dev, spec.emotions, training, **options)


def refit(
    spec: ModelSpec,
    recipe: Recipe,
    sides: Sides,
    *,
    like: FitResult | None,
    seed: int,
    device: str,
    on_epoch: OnEpoch,
) -> dict[str, Tensor]:
    """Train on both sides and return the weights; for the other arguments see `fit_seed`.

    Args:
        spec: what the model takes and gives.
        recipe: how it is made.
        sides: what it is made of.
        like: the fit that was scored on dev. This one ends at the epoch that was kept there, on the
            same schedule: another one would need a dev side. None where `fits_apart`.
        seed: of weights, order and dropout.
        device: ``cpu`` or a CUDA device.
        on_epoch: called after each epoch.
    """
    build, training = partial(spec.build, recipe.model), recipe.training
    both = [*sides.train, *sides.dev]
    options: dict[str, Any] = {"seed": seed, "device": device, "on_epoch": on_epoch, "like": like}
    options["stop_after"] = like.kept.epoch if like else None
    return fit(build, both, [], spec.emotions, training, **options).weights


def finished(
    spec: ModelSpec,
    recipe: Recipe,
    members: Sequence[dict[str, Any]],
    on_dev: Sequence[np.ndarray],
    train: Sequence[Dialogue],
    dev: Sequence[Dialogue],
) -> Checkpoint:
    """Return the seeds of a run as one, its temperature and decoding weight chosen on dev.

    Args:
        spec: what the models take and give.
        recipe: how they were made.
        members: of each seed, from `fit_seed`.
        on_dev: dev's log probabilities ``[N, C]`` of each seed, from `fit_seed`.
        train: dialogues of train.
        dev: dialogues of dev.
    """
    finish = fit_finish(
        np.stack(on_dev),
        dev,
        train,
        causal=recipe.model.causal,
        decoding=recipe.training.decode,
    )
    refitted = recipe.training.refit
    trained = tuple(dialogue.id for dialogue in (*train, *(dev if refitted else ())))
    return Checkpoint(recipe.model, spec, tuple(members), finish, refitted, trained)
