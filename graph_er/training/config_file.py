"""Settings of stage 3 from a JSON file, such as the best ones of a search."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

from graph_er.errors import InputError
from graph_er.networks.config import PRESETS, TrainingConfig, before_options
from graph_er.running.regular_files import read_json_file
from graph_er.training.recipe import MODALITY_CHOICES, GivenSettings, make_recipe

logger = logging.getLogger(__name__)

_SETTINGS = ("preset", "modalities", "model", "training")
# What a search tells about its best settings; nothing of it is a setting.
_NOTES = ("score", "score_of_defaults", "trials", "trial", "folds", "seeds", "data")


def read_config_file(path: Path) -> GivenSettings:
    """Read ``{"preset": ..., "modalities": ..., "model": {...}, "training": {...}}``.

    Every key may be left out; without ``preset`` it is of preset ``default``.

    Raises:
        InputError: no JSON object, an unknown key, or a value of another type or out of range; the
            message names the file and the key.
    """
    content = read_json_file(path)
    _check_keys(path, "", content, (*_SETTINGS, *_NOTES))
    preset = content.get("preset")
    if preset is not None and preset not in [*PRESETS]:
        known = ", ".join(sorted(PRESETS))
        raise InputError(f"{path}: 'preset' is {preset!r:.80}; known are {known}")
    modalities = content.get("modalities")
    if modalities is not None and modalities not in MODALITY_CHOICES:
        known = ", ".join(MODALITY_CHOICES)
        raise InputError(f"{path}: 'modalities' is {modalities!r:.80}; it must be one of {known}")
    model, training = content.get("model", {}), content.get("training", {})
    if {"score", "model"} <= content.keys() and isinstance(model, Mapping):
        model = _as_searched(path, preset or "default", model)
    _check_section(path, "model", model, PRESETS[preset or "default"].model)
    _check_section(path, "training", training, TrainingConfig)
    try:
        make_recipe(preset or "default", modalities or "", model, training)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    data = content.get("data")
    digest = data.get("sha256") if isinstance(data, Mapping) else None
    known_digest = digest if isinstance(digest, str) else None
    return GivenSettings(preset, modalities, model, training, known_digest)


def _as_searched(path: Path, preset: str, model: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings of a search as they were, where they are older than some option."""
    older = {name: v for name, v in before_options(preset).items() if name not in model}
    for name, value in older.items():
        option = f"--no-{name}" if value is False else f"--{name} {value}"
        logger.warning(
            "%s is of an earlier release and takes %s, by which its score was found", path, option
        )
    return {**older, **model}


def _check_section(path: Path, name: str, values: Any, config: type) -> None:
    _check_keys(path, f"{name}.", values, [item.name for item in fields(config)])
    kinds, choices = get_type_hints(config), {f.name: f.metadata["choices"] for f in fields(config)}
    for key, value in values.items():
        kind, allowed = kinds[key], choices[key]
        alike = type(value) is kind or (kind is float and type(value) is int)
        if not alike or (allowed and value not in allowed):
            wanted = f"one of {', '.join(allowed)}" if allowed else f"of type {kind.__name__}"
            raise InputError(f"{path}: '{name}.{key}' is {value!r:.80}; it must be {wanted}")


def _check_keys(path: Path, prefix: str, values: Any, known: Collection[str]) -> None:
    where = f"'{prefix.removesuffix('.')}'" if prefix else "the file"
    if not isinstance(values, Mapping):
        raise InputError(f"{path}: {where} must be an object {{...}}, not {values!r:.40}")
    for key in values:
        if key not in known:
            allowed = ", ".join(known)
            raise InputError(f"{path}: {prefix + key!r:.80} is not known; known are {allowed}")
