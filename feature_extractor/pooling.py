"""Frames of an audio encoder with their mask, and means over what is not padding.

Whatever stands beside an utterance in its batch, its frames and means stay the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel


def masked_mean(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Average `states` ``[B, T, D]`` over the positions where `mask` ``[B, T]`` is set, in float32.

    Returns:
        ``[B, D]``; zeros where a row has no position at all.
    """
    weights = mask.unsqueeze(-1).to(torch.float32)
    total = (states.to(torch.float32) * weights).sum(dim=1)
    return total / weights.sum(dim=1).clamp(min=1.0)


def num_frames(config: PreTrainedConfig, samples: int) -> int:
    """Return how many frames the convolutions of an audio encoder make of `samples`."""
    for kernel, stride in zip(config.conv_kernel, config.conv_stride, strict=True):
        samples = (samples - kernel) // stride + 1
    return max(samples, 0)


def minimum_samples(config: PreTrainedConfig) -> int:
    """Return the fewest samples that give one frame: the encoder's receptive field."""
    samples = 1
    layers = zip(config.conv_kernel, config.conv_stride, strict=True)
    for kernel, stride in reversed(list(layers)):
        samples = (samples - 1) * stride + kernel
    return samples


def audio_frames(
    encoder: PreTrainedModel, values: torch.Tensor, mask: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Run an audio encoder over padded audio.

    Encoders of the wav2vec2-base kind (``feat_extract_norm="group"``) normalise over time, so that
    padding would change every frame; they hear one utterance at a time, without padding.

    Args:
        encoder: wav2vec 2.0 (Baevski et al., NeurIPS 2020) or a relative.
        values: padded samples ``[B, S]``.
        mask: ``[B, S]``, 1 on samples.

    Returns:
        Last hidden states ``[B, T, D]`` and their mask ``[B, T]``.
    """
    if encoder.config.feat_extract_norm == "group":
        lengths = mask.sum(dim=1).tolist()
        rows = [
            encoder(row[None, :length], **_spec_augment(encoder, 1, length)).last_hidden_state[0]
            for row, length in zip(values, lengths, strict=True)
        ]
        return _pad(rows)
    spec_augment = _spec_augment(encoder, *values.shape)
    states = encoder(values, attention_mask=mask, **spec_augment).last_hidden_state
    return states, encoder._get_feature_vector_attention_mask(states.shape[1], mask)


def _pad(rows: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    states = nn.utils.rnn.pad_sequence(list(rows), batch_first=True)
    lengths = torch.tensor([len(row) for row in rows], device=states.device)
    positions = torch.arange(states.shape[1], device=states.device)
    return states, positions[None, :] < lengths[:, None]


def _spec_augment(encoder: PreTrainedModel, batch: int, samples: int) -> dict[str, torch.Tensor]:
    """Return an empty SpecAugment mask where the frames are fewer than one masked span.

    Without it the encoder raises on such clips in training.
    """
    config = encoder.config
    frames = num_frames(config, samples)
    if not encoder.training or config.mask_time_prob == 0 or frames >= config.mask_time_length:
        return {}
    empty = torch.zeros(batch, frames, dtype=torch.bool, device=encoder.device)
    return {"mask_time_indices": empty}
