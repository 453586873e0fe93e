"""From logits to probabilities: mean over the committee, temperature, decoding along speakers."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from graph_er.dialogues import Dialogue
from graph_er.errors import InputError
from graph_er.probabilities.calibration import fit_decoding, fit_temperature, temper
from graph_er.probabilities.decoding import (
    decode,
    fit_transitions,
    normalise,
    propagate,
    speaker_chains,
)


@dataclass(frozen=True)
class Finish:
    """What is done to log probabilities, the same for every seed of a run.

    Attributes:
        temperature: they are divided by it first.
        weight: of the transitions in decoding; 0 for none.
        transitions: ``[C, C]``; see `graph_er.probabilities.decoding.fit_transitions`.
        causal: decode from the past alone.
    """

    temperature: float
    weight: float
    transitions: np.ndarray
    causal: bool

    def __call__(self, log_probabilities: np.ndarray, dialogues: Sequence[Dialogue]) -> np.ndarray:
        """Return probabilities ``[..., N, C]`` of log probabilities of the same shape."""
        return self.along(log_probabilities, speaker_chains(dialogues))

    def along(self, log_probabilities: np.ndarray, chains: Sequence[np.ndarray]) -> np.ndarray:
        """Do the same where the chains of `graph_er.probabilities.decoding.decode` are known."""
        tempered = temper(log_probabilities, self.temperature)
        return np.exp(decode(tempered, chains, self.transitions, self.weight, causal=self.causal))

    def turn_by_turn(self) -> Callable[[Hashable, np.ndarray], np.ndarray]:
        """Begin a dialogue whose turns come one at a time, in the order in which they are spoken.

        Returns:
            A function of a turn's speaker and log probabilities ``[..., C]`` to its probabilities:
            those that the causal finish of the whole dialogue gives. It keeps the latest posterior
            of each speaker.
        """
        potentials = self.weight * np.asarray(self.transitions, dtype=float)
        latest: dict[Hashable, np.ndarray] = {}

        def step(speaker: Hashable, log_probabilities: np.ndarray) -> np.ndarray:
            posterior = normalise(temper(log_probabilities, self.temperature))
            if speaker in latest:
                posterior = normalise(posterior + propagate(latest[speaker], potentials))
            latest[speaker] = posterior
            return np.exp(posterior)

        return step

    def to_plain(self) -> dict[str, Any]:
        """Return plain values; ``causal`` is not among them, since the model's config tells."""
        return {
            "temperature": self.temperature,
            "weight": self.weight,
            "transitions": self.transitions.tolist(),
        }

    @classmethod
    def from_plain(cls, values: dict[str, Any], num_emotions: int, *, causal: bool) -> Finish:
        """Return what `to_plain` gave.

        Raises:
            InputError: the values are of another type, shape or range.
        """
        refused = InputError("its calibration is not in numbers")
        try:
            transitions = np.array(values.get("transitions"))
        except ValueError:  # rows of unequal lengths
            raise refused from None
        numbers = (values.get("temperature"), values.get("weight"))
        if not {*map(type, numbers)} <= {float, int} or transitions.dtype.kind not in "fi":
            raise refused
        finish = cls(
            temperature=float(values["temperature"]),
            weight=float(values["weight"]),
            transitions=transitions.astype(float),
            causal=causal,
        )
        in_range = 0 < finish.temperature < np.inf and 0 <= finish.weight < np.inf
        sound = in_range and np.isfinite(finish.transitions).all()
        if finish.transitions.shape != (num_emotions, num_emotions) or not sound:
            raise InputError("its calibration is not of this number of emotions, or not finite")
        return finish


def fit_finish(
    log_probabilities: np.ndarray,
    dev: Sequence[Dialogue],
    train: Sequence[Dialogue],
    *,
    causal: bool,
    decoding: bool,
) -> Finish:
    """Choose temperature and decoding weight on dev, by predictions of models that never saw it.

    Args:
        log_probabilities: of dev, ``[S, N, C]``, one slice per seed.
        dev: its dialogues.
        train: dialogues to count emotion transitions in.
        causal: whether decoding may hear the past alone.
        decoding: whether to decode at all.
    """
    num_emotions = log_probabilities.shape[-1]
    gold = np.concatenate([dialogue.labels for dialogue in dev])
    transitions = fit_transitions(train, num_emotions)
    if not decoding:
        return Finish(fit_temperature(log_probabilities, gold), 0.0, transitions, causal)
    chains = speaker_chains(dev)
    dialogue = np.repeat(np.arange(len(dev)), [len(turns) for turns in dev])
    weight, temperature = fit_decoding(
        log_probabilities, gold, chains, transitions, dialogue=dialogue, causal=causal
    )
    return Finish(temperature, weight, transitions, causal)


def committee_log_probabilities(logits: torch.Tensor) -> np.ndarray:
    """Return the logarithm of the members' mean probabilities, ``[K, N, C]`` to ``[N, C]``."""
    mean = torch.logsumexp(logits.double().log_softmax(dim=-1), dim=0)
    return (mean - np.log(len(logits))).numpy()
