"""Utterances as padded batches: decoding one at a time, tokenising and padding many at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset
from transformers import PreTrainedTokenizerBase, SequenceFeatureExtractor

from feature_extractor.audio import is_silent, load_audio
from feature_extractor.augmentation import perturb_speed
from feature_extractor.utterance import Corpus, Utterance

Example = dict[str, Any]


class UtteranceDataset(Dataset):
    """Utterances as ``{"text", "audio", "labels"}``; audio is decoded when an item is asked for.

    ``audio`` is float32 ``[samples]``, or absent without modality ``a`` and where the utterance has
    none; ``labels`` is the integer label, or with `soft_labels` the share of votes per emotion
    ``[C]``.

    Attributes:
        utterances: the examples.
        sampling_rate: Hz of the audio, or None where none is decoded.
    """

    def __init__(
        self,
        corpus: Corpus,
        utterances: Sequence[Utterance],
        *,
        sampling_rate: int | None,
        soft_labels: bool = False,
        speed_perturbation: float = 0.0,
    ) -> None:
        """Hold `utterances` of `corpus`.

        Args:
            corpus: where the utterances are from.
            utterances: the examples.
            sampling_rate: Hz; None decodes no audio.
            soft_labels: give the raters' votes as labels.
            speed_perturbation: the span of `augmentation.perturb_speed`, for training.
        """
        self._corpus = corpus
        self.utterances = tuple(utterances)
        self.sampling_rate = sampling_rate
        self._soft_labels = soft_labels
        self._speed_perturbation = speed_perturbation
        # Shared, so that the processes which decode audio can tell this one what they heard.
        self._silent = torch.zeros(len(self.utterances), dtype=torch.bool).share_memory_()

    @property
    def silent(self) -> list[Utterance]:
        """The utterances in which nothing is heard, among those decoded so far."""
        return [self.utterances[index] for index in self._silent.nonzero().flatten().tolist()]

    def __len__(self) -> int:
        """Return the number of utterances."""
        return len(self.utterances)

    def __getitem__(self, index: int) -> Example:
        """Return one example, not yet padded."""
        utterance = self.utterances[index]
        example: Example = {"text": utterance.text, "labels": self._target(utterance)}
        if self.sampling_rate is not None and utterance.wav is not None:
            samples = load_audio(utterance.wav, self.sampling_rate)
            self._silent[index] = is_silent(samples)
            if self._speed_perturbation > 0:
                samples = perturb_speed(samples, self._speed_perturbation)
            example["audio"] = samples
        return example

    def _target(self, utterance: Utterance) -> int | np.ndarray:
        if not self._soft_labels:
            return self._corpus.label(utterance)
        if utterance.soft_label is None:
            one_hot = np.eye(len(self._corpus.emotions), dtype=np.float32)
            return one_hot[self._corpus.label(utterance)]
        return np.asarray(utterance.soft_label, dtype=np.float32)


@dataclass(frozen=True)
class Collator:
    """Pads examples to a batch for `model.UtteranceClassifier`.

    Attributes:
        tokenizer: of the text encoder, or None without modality ``t``.
        feature_extractor: of the audio encoder, or None without modality ``a``.
        max_tokens: longer texts are cut off.
        min_samples: shorter clips are filled up with silence, which then counts as audio, since
            the audio encoder needs that many for its first frame.
    """

    tokenizer: PreTrainedTokenizerBase | None
    feature_extractor: SequenceFeatureExtractor | None
    max_tokens: int
    min_samples: int

    def __call__(self, examples: Sequence[Example]) -> dict[str, torch.Tensor]:
        """Return ``input_ids`` and ``text_mask`` ``[B, L]``, ``input_values`` and ``audio_mask``.

        The latter two are ``[B, S]``; ``labels`` (``[B]`` or ``[B, C]``) is there if the examples
        have it.
        """
        batch: dict[str, torch.Tensor] = {}
        if self.tokenizer is not None:
            batch |= self._text([example["text"] for example in examples])
        if self.feature_extractor is not None:
            batch |= self._audio([example["audio"] for example in examples])
        if "labels" in examples[0]:
            batch["labels"] = torch.as_tensor(np.stack([e["labels"] for e in examples]))
        return batch

    def _text(self, texts: list[str]) -> dict[str, torch.Tensor]:
        tokens = self.tokenizer(
            texts,
            padding=True,
            truncation=True,
            max_length=self.max_tokens,
            return_token_type_ids=False,
            return_tensors="pt",
        )
        return {"input_ids": tokens["input_ids"], "text_mask": tokens["attention_mask"]}

    def _audio(self, clips: list[np.ndarray]) -> dict[str, torch.Tensor]:
        clips = [np.pad(clip, (0, max(0, self.min_samples - len(clip)))) for clip in clips]
        audio = self.feature_extractor(
            clips,
            sampling_rate=self.feature_extractor.sampling_rate,
            padding=True,
            return_attention_mask=True,
            return_tensors="pt",
        )
        return {"input_values": audio["input_values"], "audio_mask": audio["attention_mask"]}


def length_batches(
    durations: Sequence[float], batch_size: int, max_seconds: float
) -> list[list[int]]:
    """Divide utterances into batches of like length, longest first.

    Args:
        durations: seconds per utterance, ``[N]``.
        batch_size: most utterances per batch.
        max_seconds: most seconds per batch, padding included; one utterance may exceed it alone.

    Returns:
        Indices into `durations`, each once.
    """
    batches: list[list[int]] = []
    for index in sorted(range(len(durations)), key=lambda i: (-durations[i], i)):
        last = batches[-1] if batches else []
        # The first of a batch is its longest, so it sets the padded length.
        fits = bool(last) and (len(last) + 1) * durations[last[0]] <= max_seconds
        if fits and len(last) < batch_size:
            last.append(index)
        else:
            batches.append([index])
    return batches
