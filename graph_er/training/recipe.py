"""What a model of stage 3 is made by: modalities, architecture and training settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from graph_er.networks.config import (
    WITHOUT_TEXT,
    ContextualConfig,
    ModelConfig,
    TrainingConfig,
    model_config,
    preset_of,
    training_config,
)

MODALITY_CHOICES = ("a", "t", "at", "v", "av", "tv", "atv")
DEFAULT_MODALITIES, DEFAULT_PRESET = "at", "default"
_TRAINING = {item.name for item in fields(TrainingConfig)}


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
        InputError: there is no such preset, or a value belongs to no option of it, is of another
            type or out of range.
    """
    settings = training_config(preset, training)
    config = model_config(preset, dict(model))
    if isinstance(config, ContextualConfig) and "t" not in modalities:
        taken = replace(config, **{**WITHOUT_TEXT, **model})
        # They go with the speaker's level: where that is not heard, none of them is taken.
        config = taken if taken.by_voice else config
    return Recipe(modalities, config, settings)


@dataclass(frozen=True)
class GivenSettings:
    """The settings that flags or a file give; what they leave out is absent.

    Attributes:
        preset, modalities: as the flags of that name; None for the defaults.
        model: values of the preset's architecture, by field.
        training: values of `TrainingConfig`, by field.
        data_sha256: of the dialogue file that a search found them on, or None.
    """

    preset: str | None = None
    modalities: str | None = None
    model: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    data_sha256: str | None = None


def recipe_of(settings: GivenSettings, values: dict[str, Any]) -> Recipe:
    """Return the recipe of settings and, beside them, values of either section by field.

    Raises:
        InputError: as `make_recipe`.
    """
    model = {**settings.model, **{k: v for k, v in values.items() if k not in _TRAINING}}
    training = {**settings.training, **{k: v for k, v in values.items() if k in _TRAINING}}
    preset = settings.preset or DEFAULT_PRESET
    return make_recipe(preset, settings.modalities or DEFAULT_MODALITIES, model, training)
