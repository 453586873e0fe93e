"""Acoustic features in place of an audio encoder: MFCC over time, or eGeMAPS of the whole clip.

They take the place of a pretrained encoder in every respect: a configuration, a feature extractor
and a model of Hugging Face's kind, registered with its Auto classes, so that checkpoints hold them
and load them like any other encoder. The work is done by the feature extractor; the model hands its
frames on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from transformers import (
    AutoConfig,
    AutoFeatureExtractor,
    AutoModel,
    BatchFeature,
    PreTrainedConfig,
    PreTrainedModel,
    SequenceFeatureExtractor,
)
from transformers.modeling_outputs import BaseModelOutput

from feature_extractor.networks.egemaps import FUNCTIONALS, egemaps
from feature_extractor.networks.mfcc import BANDS, COEFFICIENTS, mfcc

SAMPLING_RATE = 16_000
# Windows of 50 ms every 25 ms, as in the seed's scripts, where the audio was at 8 kHz.
_WINDOW, _HOP = 800, 400
MFCC, EGEMAPS = "mfcc", "egemaps"
KINDS = {MFCC: COEFFICIENTS, EGEMAPS: FUNCTIONALS}
# eGeMAPS looks at windows of up to 60 ms and at slopes between them.
_SHORTEST = {MFCC: _WINDOW, EGEMAPS: 4000}


class FrameConfig(PreTrainedConfig):
    """Configuration of `FrameEncoder`.

    Attributes:
        kind: ``mfcc`` or ``egemaps``.
        hidden_size: features per frame.
        min_samples: the fewest samples that give a frame.
    """

    model_type = "acoustic_frames"
    kind: str = MFCC
    hidden_size: int = COEFFICIENTS
    min_samples: int = _WINDOW


class FrameEncoder(PreTrainedModel):
    """Hands on the frames that `FrameExtractor` made; nothing in it is trained."""

    config: FrameConfig
    config_class = FrameConfig
    main_input_name = "input_values"

    def __init__(self, config: FrameConfig) -> None:
        """Build the model."""
        super().__init__(config)
        self.post_init()

    def forward(self, input_values: torch.Tensor) -> BaseModelOutput:
        """Return the frames ``[B, T, D]`` as the last hidden states."""
        return BaseModelOutput(last_hidden_state=input_values)


class FrameExtractor(SequenceFeatureExtractor):
    """Makes frames of samples, and pads them; see `mfcc.mfcc` and `egemaps.egemaps`."""

    model_input_names = ["input_values", "attention_mask"]  # noqa: RUF012

    def __init__(
        self,
        kind: str = MFCC,
        feature_size: int = COEFFICIENTS,
        sampling_rate: int = SAMPLING_RATE,
        padding_value: float = 0.0,
        window: int = _WINDOW,
        hop: int = _HOP,
        bands: int = BANDS,
        **options: Any,
    ) -> None:
        """Take the options that ``preprocessor_config.json`` holds, so that features stay the same.

        Args:
            kind: of `KINDS`.
            feature_size: features per frame.
            sampling_rate: Hz.
            padding_value: what fills up shorter clips.
            window: samples per frame of MFCC.
            hop: samples from one such frame to the next.
            bands: mel bands of MFCC.
            options: those of every feature extractor.
        """
        super().__init__(feature_size, sampling_rate, padding_value, **options)
        self.kind, self.window, self.hop, self.bands = kind, window, hop, bands

    def __call__(self, clips: Sequence[np.ndarray], **options: Any) -> BatchFeature:
        """Return ``input_values`` ``[B, T, D]`` and ``attention_mask`` ``[B, T]``."""
        options.pop("sampling_rate", None)
        frames = [self._frames(clip) for clip in clips]
        return self.pad(BatchFeature({"input_values": frames}), **options)

    def _frames(self, samples: np.ndarray) -> np.ndarray:
        if self.kind == MFCC:
            return mfcc(samples, self.sampling_rate, self.window, self.hop, self.bands)
        return egemaps(samples, self.sampling_rate)[None]


def acoustic_encoder(kind: str) -> tuple[FrameEncoder, FrameExtractor]:
    """Return a new encoder of one of `KINDS`, with its feature extractor."""
    width = KINDS[kind]
    config = FrameConfig(kind=kind, hidden_size=width, min_samples=_SHORTEST[kind])
    return FrameEncoder(config), FrameExtractor(kind=kind, feature_size=width)


AutoConfig.register(FrameConfig.model_type, FrameConfig)
AutoModel.register(FrameConfig, FrameEncoder)
AutoFeatureExtractor.register(FrameConfig, FrameExtractor)
