"""Utterances as examples: text, audio decoded when it is asked for, and what is to be learnt."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch.utils.data import Dataset

from feature_extractor.audio import is_silent, load_audio
from feature_extractor.batches.augmentation import perturb_speed
from feature_extractor.batches.chunking import is_too_long
from feature_extractor.fusion.base import needed
from feature_extractor.fusion.context import (
    NO_CONTEXT,
    NOBODY,
    OTHER_SPEAKER,
    SAME_SPEAKER,
    Context,
)
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
    run before; ``earlier`` holds the texts of the utterances before it in the dialogue, and where
    these are read apart, ``earlier_audio`` their clips (or ``earlier_text_states`` and
    ``earlier_audio_states``), the latest first, and ``earlier_speakers`` ``[K]`` who said them, see
    `fusion.context`; ``labels`` is the integer label, or with `soft_labels` the share of votes per
    emotion ``[C]``; ``affect`` the mean ratings of valence and arousal ``[2]``, NaN where there are
    none, in a corpus that has any.

    Attributes:
        utterances: the examples.
        sampling_rate: Hz of the audio, or None where none is decoded.
        context: what of the utterances before each example is in it.
    """

    def __init__(
        self,
        corpus: Corpus,
        utterances: Sequence[Utterance],
        *,
        sampling_rate: int | None,
        soft_labels: bool = False,
        speed_perturbation: float = 0.0,
        context: Context = NO_CONTEXT,
        earlier_seconds: float = math.inf,
        states: Mapping[str, States] | None = None,
    ) -> None:
        """Hold `utterances` of `corpus`.

        Args:
            corpus: where the utterances are from.
            utterances: the examples.
            sampling_rate: Hz; None decodes no audio.
            soft_labels: give the raters' votes as labels.
            speed_perturbation: the span of `augmentation.perturb_speed`, for training.
            context: what of the utterances before each is read along with it.
            earlier_seconds: how much of an earlier clip is heard at most; for training, which hears
                nothing in chunks.
            states: by ``text`` and ``audio``, what encoders made of all utterances of the corpus.
        """
        self._corpus = corpus
        self.utterances = tuple(utterances)
        self.sampling_rate = sampling_rate
        self.context = context
        self._earlier_seconds = earlier_seconds
        self._soft_labels = soft_labels
        self._rated = any(u.valence is not None for u in corpus.utterances)
        self._speed_perturbation = speed_perturbation
        self._states = dict(states or {})
        self._before = earlier_utterances(corpus, self.utterances, context.count)
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
        whole = self._earlier_seconds > clip_length
        return {
            index
            for index, utterance in enumerate(self.utterances)
            if is_too_long(utterance, clip_length)
            or (whole and any(is_too_long(u, clip_length) for u in self._heard_before(index)))
        }

    def seconds(self, index: int) -> float:
        """Return how long the longest clip of an example is, in s; 0 without any."""
        earlier = max((u.duration for u in self._heard_before(index)), default=0.0)
        return max(self.utterances[index].duration, min(earlier, self._earlier_seconds))

    def characters(self, index: int) -> int:
        """Return how many characters the longest text of an example has; joined texts are one."""
        texts = [len(u.text) for u in (self.utterances[index], *self._before[index])]
        return max(texts) if self.context.read else sum(texts)

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
            states = self._states["text"]
            example["text_states"] = states[utterance.id]
            if self.context.read:
                example["earlier_text_states"] = [states[u.id] for u in self._before[index]]
        if self.context.apart:
            example["earlier_speakers"] = self._speakers_before(index)
        if self.sampling_rate is not None:
            self._add_audio(example, index)
        return example

    def _add_audio(self, example: Example, index: int) -> None:
        utterance = self.utterances[index]
        if "audio" in self._states:
            states = self._states["audio"]
            example["audio_states"] = states[utterance.id]
            if self.context.heard:
                example["earlier_audio_states"] = [states[u.id] for u in self._before[index]]
            return
        samples = self._heard(utterance)
        if samples is not None:
            self._silent[index] = is_silent(samples)
            if self._speed_perturbation > 0:
                samples = perturb_speed(samples, self._speed_perturbation)
            example["audio"] = samples
        if self.context.heard:
            clips = [self._heard(before) for before in self._before[index]]
            example["earlier_audio"] = [clip if clip is None else self._cut(clip) for clip in clips]

    def _heard_before(self, index: int) -> list[Utterance]:
        return self._before[index] if self.context.heard else []

    def _cut(self, samples: np.ndarray) -> np.ndarray:
        if math.isinf(self._earlier_seconds):
            return samples
        return samples[: int(self._earlier_seconds * needed(self.sampling_rate))]

    def _speakers_before(self, index: int) -> np.ndarray:
        speaker = self.utterances[index].speaker
        same = [before.speaker == speaker for before in self._before[index]]
        said = np.full(self.context.count, NOBODY, dtype=np.int64)
        said[: len(same)] = np.where(same, SAME_SPEAKER, OTHER_SPEAKER)
        return said

    def _heard(self, utterance: Utterance) -> np.ndarray | None:
        if utterance.wav is None:
            return None
        try:
            return load_audio(utterance.wav, needed(self.sampling_rate))
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
