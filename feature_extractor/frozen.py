"""Encoders as pretrained, without stage 1: the un-tuned condition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from feature_extractor.batching import Collator, Example
from feature_extractor.encoders import (
    load_audio_encoder,
    load_sentence_encoder,
    load_text_encoder,
    max_tokens,
)
from feature_extractor.model import UtteranceOutput
from feature_extractor.pooling import audio_frames, masked_mean, minimum_samples


class FrozenEncoders(nn.Module):
    """Means of pretrained encoders' last hidden states, each at its own width."""

    def __init__(self, text_encoder: nn.Module | None, audio_encoder: nn.Module | None) -> None:
        """Take the encoders, or one; `text_encoder` may be a ``SentenceTransformer``."""
        super().__init__()
        self.text_encoder = text_encoder
        self.audio_encoder = audio_encoder

    def forward(
        self,
        input_values: torch.Tensor | None = None,
        audio_mask: torch.Tensor | None = None,
        input_ids: torch.Tensor | None = None,
        text_mask: torch.Tensor | None = None,
        sentences: Sequence[str] | None = None,
    ) -> UtteranceOutput:
        """Return text and audio vectors ``[B, D]`` of a batch of tokens or of plain sentences.

        A vector is None where its input is.
        """
        text_vector = audio_vector = None
        if input_values is not None:
            frames, frame_mask = audio_frames(self.audio_encoder, input_values, audio_mask)
            audio_vector = masked_mean(frames, frame_mask)
        if sentences is not None:
            text_vector = self.text_encoder.encode(
                list(sentences), convert_to_tensor=True, show_progress_bar=False
            )
        elif input_ids is not None:
            states = self.text_encoder(input_ids=input_ids, attention_mask=text_mask)
            text_vector = masked_mean(states.last_hidden_state, text_mask)
        return UtteranceOutput(text_vector=text_vector, audio_vector=audio_vector)


@dataclass(frozen=True)
class SentenceCollator:
    """Pads audio like `Collator` and hands sentences on as they are."""

    audio: Collator

    def __call__(self, examples: Sequence[Example]) -> dict[str, Any]:
        """Return ``input_values``, ``audio_mask`` and ``sentences``."""
        return {**self.audio(examples), "sentences": [example["text"] for example in examples]}


def load_frozen(
    text_encoder: str | None, audio_encoder: str | None, sentence_encoder: str | None
) -> tuple[FrozenEncoders, Collator | SentenceCollator, int | None]:
    """Load encoders as pretrained.

    Args:
        text_encoder: hub id or folder, or None; not read with a `sentence_encoder`.
        audio_encoder: hub id or folder, or None.
        sentence_encoder: hub id or folder of a sentence-transformers model, or None.

    Returns:
        The encoders, what pads examples for them, and the sampling rate in Hz, None without audio.
    """
    audio = feature_extractor = sampling_rate = None
    min_samples = 0
    if audio_encoder is not None:
        audio, feature_extractor = load_audio_encoder(audio_encoder)
        min_samples = minimum_samples(audio.config)
        sampling_rate = feature_extractor.sampling_rate
    if sentence_encoder is not None:
        text = load_sentence_encoder(sentence_encoder)
        collate = SentenceCollator(Collator(None, feature_extractor, 0, min_samples))
        return FrozenEncoders(text, audio), collate, sampling_rate
    if text_encoder is None:
        collate = Collator(None, feature_extractor, 0, min_samples)
        return FrozenEncoders(None, audio), collate, sampling_rate
    text, tokenizer = load_text_encoder(text_encoder)
    collate = Collator(tokenizer, feature_extractor, max_tokens(text, tokenizer), min_samples)
    return FrozenEncoders(text, audio), collate, sampling_rate
