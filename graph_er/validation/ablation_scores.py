"""Scores of one row of an ablation: fits of a fixed number of epochs, predicted on unseen dev."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from torch_geometric.data import Data

from graph_er.answers.prediction import predict_log_probabilities
from graph_er.dialogues import Dialogue, DialogueFile, require_side
from graph_er.networks.spec import ModelSpec, spec_of
from graph_er.probabilities.decoding import decode, fit_transitions, speaker_chains
from graph_er.running.jobs import do_jobs
from graph_er.schema.splits import session_of
from graph_er.scoring.scores import score
from graph_er.training.fit import fit
from graph_er.training.recipe import Recipe
from graph_er.validation.folds import session_folds, without_test

# Decoding is scored at this weight, since there is no dev left to choose it on.
DECODING_WEIGHT = 0.2
_SCORES = ("weighted_f1", "macro_f1", "decoded_weighted_f1")


@dataclass(frozen=True)
class Case:
    """Dialogues to train on and others to predict."""

    train: tuple[Dialogue, ...]
    predicted: tuple[Dialogue, ...]


def cases_of(file: DialogueFile) -> list[Case]:
    """Return one case per session of train and dev, or where there are fewer than three, dev's.

    Nothing of the test side is in any of them.

    Raises:
        InputError: fewer than three sessions, and no train or no dev side.
    """
    known = without_test(file)
    sessions = {session_of(dialogue.id, file.info) for dialogue in known.dialogues}
    if len(sessions) < 3:
        return [Case(require_side(file, "train"), require_side(file, "dev"))]
    folds = session_folds(known, None)
    return [Case((*fold.train, *fold.dev), fold.test) for fold in folds]


def score_variant(
    file: DialogueFile,
    recipe: Recipe,
    cases: Sequence[Case],
    seeds: Sequence[int],
    *,
    jobs: int = 1,
    threads: int = 1,
) -> dict[str, Any]:
    """Return weighted and macro F1 per seed (mean over the cases), plain and decoded.

    Args:
        file: what the cases are of.
        recipe: how the models are made.
        cases: what they are trained on and predict.
        seeds: one model each in every case.
        jobs: models trained side by side; several within `graph_er.running.jobs.threads_for`.
        threads: of each of several, as that gives.

    Returns:
        ``weighted_f1``, ``macro_f1`` and ``decoded_weighted_f1``, one value per seed each, and
        ``n``, how many utterances were predicted.
    """
    prepared = [_prepare(file, recipe, case) for case in cases]
    pieces = [_Piece(case, seed) for case in range(len(cases)) for seed in seeds]

    def scores(piece: _Piece) -> tuple[float, ...]:
        return _scores(file.emotions, recipe, prepared[piece.case], piece.seed)

    if jobs == 1:
        done = [scores(piece) for piece in pieces]
    else:
        done = do_jobs(
            lambda piece, tell: scores(piece),
            pieces,
            jobs=jobs,
            threads=threads,
            on_message=lambda message: None,
        )
    means = np.reshape(done, (len(cases), len(seeds), len(_SCORES))).mean(axis=0)
    return {
        **{name: column.tolist() for name, column in zip(_SCORES, means.T, strict=True)},
        "n": int(sum(len(dialogue) for case in cases for dialogue in case.predicted)),
    }


class _Piece(NamedTuple):
    """A model: the number of its case, and its seed."""

    case: int
    seed: int

    def __str__(self) -> str:
        """Name it for a message."""
        return f"seed {self.seed} of case {self.case + 1}"


class _Prepared(NamedTuple):
    """What all seeds of a case share."""

    spec: ModelSpec
    train: list[Data]
    predicted: list[Data]
    gold: np.ndarray
    transitions: np.ndarray
    chains: Sequence[np.ndarray]


def _prepare(file: DialogueFile, recipe: Recipe, case: Case) -> _Prepared:
    spec = spec_of(file, [*case.train, *case.predicted], recipe.modalities, recipe.model)
    return _Prepared(
        spec,
        spec.graphs(case.train, recipe.model),
        spec.graphs(case.predicted, recipe.model),
        np.concatenate([dialogue.labels for dialogue in case.predicted]),
        fit_transitions(case.train, len(file.emotions)),
        speaker_chains(case.predicted),
    )


def _scores(
    emotions: Sequence[str], recipe: Recipe, case: _Prepared, seed: int
) -> tuple[float, ...]:
    """Train on a case and return its `_SCORES`."""
    build = partial(case.spec.build, recipe.model)
    model = build()
    fitted = fit(build, case.train, [], emotions, recipe.training, seed=seed)
    model.load_state_dict(fitted.weights)
    raw = predict_log_probabilities([model], case.predicted)[0]
    causal = recipe.model.causal
    decoded = decode(raw, case.chains, case.transitions, DECODING_WEIGHT, causal=causal)
    plain = score(case.gold, raw.argmax(axis=-1), emotions)
    followed = score(case.gold, decoded.argmax(axis=-1), emotions)
    return plain["weighted_f1"], plain["macro_f1"], followed["weighted_f1"]
