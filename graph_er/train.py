"""Stage 3: train the contextual graph network on a dialogue file.

python graph_er/train.py --modalities at
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

if not __package__:  # run as a file: put the repository root, not this folder, on the path
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from graph_er.cli import run_command
from graph_er.config import PRESETS, ModelConfig, TrainingConfig
from graph_er.data_option import add_data_options, read_data
from graph_er.errors import InputError
from graph_er.flags import add_flags, from_flags
from graph_er.paths import project_root
from graph_er.tracking import MODES

MODALITY_CHOICES = ("a", "t", "at", "v", "av", "tv", "atv")


def build_parser() -> argparse.ArgumentParser:
    """Return the command line of stage 3's training."""
    parser = argparse.ArgumentParser(prog="graph-er-train", description=__doc__.splitlines()[0])
    parser.add_argument("--modalities", choices=MODALITY_CHOICES, default="at")
    add_data_options(parser)
    parser.add_argument("--tag", help="name of the run (default: graph_<modalities>)")
    parser.add_argument(
        "--out", type=Path, help="checkpoint folder (default: model_checkpoints/<tag>)"
    )
    parser.add_argument("--preset", choices=sorted(PRESETS), default="default")
    parser.add_argument("--seed", type=int, default=1, help="the first seed (default: 1)")
    parser.add_argument(
        "--seeds", type=int, default=1, help="how many seeds to train, counting up (default: 1)"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (default: auto)")
    parser.add_argument("--comet", choices=MODES, default="off", help="experiment tracking")
    add_flags(parser, ModelConfig, title="model (defaults of preset 'default')")
    add_flags(parser, TrainingConfig, title="training (defaults of preset 'default')")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Train, print a line per seed, and write ``model.pt`` and ``run.json``."""
    arguments = build_parser().parse_args(argv)
    if arguments.seeds < 1:
        raise InputError(f"--seeds is {arguments.seeds}; train at least one")
    if not 0 <= arguments.seed < 2**32 - arguments.seeds:
        raise InputError(f"--seed is {arguments.seed}; it must be at least 0 and below 2**32")
    file = read_data(arguments)
    from graph_er.experiment import run_training  # after parsing: torch takes seconds to import

    tag = arguments.tag or f"graph_{arguments.modalities}"
    preset = PRESETS[arguments.preset]
    model_config = from_flags(ModelConfig, arguments, **_fields_of(ModelConfig, preset))
    training_config = from_flags(TrainingConfig, arguments, **_fields_of(TrainingConfig, preset))
    run_training(
        file,
        modalities=arguments.modalities,
        model_config=model_config,
        training_config=training_config,
        seeds=list(range(arguments.seed, arguments.seed + arguments.seeds)),
        out=arguments.out or project_root() / "model_checkpoints" / tag,
        tag=tag,
        data_path=arguments.data_dir,
        device=arguments.device,
        comet=arguments.comet,
        started=time.time(),
    )


def cli() -> int:
    """Entry point of the installed command."""
    return run_command(main)


def _fields_of(config: type, values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in asdict(config())}


if __name__ == "__main__":
    sys.exit(cli())
