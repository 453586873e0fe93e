"""Configuration of stage 3 and its presets; every field is a flag of ``graph_er/train.py``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from graph_er.flags import option, require

RELATION_SCHEMES = ("same_other", "speaker_pairs")
SCHEDULES = ("one_cycle", "plateau")


@dataclass(frozen=True)
class ModelConfig:
    """The architecture of `graph_er.model.DialogueGNN`; the defaults are preset ``default``."""

    standardise: bool = option(True, "standardise each feature by the training part's statistics")
    project: bool = option(True, "project each modality to hidden_size before the context encoder")
    speaker_embedding: bool = option(True, "add a learned vector per speaker of the dialogue")
    hidden_size: int = option(128, "width after the context encoder and in the graph")
    context_layers: int = option(1, "transformer layers over the dialogue before the graph")
    context_heads: int = option(4, "attention heads of those layers; 0 chooses as COGMEN does")
    context_feedforward: int = option(256, "width of their feed-forward part")
    positions: bool = option(True, "add sinusoidal positions before those layers")
    wp: int = option(
        10, "past window of the graph: how many earlier utterances one hears; -1 is unlimited"
    )
    wf: int = option(10, "future window of the graph, likewise; 0 makes the whole model causal")
    relations: str = option(
        "same_other",
        "edge types: same or other speaker and direction, or COGMEN's ordered speaker pairs",
        choices=RELATION_SCHEMES,
    )
    graph_heads: int = option(4, "attention heads of the graph transformer")
    residual: bool = option(True, "residuals and layer norm in the graph, and a skip around it")
    dropout: float = option(0.4, "dropout probability")

    def __post_init__(self) -> None:
        """Check the values against each other."""
        require("hidden_size", self.hidden_size, self.hidden_size >= 1, "at least 1")
        known = self.relations in RELATION_SCHEMES
        require("relations", self.relations, known, f"one of {', '.join(RELATION_SCHEMES)}")
        require("context_layers", self.context_layers, self.context_layers >= 0, "at least 0")
        require("context_heads", self.context_heads, self.context_heads >= 0, "at least 0")
        feedforward = self.context_feedforward
        require("context_feedforward", feedforward, feedforward >= 1, "at least 1")
        require("graph_heads", self.graph_heads, self.graph_heads >= 1, "at least 1")
        for name in ("wp", "wf"):
            window = getattr(self, name)
            require(name, window, window >= -1, "-1 (unlimited), 0 or more")
        require("dropout", self.dropout, 0 <= self.dropout < 1, "from 0 to below 1")
        divided = not (self.residual and self.hidden_size % self.graph_heads)
        divisor = f"a divisor of hidden_size {self.hidden_size}"
        require("graph_heads", self.graph_heads, divided, divisor)
        usable = self.project or not self.speaker_embedding
        require("speaker_embedding", True, usable, "off (--no-speaker_embedding) with --no-project")

    @property
    def causal(self) -> bool:
        """Whether an utterance may hear nothing that comes after it."""
        return self.wf == 0


@dataclass(frozen=True)
class TrainingConfig:
    """How stage 3 is trained; the defaults are preset ``default``."""

    epochs: int = option(20, "passes over the training dialogues")
    batch_size: int = option(8, "dialogues per step")
    learning_rate: float = option(2e-3, "highest learning rate")
    weight_decay: float = option(1e-2, "decoupled weight decay")
    schedule: str = option("one_cycle", "learning-rate schedule", choices=SCHEDULES)
    ema: float = option(0.98, "decay of the moving average of the weights; 0 keeps no average")
    label_smoothing: float = option(0.1, "share of probability spread over all emotions")
    clip_norm: float = option(1.0, "largest gradient norm; 0 does not clip")

    def __post_init__(self) -> None:
        """Check each value's range; NaN is in none."""
        require("epochs", self.epochs, self.epochs >= 1, "at least 1")
        require("batch_size", self.batch_size, self.batch_size >= 1, "at least 1")
        rate = self.learning_rate
        require("learning_rate", rate, 0 < rate < float("inf"), "above 0 and finite")
        require("weight_decay", self.weight_decay, self.weight_decay >= 0, "at least 0")
        require("ema", self.ema, 0 <= self.ema < 1, "from 0 to below 1")
        smoothing = self.label_smoothing
        require("label_smoothing", smoothing, 0 <= smoothing < 1, "from 0 to below 1")
        require("clip_norm", self.clip_norm, self.clip_norm >= 0, "at least 0")


# COGMEN (Joshi et al., NAACL 2022) as published, with padding masked and windows as named. Its
# weight decay is an L2 term of 1e-8, which decoupled decay of the same size equals in effect: none.
_COGMEN: dict[str, Any] = {
    "standardise": False,
    "project": False,
    "speaker_embedding": False,
    "hidden_size": 100,
    "context_layers": 2,
    "context_heads": 0,
    "context_feedforward": 2048,
    "positions": False,
    "wp": 5,
    "wf": 5,
    "relations": "speaker_pairs",
    "graph_heads": 1,
    "residual": False,
    "dropout": 0.5,
    "epochs": 55,
    "batch_size": 32,
    "learning_rate": 1e-4,
    "weight_decay": 1e-8,
    "schedule": "plateau",
    "ema": 0.0,
    "label_smoothing": 0.0,
    "clip_norm": 0.0,
}

PRESETS: dict[str, dict[str, Any]] = {"default": {}, "cogmen": _COGMEN}
