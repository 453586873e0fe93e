"""What every model of a comparison gets alike."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from feature_extractor.settings import TrainingSettings
from graph_er.running.flags import option, require

# Dev chooses among them, for every model.
LEARNING_RATES = (1e-3, 5e-3)
# Seconds; as in stage 1, longer clips are left out of training.
CLIP_LENGTH: float = TrainingSettings.clip_length


@dataclass(frozen=True)
class Budget:
    """What every condition gets; every field is a flag of the command."""

    epochs: int = option(6, "passes over the training utterances")
    batch_size: int = option(32, "utterances per step")
    seeds: int = option(3, "seeds of each condition")
    weight_decay: float = option(0.01, "decoupled weight decay; none on biases and norms")
    context: int = option(4, "how many earlier utterances of the dialogue are read along with each")

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            InputError: a value is out of its range.
        """
        for name in ("epochs", "batch_size", "seeds"):
            require(name, getattr(self, name), getattr(self, name) >= 1, "1 or more")
        require("weight_decay", self.weight_decay, self.weight_decay >= 0, "0 or more")
        require("context", self.context, 0 <= self.context <= 20, "0 to 20")

    def settings(self, lr: float) -> TrainingSettings:
        """Return the settings of a trial: encoders are frozen, and their states made before."""
        return TrainingSettings(
            epochs=self.epochs,
            batch_size=self.batch_size,
            accumulate_grad=1,
            lr=lr,
            head_lr=lr,
            weight_decay=self.weight_decay,
            clip_norm=1.0,
            clip_length=CLIP_LENGTH,
            freeze_text="all",
            freeze_audio="all",
            num_workers=0,
        )

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {**asdict(self), "learning_rates": list(LEARNING_RATES)}
