"""Fitting one model: epochs over dialogues, the best epoch chosen on dev. No test data enters."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.lr_scheduler import OneCycleLR, ReduceLROnPlateau
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch_geometric import seed_everything
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader

from graph_er.config import TrainingConfig
from graph_er.errors import InputError
from graph_er.model import DialogueGNN
from graph_er.prediction import predict_logits
from graph_er.scores import METRICS, score

# Selection and the plateau schedule look at these; the published system does the same.
_SELECTED_BY = "weighted_f1"
_PLATEAU_PATIENCE = 10


@dataclass(frozen=True)
class EpochReport:
    """What one epoch gave: losses and the dev metrics."""

    epoch: int
    train_loss: float
    dev_loss: float
    dev: dict[str, float]

    def numbers(self) -> dict[str, float]:
        """All numbers by name, for a tracker."""
        dev = {f"dev_{metric}": value for metric, value in self.dev.items()}
        return {"train_loss": self.train_loss, "dev_loss": self.dev_loss, **dev}


@dataclass(frozen=True)
class FitResult:
    """The weights of the best dev epoch and what is known of it."""

    weights: dict[str, Tensor]
    best: EpochReport
    history: tuple[EpochReport, ...]


def fit(
    build: Callable[[], DialogueGNN],
    train: Sequence[Data],
    dev: Sequence[Data],
    emotions: Sequence[str],
    config: TrainingConfig,
    *,
    seed: int,
    device: str = "cpu",
    on_epoch: Callable[[EpochReport], None] = lambda report: None,
) -> FitResult:
    """Train a model and return its weights at the epoch with the highest dev weighted F1.

    Args:
        build: makes the model; called after seeding.
        train: graphs to train on.
        dev: graphs to select the epoch by.
        emotions: label names.
        config: how to train.
        seed: of weights, order and dropout; the same seed gives the same result on one machine.
        device: ``cpu`` or a CUDA device.
        on_epoch: called after each epoch.

    Raises:
        InputError: the loss is not finite, so that training on would be pointless.
    """
    seed_everything(seed)
    model = build()
    if model.scaler is not None:
        model.scaler.fit(torch.cat([graph.x for graph in train]))
    trainer = _Trainer(model.to(device), train, config, device)
    history: list[EpochReport] = []
    best_weights: dict[str, Tensor] = {}
    for epoch in range(1, config.epochs + 1):
        train_loss = trainer.run_epoch()
        report = _report(epoch, train_loss, trainer.evaluated, dev, emotions, device)
        trainer.after_epoch(report.dev_loss)
        on_epoch(report)
        history.append(report)
        if report is max(history, key=lambda earlier: earlier.dev[_SELECTED_BY]):
            best_weights = _cpu_copy(trainer.evaluated)
    best = max(history, key=lambda earlier: earlier.dev[_SELECTED_BY])
    return FitResult(best_weights, best, tuple(history))


class _Trainer:
    """Optimiser, schedule and weight average of one model."""

    def __init__(
        self, model: DialogueGNN, train: Sequence[Data], config: TrainingConfig, device: str
    ) -> None:
        self.model, self.config, self.device = model, config, device
        self.loader = DataLoader(list(train), batch_size=config.batch_size, shuffle=True)
        self.optimizer = torch.optim.AdamW(
            model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self.one_cycle: OneCycleLR | None = None
        self.plateau: ReduceLROnPlateau | None = None
        if config.schedule == "one_cycle":
            steps = config.epochs * len(self.loader)
            self.one_cycle = OneCycleLR(self.optimizer, config.learning_rate, total_steps=steps)
        else:
            self.plateau = ReduceLROnPlateau(self.optimizer, patience=_PLATEAU_PATIENCE)
        average = get_ema_multi_avg_fn(config.ema)
        self.average = AveragedModel(model, multi_avg_fn=average) if config.ema else None

    @property
    def evaluated(self) -> nn.Module:
        """The model that is evaluated and kept: the average where there is one."""
        return self.model if self.average is None else self.average.module

    def run_epoch(self) -> float:
        """Train on every dialogue once; return the mean loss per utterance."""
        self.model.train()
        total, count = 0.0, 0
        for batch in self.loader:
            loss = self._step(batch.to(self.device))
            total, count = total + loss * batch.num_nodes, count + batch.num_nodes
        return total / count

    def after_epoch(self, dev_loss: float) -> None:
        """Tell the plateau schedule how the epoch went."""
        if self.plateau is not None:
            self.plateau.step(dev_loss)

    def _step(self, batch: Data) -> float:
        self.optimizer.zero_grad()
        logits = self.model(batch.x, batch.edge_index, batch.edge_type, batch.speaker, batch.batch)
        loss = F.cross_entropy(logits, batch.y, label_smoothing=self.config.label_smoothing)
        if not math.isfinite(loss.item()):
            raise InputError(
                f"the training loss became {loss.item()}; lower --learning_rate or look for "
                "extreme feature values in the dialogue file"
            )
        loss.backward()
        if self.config.clip_norm:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip_norm)
        self.optimizer.step()
        if self.one_cycle is not None:
            self.one_cycle.step()
        if self.average is not None:
            self.average.update_parameters(self.model)
        return loss.item()


def _report(
    epoch: int,
    train_loss: float,
    model: nn.Module,
    dev: Sequence[Data],
    emotions: Sequence[str],
    device: str,
) -> EpochReport:
    logits = predict_logits(model, dev, device)
    gold = torch.cat([graph.y for graph in dev])
    scores = score(gold.tolist(), logits.argmax(dim=-1).tolist(), emotions)
    return EpochReport(
        epoch=epoch,
        train_loss=train_loss,
        dev_loss=F.cross_entropy(logits, gold).item(),
        dev={metric: scores[metric] for metric in METRICS},
    )


def _cpu_copy(model: nn.Module) -> dict[str, Any]:
    return copy.deepcopy({name: value.cpu() for name, value in model.state_dict().items()})
