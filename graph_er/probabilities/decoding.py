"""Emotion-transition decoding: each speaker's own turns of a dialogue as a hidden Markov chain.

A model's probabilities p(y_t | x_t) are joined by how emotions follow one another in the training
dialogues:  p(y | x) ∝ Π_t p(y_t | x_t) · Π_t [P(y_t | y_t-1) / P(y_t)]^weight.  The division by
P(y_t) keeps the class frequencies, which the model knows already, from counting twice. The chains
of the speakers are independent, as in EmotionFlow (Song et al., ICASSP 2022) and DED (Yeh et al.,
ICASSP 2020). What comes out are the posterior marginals of the chain (forward-backward; Rabiner,
1989), so that they stay probabilities that can be averaged and calibrated.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import pairwise

import numpy as np

from graph_er.dialogues import Dialogue


def speaker_chains(dialogues: Sequence[Dialogue]) -> list[np.ndarray]:
    """Return one chain per speaker and dialogue: where the speaker's turns stand, in time order.

    Returns:
        Integer arrays of positions in the concatenated utterances of `dialogues`; every position
        stands in exactly one of them.
    """
    chains, start = [], 0
    for dialogue in dialogues:
        turns: dict[Hashable, list[int]] = {}
        for position, speaker in enumerate(dialogue.speakers, start=start):
            turns.setdefault(speaker, []).append(position)
        chains += [np.array(positions) for positions in turns.values()]
        start += len(dialogue)
    return chains


def fit_transitions(dialogues: Sequence[Dialogue], num_emotions: int) -> np.ndarray:
    """Return how much likelier each emotion is after each other than by itself, in logarithms.

    The counts are of consecutive turns of one speaker. One is added to the observed and to the
    expected count of every cell: the posterior mean of their ratio under a Gamma(1, 1) prior
    (DuMouchel, 1999). What was hardly or never seen is therefore finite and near 0, "no evidence",
    instead of as unlikely as it is rare.

    Args:
        dialogues: of the training side.
        num_emotions: ``C``.

    Returns:
        log of smoothed P(next | previous) / P(next), ``[C, C]``, rows previous; zeros where no
        speaker has two turns.
    """
    observed = np.zeros((num_emotions, num_emotions))
    if dialogues:
        labels = np.concatenate([dialogue.labels for dialogue in dialogues])
        for chain in speaker_chains(dialogues):
            np.add.at(observed, (labels[chain[:-1]], labels[chain[1:]]), 1)
    previous, following = observed.sum(axis=1), observed.sum(axis=0)
    expected = np.outer(previous, following) / max(observed.sum(), 1)
    return np.log((observed + 1) / (expected + 1))


def decode(
    log_probabilities: np.ndarray,
    chains: Sequence[np.ndarray],
    transitions: np.ndarray,
    weight: float,
    *,
    causal: bool,
) -> np.ndarray:
    """Return the log posterior of every turn given the turns of its chain.

    Args:
        log_probabilities: ``[..., N, C]``, of one model or of several; need not be normalised.
        chains: from `speaker_chains`. An utterance that is in no chain stays as it is.
        transitions: from `fit_transitions`, ``[C, C]``.
        weight: of the transitions; 0 returns the input, normalised.
        causal: hear only the turn itself and the earlier ones (the forward filter alone).

    Returns:
        Normalised log probabilities, float64, shape as `log_probabilities`.

    Raises:
        ValueError: an utterance without one finite score, or with NaN.
    """
    emissions = normalise(log_probabilities)
    potentials = weight * np.asarray(transitions, dtype=float)
    steps = _steps(chains)
    forward = emissions.copy()
    for before, now in steps:
        message = propagate(forward[..., before, :], potentials)
        forward[..., now, :] = normalise(emissions[..., now, :] + message)
    if causal:
        return forward
    backward = np.zeros_like(emissions)
    for before, now in reversed(steps):
        scores = emissions[..., now, :] + backward[..., now, :]
        backward[..., before, :] = normalise(propagate(scores, potentials.T))
    return normalise(forward + backward)


def memory(transitions: np.ndarray, weight: float, tolerance: float = 1e-7) -> int:
    """Return after how many turns of its speaker a posterior has forgotten what came before.

    Whatever is said that many turns of the chain away (or more) moves no probability by more than
    `tolerance`: a step along the chain brings any two messages closer by the contraction ratio
    of Birkhoff (Trans. Amer. Math. Soc. 85, 1957), and what the turns themselves say moves them
    no further apart.

    Args:
        transitions: from `fit_transitions`, ``[C, C]``.
        weight: of the transitions.
        tolerance: in probability.
    """
    potentials = weight * np.asarray(transitions, dtype=float)
    between = potentials[:, None] - potentials[None]  # [C, C, C]: two previous, one next emotion
    spread = float(np.ptp(between, axis=-1).max())
    if spread <= tolerance:
        return 0
    steps = np.log(tolerance / spread) / min(np.log(np.tanh(spread / 4)), -1e-9)
    return 1 + int(np.ceil(max(steps, 0)))


def normalise(scores: np.ndarray) -> np.ndarray:
    """Return log probabilities from scores ``[..., C]``: the logarithm of their softmax.

    Raises:
        ValueError: a row without one finite score, or with NaN.
    """
    scores = np.asarray(scores, dtype=float)
    top = scores.max(axis=-1, keepdims=True)
    if not np.isfinite(top).all():
        raise ValueError("scores of an utterance are not finite")
    shifted = scores - top
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def propagate(scores: np.ndarray, potentials: np.ndarray) -> np.ndarray:
    """Return the message ``[..., C]`` that log scores ``[..., C]`` send over one transition.

    Args:
        scores: of the emotions that it goes out from.
        potentials: of the transitions, times their weight, ``[C, C]``, rows where it goes out from.
    """
    paths = scores[..., :, None] + potentials  # [..., C from, C to]
    top = paths.max(axis=-2)
    return top + np.log(np.exp(paths - top[..., None, :]).sum(axis=-2))


def _steps(chains: Sequence[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return for each position along the chains which utterances come before and at it.

    All chains are walked side by side, so that the work is a loop over the longest chain and not
    over the chains. The longest come first: those that go on are then the first of those that were.
    """
    longest_first = sorted(chains, key=len, reverse=True)
    if not longest_first:
        return []
    along = np.concatenate([np.arange(len(chain)) for chain in longest_first])
    flat = np.concatenate(longest_first)[np.argsort(along, kind="stable")]
    columns = np.split(flat, np.cumsum(np.bincount(along))[:-1])
    return [(old[: len(new)], new) for old, new in pairwise(columns)]
