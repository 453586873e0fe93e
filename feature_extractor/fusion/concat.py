"""The concat head: one linear layer over the vectors side by side."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn


class ConcatHead(nn.Module):
    """``logits = Linear([text ; audio])``; with one modality a linear layer over its vector."""

    def __init__(self, sizes: Sequence[int], num_emotions: int) -> None:
        """Build a head over vectors of widths `sizes`."""
        super().__init__()
        self.classifier = nn.Linear(sum(sizes), num_emotions)

    def forward(self, vectors: Sequence[torch.Tensor]) -> torch.Tensor:
        """Map vectors ``[B, size]`` to logits ``[B, C]``."""
        return self.classifier(torch.cat(tuple(vectors), dim=-1))
