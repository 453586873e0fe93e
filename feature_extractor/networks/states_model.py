"""The trained part of a stage 1 model whose encoders are frozen: what reads states made before."""

from __future__ import annotations

import torch
from torch import nn

from feature_extractor.networks.model import UtteranceClassifier, UtteranceOutput


class StatesClassifier(nn.Module):
    """A `UtteranceClassifier` without its encoders, with which it shares all other parts.

    Training it trains that model; but neither is an encoder run, nor is one written to disk with
    every epoch.
    """

    def __init__(self, model: UtteranceClassifier) -> None:
        """Take the parts of `model`."""
        super().__init__()
        self.config = model.config
        self.fusion = model.fusion
        if hasattr(model, "audio_scaler"):
            self.audio_scaler = model.audio_scaler
        # Not a submodule of this one.
        self._whole = (model,)

    def forward(
        self,
        text_states: torch.Tensor | None = None,
        text_mask: torch.Tensor | None = None,
        has_text: torch.Tensor | None = None,
        audio_states: torch.Tensor | None = None,
        audio_mask: torch.Tensor | None = None,
        earlier_speakers: torch.Tensor | None = None,
    ) -> UtteranceOutput:
        """Classify a batch of states as `UtteranceClassifier.forward` does, which says of what."""
        # Named one by one: `Trainer` divides the loss otherwise where it meets ``**batch``.
        return self._whole[0](
            text_states=text_states,
            text_mask=text_mask,
            has_text=has_text,
            audio_states=audio_states,
            audio_mask=audio_mask,
            earlier_speakers=earlier_speakers,
        )
