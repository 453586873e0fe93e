"""Fitting one model: epochs over dialogues, scored on dev. No test data enters."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric import seed_everything
from torch_geometric.data import Data

from graph_er.answers.prediction import predict_logits
from graph_er.networks.config import TrainingConfig
from graph_er.networks.divergence import refuse_extreme
from graph_er.networks.spec import Model
from graph_er.probabilities.finish import committee_log_probabilities
from graph_er.running import processes
from graph_er.scoring.scores import METRICS, score
from graph_er.training.optimisation import Trainer

# Selection and the plateau schedule look at these; the published system does the same.
_SELECTED_BY = "weighted_f1"


@dataclass(frozen=True)
class EpochReport:
    """What one epoch gave: losses and the dev metrics, which are absent without a dev side."""

    epoch: int
    train_loss: float
    dev_loss: float | None = None
    dev: dict[str, float] | None = None

    def numbers(self) -> dict[str, float]:
        """All numbers by name, for a tracker."""
        if self.dev is None or self.dev_loss is None:
            return {"refit_train_loss": self.train_loss}
        dev = {f"dev_{metric}": value for metric, value in self.dev.items()}
        return {"train_loss": self.train_loss, "dev_loss": self.dev_loss, **dev}


@dataclass(frozen=True)
class FitResult:
    """The weights of the kept epoch and what is known of it.

    Attributes:
        weights: on the CPU.
        kept: the epoch.
        history: every epoch.
        on_dev: dev's log probabilities ``[N, C]`` by the weights; None without a dev side, and
            in all but the first of several processes.
    """

    weights: dict[str, Tensor]
    kept: EpochReport
    history: tuple[EpochReport, ...]
    on_dev: np.ndarray | None = None


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
    like: FitResult | None = None,
) -> FitResult:
    """Train a model and return its weights at the last epoch, or at the best on dev.

    The random numbers of Python, numpy and torch are seeded anew for the whole process, and are
    left where training ends.

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
        stop_after: the epoch that is the last, on a schedule of all the same; None for them
            all.
        like: a fit of as many epochs that had a dev side: where this one has none, the learning
            rate falls after the same epochs.

    Raises:
        ValueError: `stop_after` is none of the epochs.
        InputError: a feature is too large to be scaled, or the loss, its gradient or the weights
            are not finite, so that training on would be pointless.
    """
    epochs = config.epochs if stop_after is None else stop_after
    if not 1 <= epochs <= config.epochs:
        raise ValueError(f"stop_after is {epochs}; it must be 1 to {config.epochs}, the epochs")
    losses = [report.dev_loss for report in like.history] if like else []
    with _deterministic(device):
        seed_everything(seed)
        model = build()
        refuse_extreme(train)
        model.fit_scaler(torch.cat([graph.x for graph in train]))
        trainer = Trainer(model.to(device), train, len(emotions), config, device)
        if processes.index():  # weights are alike in all processes, dropout is not
            torch.manual_seed(seed + (processes.index() << 32))
        history: list[EpochReport] = []
        kept: EpochReport | None = None
        weights: dict[str, Tensor] = {}
        on_dev: np.ndarray | None = None
        for epoch in range(1, epochs + 1):
            report = EpochReport(epoch, trainer.run_epoch())
            scored: np.ndarray | None = None
            if dev:
                report, scored = _scored(report, trainer.evaluated, dev, emotions, device)
            # The train loss falls on and on: only dev's has a plateau to see.
            loss = report.dev_loss if dev else losses[epoch - 1] if losses else None
            if loss is not None:
                trainer.after_epoch(loss)
            on_epoch(report)
            history.append(report)
            last = epoch == epochs
            if last if config.select == "last" or not dev else _is_better(report, kept):
                kept, weights, on_dev = report, _cpu_copy(trainer.evaluated), scored
        assert kept is not None  # the first epoch is better than none
        return FitResult(weights, kept, tuple(history), on_dev)


@contextmanager
def _deterministic(device: str) -> Iterator[None]:
    """Sum in one order on the CPU, where threads else differ in rounding from run to run."""
    before = torch.get_deterministic_debug_mode()
    memory: Any = torch.utils.deterministic  # its types do not name what it can be told
    fills = memory.fill_uninitialized_memory
    if device == "cpu":
        # Not by `use_deterministic_algorithms`, which imports the compiler.
        torch.set_deterministic_debug_mode("warn")
        # Nothing here reads memory before it is written; filling it takes time.
        memory.fill_uninitialized_memory = False
    try:
        yield
    finally:
        torch.set_deterministic_debug_mode(before)
        memory.fill_uninitialized_memory = fills


def _is_better(report: EpochReport, kept: EpochReport | None) -> bool:
    """Tell whether an epoch is to be kept instead of the one kept so far."""
    if report.dev is None or kept is None or kept.dev is None:
        return kept is None
    return report.dev[_SELECTED_BY] > kept.dev[_SELECTED_BY]


def _scored(
    report: EpochReport, model: Model, dev: Sequence[Data], emotions: Sequence[str], device: str
) -> tuple[EpochReport, np.ndarray | None]:
    """Add the dev metrics to a report; the first process scores for all, and has ``[N, C]``."""
    log_probabilities: np.ndarray | None = None

    def work() -> EpochReport:
        nonlocal log_probabilities
        log_probabilities = committee_log_probabilities(predict_logits(model, dev, device))
        gold = torch.cat([graph.y for graph in dev])
        scores = score(gold.tolist(), log_probabilities.argmax(axis=-1).tolist(), emotions)
        return replace(
            report,
            dev_loss=F.nll_loss(torch.from_numpy(log_probabilities), gold).item(),
            dev={metric: scores[metric] for metric in METRICS},
        )

    return processes.from_first(work), log_probabilities


def _cpu_copy(model: nn.Module) -> dict[str, Tensor]:
    # Names are one object each, so that runs are written alike however many trained side by side.
    state = model.state_dict().items()
    return {sys.intern(name): value.cpu().clone() for name, value in state}
