"""Stage 3: train the contextual graph network on a dialogue file.

python graph_er/train.py --modalities at
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

if not __package__:  # run as a file: put the repository root, not this folder, on the path
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from graph_er.cli import run_command
from graph_er.data_option import add_data_options, read_data
from graph_er.errors import InputError
from graph_er.paths import project_root
from graph_er.recipe_options import add_recipe_options, add_seed_options, read_recipe, read_seeds
from graph_er.tracking import MODES


def build_parser() -> argparse.ArgumentParser:
    """Return the command line of stage 3's training."""
    parser = argparse.ArgumentParser(prog="graph-er-train", description=__doc__.splitlines()[0])
    add_data_options(parser)
    parser.add_argument("--tag", help="name of the run (default: graph_<modalities>)")
    parser.add_argument(
        "--out", type=Path, help="checkpoint folder (default: model_checkpoints/<tag>)"
    )
    add_seed_options(parser, seeds=1)
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (default: auto)")
    parser.add_argument("--comet", choices=MODES, default="off", help="experiment tracking")
    add_recipe_options(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Train, print a line per seed, and write ``model.pt`` and ``run.json``."""
    arguments = build_parser().parse_args(argv)
    seeds, recipe = read_seeds(arguments), read_recipe(arguments)
    if arguments.tag and (arguments.tag in (".", "..") or {"/", "\\"} & {*arguments.tag}):
        raise InputError(f"--tag is {arguments.tag!r}; it is a name, name a folder with --out")
    file = read_data(arguments)
    from graph_er.experiment import Run, run_training  # after parsing: torch takes seconds

    tag = arguments.tag or f"graph_{recipe.modalities}"
    run = Run(
        modalities=recipe.modalities,
        model=recipe.model,
        training=recipe.training,
        seeds=seeds,
        out=arguments.out or project_root() / "model_checkpoints" / tag,
        tag=tag,
        data=arguments.data_dir,
        device=arguments.device,
        comet=arguments.comet,
        started=time.time(),
    )
    run_training(file, run)


def cli() -> int:
    """Entry point of the installed command."""
    return run_command(main)


if __name__ == "__main__":
    sys.exit(cli())
