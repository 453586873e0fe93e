"""The stage 1 model: one text and one audio vector per utterance, and emotion logits.

B utterances, L tokens, S samples, C emotions.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import nn
from transformers import AutoModel, PreTrainedConfig, PreTrainedModel
from transformers.utils import ModelOutput

from feature_extractor.configuration import UtteranceConfig
from feature_extractor.fusion.registry import FUSIONS
from feature_extractor.pooling import audio_frames, masked_mean


@dataclass
class UtteranceOutput(ModelOutput):
    """Logits ``[B, C]`` and the vectors before the head; None for what the model lacks."""

    logits: torch.Tensor | None = None
    text_vector: torch.Tensor | None = None
    audio_vector: torch.Tensor | None = None


class UtteranceClassifier(PreTrainedModel):
    """Text encoder and wav2vec 2.0 with mean pooling and a fusion head.

    The text vector is the mean of the text encoder's last hidden states over the tokens; the
    audio vector is the mean over the frames of a linear layer on the audio encoder's last hidden
    states. Padding is left out of both means.
    """

    config: UtteranceConfig
    config_class = UtteranceConfig
    _supports_sdpa = True

    def __init__(
        self,
        config: UtteranceConfig,
        text_encoder: PreTrainedModel | None = None,
        audio_encoder: PreTrainedModel | None = None,
    ) -> None:
        """Build the model around encoders given, or around new ones after `config`."""
        super().__init__(config)
        sizes = []
        if "t" in config.modalities:
            self.text_encoder = text_encoder or _new_encoder(config.text_config)
            # Nothing reads the pooler: its parameters would never see a gradient.
            self.text_encoder.pooler = None
            sizes.append(config.text_config.hidden_size)
        if "a" in config.modalities:
            self.audio_encoder = audio_encoder or _new_encoder(config.audio_config)
            self.audio_projection = nn.Linear(_frame_size(config.audio_config), config.audio_size)
            sizes.append(config.audio_size)
        self.head = FUSIONS[config.fusion](sizes, len(config.emotions))
        self.post_init()

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        text_mask: torch.Tensor | None = None,
        input_values: torch.Tensor | None = None,
        audio_mask: torch.Tensor | None = None,
    ) -> UtteranceOutput:
        """Classify a padded batch.

        Args:
            input_ids: tokens ``[B, L]``; not read without modality ``t``.
            text_mask: ``[B, L]``, 1 on tokens.
            input_values: samples ``[B, S]``; not read without modality ``a``.
            audio_mask: ``[B, S]``, 1 on samples.
        """
        text_vector = audio_vector = None
        if "t" in self.config.modalities:
            states = self.text_encoder(input_ids=input_ids, attention_mask=text_mask)
            text_vector = masked_mean(states.last_hidden_state, text_mask)
        if "a" in self.config.modalities:
            frames, frame_mask = audio_frames(self.audio_encoder, input_values, audio_mask)
            # A linear layer and a mean commute: projecting the mean is projecting every frame.
            audio_vector = self.audio_projection(masked_mean(frames, frame_mask))
        vectors = [vector for vector in (text_vector, audio_vector) if vector is not None]
        return UtteranceOutput(self.head(vectors), text_vector, audio_vector)

    def floating_point_ops(self, inputs: dict[str, torch.Tensor], **_: bool) -> int:
        """Return 0: `Trainer` would count by tokens, which samples of audio are not."""
        return 0


def _new_encoder(config: PreTrainedConfig) -> PreTrainedModel:
    # A copy: the base class resets the attention implementation in the part of its own config.
    return AutoModel.from_config(copy.deepcopy(config))


def _frame_size(config: PreTrainedConfig) -> int:
    """Return the width of the last hidden states, which an adapter may change."""
    return config.output_hidden_size if config.add_adapter else config.hidden_size
