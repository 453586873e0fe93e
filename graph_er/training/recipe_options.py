"""The options that say what is trained, shared by the commands of stage 3 that train."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from graph_er.errors import InputError
from graph_er.networks.config import PRESETS, CogmenConfig, ContextualConfig, TrainingConfig
from graph_er.running.files import sha256
from graph_er.running.flags import add_flags, given_flags
from graph_er.training.config_file import read_config_file
from graph_er.training.recipe import (
    DEFAULT_MODALITIES,
    DEFAULT_PRESET,
    MODALITY_CHOICES,
    GivenSettings,
    Recipe,
    recipe_of,
)

logger = logging.getLogger(__name__)


def add_recipe_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--modalities``, ``--preset``, ``--config`` and a flag per field of the presets."""
    parser.add_argument(
        "--modalities",
        choices=MODALITY_CHOICES,
        help=f"a audio, t text, v visual (default: {DEFAULT_MODALITIES})",
    )
    parser.add_argument(
        "--preset",
        choices=sorted(PRESETS),
        help=f"architecture and training settings (default: {DEFAULT_PRESET})",
    )
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE.json",
        help="take settings from this file, such as best.json of a search; flags win over it",
    )
    add_flags(parser, ContextualConfig, title="model of preset 'default'")
    add_flags(parser, CogmenConfig, title="model of preset 'cogmen', beside those it shares")
    add_flags(parser, TrainingConfig, title="training (defaults of preset 'default')")


def add_seed_options(parser: argparse.ArgumentParser, *, seeds: int) -> None:
    """Add ``--seed`` and ``--seeds``, of which `seeds` is the default."""
    parser.add_argument("--seed", type=int, default=1, help="the first seed (default: 1)")
    parser.add_argument(
        "--seeds",
        type=int,
        default=seeds,
        help="how many seeds to train, counting up (default: %(default)s)",
    )


def add_jobs_option(parser: argparse.ArgumentParser, *, of: str) -> None:
    """Add ``--jobs``, `of` which there are several."""
    parser.add_argument(
        "--jobs",
        type=int,
        default=0,
        help=f"{of} trained side by side, each with its part of the cores; 0 takes one per thread "
        "that torch may use on the CPU (default: 0)",
    )


def read_jobs(arguments: argparse.Namespace) -> int:
    """Return ``--jobs``.

    Raises:
        InputError: it is negative.
    """
    if arguments.jobs < 0:
        raise InputError(f"--jobs is {arguments.jobs}; it must be at least 0")
    jobs: int = arguments.jobs
    return jobs


def given_settings(arguments: argparse.Namespace) -> GivenSettings:
    """Return what the user gave: flags, then the file of ``--config``.

    The log tells where that was found on another dialogue file than ``--data_dir``.

    Raises:
        InputError: the file cannot be used, or is of another preset than ``--preset``.
    """
    file = read_config_file(arguments.config) if arguments.config else GivenSettings()
    named = file.preset is not None or file.model
    if named and arguments.preset not in (None, file.preset or DEFAULT_PRESET):
        raise InputError(
            f"{arguments.config} has settings of preset '{file.preset or DEFAULT_PRESET}', but "
            f"--preset is {arguments.preset}; leave one of them out"
        )
    _tell_of_other_data(arguments, file)
    model = {**given_flags(ContextualConfig, arguments), **given_flags(CogmenConfig, arguments)}
    return GivenSettings(
        preset=arguments.preset or file.preset or DEFAULT_PRESET,
        modalities=arguments.modalities or file.modalities or DEFAULT_MODALITIES,
        model={**file.model, **model},
        training={**file.training, **given_flags(TrainingConfig, arguments)},
    )


def _tell_of_other_data(arguments: argparse.Namespace, file: GivenSettings) -> None:
    data: Path | None = getattr(arguments, "data_dir", None)
    if file.data_sha256 is None or data is None or not data.is_file():
        return
    if sha256(data) != file.data_sha256:
        logger.warning(
            "the settings of %s were found on another dialogue file than %s: what was best there "
            "need not be here",
            arguments.config,
            data,
        )


def read_recipe(arguments: argparse.Namespace) -> Recipe:
    """Return the recipe that the options name.

    Raises:
        InputError: a value is out of range or belongs to another preset.
    """
    return recipe_of(given_settings(arguments), {})


def read_seeds(arguments: argparse.Namespace) -> list[int]:
    """Return the seeds that the options name.

    Raises:
        InputError: none, or one that is out of range.
    """
    if arguments.seeds < 1:
        raise InputError(f"--seeds is {arguments.seeds}; train at least one")
    if not 0 <= arguments.seed < 2**32 - arguments.seeds:
        raise InputError(f"--seed is {arguments.seed}; it must be at least 0 and below 2**32")
    return list(range(arguments.seed, arguments.seed + arguments.seeds))
