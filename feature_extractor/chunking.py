"""Utterances that do not pass through a model as they are: clips too long for it, and none at all.

A long clip is cut into chunks of equal length; the utterance's audio vector is the mean over the
frames of all of them. Where there is no clip, the vector is zero.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from transformers import PreTrainedModel

from feature_extractor.batching import Example
from feature_extractor.model import UtteranceOutput
from feature_extractor.utterance import Utterance


def is_too_long(utterance: Utterance, clip_length: float) -> bool:
    """Tell whether an utterance's clip is longer than `clip_length` seconds."""
    return utterance.wav is not None and utterance.duration > clip_length


def cut_clip(example: Example, max_samples: int) -> list[Example]:
    """Return one example per chunk of at most `max_samples`; without audio one of no samples.

    The chunks are of equal length, so that none is too short for a frame.
    """
    clip = example.get("audio", np.zeros(0, dtype=np.float32))
    chunks = np.array_split(clip, max(1, math.ceil(len(clip) / max_samples)))
    return [{**example, "audio": chunk} for chunk in chunks]


def batches_of(chunks: Sequence[Example], size: int) -> Iterator[Sequence[Example]]:
    """Yield at most `size` chunks at a time."""
    for start in range(0, len(chunks), size):
        yield chunks[start : start + size]


def frame_counts(
    encoder: PreTrainedModel, chunks: Sequence[Example], audio_mask: torch.Tensor
) -> torch.Tensor:
    """Return how many frames the mean of each chunk was taken over, ``[B]``; 0 without audio.

    Args:
        encoder: of the audio.
        chunks: ``B`` examples.
        audio_mask: of their batch, ``[B, S]``: a clip too short for a frame was filled up.
    """
    frames = encoder._get_feat_extract_output_lengths(audio_mask.sum(dim=1))
    heard = torch.tensor([len(chunk["audio"]) > 0 for chunk in chunks], device=frames.device)
    return frames * heard


def join_chunks(
    model: torch.nn.Module, outputs: Sequence[UtteranceOutput], frames: Sequence[torch.Tensor]
) -> UtteranceOutput:
    """Return the output ``[1, ...]`` of the utterance whose chunks gave `outputs`.

    Args:
        model: its head, if it has one, is applied to the joint vectors.
        outputs: one per batch of chunks; all hold the same text.
        frames: the `frame_counts` of each batch.
    """
    weights = torch.cat(list(frames)).to(torch.float32)[:, None]
    audio = torch.cat([output.audio_vector for output in outputs]).to(torch.float32)
    audio_vector = (audio * weights).sum(dim=0, keepdim=True) / weights.sum().clamp(min=1.0)
    text_vector = outputs[0].text_vector
    if text_vector is not None:
        text_vector = text_vector[:1]
    logits = None
    if outputs[0].logits is not None:
        logits = model.head([v for v in (text_vector, audio_vector) if v is not None])
    return UtteranceOutput(logits, text_vector, audio_vector)
