"""What a model of stage 3 is made by: modalities, architecture and training settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from graph_er.networks.config import PRESETS, ModelConfig, TrainingConfig, model_config, preset_of

MODALITY_CHOICES = ("a", "t", "at", "v", "av", "tv", "atv")


@dataclass(frozen=True)
class Recipe:
    """All that decides a model, but the data and the seed."""

    modalities: str
    model: ModelConfig
    training: TrainingConfig

    @property
    def epochs_per_seed(self) -> int:
        """How many epochs one seed trains at most, its refit included."""
        return self.training.epochs * (2 if self.training.refit else 1)

    def plain(self) -> dict[str, Any]:
        """Return plain values, for records."""
        return {
            "preset": preset_of(self.model),
            "modalities": self.modalities,
            "model": asdict(self.model),
            "training": asdict(self.training),
        }


def make_recipe(
    preset: str, modalities: str, model: Mapping[str, Any], training: Mapping[str, Any]
) -> Recipe:
    """Return a preset's recipe with some values of its own.

    Raises:
        InputError: a value belongs to no option of this preset or is out of range.
    """
    settings = TrainingConfig(**{**PRESETS[preset].training, **training})
    return Recipe(modalities, model_config(preset, dict(model)), settings)
