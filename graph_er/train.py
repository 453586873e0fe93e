"""Stage 3: train the contextual graph network on a dialogue file.

python graph_er/train.py --modalities at

In several processes, which share every step's dialogues, on the CPU or on a GPU each:

torchrun --nproc_per_node 2 graph_er/train.py --modalities at
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if not __package__:  # run as a file: put the repository root, not this folder, on the path
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from graph_er.data_option import add_data_options, read_data
from graph_er.errors import InputError
from graph_er.running import processes
from graph_er.running.cli import add_device_option, run_command
from graph_er.running.geometric import import_geometric
from graph_er.running.paths import CHECKPOINT_NAME, keep_inputs, project_root
from graph_er.running.run_record import RECORD_NAME
from graph_er.running.tracking import add_comet_option
from graph_er.scoring.evaluation_files import EVALUATION_NAME, evaluation_outputs
from graph_er.training.recipe_options import (
    add_jobs_option,
    add_recipe_options,
    add_seed_options,
    read_jobs,
    read_recipe,
    read_seeds,
)

if TYPE_CHECKING:
    from graph_er.dialogues import DialogueFile
    from graph_er.training.experiment import Run


def build_parser() -> argparse.ArgumentParser:
    """Return the command line of stage 3's training."""
    parser = argparse.ArgumentParser(prog="graph-er-train", description=__doc__.splitlines()[0])
    add_data_options(parser)
    parser.add_argument("--tag", help="name of the run (default: graph_<modalities>)")
    parser.add_argument(
        "--out", type=Path, help="checkpoint folder (default: model_checkpoints/<tag>)"
    )
    add_seed_options(parser, seeds=1)
    add_jobs_option(parser, of="seeds and, where it can be, the two fits of each,")
    add_device_option(parser)
    add_comet_option(parser)
    add_recipe_options(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Train, print a line per seed, and write ``model.pt`` and ``run.json``."""
    started = time.monotonic()
    with processes.one_voice():
        arguments = build_parser().parse_args(argv)
    with processes.joined(arguments.device):
        file, run = processes.agreed(lambda: _prepared(arguments, started))
        from graph_er.training.experiment import run_training

        run_training(file, run)


def _prepared(arguments: argparse.Namespace, started: float) -> tuple[DialogueFile, Run]:
    seeds, recipe, jobs = read_seeds(arguments), read_recipe(arguments), read_jobs(arguments)
    if arguments.tag and (arguments.tag in (".", "..") or {"/", "\\"} & {*arguments.tag}):
        raise InputError(f"--tag is {arguments.tag!r}; it is a name, name a folder with --out")
    tag = arguments.tag or f"graph_{recipe.modalities}"
    out = arguments.out or project_root() / "model_checkpoints" / tag
    written = [out / CHECKPOINT_NAME, out / RECORD_NAME]
    written += evaluation_outputs(out / EVALUATION_NAME)
    inputs = [("--data_dir", arguments.data_dir), ("--config", arguments.config)]
    keep_inputs("--out", out, written, inputs)
    file = read_data(arguments)
    import_geometric()
    from graph_er.training.experiment import Run  # after parsing: torch takes seconds to import

    run = Run(
        modalities=recipe.modalities,
        model=recipe.model,
        training=recipe.training,
        seeds=seeds,
        out=out,
        tag=tag,
        data=arguments.data_dir,
        device=arguments.device,
        comet=arguments.comet,
        started=started,
        jobs=jobs,
    )
    return file, run


def cli() -> int:
    """Entry point of the installed command."""
    return run_command(main)


if __name__ == "__main__":
    sys.exit(cli())
