"""Search for better settings of stage 3 by cross-validation; test dialogues are never seen.

python graph_er/tune.py --data_dir data/demo_features.pkl --trials 50
"""

from __future__ import annotations

import argparse
import logging
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if not __package__:  # run as a file: put the repository root, not this folder, on the path
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from graph_er.data_option import add_data_options, read_data
from graph_er.errors import InputError
from graph_er.running.cli import add_device_option, run_command
from graph_er.running.geometric import import_geometric
from graph_er.running.paths import keep_inputs, project_root
from graph_er.running.sole_writer import sole_writer
from graph_er.running.tracking import add_comet_option
from graph_er.training.recipe_options import (
    add_recipe_options,
    add_seed_options,
    given_settings,
    read_seeds,
)
from graph_er.validation.folds_option import add_folds_option
from graph_er.validation.tune_space import SPACES, Space

if TYPE_CHECKING:
    import optuna

    from graph_er.dialogues import DialogueFile
    from graph_er.running.tracking import Tracker
    from graph_er.training.recipe import GivenSettings
    from graph_er.validation.folds import Fold
    from graph_er.validation.search import Search

logger = logging.getLogger(__name__)

_BEST, _TRIALS, _PICTURE = "best.json", "trials.json", "search.png"


def build_parser() -> argparse.ArgumentParser:
    """Return the command line of the search."""
    parser = argparse.ArgumentParser(prog="graph-er-tune", description=__doc__.splitlines()[0])
    add_data_options(parser)
    add_folds_option(parser, unless="; the dev side where the extractor was trained on them")
    parser.add_argument(
        "--trials", type=int, default=50, help="trials in all, resumed ones included (default: 50)"
    )
    parser.add_argument(
        "--timeout", type=float, metavar="SECONDS", help="begin no trial after this time"
    )
    parser.add_argument(
        "--only",
        nargs="+",
        metavar="FIELD",
        help="search these fields alone (default: all of the preset that no flag fixes)",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: runs/tune_<modalities>")
    add_seed_options(parser, seeds=2)
    add_device_option(parser)
    add_comet_option(parser, "search")
    add_recipe_options(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Run the search, or what is left of it, and write its best settings, trials and picture."""
    arguments = build_parser().parse_args(argv)
    for option in ("trials", "timeout"):
        value = getattr(arguments, option)
        if value is not None and not value > 0:
            raise InputError(f"--{option} is {value}; it must be above 0")
    seeds, settings = read_seeds(arguments), given_settings(arguments)
    space = _space(settings, arguments.only)
    out = arguments.out or project_root() / "runs" / f"tune_{settings.modalities}"
    written = [out / name for name in (_BEST, _TRIALS, _PICTURE)]
    inputs = [("--data_dir", arguments.data_dir), ("--config", arguments.config)]
    keep_inputs("--out", out, written, inputs)
    file = read_data(arguments)
    import_geometric()  # after parsing: it takes seconds, as torch does
    from graph_er.networks.spec import spec_of
    from graph_er.running.device import choose_device
    from graph_er.running.run_record import describe_data
    from graph_er.running.tracking import require_tracking, start_tracking
    from graph_er.validation.folds import without_test
    from graph_er.validation.search import Search, open_study

    require_tracking(arguments.comet)
    file = without_test(file)
    folds = _folds(file, arguments.folds)
    device = choose_device(arguments.device)
    search = Search(file, folds, settings, space, seeds, device)
    recipe = search.recipe({})
    spec_of(file, file.dialogues, recipe.modalities, recipe.model)
    data = describe_data(arguments.data_dir)
    with sole_writer(out):  # what another search has begun is not to be taken for broken off
        study = open_study(out, search, data)
        tracker = start_tracking(arguments.comet, name=out.name, folder=out / "comet")
        try:
            tracker.log_parameters(search.plain(data))
            _run(search, study, tracker, data, out, arguments)
        finally:  # what a search that fails has recorded is kept
            tracker.end()


def _space(settings: GivenSettings, only: Sequence[str] | None) -> Space:
    assert settings.preset is not None  # `given_settings` names the default one
    space = SPACES[settings.preset]
    unknown = [name for name in only or () if name not in space]
    if unknown:
        raise InputError(
            f"--only {unknown[0]}: not in the search space of preset '{settings.preset}', which "
            f"has {', '.join(space)}"
        )
    fixed = {**settings.model, **settings.training}
    if clash := [name for name in only or () if name in fixed]:
        raise InputError(
            f"--only {clash[0]}: a flag or the file of --config fixes it; leave it out of one"
        )
    return {name: space[name] for name in only or space if name not in fixed}


def _folds(file: DialogueFile, count: int | None) -> Sequence[Fold]:
    from graph_er.report.folds import extractor_note
    from graph_er.validation.folds import (
        FEWEST_SESSIONS,
        dev_fold,
        extractor_trained_on,
        session_folds,
        sessions_of,
    )

    if count is None and len(set(sessions_of(file).values())) < FEWEST_SESSIONS:
        logger.warning(
            "fewer than %d sessions in train and dev: each trial is scored on the dev side alone",
            FEWEST_SESSIONS,
        )
        return [dev_fold(file)]
    seen = extractor_trained_on(file, file.dialogues)
    if seen and count is None and file.dev_ids:
        logger.warning(
            "each trial is scored on the dev side alone; --folds takes sessions of train, too. %s",
            extractor_note(seen),
        )
        return [dev_fold(file)]
    if seen:
        logger.warning("%s", extractor_note(seen))
    return session_folds(file, count)


def _check_command(search: Search, arguments: argparse.Namespace, best: Path) -> str:
    """Return the command that scores the best settings on what they were searched on."""
    by_session = len(search.folds) > 1
    command = "graph_er/crossval.py" if by_session else "graph_er/train.py"
    options = {
        "config": best,
        "data_dir": arguments.data_dir,
        "dataset": arguments.dataset,
        "folds": ("sessions" if arguments.folds == 0 else arguments.folds) if by_session else None,
        "seed": search.seeds[-1] + 1,
        "seeds": len(search.seeds),
        "out": None if by_session else best.with_name("trained"),  # else a model is written over
    }
    given = [(f"--{name}", str(value)) for name, value in options.items() if value is not None]
    return shlex.join(["python", command, *(word for option in given for word in option)])


def _run(
    search: Search,
    study: optuna.Study,
    tracker: Tracker,
    data: dict[str, str],
    out: Path,
    arguments: argparse.Namespace,
) -> None:
    from graph_er.report.canvas import write_png
    from graph_er.report.search import search_figure, search_text
    from graph_er.running.files import write_json
    from graph_er.validation.search import best_settings, plain_trials, run_search

    def on_trial(trial: Any) -> None:
        best = best_settings(search, study, data)
        write_json(out / _BEST, best)  # each time, for a search that is stopped
        write_json(out / _TRIALS, plain_trials(study))
        if trial.value is not None:
            scores = {"score": trial.value, "best": best["score"]}
            tracker.log_metrics({**scores, **_numbers(trial.params)}, step=trial.number)

    run_search(search, study, trials=arguments.trials, timeout=arguments.timeout, on_trial=on_trial)
    best = best_settings(search, study, data)
    write_png(out / _PICTURE, search_figure(plain_trials(study), best))
    path = out / _BEST
    print(search_text(best, search.defaults(), path, _check_command(search, arguments, path)))
    logger.info("wrote %s", out)


def _numbers(values: dict[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items()}


def cli() -> int:
    """Entry point of the installed command."""
    return run_command(main)


if __name__ == "__main__":
    sys.exit(cli())
