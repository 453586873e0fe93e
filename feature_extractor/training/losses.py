"""Losses of stage 1, of logits ``[B, C]`` and labels ``[B]`` or shares of votes ``[B, C]``."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def cross_entropy_and_cosine(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return ``0.1 CE + mean(1 - cos(logits, target vector))``.

    The target vector is one-hot for a label and the share of votes for votes.
    """
    vectors = targets if targets.ndim == 2 else F.one_hot(targets, logits.shape[1])
    cosine = F.cosine_similarity(logits, vectors.to(logits.dtype))
    return 0.1 * F.cross_entropy(logits, targets) + (1.0 - cosine).mean()


def focal(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the mean of ``-(1 - p) log p`` of the target, which heeds sure utterances less.

    Focal loss (Lin et al., ICCV 2017) with gamma 1; of votes, the mean over them.
    """
    logs = logits.float().log_softmax(dim=-1)
    losses = -(1.0 - logs.exp()) * logs
    votes = targets if targets.ndim == 2 else F.one_hot(targets, logits.shape[1])
    return (votes * losses).sum(dim=-1).mean()


LOSSES: dict[str, Loss] = {
    "ce": F.cross_entropy,
    "ce_cosine": cross_entropy_and_cosine,
    "focal": focal,
}
