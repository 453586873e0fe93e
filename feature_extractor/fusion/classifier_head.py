"""The head that several published fusion models end in."""

from __future__ import annotations

from torch import nn


def classifier_head(size: int, hidden: int, num_emotions: int, dropout: float) -> nn.Sequential:
    """Return a new head on vectors of `size`: two linear layers with GELU between them."""
    return nn.Sequential(
        nn.Dropout(dropout),
        nn.Linear(size, hidden),
        nn.GELU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, num_emotions),
    )
