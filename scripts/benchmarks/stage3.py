"""Ours and the reference on one dialogue file: the same graphs, sizes and first weights."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch_geometric import seed_everything
from torch_geometric.data import Data

from graph_er.answers.prediction import predict_logits
from graph_er.dialogues import DialogueFile, require_side
from graph_er.errors import InputError
from graph_er.networks.cogmen import attention_heads
from graph_er.networks.config import CogmenConfig
from graph_er.networks.spec import Model, ModelSpec, spec_of
from graph_er.training.recipe import Recipe, make_recipe
from scripts.benchmarks.reference.model import PaddedCogmen
from scripts.benchmarks.reference.training import PublishedTraining
from scripts.benchmarks.rows import Check, at_most

_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Task:
    """A preset on a dialogue file.

    Attributes:
        recipe: its model and training settings.
        spec: what the model takes and gives.
        train, dev, test: the sides as graphs.
    """

    recipe: Recipe
    spec: ModelSpec
    train: list[Data]
    dev: list[Data]
    test: list[Data]

    def build(self) -> Model:
        """Return a fresh model of ours."""
        return self.spec.build(self.recipe.model)


def make_task(file: DialogueFile, modalities: str, preset: str, **training: object) -> Task:
    """Return a preset with some training settings of its own, ready to be trained on `file`."""
    recipe = make_recipe(preset, modalities, {}, training)
    sides = {name: require_side(file, name) for name in ("train", "dev", "test")}
    dialogues = [dialogue for side in sides.values() for dialogue in side]
    spec = spec_of(file, dialogues, modalities, recipe.model)
    graphs = {name: spec.graphs(side, recipe.model) for name, side in sides.items()}
    return Task(recipe, spec, **graphs)


def reference_of(task: Task) -> PaddedCogmen:
    """Return the reference in the sizes of preset ``cogmen``, freshly drawn.

    Raises:
        InputError: the file has not two speakers a dialogue, which the published system takes.
    """
    config, width = task.recipe.model, sum(task.spec.widths)
    assert isinstance(config, CogmenConfig)
    if task.spec.num_speakers != 2:
        raise InputError(
            f"the dialogues have up to {task.spec.num_speakers} speakers, the published system "
            "takes two; name a file of two-speaker dialogues with --data_dir"
        )
    return PaddedCogmen(
        width,
        hidden=config.hidden_size,
        heads=config.context_heads or attention_heads(width),
        layers=config.context_layers,
        feedforward=config.context_feedforward,
        dropout=config.dropout,
        emotions=len(task.spec.emotions),
        past=config.wp,
        future=config.wf,
    )


def published_training(task: Task, device: str = "cpu", seed: int = 24) -> PublishedTraining:
    """Return the published loop on the sides of a task of preset ``cogmen``."""
    seed_everything(seed)
    return PublishedTraining(
        reference_of(task),
        task.train,
        task.dev,
        task.test,
        batch_size=task.recipe.training.batch_size,
        device=device,
        seed=seed,
    )


@torch.no_grad()
def same_logits(task: Task, device: str = "cpu", dialogues: int = 32) -> Check:
    """Compare the logits of both networks with the same weights, in eval mode."""
    seed_everything(0)
    ours, reference = task.build().to(device), reference_of(task).to(device).eval()
    reference.take_weights(ours)
    graphs = task.train[:dialogues]
    features = [graph.x.to(device) for graph in graphs]
    theirs = reference(features, [graph.speaker for graph in graphs]).cpu()
    difference = (predict_logits(ours, graphs, device)[0] - theirs).abs().max()
    what = f"logits of {len(theirs)} utterances, same weights"
    return at_most(what, difference.item(), _TOLERANCE)
