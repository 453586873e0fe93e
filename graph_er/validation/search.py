"""Hyper-parameter search: a study on disk that goes on where it was stopped, and its trials."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, Trial, TrialState
from tqdm import tqdm

from graph_er.dialogues import DialogueFile
from graph_er.errors import InputError
from graph_er.networks.config import BEFORE_OPTIONS, WITHOUT_TEXT, ContextualConfig
from graph_er.running.files import disk_errors_named
from graph_er.training.one_seed import OnEpoch
from graph_er.training.recipe import GivenSettings, Recipe, recipe_of
from graph_er.validation.cross_validation import run_fold
from graph_er.validation.folds import Fold
from graph_er.validation.search_journal import JOURNAL_NAME, open_journal
from graph_er.validation.tune_space import Choice, Space, plain_space

logger = logging.getLogger(__name__)

_FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)
_DEFAULTS = "defaults"
_SHOWN = 80  # letters of a value in a message
# Options whose defaults depend on the modalities, as they were before.
_BY_MODALITIES = {
    name: BEFORE_OPTIONS.get(name, getattr(ContextualConfig, name)) for name in WITHOUT_TEXT
}


@dataclass(frozen=True)
class Search:
    """What is searched, and on what.

    Attributes:
        file: the dialogue file, without test dialogues.
        folds: what each trial is scored on.
        settings: what the user fixed.
        space: where the other fields may lie.
        seeds: of the models of each fold; their scores are averaged.
        device: ``cpu`` or a CUDA device.
    """

    file: DialogueFile
    folds: Sequence[Fold]
    settings: GivenSettings
    space: Space
    seeds: Sequence[int]
    device: str

    def __post_init__(self) -> None:
        """Check that nothing of test can enter, and that there is something to search."""
        if self.file.test_ids:
            raise ValueError("a search must not be given test dialogues")
        if not self.space:
            raise InputError(
                "every field of the search space is fixed by flags or the file of --config; leave "
                "some out"
            )

    def recipe(self, values: dict[str, Any]) -> Recipe:
        """Return the recipe of some values of the space."""
        return recipe_of(self.settings, values)

    def defaults(self) -> dict[str, Any]:
        """Return the values that the space's fields have without a search."""
        recipe = self.recipe({}).plain()
        known = {**recipe["model"], **recipe["training"]}
        return {name: known[name] for name in self.space}

    def plain(self, data: dict[str, str]) -> dict[str, Any]:
        """Return what must be alike for a search to be gone on with, plain values."""
        model, taken = self.recipe({}).model, {}
        if isinstance(model, ContextualConfig):
            names = (name for name in _BY_MODALITIES if name not in self.space)
            taken = {name: getattr(model, name) for name in names}
        return {
            "data": data["sha256"],
            "preset": self.settings.preset,
            "modalities": self.settings.modalities,
            # Earlier releases had other defaults.
            "fixed": {**taken, **self.settings.model, **self.settings.training},
            "space": plain_space(self.space),
            "folds": [fold.name for fold in self.folds],
            "seeds": list(self.seeds),
        }


def open_study(out: Path, search: Search, data: dict[str, str]) -> optuna.Study:
    """Make the study of a search in folder `out`, or open the one that was stopped there.

    The defaults are its first trial, so that the best one is never worse than they on the folds.
    Whoever calls this has the folder to itself (`sole_writer`).

    Raises:
        InputError: the folder holds a search of something else; the message says what differs.
            Or its journal is none, or another search goes on with it at the same time.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # below, a refusal is told twice
    out.mkdir(parents=True, exist_ok=True)
    storage = open_journal(out)
    pruner = optuna.pruners.MedianPruner()
    study = optuna.create_study(
        study_name="search",
        storage=storage,
        pruner=pruner,
        direction="maximize",
        load_if_exists=True,
    )
    settings = search.plain(data)
    known = study.user_attrs.get("settings", settings)
    if unlike := _differences(known, settings):
        raise InputError(
            f"{out} holds a search of something else ({'; '.join(unlike)}); repeat its options to "
            "go on, or name another folder with --out"
        )
    study.set_user_attr("settings", settings)
    with _others_told():
        for trial in study.get_trials(states=(TrialState.RUNNING,)):  # of a search that was killed
            study.tell(trial.number, state=TrialState.FAIL)
    alive = study.get_trials(states=(*_FINISHED, TrialState.WAITING))
    if not any(trial.user_attrs.get(_DEFAULTS) for trial in alive):
        study.enqueue_trial(search.defaults(), user_attrs={_DEFAULTS: True})
    return study


@contextmanager
def _others_told() -> Iterator[None]:
    """Tell it where another search ended a trial of ours: the folder is locked on one machine."""
    try:
        yield
    except (ValueError, UpdateFinishedTrialError) as error:
        theirs = isinstance(error, UpdateFinishedTrialError) or str(error).startswith("Cannot tell")
        if not theirs:
            raise
        raise InputError(
            "another search writes to the same --out, perhaps from another machine; let one of "
            "them end, or choose another --out"
        ) from error


def _differences(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Return what differs between what is searched, one readable clause each."""
    # Options stand in a dictionary of their own.
    options = [dict(known.get("fixed", {})) for known in (before, now)]
    contextual = "audio_level" in options[1]  # preset cogmen has other defaults, or none
    for name, default in _BY_MODALITIES.items():
        if contextual and name in options[1]:  # and not before: a search of an earlier release
            options[0].setdefault(name, default)
    pairs = [(name, before.get(name), now[name]) for name in now if name != "fixed"]
    for name in dict.fromkeys([*options[0], *options[1]]):
        pairs.append((name, *(given.get(name, "not given") for given in options)))
    return [
        f"{name} was {str(was)[:_SHOWN]}, is {str(is_now)[:_SHOWN]}"
        for name, was, is_now in pairs
        if was != is_now
    ]


