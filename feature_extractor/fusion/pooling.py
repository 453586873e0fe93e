"""What encoders make of padded input: hidden states with their mask, and means over them.

Whatever stands beside an utterance in its batch, its states and means stay the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from feature_extractor.fusion.narrow_convolutions import keep_narrow_convolutions_exact

Layers = tuple[torch.Tensor, ...]

# In these no layer carries anything from padding into a frame; a test holds them to it.
_MASKING = frozenset({"wav2vec2", "hubert", "wavlm", "unispeech-sat"})


def masked_mean(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Average `states` ``[B, T, D]`` over the positions where `mask` ``[B, T]`` is set, in float32.

    Returns:
        ``[B, D]``; zeros where a row has no position at all.
    """
    weights = mask.unsqueeze(-1).to(torch.float32)
    total = (states.to(torch.float32) * weights).sum(dim=1)
    return total / weights.sum(dim=1).clamp(min=1.0)


@dataclass(frozen=True)
class Frames:
    """Hidden states of a batch over time.

    Attributes:
        layers: ``[B, T, D]`` of the last layer, or of every layer from the lowest on.
        mask: bool ``[B, T]``, True on what is there.
    """

    layers: Layers
    mask: torch.Tensor

    @property
    def last(self) -> torch.Tensor:
        """The last hidden states ``[B, T, D]``."""
        return self.layers[-1]

    def statistics(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the mean and the standard deviation of each layer over time, side by side.

        Returns:
            ``[B, layers, 2 D]`` in float32, and a mask ``[B, layers]`` that is empty where a row
            has no frames.
        """
        rows = []
        for states in self.layers:
            mean = masked_mean(states, self.mask)
            variance = masked_mean((states.float() - mean[:, None]) ** 2, self.mask)
            rows.append(torch.cat((mean, (variance + 1e-8).sqrt()), dim=-1))
        there = self.mask.any(dim=1)[:, None].expand(-1, len(rows))
        return torch.stack(rows, dim=1), there

    def without(self, kept: torch.Tensor) -> Frames:
        """Return the frames with none left in the rows where `kept` ``[B]`` is False."""
        return Frames(self.layers, self.mask & kept[:, None].bool())

    def in_sequence(self, groups: Sequence[Sequence[int]]) -> Frames:
        """Return one row per group: the frames of its rows, one row after another, padded anew."""
        layers = [
            [torch.cat([states[row, self.mask[row]] for row in group]) for group in groups]
            for states in self.layers
        ]
        padded = [pad_rows(rows) for rows in layers]
        return Frames(tuple(states for states, _ in padded), padded[0][1])


def join_frames(parts: Sequence[Frames]) -> Frames:
    """Return the frames of several batches as one batch."""
    longest = max(part.mask.shape[1] for part in parts)
    layers = tuple(
        torch.cat([_padded(part.layers[number], longest) for part in parts])
        for number in range(len(parts[0].layers))
    )
    masks = [nn.functional.pad(part.mask, (0, longest - part.mask.shape[1])) for part in parts]
    return Frames(layers, torch.cat(masks))


def pad_rows(rows: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Pad states ``[T, D]`` of unequal length to ``[B, T, D]``, T at least 1; with their mask."""
    states = nn.utils.rnn.pad_sequence(list(rows), batch_first=True)
    states = _padded(states, max(1, states.shape[1]))
    lengths = torch.tensor([len(row) for row in rows], device=states.device)
    positions = torch.arange(states.shape[1], device=states.device)
    return states, positions[None, :] < lengths[:, None]


def num_frames(config: Any, samples: int) -> int:
    """Return how many frames the convolutions of an audio encoder make of `samples`."""
    for kernel, stride in zip(config.conv_kernel, config.conv_stride, strict=True):
        samples = (samples - kernel) // stride + 1
    return max(samples, 0)


def minimum_samples(config: Any) -> int:
    """Return the fewest samples that give one frame, mostly the encoder's receptive field."""
    if not hasattr(config, "conv_stride"):
        return config.min_samples
    # SEW joins so many frames to one.
    samples = getattr(config, "squeeze_factor", 1)
    layers = zip(config.conv_kernel, config.conv_stride, strict=True)
    for kernel, stride in reversed(list(layers)):
        samples = (samples - 1) * stride + kernel
    return samples


def has_adapter(config: Any) -> bool:
    """Tell whether convolutions stand above an audio encoder's layers, and make fewer frames."""
    return getattr(config, "add_adapter", False)


def text_frames(
    encoder: PreTrainedModel, input_ids: torch.Tensor, mask: torch.Tensor, every_layer: bool = False
) -> Frames:
    """Run a text encoder over padded tokens.

    Args:
        encoder: a BERT (Devlin et al., NAACL 2019) or a relative.
        input_ids: ``[B, L]``.
        mask: ``[B, L]``, 1 on tokens.
        every_layer: return all layers' states, the embeddings' among them.
    """
    output = encoder(input_ids=input_ids, attention_mask=mask, output_hidden_states=every_layer)
    layers = output.hidden_states if every_layer else (output.last_hidden_state,)
    return Frames(layers, mask.bool())


def audio_frames(
    encoder: PreTrainedModel, values: torch.Tensor, mask: torch.Tensor, every_layer: bool = False
) -> Frames:
    """Run an audio encoder over padded audio.

    Encoders that padding changes hear one utterance at a time, without padding: those of the
    wav2vec2-base kind (``feat_extract_norm="group"``), which normalise over time, those with an
    adapter, whose convolutions read it, and any beyond those that are known to mask it.

    Args:
        encoder: wav2vec 2.0 (Baevski et al., NeurIPS 2020), a relative, or `acoustic.FrameEncoder`.
        values: padded samples ``[B, S]``, or for a `FrameEncoder` frames ``[B, S, D]``.
        mask: ``[B, S]``, 1 on what is there.
        every_layer: return all layers' states, the input of the transformer among them.
    """
    if not hasattr(encoder.config, "conv_stride"):
        return Frames((encoder(values).last_hidden_state,), mask.bool())
    config = encoder.config
    masks = config.model_type in _MASKING and not has_adapter(config)
    if not masks or config.feat_extract_norm == "group":
        lengths = mask.sum(dim=1).tolist()
        rows = [
            _layers(encoder, row[None, :length], None, every_layer)
            for row, length in zip(values, lengths, strict=True)
        ]
        padded = [pad_rows([states[0] for states in layer]) for layer in zip(*rows, strict=True)]
        return Frames(tuple(states for states, _ in padded), padded[0][1])
    layers = _layers(encoder, values, mask, every_layer)
    wav2vec: Any = encoder  # all of its family can tell
    frame_mask = wav2vec._get_feature_vector_attention_mask(layers[0].shape[1], mask)
    return Frames(layers, frame_mask.bool())


def _layers(
    encoder: PreTrainedModel, values: torch.Tensor, mask: torch.Tensor | None, every_layer: bool
) -> Layers:
    if torch.is_autocast_enabled("cpu"):
        keep_narrow_convolutions_exact(encoder)
    output = encoder(
        values,
        attention_mask=mask,
        output_hidden_states=every_layer,
        **_spec_augment(encoder, *values.shape),
    )
    # What is collected as the last layer may stand before the encoder's last norm.
    below = output.hidden_states[:-1] if every_layer else ()
    return (*below, output.last_hidden_state)


def _padded(states: torch.Tensor, length: int) -> torch.Tensor:
    return nn.functional.pad(states, (0, 0, 0, length - states.shape[1]))


def _spec_augment(encoder: PreTrainedModel, batch: int, samples: int) -> dict[str, torch.Tensor]:
    """Return an empty SpecAugment mask where the frames are fewer than one masked span.

    Without it the encoder raises on such clips in training. HuBERT and WavLM call the argument
    likewise.
    """
    config = encoder.config
    frames = num_frames(config, samples)
    if not encoder.training or config.mask_time_prob == 0 or frames >= config.mask_time_length:
        return {}
    empty = torch.zeros(batch, frames, dtype=torch.bool, device=encoder.device)
    return {"mask_time_indices": empty}
