"""The published training loop: two passes over dev and one over test beside every epoch.

As published it is two over test as well; one is enough for a plain version that is not slow on
purpose. Graphs are built again for every batch of every pass. Nothing looks at the scores of test.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from sklearn.metrics import f1_score
from torch import Tensor
from torch_geometric.data import Data

from scripts.benchmarks.reference.model import PaddedCogmen


@dataclass(frozen=True)
class Epoch:
    """One epoch: seconds since the run began, and weighted F1 on dev (0 to 1)."""

    seconds: float
    dev_f1: float


class PublishedTraining:
    """Adam at 1e-4 with L2 of 1e-8, a plateau schedule, batches of 32 shuffled dialogues.

    Args:
        model: moved to `device`.
        train, dev, test: dialogues with ``x`` ``[U, D]``, ``speaker`` ``[U]`` and ``y`` ``[U]``.
        batch_size: dialogues per step.
        device: ``cpu`` or a CUDA device.
        seed: of the order of the dialogues.
    """

    def __init__(
        self,
        model: PaddedCogmen,
        train: Sequence[Data],
        dev: Sequence[Data],
        test: Sequence[Data],
        *,
        batch_size: int = 32,
        device: str = "cpu",
        seed: int = 24,
    ) -> None:
        self.model = model.to(device)
        self.train, self.dev, self.test = list(train), list(dev), list(test)
        self.batch_size, self.device = batch_size, device
        self.optimizer = torch.optim.Adam(model.parameters(), lr=1e-4, weight_decay=1e-8)
        self.plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(self.optimizer, patience=10)
        self.order = random.Random(seed)

    def run(self, epochs: int) -> list[Epoch]:
        """Train and return what every epoch gave."""
        start, history = time.perf_counter(), []
        for _ in range(epochs):
            dev_f1 = self.epoch()
            history.append(Epoch(time.perf_counter() - start, dev_f1))
        return history

    def epoch(self) -> float:
        """Train on every dialogue once, then score dev and test; return dev's weighted F1."""
        self.train_pass()
        self.plateau.step(self.loss(self.dev))
        dev_f1 = self.score(self.dev)
        self.score(self.test)
        return dev_f1

    def train_pass(self) -> None:
        """Train on every dialogue once."""
        self.model.train()
        self.order.shuffle(self.train)
        for batch in self._batches(self.train):
            self.optimizer.zero_grad()
            logits, gold = self._logits(batch)
            F.nll_loss(F.log_softmax(logits, dim=-1), gold).backward()
            self.optimizer.step()

    @torch.no_grad()
    def loss(self, side: Sequence[Data]) -> float:
        """Return the summed loss of the batches of a side."""
        self.model.eval()
        total = 0.0
        for batch in self._batches(side):
            logits, gold = self._logits(batch)
            total += F.nll_loss(F.log_softmax(logits, dim=-1), gold).item()
        return total

    @torch.no_grad()
    def score(self, side: Sequence[Data]) -> float:
        """Return the weighted F1 of a side."""
        self.model.eval()
        golds, predictions = [], []
        for batch in self._batches(side):
            logits, gold = self._logits(batch)
            predictions.append(logits.argmax(dim=-1).cpu())
            golds.append(gold.cpu())
        return float(
            f1_score(torch.cat(golds), torch.cat(predictions), average="weighted", zero_division=0)
        )

    def _batches(self, side: Sequence[Data]) -> list[Sequence[Data]]:
        size = self.batch_size
        return [side[start : start + size] for start in range(0, len(side), size)]

    def _logits(self, batch: Sequence[Data]) -> tuple[Tensor, Tensor]:
        features = [dialogue.x.to(self.device) for dialogue in batch]
        gold = torch.cat([dialogue.y for dialogue in batch]).to(self.device)
        return self.model(features, [dialogue.speaker for dialogue in batch]), gold
