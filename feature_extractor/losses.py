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


LOSSES: dict[str, Loss] = {"ce": F.cross_entropy, "ce_cosine": cross_entropy_and_cosine}
