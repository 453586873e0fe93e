"""Cross-validate stage 3 by whole sessions.

python graph_er/crossval.py --data_dir data/demo_features.pkl --seeds 5
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if not __package__:  # run as a file: put the repository root, not this folder, on the path
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from graph_er.data_option import add_data_options, read_data
from graph_er.errors import InputError
from graph_er.running.cli import add_device_option, run_command
from graph_er.running.counted import counted
from graph_er.running.geometric import import_geometric
from graph_er.running.paths import keep_inputs, project_root
from graph_er.running.run_record import RECORD_NAME
from graph_er.running.sole_writer import sole_writer
from graph_er.scoring.evaluation_files import EVALUATION_NAME, evaluation_outputs
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
    from graph_er.validation.cross_validation import FoldResult
    from graph_er.validation.folds import Fold

logger = logging.getLogger(__name__)

_EPOCHS = "epochs.json"


@dataclass(frozen=True)
class _Plan:
    """What every cross-validation of a command shares: of what, with which seeds, how, where to."""

    file: DialogueFile
    folds: Sequence[Fold]
    seeds: list[int]
    out: Path
    device: str
    jobs: int
    threads: int

    def run(self, recipe: Recipe, title: str = "") -> list[FoldResult]:
        """Run all folds with a recipe."""
        from graph_er.validation.cross_validation import run_folds

        return run_folds(
            self.file,
            self.folds,
            recipe,
            self.seeds,
            device=self.device,
            title=title,
            jobs=self.jobs,
            threads=self.threads,
        )


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
    add_device_option(parser)
    add_recipe_options(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Train a model per fold and seed, print the tables, write predictions and scores."""
    arguments = build_parser().parse_args(argv)
    seeds, recipe, jobs = read_seeds(arguments), read_recipe(arguments), read_jobs(arguments)
    counts = _epoch_recipes(arguments.choose_epochs, recipe)
    out = arguments.out or project_root() / "runs" / f"crossval_{recipe.modalities}"
    written = [*evaluation_outputs(out / EVALUATION_NAME), out / _EPOCHS, out / RECORD_NAME]
    inputs = [("--data_dir", arguments.data_dir), ("--config", arguments.config)]
    keep_inputs("--out", out, written, inputs)
    file = read_data(arguments)
    import_geometric()  # after parsing: it takes seconds, as torch does
    import torch

    from graph_er.networks.spec import spec_of
    from graph_er.report.folds import extractor_note
    from graph_er.running.device import choose_device
    from graph_er.running.jobs import choose_jobs, threads_for
    from graph_er.validation.cross_evaluation import check_folder
    from graph_er.validation.folds import extractor_trained_on, session_folds, without_test

    file = file if arguments.with_test else without_test(file)
    folds = session_folds(file, arguments.folds)
    # What is lacking is told now, before anything is removed or trained.
    with torch.device("meta"):  # real weights might start threads, and folds are forked
        spec_of(file, file.dialogues, recipe.modalities, recipe.model).build(recipe.model)
    device = choose_device(arguments.device)
    jobs = choose_jobs(jobs, len(folds), device)
    check_folder(out)
    sizes = ", ".join(f"{fold.name} ({len(fold.test)})" for fold in folds)
    logger.info("%d folds of %d dialogues: %s", len(folds), len(file.dialogues), sizes)
    seen = extractor_trained_on(file, file.dialogues)
    if seen:
        logger.warning("%s", extractor_note(seen))
    with sole_writer(out), threads_for(jobs) as threads:
        plan = _Plan(file, folds, seeds, out, device, jobs, threads)
        if counts:
            _choose_epochs(plan, counts, seen)
        else:
            _cross_validate(plan, recipe, arguments.data_dir, with_test=arguments.with_test)


def _epoch_recipes(wanted: Sequence[int] | None, recipe: Recipe) -> dict[int, Recipe]:
    """Return the recipe of each count of ``--choose_epochs``, fewest epochs first."""
    counts = sorted(set(wanted or ()))
    if counts and recipe.training.select != "last":
        raise InputError("--choose_epochs needs --select last: else each run chooses its own epoch")
    return {n: replace(recipe, training=replace(recipe.training, epochs=n)) for n in counts}


def _cross_validate(plan: _Plan, recipe: Recipe, data_dir: Path, *, with_test: bool) -> None:
    from graph_er.report.evaluation_text import breakdown_text, controls_text
    from graph_er.report.folds import extractor_note, folds_text
    from graph_er.report.text import classification_report
    from graph_er.running.run_record import describe_data, write_run_record
    from graph_er.scoring.evaluation import write_evaluation
    from graph_er.validation.cross_evaluation import cross_evaluation, remove_earlier
    from graph_er.validation.cross_validation import pooled

    started, data = time.monotonic(), describe_data(data_dir)
    remove_earlier(plan.out)
    results = plan.run(recipe)
    evaluation = {
        **cross_evaluation(plan.file, results, plan.seeds),
        "modalities": recipe.modalities,
        "with_test": with_test,
        "data": data,
    }
    write_evaluation(plan.out / EVALUATION_NAME, evaluation, *pooled(plan.file, results))
    write_run_record(
        plan.out,
        config=recipe.plain(),
        seed=plan.seeds,
        metrics={evaluation["split"]: evaluation["over_folds"]},
        data=data,
        started=started,
        device=plan.device,
    )
    blocks = (folds_text, classification_report, controls_text, breakdown_text)
    texts = [*(block(evaluation) for block in blocks)]
    texts.append(extractor_note(evaluation["extractor_trained_on"]))
    print("\n\n".join(text for text in texts if text))
    logger.info("wrote %s", plan.out)


def _choose_epochs(plan: _Plan, recipes: dict[int, Recipe], seen: list[str]) -> None:
    from graph_er.report.folds import epochs_text, extractor_note
    from graph_er.running.files import write_json
    from graph_er.validation.epoch_choice import choose_epochs

    scores = {}
    for count, recipe in recipes.items():
        results = plan.run(recipe, title=f"{counted(count, 'epoch')}, ")
        scores[count] = [result.weighted_f1(plan.file) for result in results]
    choice = {**choose_epochs(scores), "fold_names": [fold.name for fold in plan.folds]}
    record = {**choice, "extractor_trained_on": seen, "seeds": plan.seeds}
    write_json(plan.out / _EPOCHS, {**record, "config": recipes[choice["chosen"]].plain()})
    print("\n\n".join(text for text in (epochs_text(choice), extractor_note(seen)) if text))


def cli() -> int:
    """Entry point of the installed command."""
    return run_command(main)


if __name__ == "__main__":
    sys.exit(cli())
