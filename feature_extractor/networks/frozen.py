"""Encoders as pretrained, without stage 1: the un-tuned condition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import PreTrainedModel

from feature_extractor.batches.dataset import Example
from feature_extractor.batches.padding import Collator
from feature_extractor.fusion.base import needed
from feature_extractor.fusion.pooling import (
    Frames,
    audio_frames,
    masked_mean,
    minimum_samples,
    text_frames,
)
from feature_extractor.fusion.stream import Stream
from feature_extractor.networks.encoders import (
    load_audio_encoder,
    load_sentence_encoder,
    load_text_encoder,
    max_tokens,
)
from feature_extractor.networks.model import UtteranceOutput


class FrozenEncoders(nn.Module):
    """Means of pretrained encoders' last hidden states, each at its own width."""

    def __init__(
        self, text_encoder: nn.Module | None, audio_encoder: PreTrainedModel | None
    ) -> None:
        """Take the encoders, or one; `text_encoder` may be a ``SentenceTransformer``."""
        super().__init__()
        self.text_encoder: Any = text_encoder  # of tokens or of whole sentences
        self.audio_encoder = audio_encoder

    def forward(
        self,
        input_values: torch.Tensor | None = None,
        audio_mask: torch.Tensor | None = None,
        has_audio: torch.Tensor | None = None,
        **text: Any,
    ) -> UtteranceOutput:
        """Return text and audio vectors ``[B, D]`` of a batch; None where there is no input.

        Args:
            input_values: samples ``[B, S]``.
            audio_mask: ``[B, S]``, 1 on samples.
            has_audio: ``[B]``, False where there is no audio, or None where there is some in each.
            text: the arguments of `text_of`.
        """
        audio = None
        if input_values is not None:
            frames = self.audio_frames(input_values, needed(audio_mask))
            audio = self.audio_stream(frames if has_audio is None else frames.without(has_audio))
        return self.join(self.text_of(**text), audio)

    def audio_frames(self, values: torch.Tensor, mask: torch.Tensor) -> Frames:
        """Return the audio encoder's states of samples ``[B, S]``."""
        return audio_frames(needed(self.audio_encoder), values, mask)

    def audio_stream(self, frames: Frames) -> Stream:
        """Return the last of these states."""
        return Stream(frames.last, frames.mask)

    def text_of(
        self,
        input_ids: torch.Tensor | None = None,
        text_mask: torch.Tensor | None = None,
        sentences: Sequence[str] | None = None,
    ) -> torch.Tensor | None:
        """Return the text vectors ``[B, D]`` of tokens or of plain sentences."""
        if sentences is not None:
            return self.text_encoder.encode(
                list(sentences), convert_to_tensor=True, show_progress_bar=False
            )
        if input_ids is None:
            return None
        mask = needed(text_mask)
        return masked_mean(text_frames(self.text_encoder, input_ids, mask).last, mask)

    def join(
        self,
        text: torch.Tensor | None,
        audio: Stream | None,
        earlier_speakers: torch.Tensor | None = None,
    ) -> UtteranceOutput:
        """Return the vectors; pretrained encoders know no context."""
        audio_vector = None if audio is None else audio.mean()
        return UtteranceOutput(text_vector=text, audio_vector=audio_vector)


@dataclass(frozen=True)
class SentenceCollator:
    """Pads audio like `Collator` and hands sentences on as they are."""

    audio: Collator

    def __call__(self, examples: Sequence[Example]) -> dict[str, Any]:
        """Return the arguments of `FrozenEncoders.forward`, with ``sentences`` among them."""
        return {**self.audio(examples), **self.text_batch(examples)}

    def text_batch(self, examples: Sequence[Example]) -> dict[str, Any]:
        """Return ``sentences``."""
        return {"sentences": [example["text"] for example in examples]}

    def audio_batch(self, clips: Sequence[np.ndarray | None]) -> dict[str, Any]:
        """Return ``input_values``, ``audio_mask`` and, where clips are missing, ``has_audio``."""
        return self.audio.audio_batch(clips)


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
    collate: Collator | SentenceCollator
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
