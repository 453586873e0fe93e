"""Cross-validation: a graph model per fold and seed predicts the sessions that it never heard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from tqdm import tqdm

from graph_er.answers.prediction import evaluated_utterances, predict_probabilities
from graph_er.dialogues import DialogueFile
from graph_er.networks.spec import spec_of
from graph_er.running.jobs import do_jobs
from graph_er.running.side_by_side import Tell
from graph_er.scoring.evaluation import EvaluatedUtterances
from graph_er.scoring.scores import score
from graph_er.training.fit import EpochReport
from graph_er.training.one_seed import OnEpoch, finished, fit_seed, sides_of
from graph_er.training.recipe import Recipe
from graph_er.validation.folds import Fold


@dataclass(frozen=True)
class FoldResult:
    """A fold predicted.

    Attributes:
        fold: its dialogues.
        probabilities: of its test dialogues, ``[S, N, C]``, one slice per seed.
        epochs: the epoch that each seed's model was kept at.
        temperature, weight: chosen on its dev dialogues; see
            `graph_er.probabilities.finish.Finish`.
    """

    fold: Fold
    probabilities: np.ndarray
    epochs: list[int]
    temperature: float
    weight: float

    def weighted_f1(self, file: DialogueFile) -> float:
        """Return weighted F1 on the fold, mean over its seeds."""
        gold = np.concatenate([dialogue.labels for dialogue in self.fold.test])
        predicted = self.probabilities.argmax(axis=-1)
        scores = [score(gold, member, file.emotions)["weighted_f1"] for member in predicted]
        return float(np.mean(scores))


def run_fold(
    file: DialogueFile,
    fold: Fold,
    recipe: Recipe,
    seeds: Sequence[int],
    *,
    device: str,
    watch: Callable[[int], OnEpoch],
) -> FoldResult:
    """Train every seed on a fold's train and dev dialogues and predict its test dialogues.

    What a run chooses on dev is chosen on the fold's dev, by models that have not seen it, and
    with ``refit`` the models that predict are then trained on both, as in
    `graph_er.training.experiment`.

    Args:
        file: what the fold is of.
        fold: its sides.
        recipe: how the models are made.
        seeds: one model each.
        device: ``cpu`` or a CUDA device.
        watch: called with the seed before it is fitted; returns what is called after each epoch.
    """
    spec = spec_of(file, [*fold.train, *fold.dev], recipe.modalities, recipe.model)
    sides = sides_of(spec, recipe, fold.train, fold.dev)
    fits = [
        fit_seed(spec, recipe, sides, seed=seed, device=device, on_epoch=watch(seed))
        for seed in seeds
    ]
    members, on_dev = zip(*fits, strict=True)
    checkpoint = finished(spec, recipe, members, on_dev, fold.train, fold.dev)
    return FoldResult(
        fold=fold,
        probabilities=predict_probabilities(checkpoint, fold.test, device),
        epochs=[member["epoch"] for member in members],
        temperature=checkpoint.finish.temperature,
        weight=checkpoint.finish.weight,
    )


def run_folds(
    file: DialogueFile,
    folds: Sequence[Fold],
    recipe: Recipe,
    seeds: Sequence[int],
    *,
    device: str,
    title: str = "",
    jobs: int = 1,
    threads: int = 1,
) -> list[FoldResult]:
    """Run all folds behind one progress bar.

    Args:
        file: what the folds are of.
        folds: their sides.
        recipe: how the models are made.
        seeds: one model each, in every fold.
        device: ``cpu`` or a CUDA device.
        title: what the bar's name begins with.
        jobs: folds that are run side by side; several within `graph_er.running.jobs.threads_for`.
        threads: of each of several, as that gives.

    Returns:
        The folds predicted, in order.
    """
    with tqdm(total=len(folds) * len(seeds) * recipe.epochs_per_seed, unit="epoch") as bar:
        if jobs == 1:
            return _one_after_another(file, folds, recipe, seeds, device, title, bar)
        bar.set_description(f"{title}{len(folds)} folds")

        of_name = {f"fold {fold.name}": fold for fold in folds}

        def work(name: str, tell: Tell) -> tuple[Any, ...]:
            fold = of_name[name]
            result = run_fold(file, fold, recipe, seeds, device=device, watch=lambda seed: tell)
            # Its dialogues are known to the parent.
            return (result.probabilities, result.epochs, result.temperature, result.weight)

        def told(_report: EpochReport) -> None:
            bar.update()

        done = do_jobs(work, list(of_name), jobs=jobs, threads=threads, on_message=told)
        bar.total = bar.n  # a refit may take fewer epochs than were planned
    return [FoldResult(fold, *numbers) for fold, numbers in zip(folds, done, strict=True)]


def _one_after_another(
    file: DialogueFile,
    folds: Sequence[Fold],
    recipe: Recipe,
    seeds: Sequence[int],
    device: str,
    title: str,
    bar: tqdm,
) -> list[FoldResult]:
    results: list[FoldResult] = []

    def watch(seed: int) -> OnEpoch:
        # A refit may take fewer epochs than were planned: the bar goes on to the next fit.
        bar.n = (len(results) * len(seeds) + seeds.index(seed)) * recipe.epochs_per_seed
        bar.set_description(f"{title}fold {len(results) + 1}/{len(folds)}, seed {seed}")

        def step(_report: EpochReport) -> None:
            bar.update()

        return step

    for fold in folds:
        results.append(run_fold(file, fold, recipe, seeds, device=device, watch=watch))
    bar.n = len(folds) * len(seeds) * recipe.epochs_per_seed
    return results


def pooled(
    file: DialogueFile, results: Sequence[FoldResult]
) -> tuple[EvaluatedUtterances, np.ndarray]:
    """Return the predictions of all folds as those of one evaluation, in file order.

    Returns:
        The utterances, and their probabilities ``[S, N, C]``.
    """
    of_dialogue: dict[str, np.ndarray] = {}
    for result in results:
        ends = np.cumsum([len(dialogue) for dialogue in result.fold.test])
        parts = np.split(result.probabilities, ends[:-1], axis=1)
        names = (dialogue.id for dialogue in result.fold.test)
        of_dialogue |= dict(zip(names, parts, strict=True))
    dialogues = [dialogue for dialogue in file.dialogues if dialogue.id in of_dialogue]
    probabilities = np.concatenate([of_dialogue[dialogue.id] for dialogue in dialogues], axis=1)
    return evaluated_utterances(dialogues, file.emotions), probabilities