def finished_trials(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials that ended by themselves, pruned ones included."""
    return study.get_trials(states=_FINISHED)


def objective(search: Search, trial: Trial, watch: Callable[[int, int], OnEpoch]) -> float:
    """Score one trial: weighted F1, mean over seeds and folds; give up where it falls behind.

    Args:
        search: what is searched.
        trial: Optuna's, which draws the values.
        watch: called with the number of the fold and the seed before each fit.
    """
    values = {name: _draw(trial, name, search.space) for name in search.space}
    defaults = trial.user_attrs.get(_DEFAULTS)
    scores: list[float] = []
    try:
        recipe = search.recipe(values)
        for number, fold in enumerate(search.folds):
            result = run_fold(
                search.file,
                fold,
                recipe,
                search.seeds,
                device=search.device,
                watch=partial(watch, number),
            )
            scores.append(result.weighted_f1(search.file))
            trial.report(float(np.mean(scores)), number)
            last = number + 1 == len(search.folds)
            if not last and not defaults and trial.should_prune():
                raise optuna.TrialPruned
    except InputError as error:
        if defaults:
            raise
        logger.warning("trial %d cannot be trained: %s", trial.number, error)
        raise optuna.TrialPruned from error
    trial.set_user_attr("folds", scores)
    return float(np.mean(scores))


def run_search(
    search: Search,
    study: optuna.Study,
    *,
    trials: int,
    timeout: float | None,
    on_trial: Callable[[FrozenTrial], None],
) -> None:
    """Run what is left of a search behind a progress bar.

    Args:
        search: what is searched.
        study: from `open_study`.
        trials: how many finished trials there are to be in all.
        timeout: seconds after which no trial is begun but the first.
        on_trial: called after each.

    Raises:
        InputError: another search goes on with it at the same time.
        OSError: there is no room for the journal; it can be gone on with.
    """
    done = len(finished_trials(study))
    with tqdm(total=max(trials, done), initial=done, unit="trial") as bar:

        def watch(number: int, seed: int) -> OnEpoch:
            bar.set_description(f"fold {number + 1}/{len(search.folds)}, seed {seed}")
            return lambda report: None

        def after(_: optuna.Study, trial: FrozenTrial) -> None:
            bar.update()
            bar.set_postfix(best=f"{study.best_value:.4f}")
            on_trial(trial)

        end = math.inf if timeout is None else time.monotonic() + timeout
        while done < trials and (done == 0 or time.monotonic() < end):
            # What is drawn depends on the trials that are finished alone: a search that was
            # stopped goes on as it would have.
            seed = (search.seeds[0] + done) % 2**32
            study.sampler = optuna.samplers.TPESampler(seed=seed)
            # Optuna answers a journal that is full with an assertion of its own.
            with disk_errors_named(Path(JOURNAL_NAME)), _others_told():
                study.optimize(
                    lambda trial: objective(search, trial, watch), n_trials=1, callbacks=[after]
                )
            done = len(finished_trials(study))


def best_settings(search: Search, study: optuna.Study, data: dict[str, str]) -> dict[str, Any]:
    """Return the best trial as a file for ``--config``, with what is to be known of it."""
    finished, best = finished_trials(study), study.best_trial
    defaults = next(trial for trial in finished if trial.user_attrs.get(_DEFAULTS))
    return {
        **search.recipe(best.params).plain(),
        "score": best.value,
        "score_of_defaults": defaults.value,
        "trials": len(finished),
        "trial": 1 + [trial.number for trial in finished].index(best.number),
        "folds": best.user_attrs["folds"],
        "seeds": list(search.seeds),
        "data": data,
    }


def plain_trials(study: optuna.Study) -> list[dict[str, Any]]:
    """Return every finished trial: ``number`` from 1, ``pruned``, ``score`` so far, ``values``."""
    return [
        {
            "number": number,
            "pruned": trial.state == TrialState.PRUNED,
            "score": None if (last := trial.last_step) is None else trial.intermediate_values[last],
            "values": trial.params,
        }
        for number, trial in enumerate(finished_trials(study), start=1)
    ]


def _draw(trial: Trial, name: str, space: Space) -> Any:
    kind = space[name]
    if isinstance(kind, Choice):
        return trial.suggest_categorical(name, list(kind.values))
    if isinstance(kind.low, int) and isinstance(kind.high, int):
        return trial.suggest_int(name, kind.low, kind.high, log=kind.log)
    return trial.suggest_float(name, kind.low, kind.high, log=kind.log)
