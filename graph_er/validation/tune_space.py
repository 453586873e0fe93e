"""Where a hyper-parameter search looks: a range or a choice for each field, by preset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, whole ones where `low` is whole; `log` by their logarithm."""

    low: int | float
    high: int | float
    log: bool = False


@dataclass(frozen=True)
class Choice:
    """One of several values."""

    values: tuple[Any, ...]


Space = dict[str, Range | Choice]

_BOTH: Space = {
    "epochs": Range(6, 40, log=True),
    "weight_decay": Range(1e-4, 1e-1, log=True),
    "label_smoothing": Range(0.0, 0.2),
    "logit_adjustment": Range(0.0, 1.0),
    "contrastive": Range(0.0, 0.5),
    "shift": Range(0.0, 0.5),
    "ema": Choice((0.0, 0.95, 0.98, 0.99)),
    "dropout": Range(0.1, 0.6),
    "wp": Range(2, 40, log=True),
    "wf": Range(2, 40, log=True),
    "hidden_size": Choice((64, 128, 256)),
}

# Fields that cost time rather than decide anything, such as `members`, are in neither space.
SPACES: dict[str, Space] = {
    "default": {
        **_BOTH,
        "learning_rate": Range(3e-4, 1e-2, log=True),
        "decay": Range(1.0, 40.0, log=True),
        "relational_layers": Range(1, 2),
        "attention_layers": Range(0, 2),
        "context_layers": Range(0, 1),
        "input_dropout": Range(0.0, 0.3),
        "audio_offset": Range(0.0, 1.0),
        "gate": Choice((True, False)),
        "relative_audio": Choice((True, False)),
    },
    "cogmen": {
        **_BOTH,
        "epochs": Range(10, 80, log=True),
        "weight_decay": Range(1e-8, 1e-1, log=True),
        "hidden_size": Choice((100, 200)),
        "learning_rate": Range(3e-5, 3e-3, log=True),
        "context_layers": Range(0, 4),
        "context_feedforward": Choice((256, 1024, 2048)),
        "positions": Choice((True, False)),
    },
}


def plain_space(space: Space) -> dict[str, Any]:
    """Return the space as plain values: ``[low, high, log]`` or ``{"choice": [...]}``."""
    return {
        name: [kind.low, kind.high, kind.log]
        if isinstance(kind, Range)
        else {"choice": list(kind.values)}
        for name, kind in space.items()
    }
