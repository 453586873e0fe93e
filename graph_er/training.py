"""Fitting one model: epochs over dialogues, scored on dev. No test data enters."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.lr_scheduler import OneCycleLR, ReduceLROnPlateau
from torch_geometric import seed_everything
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader

from graph_er.config import TrainingConfig
from graph_er.errors import InputError
from graph_er.finish import committee_log_probabilities
from graph_er.losses import Objective
from graph_er.prediction import predict_logits
from graph_er.scores import METRICS, score
from graph_er.spec import Model

# Selection and the plateau schedule look at these; the published system does the same.
_SELECTED_BY = "weighted_f1"
_PLATEAU_PATIENCE = 10
# Steps of about this many utterances suit dialogues of 10 turns and of 100 alike.
_UTTERANCES_PER_STEP = 400
# A cycle of fewer steps would begin, or even be, at its end: with a learning rate of about 0.
_FEWEST_STEPS = 3


@dataclass(frozen=True)
class EpochReport:
    """What one epoch gave: losses and the dev metrics, which are absent without a dev side."""

    epoch: int
    train_loss: float
    dev_loss: float | None = None
    dev: dict[str, float] | None = None

    def numbers(self) -> dict[str, float]:
        """All numbers by name, for a tracker."""
        if self.dev is None:
            return {"refit_train_loss": self.train_loss}
        dev = {f"dev_{metric}": value for metric, value in self.dev.items()}
        return {"train_loss": self.train_loss, "dev_loss": self.dev_loss, **dev}


@dataclass(frozen=True)
class FitResult:
    """The weights of the kept epoch and what is known of it."""

    weights: dict[str, Tensor]
    kept: EpochReport
    history: tuple[EpochReport, ...]


def fit(
    build: Callable[[], Model],
    train: Sequence[Data],
    dev: Sequence[Data],
    emotions: Sequence[str],
    config: TrainingConfig,
    *,
    seed: int,
    device: str = "cpu",
    on_epoch: Callable[[EpochReport], None] = lambda report: None,
    stop_after: int | None = None,
) -> FitResult:
    """Train a model and return its weights at the last epoch, or at the best on dev.

    Args:
        build: makes the model; called after seeding.
        train: dialogues to train on.
        dev: dialogues to score each epoch on; empty for the last epoch unscored.
        emotions: label names.
        config: how to train.
        seed: of weights, order and dropout; the same seed gives the same result on one
            machine's CPU.
        device: ``cpu`` or a CUDA device.
        on_epoch: called after each epoch.
        stop_after: the epoch that is the last, on a schedule of all the same; None for them all.

    Raises:
        InputError: the loss is not finite, so that training on would be pointless.
    """
    with _deterministic(device):
        return _fit(
            build, train, dev, emotions, config,
            seed=seed, device=device, on_epoch=on_epoch, epochs=stop_after or config.epochs,
        )  # fmt: skip


@contextmanager
def _deterministic(device: str) -> Iterator[None]:
    """Sum in one order on the CPU, where threads else differ in rounding from run to run."""
    before = torch.are_deterministic_algorithms_enabled()
    mode = torch.is_deterministic_algorithms_warn_only_enabled()
    if device == "cpu":
        torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=mode)


def _fit(
    build: Callable[[], Model],
    train: Sequence[Data],
    dev: Sequence[Data],
    emotions: Sequence[str],
    config: TrainingConfig,
    *,
    seed: int,
    device: str,
    on_epoch: Callable[[EpochReport], None],
    epochs: int,
) -> FitResult:
    seed_everything(seed)
    model = build()
    model.fit_scaler(torch.cat([graph.x for graph in train]))
    trainer = _Trainer(model.to(device), train, len(emotions), config, device)
    history: list[EpochReport] = []
    kept: EpochReport | None = None
    weights: dict[str, Tensor] = {}
    for epoch in range(1, epochs + 1):
        train_loss = trainer.run_epoch()
        report = _report(epoch, train_loss, trainer.evaluated, dev, emotions, device)
        if report.dev_loss is not None:  # the train loss falls on and on: no plateau to see
            trainer.after_epoch(report.dev_loss)
        on_epoch(report)
        history.append(report)
        last = epoch == epochs
        better = report.dev and (not kept or report.dev[_SELECTED_BY] > kept.dev[_SELECTED_BY])
        if last if config.select == "last" or not dev else better:
            kept, weights = report, _cpu_copy(trainer.evaluated)
    return FitResult(weights, kept, tuple(history))


def dialogues_per_step(config: TrainingConfig, train: Sequence[Data]) -> int:
    """Return the batch size: as configured, or where that is 0 one of about 400 utterances."""
    mean = sum(graph.num_nodes for graph in train) / len(train)
    return config.batch_size or max(1, round(_UTTERANCES_PER_STEP / mean))


class _Trainer:
    """Optimiser, schedule and weight average of one model."""

    def __init__(
        self,
        model: Model,
        train: Sequence[Data],
        num_emotions: int,
        config: TrainingConfig,
        device: str,
    ) -> None:
        self.model, self.config, self.device = model, config, device
        size = dialogues_per_step(config, train)
        self.loader = DataLoader(list(train), batch_size=size, shuffle=True)
        counts = torch.bincount(torch.cat([graph.y for graph in train]), minlength=num_emotions)
        self.objective = Objective(config, counts, model.members, model.hidden_size).to(device)
        parameters = [*model.parameters(), *self.objective.parameters()]
        self.parameters = parameters
        self.optimizer = torch.optim.AdamW(
            parameters, lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self.one_cycle: OneCycleLR | None = None
        self.plateau: ReduceLROnPlateau | None = None
        if config.schedule == "one_cycle":
            steps = max(config.epochs * len(self.loader), _FEWEST_STEPS)
            self.one_cycle = OneCycleLR(self.optimizer, config.learning_rate, total_steps=steps)
        else:
            self.plateau = ReduceLROnPlateau(self.optimizer, patience=_PLATEAU_PATIENCE)
        self.average = copy.deepcopy(model).requires_grad_(False) if config.ema else None
        self.steps = 0

    @property
    def evaluated(self) -> Model:
        """The model that is evaluated and kept: the average where there is one."""
        return self.average or self.model

    def run_epoch(self) -> float:
        """Train on every dialogue once; return the mean loss per utterance and member."""
        self.model.train()
        total, count = 0.0, 0
        for batch in self.loader:
            loss = self._step(batch.to(self.device))
            total, count = total + loss * batch.num_nodes, count + batch.num_nodes
        return total / count

    def after_epoch(self, loss: float) -> None:
        """Tell the plateau schedule how the epoch went."""
        if self.plateau is not None:
            self.plateau.step(loss)

    def _step(self, batch: Data) -> float:
        self.optimizer.zero_grad()
        loss = self.objective(self.model(batch), batch)
        mean = loss.item() / self.model.members
        if not math.isfinite(mean):
            raise InputError(
                f"the training loss became {mean}; lower --learning_rate or look for extreme "
                "feature values in the dialogue file"
            )
        loss.backward()
        if self.config.clip_norm:
            # Members have gradients of their own; together their norm is this much larger.
            norm = self.config.clip_norm * math.sqrt(self.model.members)
            nn.utils.clip_grad_norm_(self.parameters, norm)
        self.optimizer.step()
        if self.one_cycle is not None:
            self.one_cycle.step()
        if self.average is not None:
            self._average()
        return mean

    @torch.no_grad()
    def _average(self) -> None:
        self.steps += 1
        # Over few steps a long memory would keep the random start: it grows with the steps.
        decay = min(self.config.ema, (1 + self.steps) / (10 + self.steps))
        kept, current = list(self.average.parameters()), list(self.model.parameters())
        torch._foreach_lerp_(kept, current, 1 - decay)
        for old, new in zip(self.average.buffers(), self.model.buffers(), strict=True):
            old.copy_(new)


def _report(
    epoch: int,
    train_loss: float,
    model: Model,
    dev: Sequence[Data],
    emotions: Sequence[str],
    device: str,
) -> EpochReport:
    if not dev:
        return EpochReport(epoch, train_loss)
    log_probabilities = torch.from_numpy(
        committee_log_probabilities(predict_logits(model, dev, device))
    )
    gold = torch.cat([graph.y for graph in dev])
    scores = score(gold.tolist(), log_probabilities.argmax(dim=-1).tolist(), emotions)
    return EpochReport(
        epoch=epoch,
        train_loss=train_loss,
        dev_loss=F.nll_loss(log_probabilities, gold).item(),
        dev={metric: scores[metric] for metric in METRICS},
    )


def _cpu_copy(model: nn.Module) -> dict[str, Tensor]:
    return copy.deepcopy({name: value.cpu() for name, value in model.state_dict().items()})
