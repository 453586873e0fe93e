"""Running trials side by side in several processes, and keeping what is finished."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from feature_extractor.fusion.base import needed
from feature_extractor.fusion_study.budget import Budget
from feature_extractor.fusion_study.ground import Ground, GroundChoice
from feature_extractor.fusion_study.plan import Trial
from feature_extractor.fusion_study.trials import run_trial
from feature_extractor.sources import say_nothing
from graph_er.errors import InputError
from graph_er.running.files import atomic_path, sha256, write_json
from graph_er.running.paths import project_root

_LANE = {"TQDM_DISABLE": "1", "OMP_NUM_THREADS": "1"}
_PACKAGES = ("feature_extractor", "graph_er")
# Rooms that draw what was found, and change nothing of it.
_DRAWING = {"report", "web"}
_ground: Ground | None = None


@dataclass(frozen=True)
class Results:
    """Where finished trials are kept: a JSON and an array of probabilities each.

    Attributes:
        folder: where.
        identity: what a result depends on besides its trial; of another one it is made anew.
    """

    folder: Path
    identity: str

    def load(self, trial: Trial) -> tuple[dict[str, Any], np.ndarray] | None:
        """Return a finished trial's scores and probabilities ``[N, C]``, or None."""
        try:
            record = json.loads(self._path(trial, ".json").read_text(encoding="utf-8"))
            if record["identity"] != self.identity:
                return None
            # It may be damaged, or of another study that was killed before it wrote its record.
            array = self._path(trial, ".npy")
            if record["probabilities_sha256"] != sha256(array):
                return None
            return record, np.load(array, allow_pickle=False)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def finished(self, trial: Trial) -> tuple[dict[str, Any], np.ndarray]:
        """Return what `load` does.

        Raises:
            InputError: it is gone, or of another study.
        """
        found = self.load(trial)
        if found is None:
            path = self._path(trial, ".json")
            raise InputError(f"{path}: the trial's result is gone; run the command again")
        return found

    def save(self, trial: Trial, record: dict[str, Any], probabilities: np.ndarray) -> None:
        """Keep a finished trial; its JSON is written last."""
        array = self._path(trial, ".npy")
        with atomic_path(array) as temporary:
            np.save(temporary, probabilities)
        kept = {"identity": self.identity, "probabilities_sha256": sha256(array), **record}
        write_json(self._path(trial, ".json"), kept)

    def _path(self, trial: Trial, suffix: str) -> Path:
        return self.folder / f"{trial.key}{suffix}"


def results_identity(ground: Ground, budget: Budget) -> str:
    """Return the SHA-256 of what all trials depend on: ground, budget, and the code of both."""
    # How many seeds there are changes none of them.
    settings = {name: value for name, value in budget.as_dict().items() if name != "seeds"}
    whole = hashlib.sha256(json.dumps([ground.identity, settings]).encode())
    for package in _PACKAGES:
        folder = project_root() / package
        for path in sorted(folder.rglob("*.py")):
            if path.relative_to(folder).parts[0] not in _DRAWING:
                whole.update(path.read_bytes())
    return whole.hexdigest()


def run_trials(
    trials: Sequence[Trial],
    pool: ProcessPoolExecutor,
    budget: Budget,
    results: Results,
    title: str,
) -> None:
    """Run those of `trials` that are not finished, in `lanes`; each is kept as it ends.

    A trial that ends in an `InputError`, such as a loss that is not finite, is kept as ``failed``.
    """
    wanted = [trial for trial in trials if results.load(trial) is None]
    done = len(trials) - len(wanted)
    with tqdm(total=len(trials), initial=done, desc=title, unit="run") as bar:
        futures = {pool.submit(_run, trial, budget): trial for trial in wanted}
        for future in as_completed(futures):
            results.save(futures[future], *future.result())
            bar.set_postfix_str(futures[future].condition.key)
            bar.update()


@contextmanager
def lanes(choice: GroundChoice, count: int) -> Iterator[ProcessPoolExecutor]:
    """Yield `count` processes that share no state; on an error those at work are killed.

    They inherit an environment in which they show no progress bars: there is one of all trials.

    Raises:
        InputError: the system lets no processes work side by side.
    """
    context = multiprocessing.get_context("spawn")
    try:
        pool = ProcessPoolExecutor(count, context, initializer=_open_ground, initargs=(choice,))
    except OSError as error:
        raise InputError(
            f"no processes can work side by side ({error.strerror}); on Linux they need a /dev/shm "
            "that can be written to"
        ) from error
    others = multiprocessing.active_children()
    before = {name: os.environ.get(name) for name in _LANE}
    os.environ.update(_LANE)
    try:
        yield pool
        pool.shutdown()
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        # Python waits for them when it ends, and they take up what is queued already.
        for lane in multiprocessing.active_children():
            if lane not in others:
                lane.kill()
        raise
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _open_ground(choice: GroundChoice) -> None:
    global _ground
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # One process per lane, one core each: more threads would only wait for each other.
    torch.set_num_threads(1)
    _ground = Ground(choice, tell=say_nothing)  # it was told once


def _end_with_parent() -> None:
    """End this process when the one that started it is gone, be it before this was called."""
    needed(multiprocessing.parent_process()).join()
    os._exit(1)


def _run(trial: Trial, budget: Budget) -> tuple[dict[str, Any], np.ndarray]:
    try:
        ground = needed(_ground)  # `_open_ground` has made it
        return run_trial(ground, trial, budget, ground.choice.execution.device)
    except InputError as error:
        # A rate that is too high for a model is no reason to end the comparison.
        return {"failed": str(error)}, np.zeros((0, 0))
