"""Whether confidences can be believed: temperature and decoding weight from dev, and the check.

Temperature scaling and the expected calibration error are those of Guo et al. (ICML 2017). Of
several models ("members") the ensemble is calibrated: the mean of the members' probabilities, which
is what a run predicts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import ndtr, stdtrit

from graph_er.probabilities.decoding import decode, normalise

BINS = 15
# Of the transitions, 0 first. Larger ones can look better on a few dev dialogues and lose on other
# speakers' dialogues.
WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
_RANGE = (0.05, 20.0)
_FEWEST_DIALOGUES = 5
# A softmax in float32 gives 0 below this; the true value is unknown, not minus infinity.
_FLOOR = float(np.log(np.finfo(np.float32).tiny))


def temper(log_probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return log probabilities ``[..., C]`` divided by the temperature and normalised again."""
    return normalise(np.maximum(log_probabilities, _FLOOR) / temperature)


def fit_temperature(log_probabilities: np.ndarray, gold: np.ndarray) -> float:
    """Return the temperature with the least negative log likelihood, within 0.05 and 20.

    A normal prior on its logarithm (mean 0, deviation 1; it costs one half of a nat in all at
    T = e) decides where there is little or nothing to learn from: without it, a dev side of ten
    correct predictions would ask for certainty.

    Args:
        log_probabilities: ``[N, C]``, or ``[K, N, C]`` of members, whose ensemble is calibrated.
        gold: labels ``[N]``.
    """
    return _best_temperature(lambda t: _losses(temper(log_probabilities, t), gold))


def fit_decoding(
    log_probabilities: np.ndarray,
    gold: np.ndarray,
    chains: Sequence[np.ndarray],
    transitions: np.ndarray,
    *,
    dialogue: np.ndarray,
    causal: bool,
) -> tuple[float, float]:
    """Choose the weight of the transitions and the temperature together.

    Each of `WEIGHTS` gets its best temperature; the one with the least negative log likelihood of
    the decoded marginals is taken if it beats weight 0 by more than one standard error of the
    paired difference, summed by dialogue (whose speakers answer one another), and weight 0
    otherwise or with fewer than five dialogues. In simulations and on real dialogues, with dev
    sides of 6 to 30 dialogues, this kept most of the gain where decoding helps and lost
    nothing where the model knows the transitions already. The least loss alone, and dev weighted
    F1 more so, often took a weight there that helped nothing; two standard errors missed half of
    the gain on a dozen dialogues.

    The log probabilities are divided by the temperature first and decoded then:
    ``decode(temper(log_probabilities, temperature), chains, transitions, weight)``.

    Args:
        log_probabilities: ``[N, C]``, or ``[K, N, C]`` of members, whose ensemble is scored.
        gold: labels ``[N]``.
        chains: from `graph_er.probabilities.decoding.speaker_chains`.
        transitions: from `graph_er.probabilities.decoding.fit_transitions` on the training side.
        dialogue: number of each utterance's dialogue, ``[N]``, from 0.
        causal: as for `graph_er.probabilities.decoding.decode`.

    Returns:
        The weight and the temperature.
    """
    fitted = []
    for weight in WEIGHTS:

        def losses(temperature: float, weight: float = weight) -> np.ndarray:
            tempered = temper(log_probabilities, temperature)
            return _losses(decode(tempered, chains, transitions, weight, causal=causal), gold)

        temperature = _best_temperature(losses)
        fitted.append((weight, temperature, losses(temperature)))
    undecoded, best = fitted[0], min(fitted, key=lambda entry: entry[2].sum())
    gains = np.bincount(dialogue, weights=undecoded[2] - best[2])
    chosen = best if _clear(gains) else undecoded
    return chosen[0], chosen[1]


def reliability(probabilities: np.ndarray, gold: np.ndarray, bins: int = BINS) -> dict[str, Any]:
    """Compare confidence, the probability of the predicted class, with accuracy, bin by bin.

    Args:
        probabilities: ``[N, C]``.
        gold: labels ``[N]``.
        bins: how many bins of equal width between 0 and 1.

    Returns:
        Plain values: ``ece``, the expected calibration error (0 to 1): the mean over utterances of
        the distance between accuracy and mean confidence in their bin; ``ece_by_chance``, about
        what a perfectly calibrated model with these confidences would show, since so few
        utterances never hit their confidence exactly; ``count``, ``confidence`` and ``accuracy``
        of each bin, the latter two None in an empty bin.

    Raises:
        ValueError: no utterance, or unequal lengths.
    """
    probabilities, gold = np.asarray(probabilities, dtype=float), np.asarray(gold)
    if not len(gold) or len(probabilities) != len(gold):
        raise ValueError(f"{len(probabilities)} predictions for {len(gold)} gold labels")
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == gold
    index = np.minimum((confidence * bins).astype(int), bins - 1)
    count, confident, correct, variance = (
        np.bincount(index, weights=values, minlength=bins)
        for values in (np.ones(len(gold)), confidence, right, confidence * (1 - confidence))
    )
    # The mean distance of a normal variable from its mean is sqrt(2 / pi) deviations.
    by_chance = np.sqrt(2 / np.pi * np.maximum(variance, 0)).sum() / len(gold)

    def means(sums: np.ndarray) -> list[float | None]:
        return [float(s / n) if n else None for s, n in zip(sums, count, strict=True)]

    return {
        "ece": float(np.abs(correct - confident).sum() / len(gold)),
        "ece_by_chance": float(by_chance),
        "count": count.astype(int).tolist(),
        "confidence": means(confident),
        "accuracy": means(correct),
    }


def _losses(log_probabilities: np.ndarray, gold: np.ndarray) -> np.ndarray:
    """Return the negative log likelihood ``[N]`` of the ensemble, or of the only model."""
    gold = np.asarray(gold, dtype=int)
    of_gold = log_probabilities[..., np.arange(len(gold)), gold]
    members = np.atleast_2d(of_gold)
    return np.log(len(members)) - np.logaddexp.reduce(members, axis=0)


def _clear(gains: np.ndarray) -> bool:
    """Whether gains of independent units sum to more than one standard error of their sum.

    Few units know their own spread badly: the error is widened as Student's t is.
    """
    if len(gains) < _FEWEST_DIALOGUES:
        return False
    widened = stdtrit(len(gains) - 1, ndtr(1))
    return bool(gains.sum() > widened * np.sqrt(len(gains)) * gains.std(ddof=1))


def _best_temperature(losses: Callable[[float], np.ndarray]) -> float:
    def objective(log_temperature: float) -> float:
        return losses(np.exp(log_temperature)).sum() + log_temperature**2 / 2

    low, high = np.log(_RANGE)
    found = minimize_scalar(
        objective, bounds=(low, high), method="bounded", options={"xatol": 1e-3}
    )
    return float(np.exp(found.x))
