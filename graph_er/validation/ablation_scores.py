"""Scores of one row of an ablation: fits of a fixed number of epochs, predicted on unseen dev."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from graph_er.answers.prediction import predict_log_probabilities
from graph_er.data_option import require_side
from graph_er.dialogues import Dialogue, DialogueFile
from graph_er.networks.spec import spec_of
from graph_er.probabilities.decoding import decode, fit_transitions, speaker_chains
from graph_er.running.side_by_side import Tell, side_by_side
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
        jobs: models that are trained side by side.
        threads: of each of several; see `graph_er.running.jobs.threads_for`.

    Returns:
        ``weighted_f1``, ``macro_f1`` and ``decoded_weighted_f1``, one value per seed each, and
        ``n``, how many utterances were predicted.
    """
    pieces = [(case, seed) for case in cases for seed in seeds]
    if jobs == 1:
        done = [_scores(file, recipe, case, seed) for case, seed in pieces]
    else:

        def work(number: int, tell: Tell) -> tuple[float, ...]:
            torch.set_num_threads(threads)
            return _scores(file, recipe, *pieces[number])

        done = side_by_side(work, range(len(pieces)), jobs=jobs, on_message=lambda message: None)
    means = np.reshape(done, (len(cases), len(seeds), len(_SCORES))).mean(axis=0)
    return {
        **{name: column.tolist() for name, column in zip(_SCORES, means.T, strict=True)},
        "n": int(sum(len(dialogue) for case in cases for dialogue in case.predicted)),
    }


def _scores(file: DialogueFile, recipe: Recipe, case: Case, seed: int) -> tuple[float, ...]:
    """Train on a case and return its `_SCORES`."""
    spec = spec_of(file, [*case.train, *case.predicted], recipe.modalities, recipe.model)
    train, predicted = (spec.graphs(side, recipe.model) for side in (case.train, case.predicted))
    build = partial(spec.build, recipe.model)
    model = build()
    weights = fit(build, train, [], spec.emotions, recipe.training, seed=seed).weights
    model.load_state_dict(weights)
    raw = predict_log_probabilities([model], predicted)[0]
    transitions = fit_transitions(case.train, len(file.emotions))
    chains = speaker_chains(case.predicted)
    decoded = decode(raw, chains, transitions, DECODING_WEIGHT, causal=recipe.model.causal)
    gold = np.concatenate([dialogue.labels for dialogue in case.predicted])
    plain = score(gold, raw.argmax(axis=-1), file.emotions)
    followed = score(gold, decoded.argmax(axis=-1), file.emotions)
    return plain["weighted_f1"], plain["macro_f1"], followed["weighted_f1"]
