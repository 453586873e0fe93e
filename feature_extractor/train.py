"""Stage 1: train the utterance classifier whose vectors the graph is built on."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if not __package__:  # run as a file: put the repository root, not this folder, on the path
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from feature_extractor.options import (
    add_corpus_options,
    add_split_options,
    corpus_choice,
)
from feature_extractor.settings import (
    FUSION_PRESETS,
    MODALITY_CHOICES,
    PRESETS,
    ModelSettings,
    TrainingSettings,
)
from graph_er.errors import InputError
from graph_er.running.cli import add_device_option, run_command
from graph_er.running.flags import add_flags, from_flags
from graph_er.running.paths import project_root
from graph_er.running.processes import one_voice
from graph_er.running.tracking import add_comet_option

if TYPE_CHECKING:
    from feature_extractor.training.preparation import Run

_OLDER_NAMES = {"audio": "a", "text": "t", "both": "at"}


def build_parser() -> argparse.ArgumentParser:
    """Return the command line of stage 1."""
    demo = ", ".join(f"{name} {value}" for name, value in PRESETS["demo"].items())
    parser = argparse.ArgumentParser(
        prog="feature-extractor-train",
        description="Stage 1: train the utterance classifier on speech and transcripts.",
        epilog=f"--corpus demo has other defaults: {demo}. Several GPUs, or processes: torchrun "
        "--nproc_per_node N feature_extractor/train.py ..., or accelerate launch; --batch_size is "
        "that of each process, so that N of them take N times as many utterances per step, and "
        "--out is a folder that all of them see.",
    )
    add_corpus_options(parser)
    add_split_options(parser, default="the corpus's own, in folds the first")
    parser.add_argument(
        "--modalities",
        "--using_model",
        type=lambda name: _OLDER_NAMES.get(name, name),
        choices=MODALITY_CHOICES,
        default="at",
        help="a audio, t text, at both; the older names audio, text, both are taken as well "
        "(default: at)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        help="checkpoint folder (default: model_checkpoints/stage1_<corpus>_<modalities>, of "
        "another fusion model with its name in place of stage1)",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of every draw (default: 0)")
    add_device_option(parser)
    held = parser.add_mutually_exclusive_group()
    held.add_argument("--resume", action="store_true", help="go on with an interrupted run")
    held.add_argument(
        "--overwrite", action="store_true", help="replace the run that --out holds already"
    )
    add_comet_option(parser)
    parser.add_argument(
        "--fusion_options",
        type=_option,
        nargs="+",
        metavar="KEY=VALUE",
        default=argparse.SUPPRESS,
        help="options of the fusion model; docs/fusions.md lists them",
    )
    parser.add_argument(
        "--cache_dir",
        type=Path,
        help="where states of wholly frozen encoders are kept (default: data/cache)",
    )
    add_flags(parser, ModelSettings, title="model")
    add_flags(parser, TrainingSettings, title="training")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Train and save a checkpoint folder."""
    with one_voice():
        run, model_settings, settings = _read(argv)
        _refuse_idle(model_settings, run.modalities)
    from feature_extractor.training.stage1 import run_stage1

    run_stage1(run, model_settings, settings, tell=print)


def _read(argv: Sequence[str] | None) -> tuple[Run, ModelSettings, TrainingSettings]:
    """Return what the command line asks for; raises as the settings do."""
    arguments = build_parser().parse_args(argv)
    if "fusion_options" in arguments:
        arguments.fusion_options = dict(arguments.fusion_options)
    preset = PRESETS.get(arguments.corpus, {})
    model_settings = from_flags(ModelSettings, arguments, **_of(ModelSettings, preset))
    fusion_preset = FUSION_PRESETS.get(arguments.corpus, {}).get(model_settings.fusion, {})
    options = {**fusion_preset, **model_settings.fusion_options}
    model_settings = replace(model_settings, fusion_options=options)
    settings = from_flags(TrainingSettings, arguments, **_of(TrainingSettings, preset))
    fusion = "stage1" if model_settings.fusion == "concat" else model_settings.fusion
    name = f"{fusion}_{arguments.corpus}_{arguments.modalities}"
    from feature_extractor.training.preparation import Run

    run = Run(
        choice=corpus_choice(arguments),
        modalities=arguments.modalities,
        out=arguments.out or project_root() / "model_checkpoints" / name,
        seed=arguments.seed,
        device=arguments.device,
        comet=arguments.comet,
        resume=arguments.resume,
        overwrite=arguments.overwrite,
        cache_dir=arguments.cache_dir or project_root() / "data" / "cache",
    )
    return run, model_settings, settings


def _refuse_idle(settings: ModelSettings, modalities: str) -> None:
    """Refuse a context that nothing reads, and an option of earlier utterances without any.

    Raises:
        InputError: either, or an option or a value that the fusion model does not have.
    """
    from feature_extractor.fusion.registry import FUSIONS, chosen_options, reads_apart

    fusion, given, context = settings.fusion, settings.fusion_options, settings.context
    options = chosen_options(fusion, given, mfcc=False, context=context > 0)
    for name in FUSIONS[fusion].on_context:
        if options.get(name) and not context:
            raise InputError(
                f"--fusion_options {name}={given[name]} of --fusion {fusion} is about earlier "
                f"utterances, and --context is 0; give --context 4, or leave {name} out"
            )
    if context and "t" not in modalities and "a" not in reads_apart(fusion, options):
        chosen = {name: chosen_options(name, {}, mfcc=False, context=True) for name in FUSIONS}
        hearing = [name for name in FUSIONS if "a" in reads_apart(name, chosen[name])]
        raise InputError(
            f"--context is {context}, but --fusion {fusion} with these options hears no earlier "
            f"utterances, and --modalities {modalities} reads no texts; leave --context out, or "
            f"take --fusion {' or '.join(hearing)}"
        )


def _option(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form KEY=VALUE")
    return key, value


def _of(config: Any, preset: dict[str, object]) -> dict[str, object]:
    names = {field.name for field in fields(config)}
    return {name: value for name, value in preset.items() if name in names}


def cli() -> int:
    """Run as a console command."""
    return run_command(main)


if __name__ == "__main__":
    sys.exit(cli())
