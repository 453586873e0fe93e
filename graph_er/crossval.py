"""Cross-validate stage 3 by whole sessions.

python graph_er/crossval.py --data_dir data/demo_features.pkl --seeds 5
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if not __package__:  # run as a file: put the repository root, not this folder, on the path
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from graph_er.data_option import add_data_options, read_data
from graph_er.errors import InputError
from graph_er.running.cli import run_command
from graph_er.running.paths import project_root
from graph_er.running.sole_writer import sole_writer
from graph_er.training.recipe_options import (
    add_jobs_option,
    add_recipe_options,
    add_seed_options,
    read_jobs,
    read_recipe,
    read_seeds,
)
from graph_er.validation.folds_option import add_folds_option

if TYPE_CHECKING:
    from graph_er.dialogues import DialogueFile
    from graph_er.training.recipe import Recipe
    from graph_er.validation.folds import Fold

logger = logging.getLogger(__name__)


def build_parser() -> argparse.ArgumentParser:
    """Return the command line of the cross-validation."""
    parser = argparse.ArgumentParser(prog="graph-er-crossval", description=__doc__.splitlines()[0])
    add_data_options(parser)
    add_folds_option(parser)
    parser.add_argument(
        "--all",
        action="store_true",
        dest="with_test",
        help="divide the file's test dialogues as well; without it they are left out",
    )
    parser.add_argument(
        "--choose_epochs",
        type=int,
        nargs="+",
        metavar="N",
        help="instead compare these epoch counts, each by a cross-validation of its own, name "
        "the one to take and write epochs.json",
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="default: runs/crossval_<modalities>"
    )
    add_seed_options(parser, seeds=1)
    add_jobs_option(parser, of="folds")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (default: auto)")
    add_recipe_options(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Train a model per fold and seed, print the tables, write predictions and scores."""
    arguments = build_parser().parse_args(argv)
    seeds, recipe, jobs = read_seeds(arguments), read_recipe(arguments), read_jobs(arguments)
    counts = _epoch_recipes(arguments, recipe)
    file = read_data(arguments)
    # After parsing: torch takes seconds.
    import torch

    from graph_er.networks.spec import spec_of
    from graph_er.running.device import choose_device
    from graph_er.running.jobs import choose_jobs, threads_for
    from graph_er.validation.cross_evaluation import check_folder
    from graph_er.validation.folds import session_folds, without_test

    file = file if arguments.with_test else without_test(file)
    folds = session_folds(file, arguments.folds)
    # What is lacking is told now, before anything is removed or trained.
    with torch.device("meta"):  # real weights might start threads, and folds are forked
        spec_of(file, file.dialogues, recipe.modalities, recipe.model).build(recipe.model)
    arguments.device = choose_device(arguments.device)
    arguments.jobs = choose_jobs(jobs, len(folds), arguments.device)
    arguments.out = arguments.out or project_root() / "runs" / f"crossval_{recipe.modalities}"
    check_folder(arguments.out)
    sizes = ", ".join(f"{fold.name} ({len(fold.test)})" for fold in folds)
    logger.info("%d folds of %d dialogues: %s", len(folds), len(file.dialogues), sizes)
    with sole_writer(arguments.out), threads_for(arguments.jobs) as threads:
        arguments.threads = threads
        if counts:
            _choose_epochs(arguments, file, folds, counts, seeds)
        else:
            _cross_validate(arguments, file, folds, recipe, seeds)


def _epoch_recipes(arguments: argparse.Namespace, recipe: Recipe) -> dict[int, Recipe]:
    """Return the recipe of each count of ``--choose_epochs``, fewest epochs first."""
    counts = sorted(set(arguments.choose_epochs or ()))
    if counts and recipe.training.select != "last":
        raise InputError("--choose_epochs needs --select last: else each run chooses its own epoch")
    return {n: replace(recipe, training=replace(recipe.training, epochs=n)) for n in counts}


def _cross_validate(
    arguments: argparse.Namespace,
    file: DialogueFile,
    folds: Sequence[Fold],
    recipe: Recipe,
    seeds: list[int],
) -> None:
    from graph_er.report.evaluation_text import breakdown_text, controls_text
    from graph_er.report.folds import folds_text
    from graph_er.report.text import classification_report
    from graph_er.running.run_record import describe_data, write_run_record
    from graph_er.validation.cross_evaluation import (
        cross_evaluation,
        remove_earlier,
        write_cross_evaluation,
    )
    from graph_er.validation.cross_validation import run_folds

    started, data = time.monotonic(), describe_data(arguments.data_dir)
    remove_earlier(arguments.out)
    results = run_folds(file, folds, recipe, seeds, **_how(arguments))
    evaluation = {
        **cross_evaluation(file, results, seeds),
        "modalities": recipe.modalities,
        "with_test": arguments.with_test,
        "data": data,
    }
    write_cross_evaluation(arguments.out, file, results, evaluation, seeds)
    write_run_record(
        arguments.out,
        config=recipe.plain(),
        seed=seeds,
        metrics={evaluation["split"]: evaluation["over_folds"]},
        data=data,
        started=started,
        device=arguments.device,
    )
    blocks = (folds_text, classification_report, controls_text, breakdown_text)
    print("\n\n".join(text for block in blocks if (text := block(evaluation))))
    logger.info("wrote %s", arguments.out)


def _choose_epochs(
    arguments: argparse.Namespace,
    file: DialogueFile,
    folds: Sequence[Fold],
    recipes: dict[int, Recipe],
    seeds: list[int],
) -> None:
    from graph_er.report.folds import epochs_text
    from graph_er.running.files import write_json
    from graph_er.validation.cross_validation import run_folds
    from graph_er.validation.epoch_choice import choose_epochs

    scores = {}
    for count, recipe in recipes.items():
        title = f"{count} epochs, "
        results = run_folds(file, folds, recipe, seeds, title=title, **_how(arguments))
        scores[count] = [result.weighted_f1(file) for result in results]
    choice = {**choose_epochs(scores), "fold_names": [fold.name for fold in folds]}
    write_json(arguments.out / "epochs.json", {**choice, "seeds": seeds, "config": recipe.plain()})
    print(epochs_text(choice))


def _how(arguments: argparse.Namespace) -> dict[str, Any]:
    return {"device": arguments.device, "jobs": arguments.jobs, "threads": arguments.threads}


def cli() -> int:
    """Entry point of the installed command."""
    return run_command(main)


if __name__ == "__main__":
    sys.exit(cli())
