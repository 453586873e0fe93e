"""What stage 3 minimises: cross entropy over a committee, and optional auxiliary terms."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.data import Data

from graph_er.networks.config import TrainingConfig
from graph_er.networks.layers import CommitteeLinear, Output
from graph_er.training.shares import Weights

_CONTRAST_TEMPERATURE = 0.2
_WHOLE = Weights()


class Objective(nn.Module):
    """The training loss; the head of the auxiliary task is part of it and not of the model.

    Cross entropy with label smoothing, where logits are raised by ``logit_adjustment`` times the
    log prior (Menon et al., ICLR 2021), so that the network itself need not favour what is
    frequent; supervised contrast of hidden vectors (Khosla et al., NeurIPS 2020); and whether a
    speaker's emotion differs from that of the speaker's turn before.

    Args:
        config: weights of the terms.
        counts: utterances per emotion in training, ``[C]``.
        members: ``K``.
        width: of the hidden vectors.
    """

    adjustment: Tensor

    def __init__(self, config: TrainingConfig, counts: Tensor, members: int, width: int) -> None:
        super().__init__()
        self.config = config
        # An emotion that train lacks counts as one utterance: its prior is small, not zero.
        prior = counts.clamp(min=1) / counts.clamp(min=1).sum()
        self.register_buffer("adjustment", config.logit_adjustment * prior.log())
        self.shift = CommitteeLinear(members, 2 * width, 2) if config.shift else None

    def forward(self, output: Output, batch: Data, weights: Weights = _WHOLE) -> Tensor:
        """Return the loss, summed over the members, mean over utterances.

        Args:
            output: of the network, for the utterances of `batch`.
            batch: with ``y`` ``[N]``, ``speaker`` and ``batch``.
            weights: of the means, where `batch` is one process's share of a larger one.
        """
        loss = weights.utterances * self._classification(output.logits, batch.y)
        if self.config.contrastive:
            loss = loss + self.config.contrastive * _contrast(output.hidden, batch.y)
        if self.shift is not None:
            loss = loss + self.config.shift * weights.pairs * self._shift(output.hidden, batch)
        return loss

    def _classification(self, logits: Tensor, gold: Tensor) -> Tensor:
        adjusted = (logits + self.adjustment).flatten(0, 1)  # [K * N, C]
        smoothing = self.config.label_smoothing
        mean = F.cross_entropy(adjusted, gold.repeat(len(logits)), label_smoothing=smoothing)
        return len(logits) * mean

    def _shift(self, hidden: Tensor, batch: Data) -> Tensor:
        assert self.shift is not None
        before, now = previous_turns(batch)
        pairs = torch.cat([hidden[:, before], hidden[:, now]], dim=-1)
        changed = (batch.y[before] != batch.y[now]).long()
        logits = self.shift(pairs).flatten(0, 1)
        total = F.cross_entropy(logits, changed.repeat(len(hidden)), reduction="sum")
        # Without a pair it is a zero that depends on the head: each process has its gradient.
        return total / max(len(now), 1)


def previous_turns(batch: Data) -> tuple[Tensor, Tensor]:
    """Pair each utterance with the same speaker's one before it in the dialogue, ``[P]`` each."""
    speaker = batch.batch * (batch.speaker.max() + 1) + batch.speaker
    order = torch.argsort(speaker, stable=True)
    same = speaker[order[1:]] == speaker[order[:-1]]
    return order[:-1][same], order[1:][same]


def _contrast(hidden: Tensor, gold: Tensor) -> Tensor:
    """Return the supervised contrastive loss of ``[K, N, H]``, summed over members."""
    unit = F.normalize(hidden, dim=-1)
    scores = unit @ unit.transpose(1, 2) / _CONTRAST_TEMPERATURE  # [K, N, N]
    itself = torch.eye(len(gold), dtype=torch.bool, device=gold.device)
    scores = scores.masked_fill(itself, float("-inf")).log_softmax(dim=-1)
    alike = (gold[:, None] == gold[None, :]) & ~itself
    partners = alike.sum(dim=-1)
    mean = scores.masked_fill(~alike, 0.0).sum(dim=-1) / partners.clamp(min=1)  # [K, N]
    return -mean[:, partners > 0].sum() / max(len(gold), 1)
