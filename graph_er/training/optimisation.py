"""The steps of training one model: optimiser, schedule, average of the weights, processes."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import OneCycleLR, ReduceLROnPlateau
from torch.utils.data import DataLoader
from torch_geometric.data import Batch, Data

from graph_er.errors import InputError
from graph_er.graphs.graph import NAMES
from graph_er.networks.batch_norm import BatchNorm
from graph_er.networks.config import TrainingConfig
from graph_er.networks.divergence import StepWatch, where
from graph_er.networks.layers import Output
from graph_er.networks.spec import Model
from graph_er.running import processes
from graph_er.training.losses import Objective
from graph_er.training.shares import Shares, Weights

_PLATEAU_PATIENCE = 10
# Steps of about this many utterances suit dialogues of 10 turns and of 100 alike.
_UTTERANCES_PER_STEP = 400
# A cycle of fewer steps would begin, or even be, at its end: with a learning rate of about 0.
_FEWEST_STEPS = 3


def dialogues_per_step(config: TrainingConfig, train: Sequence[Data]) -> int:
    """Return the batch size: as configured, or where that is 0 one of about 400 utterances."""
    mean = sum(len(graph.y) for graph in train) / len(train)
    return config.batch_size or max(1, round(_UTTERANCES_PER_STEP / mean))


class Learner(nn.Module):
    """Network and objective as one module that gives the loss."""

    def __init__(self, model: Model, objective: Objective, dtype: str) -> None:
        super().__init__()
        self.model, self.objective = model, objective
        self.lowered = dtype == "bfloat16"

    def forward(self, batch: Data, weights: Weights) -> Tensor:
        """Return the loss of a batch, in float32."""
        with torch.autocast(batch.x.device.type, torch.bfloat16, enabled=self.lowered):
            output = self.model(batch)
        if self.lowered:
            output = Output(*(part.float() for part in output))
        return self.objective(output, batch, weights)


class Trainer:
    """Optimiser, schedule and weight average of one model.

    Under several processes each does its share of every batch's dialogues, and gradients are
    averaged such that they are those of the whole batch.

    Args:
        model: on `device`.
        train: dialogues to train on, the same in every process.
        num_emotions: ``C``.
        config: how to train.
        device: ``cpu`` or a CUDA device.

    Raises:
        InputError: the objective needs the whole batch, and there are several processes.
    """

    def __init__(
        self,
        model: Model,
        train: Sequence[Data],
        num_emotions: int,
        config: TrainingConfig,
        device: str,
    ) -> None:
        if config.contrastive and processes.count() > 1:
            raise InputError(
                f"--contrastive is {config.contrastive}: it compares all utterances of a batch, "
                "which several processes share; leave it out or train in one process"
            )
        self.model, self.config, self.device, self.train = model, config, device, train
        self.shares = Shares(train, processes.count(), processes.index())
        size = dialogues_per_step(config, train)
        # A range can be indexed and has a length: all that is asked of a data set.
        numbers: Any = range(len(train))
        self.order: DataLoader[int] = DataLoader(
            numbers, batch_size=size, shuffle=True, collate_fn=list
        )
        counts = torch.bincount(torch.cat([graph.y for graph in train]), minlength=num_emotions)
        objective = Objective(config, counts, model.members, model.hidden_size).to(device)
        self.learner = _over_processes(Learner(model, objective, config.dtype), device)
        self.norms = [module for module in model.modules() if isinstance(module, BatchNorm)]
        self.parameters = [*self.learner.parameters()]
        self.optimizer = torch.optim.AdamW(
            self.parameters, lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
        )
        self.one_cycle: OneCycleLR | None = None
        self.plateau: ReduceLROnPlateau | None = None
        if config.schedule == "one_cycle":
            steps = max(config.epochs * len(self.order), _FEWEST_STEPS)
            self.one_cycle = OneCycleLR(self.optimizer, config.learning_rate, total_steps=steps)
        else:
            self.plateau = ReduceLROnPlateau(self.optimizer, patience=_PLATEAU_PATIENCE)
        self.average = WeightAverage(model, config.ema) if config.ema else None
        self.epoch = 0

    @property
    def evaluated(self) -> Model:
        """The model that is evaluated and kept: the average where there is one."""
        return self.average.model if self.average is not None else self.model

    def run_epoch(self) -> float:
        """Train on every dialogue once; return the mean loss per utterance and member.

        Raises:
            InputError: the loss, its gradient or the weights are not finite; the message names the
                first step of which that is so, its dialogues, and where its largest feature stands.
        """
        self.learner.train()
        self.epoch += 1
        watch = StepWatch()
        total = torch.zeros((), dtype=torch.float64, device=self.device)
        for batch in self._batches():
            loss, *norm = self._step(batch)
            watch.add(batch, [loss, *norm])
            total += loss * (self.shares.utterances(batch) / self.shares.processes)
        count = sum(self.shares.lengths) * self.model.members
        mean = processes.added(total).item() / count
        if not math.isfinite(mean) or not self._weights_are_finite():
            self._end(watch)
        return mean

    def _weights_are_finite(self) -> bool:
        """Tell whether the weights are, after a last step of which no loss tells.

        Those beyond 1e19, whose squares are not, are as good as infinite.
        """
        held = [v for norm in self.norms for v in (norm.running_mean, norm.running_var)]
        statistics = [values for values in held if values is not None]
        norm = nn.utils.get_total_norm([*self.parameters, *statistics])
        return math.isfinite(norm.item())

    def _end(self, watch: StepWatch) -> NoReturn:
        remedy = "lower --learning_rate or look for extreme feature values in the dialogue file"
        step, dialogues, what = watch.first_bad()
        held = where([self.train[i] for i in dialogues])
        raise InputError(f"{what} in epoch {self.epoch}, step {step} ({held}); {remedy}")

    def after_epoch(self, loss: float) -> None:
        """Tell the plateau schedule how the epoch went."""
        if self.plateau is not None:
            self.plateau.step(loss)

    def _batches(self) -> Iterator[list[int]]:
        """Draw the epoch's batches of dialogues, in the first process for all."""
        yield from processes.from_first(lambda: list(self.order))

    def _step(self, dialogues: list[int]) -> tuple[Tensor, ...]:
        """Take one step; return the loss and, where it is clipped, the norm of the gradient."""
        share = self.shares.of(dialogues)
        graphs = [self.train[i] for i in share.dialogues]
        batch = Batch.from_data_list(graphs, exclude_keys=NAMES).to(self.device)
        for norm in self.norms:
            norm.counted = share.counted
        self.optimizer.zero_grad()
        loss = self.learner(batch, share.weights)
        loss.backward()
        numbers: tuple[Tensor, ...] = (loss.detach(),)
        if self.config.clip_norm:
            # Members have gradients of their own; together their norm is this much larger.
            most = self.config.clip_norm * math.sqrt(self.model.members)
            numbers = (*numbers, nn.utils.clip_grad_norm_(self.parameters, most))
        self.optimizer.step()
        if self.one_cycle is not None:
            self.one_cycle.step()
        if self.average is not None:
            self.average.follow()
        return numbers


class WeightAverage:
    """The moving average of a model's weights; buffers are those of the model.

    Attributes:
        model: a copy of the model that holds the average.
    """

    def __init__(self, model: Model, decay: float) -> None:
        self.model = copy.deepcopy(model).requires_grad_(False)
        self.decay, self.steps = decay, 0
        self.pairs: list[list[Tensor]] = [[*self.model.parameters()], [*model.parameters()]]
        self.buffers = [[*self.model.buffers()], [*model.buffers()]]

    @torch.no_grad()
    def follow(self) -> None:
        """Take one step of the model in."""
        self.steps += 1
        # Over few steps a long memory would keep the random start: it grows with the steps.
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        average, current = self.pairs
        torch._foreach_lerp_(average, current, 1 - decay)
        for old, new in zip(*self.buffers, strict=True):
            old.copy_(new)


def _over_processes(learner: Learner, device: str) -> nn.Module:
    if processes.count() == 1:
        return learner
    from torch.nn.parallel import DistributedDataParallel

    index = torch.device(device).index
    # Buffers are the same in every process: scaler, prior and synchronised batch norm.
    return DistributedDataParallel(
        learner, device_ids=None if index is None else [index], forward_sync_buffers=False
    )
