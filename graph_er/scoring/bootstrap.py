"""Bootstrap by dialogue: intervals of scores, and of the difference of two runs.

Utterances of one dialogue share speakers, scene and context and are not independent, so whole
dialogues are drawn with replacement (the cluster bootstrap; Field and Welsh, 2007). A dialogue is
its confusion matrix, so a replicate is a weighted sum of matrices. Where a run has several seeds,
its seeds are drawn as well.

Percentile intervals of few units are too narrow. The quantiles are therefore widened to those of
Student's t with as many degrees of freedom as dialogues less one (the expanded percentile interval;
Hesterberg, 2015, "What teachers should know about the bootstrap"), and p-values are the level at
which that interval reaches zero, so that the two never contradict each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from scipy import stats

from graph_er.scoring.scores import METRICS

REPLICATES = 10_000
LEVEL = 0.95
_CELLS_AT_ONCE = 2_000_000  # bounds memory, whatever the size of the corpus


def confusions_by_dialogue(
    dialogues: Sequence[str], gold: np.ndarray, predicted: np.ndarray, num_emotions: int
) -> np.ndarray:
    """Return one confusion matrix per dialogue, ``[D, C, C]``, rows gold, in order of their ids.

    Args:
        dialogues: the dialogue id of each utterance, ``[N]``, in any order.
        gold: labels ``[N]``.
        predicted: labels ``[N]``.
        num_emotions: ``C``.

    Raises:
        ValueError: a label that is none of 0 to ``C - 1``, or unequal lengths.
    """
    if not len(dialogues) == len(gold) == len(predicted):
        raise ValueError(
            f"unequal lengths: {len(dialogues)} dialogues, {len(gold)} gold and {len(predicted)} "
            "predicted labels"
        )
    ids, index = np.unique(np.asarray(dialogues, dtype=str), return_inverse=True)
    shape = (len(ids), num_emotions, num_emotions)
    cells = np.ravel_multi_index((index, np.asarray(gold), np.asarray(predicted)), shape)
    return np.bincount(cells, minlength=int(np.prod(shape))).reshape(shape)


def scores_of(confusions: np.ndarray) -> dict[str, np.ndarray]:
    """Return every metric of `graph_er.scoring.scores` for confusion matrices ``[..., C, C]``.

    Each is ``[...]``.

    Absent classes are treated as there: one that gold lacks counts in ``macro_f1`` only if it was
    predicted, and never in ``uar``.
    """
    hits = np.diagonal(confusions, axis1=-2, axis2=-1)
    support, called = confusions.sum(axis=-1), confusions.sum(axis=-2)
    total = support.sum(axis=-1)
    f1 = 2 * hits / np.maximum(support + called, 1)
    recall = hits / np.maximum(support, 1)
    return {
        "accuracy": hits.sum(axis=-1) / total,
        "weighted_f1": (support * f1).sum(axis=-1) / total,
        "macro_f1": f1.sum(axis=-1) / (support + called > 0).sum(axis=-1),
        "uar": recall.sum(axis=-1) / (support > 0).sum(axis=-1),
    }


def bootstrap_scores(
    runs: Sequence[np.ndarray], replicates: int = REPLICATES, seed: int = 0
) -> list[dict[str, np.ndarray]]:
    """Score each run on the same draws of dialogues.

    Args:
        runs: for each run ``[S, D, C, C]``: the confusion matrices of its ``S`` members (seeds) on
            the same ``D`` dialogues. Every replicate draws members anew and takes their mean score.
        replicates: how many draws, ``R``.
        seed: of the draws.

    Returns:
        For each run every metric of every replicate, ``{metric: [R]}``.
    """
    generator = np.random.default_rng(seed)
    members = np.concatenate(runs)
    kinds, probabilities = _distinct(members.swapaxes(0, 1).reshape(members.shape[1], -1))
    parts: list[list[dict[str, np.ndarray]]] = [[] for _ in runs]
    for size in _chunks(replicates, max(kinds.shape)):
        draws = generator.multinomial(members.shape[1], probabilities, size=size)
        summed = (draws @ kinds).reshape(size, *members.shape[:1], *members.shape[2:])
        start = 0
        for run, part in zip(runs, parts, strict=True):
            own = scores_of(summed[:, start : start + len(run)])
            weights = generator.multinomial(len(run), [1 / len(run)] * len(run), size=size)
            mean = {name: (weights * own[name]).sum(axis=1) / len(run) for name in METRICS}
            part.append(mean)
            start += len(run)
    return [{name: np.concatenate([p[name] for p in part]) for name in METRICS} for part in parts]


def interval(values: np.ndarray, num_dialogues: int) -> tuple[float, float]:
    """Return the expanded percentile interval of replicates ``[R]`` of `num_dialogues` units.

    Returns:
        Its ends, at the confidence `LEVEL`.
    """
    quantile = stats.t.ppf((1 + LEVEL) / 2, num_dialogues - 1)
    tail = stats.norm.sf(quantile * np.sqrt(num_dialogues / (num_dialogues - 1)))
    # A replicate itself, counted as `two_sided_p` counts: between two of them the ends could lie
    # beside zero where p does not.
    rank = max(int(tail * (len(values) + 1)), 1)
    ordered = np.sort(values)
    return float(ordered[rank - 1]), float(ordered[-rank])


def two_sided_p(differences: np.ndarray, num_dialogues: int) -> float:
    """Return the p-value of "no difference" from replicates of a difference ``[R]``.

    It is 1 for runs that always score alike and never 0: each tail counts one more replicate than
    was seen. What 10,000 replicates can claim at most is 0.003 with 16 dialogues, 0.0003 with 280.
    """
    rounded = np.round(differences, 12)  # equal scores may differ in the last bit of a float
    at_most = min((rounded <= 0).sum(), (rounded >= 0).sum()) + 1
    tail = min(at_most / (len(rounded) + 1), 0.5)
    quantile = stats.norm.isf(tail) * np.sqrt((num_dialogues - 1) / num_dialogues)
    return float(2 * stats.t.sf(quantile, num_dialogues - 1))


def can_conclude(num_dialogues: int, replicates: int = REPLICATES) -> bool:
    """Tell whether so many draws of so many dialogues can show a difference at the `LEVEL` at all.

    Where not, an interval may lie beside zero that should reach beyond it.
    """
    return two_sided_p(np.ones(replicates), num_dialogues) < 1 - LEVEL


def confidence_intervals(
    confusions: np.ndarray, replicates: int = REPLICATES, seed: int = 0
) -> dict[str, Any] | None:
    """Return the interval of every metric of one run, plain values for ``eval.json``.

    Args:
        confusions: ``[D, C, C]`` from `confusions_by_dialogue`.
        replicates: how many draws.
        seed: of the draws.

    Returns:
        ``level``, ``replicates``, ``dialogues`` and ``{metric: [low, high]}``; None for a single
        dialogue, which tells nothing of how dialogues differ.
    """
    num_dialogues = len(confusions)
    if num_dialogues < 2:
        return None
    (drawn,) = bootstrap_scores([confusions[None]], replicates, seed)
    bounds = {name: list(interval(drawn[name], num_dialogues)) for name in METRICS}
    return {"level": LEVEL, "replicates": replicates, "dialogues": num_dialogues, **bounds}


def _distinct(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the different rows in order of appearance, and the share of each.

    Dialogues that count alike need not be drawn apart: a corpus of ten thousand single utterances
    is a few dozen kinds of dialogue.
    """
    _, first, counts = np.unique(rows, axis=0, return_index=True, return_counts=True)
    order = np.argsort(first)
    return rows[first[order]].astype(float), counts[order] / len(rows)


def _chunks(replicates: int, cells: int) -> Iterator[int]:
    size = max(1, _CELLS_AT_ONCE // cells)
    for start in range(0, replicates, size):
        yield min(size, replicates - start)
