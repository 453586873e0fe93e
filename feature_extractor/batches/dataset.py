"""Utterances as examples: text, audio decoded when it is asked for, and what is to be learnt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch.utils.data import Dataset

from feature_extractor.audio import is_silent, load_audio
from feature_extractor.batches.augmentation import perturb_speed
from feature_extractor.batches.chunking import is_too_long
from feature_extractor.utterance import Corpus, Utterance
from graph_er.errors import InputError
from graph_er.running.shared_memory import processes_can_share
from graph_er.schema.emotions import MODALITY_NAMES

Example = dict[str, Any]


class States(Protocol):
    """What an encoder made of utterances before; see `state_store.StateStore`."""

    def __getitem__(self, utterance_id: str) -> np.ndarray:
        """Return the states ``[T, D]`` of an utterance, T being 0 where the modality is missing."""


class UtteranceDataset(Dataset):
    """Utterances as ``{"text", "audio", "labels", ...}``.

    ``audio`` is float32 ``[samples]``, or absent without modality ``a`` and where the utterance has
    none; ``text_states`` or ``audio_states`` ``[T, D]`` stand in their place where an encoder was
    run before; ``earlier`` holds the texts of the utterances before it in the dialogue,
    ``earlier_audio`` their clips (or ``earlier_audio_states``), the latest first; ``labels`` is the
    integer label, or with `soft_labels` the share of votes per emotion ``[C]``; ``affect`` the mean
    ratings of valence and arousal ``[2]``, NaN where there are none, in a corpus that has any.

    Attributes:
        utterances: the examples.
        sampling_rate: Hz of the audio, or None where none is decoded.
        heard_context: how many earlier utterances' audio an example holds at most.
    """

    def __init__(
        self,
        corpus: Corpus,
        utterances: Sequence[Utterance],
        *,
        sampling_rate: int | None,
        soft_labels: bool = False,
        speed_perturbation: float = 0.0,
        context: int = 0,
        heard_context: int = 0,
        states: Mapping[str, States] | None = None,
    ) -> None:
        """Hold `utterances` of `corpus`.

        Args:
            corpus: where the utterances are from.
            utterances: the examples.
            sampling_rate: Hz; None decodes no audio.
            soft_labels: give the raters' votes as labels.
            speed_perturbation: the span of `augmentation.perturb_speed`, for training.
            context: how many earlier utterances' texts to give along with each.
            heard_context: 0, or as many earlier utterances' audio, too.
            states: by ``text`` and ``audio``, what encoders made of all utterances of the corpus.
        """
        self._corpus = corpus
        self.utterances = tuple(utterances)
        self.sampling_rate = sampling_rate
        self.heard_context = heard_context
        self._soft_labels = soft_labels
        self._rated = any(u.valence is not None for u in corpus.utterances)
        self._speed_perturbation = speed_perturbation
        self._states = dict(states or {})
        self._before = earlier_utterances(corpus, self.utterances, context)
        self._silent = torch.zeros(len(self.utterances), dtype=torch.bool)
        if processes_can_share():  # so that those which decode audio can tell what they heard
            self._silent.share_memory_()

    @property
    def silent(self) -> list[Utterance]:
        """The utterances in which nothing is heard, among those decoded so far."""
        return [self.utterances[index] for index in self._silent.nonzero().flatten().tolist()]

    @property
    def labels(self) -> np.ndarray:
        """The corpus's label of each example ``[N]``, also where the votes are learnt."""
        return np.array([self._corpus.label(u) for u in self.utterances], dtype=np.int64)

    def holds_states(self, modalities: str) -> bool:
        """Tell whether states stand in place of all that an encoder would read."""
        return all(MODALITY_NAMES[modality] in self._states for modality in modalities)

    def needs_chunks(self, clip_length: float) -> set[int]:
        """Return the examples of which a clip is to be decoded that is longer than that, in s."""
        if self.sampling_rate is None or "audio" in self._states:
            return set()
        return {
            index
            for index, utterance in enumerate(self.utterances)
            if any(is_too_long(u, clip_length) for u in (utterance, *self._heard_before(index)))
        }

    def seconds(self, index: int) -> float:
        """Return how long the longest clip of an example is, in s; 0 without any."""
        return max(u.duration for u in (self.utterances[index], *self._heard_before(index)))

    def characters(self, index: int) -> int:
        """Return how many characters are read for an example, the earlier texts' among them."""
        return sum(len(u.text) for u in (self.utterances[index], *self._before[index]))

    def __len__(self) -> int:
        """Return the number of utterances."""
        return len(self.utterances)

    def __getitem__(self, index: int) -> Example:
        """Return one example, not yet padded."""
        utterance = self.utterances[index]
        example: Example = {"text": utterance.text, "labels": self._target(utterance)}
        if self._rated:
            example["affect"] = _affect(utterance)
        if self._before[index]:
            example["earlier"] = [before.text for before in self._before[index]]
        if "text" in self._states:
            example["text_states"] = self._states["text"][utterance.id]
        if self.sampling_rate is not None:
            self._add_audio(example, index)
        return example

    def _add_audio(self, example: Example, index: int) -> None:
        utterance = self.utterances[index]
        if "audio" in self._states:
            states = self._states["audio"]
            example["audio_states"] = states[utterance.id]
            if self.heard_context:
                example["earlier_audio_states"] = [states[u.id] for u in self._before[index]]
            return
        samples = self._heard(utterance)
        if samples is not None:
            self._silent[index] = is_silent(samples)
            if self._speed_perturbation > 0:
                samples = perturb_speed(samples, self._speed_perturbation)
            example["audio"] = samples
        if self.heard_context:
            example["earlier_audio"] = [self._heard(before) for before in self._before[index]]

    def _heard_before(self, index: int) -> list[Utterance]:
        return self._before[index] if self.heard_context else []

    def _heard(self, utterance: Utterance) -> np.ndarray | None:
        if utterance.wav is None:
            return None
        assert self.sampling_rate is not None  # what hears has a rate
        try:
            return load_audio(utterance.wav, self.sampling_rate)
        except InputError as error:
            raise InputError(f"utterance {utterance.id}: {error}") from error

    def _target(self, utterance: Utterance) -> int | np.ndarray:
        if not self._soft_labels:
            return self._corpus.label(utterance)
        if utterance.soft_label is None:
            one_hot = np.eye(len(self._corpus.emotions), dtype=np.float32)
            return one_hot[self._corpus.label(utterance)]
        return np.asarray(utterance.soft_label, dtype=np.float32)


def earlier_utterances(
    corpus: Corpus, utterances: Sequence[Utterance], count: int
) -> list[list[Utterance]]:
    """Return, for each of `utterances`, up to `count` before it in its dialogue, latest first."""
    if not count:
        return [[] for _ in utterances]
    dialogues = corpus.dialogues()
    places = {u.id: place for rows in dialogues.values() for place, u in enumerate(rows)}
    before = []
    for utterance in utterances:
        place = places[utterance.id]
        before.append(dialogues[utterance.dialogue][max(0, place - count) : place][::-1])
    return before


def _affect(utterance: Utterance) -> np.ndarray:
    ratings = (utterance.valence, utterance.arousal)
    return np.array([np.nan if r is None else r for r in ratings], dtype=np.float32)
