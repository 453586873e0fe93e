"""One seed of a recipe: fit on train, score on dev, fit again on both; then the run's finish."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch_geometric.data import Data

from graph_er.dialogues import Dialogue
from graph_er.networks.checkpoint import Checkpoint
from graph_er.networks.spec import ModelSpec
from graph_er.probabilities.finish import fit_finish
from graph_er.training.fit import EpochReport, fit
from graph_er.training.recipe import Recipe

OnEpoch = Callable[[EpochReport], None]


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


def fit_seed(
    spec: ModelSpec, recipe: Recipe, sides: Sides, *, seed: int, device: str, on_epoch: OnEpoch
) -> tuple[dict[str, Any], np.ndarray | None]:
    """Train, score on dev, and train again on both sides where that is wanted.

    Args:
        spec: what the model takes and gives.
        recipe: how it is made.
        sides: what it is made of.
        seed: of weights, order and dropout.
        device: ``cpu`` or a CUDA device.
        on_epoch: called after each epoch, those of the refit (without dev scores) included.

    Returns:
        The member of the checkpoint, and dev's log probabilities ``[N, C]`` by the model that
        never saw dev (in the first of several processes).
    """

    def build() -> Any:
        return spec.build(recipe.model)

    options: dict[str, Any] = {"seed": seed, "device": device, "on_epoch": on_epoch}
    result = fit(build, sides.train, sides.dev, spec.emotions, recipe.training, **options)
    member = {"seed": seed, "epoch": result.kept.epoch, "dev": result.kept.dev}
    weights = result.weights
    if recipe.training.refit:
        # Up to the epoch that was kept, on the same schedule: another one would need a dev side.
        options |= {"stop_after": result.kept.epoch, "like": result}
        both = [*sides.train, *sides.dev]
        weights = fit(build, both, [], spec.emotions, recipe.training, **options).weights
    return {**member, "weights": weights}, result.on_dev


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
