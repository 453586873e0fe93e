"""Late fusion: a classifier on text, one on audio, and one on what both of them found.

B utterances, C emotions.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from feature_extractor.fusion.base import Earlier, FusionModel, FusionOutput, Sizes, needed
from feature_extractor.fusion.pooling_layers import LayerPooling
from feature_extractor.fusion.stream import LAYERS, TIME, Stream
from graph_er.running.flags import option, require

TEXT, AUDIO, FUSION = "text", "audio", "fusion"
_MODALITIES = {TEXT: "t", AUDIO: "a", FUSION: ""}


@dataclass(frozen=True)
class LateFusionOptions:
    """Options of `LateFusion`; the defaults are the published widths."""

    hidden: int = option(512, "width of the fusion head's hidden layer")
    dropout: float = option(0.2, "dropout of the audio branch and of the fusion head")

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            InputError: a value is out of its range.
        """
        require("hidden", self.hidden, self.hidden >= 1, "1 or more")
        require("dropout", self.dropout, 0 <= self.dropout < 1, "0 or more, below 1")


class LateFusion(FusionModel):
    """``head([shares of the audio branch ; text])`` on two branches that stay as they were trained.

    Text is its first state; audio is each layer's mean and deviation under learned weights.
    Trained in three steps: each branch with its encoder, then the fusion head with both frozen.
    With one modality the model is that branch. As published in its widths; losses get logits.
    """

    @classmethod
    def view(cls, options: LateFusionOptions, modality: str) -> str:
        """Return which stream of a modality it reads: the layers of audio."""
        return LAYERS if modality == "a" else TIME

    def __init__(self, sizes: Sizes, num_emotions: int, options: LateFusionOptions) -> None:
        """Build the model for streams of `sizes`, prepared for its last step."""
        super().__init__()
        dropout = options.dropout
        parts: dict[str, nn.Module] = {}
        if sizes.text is not None:
            parts[TEXT] = nn.Linear(sizes.text, num_emotions)
        if sizes.audio is not None:
            self.pooling = LayerPooling(sizes.audio, sizes.audio_layers)
            head = nn.Sequential(nn.Dropout(dropout), nn.Linear(sizes.audio, num_emotions))
            parts[AUDIO] = head
        if sizes.text is not None and sizes.audio is not None:
            parts[FUSION] = nn.Sequential(
                nn.Dropout(dropout),
                nn.Linear(num_emotions + sizes.text, options.hidden),
                nn.ReLU(),
                nn.Dropout(dropout),
                nn.Linear(options.hidden, num_emotions),
            )
        self.parts = nn.ModuleDict(parts)
        self.steps = tuple(parts)
        self.begin(self.steps[-1])

    def begin(self, step: str) -> None:
        """Train one part, keep the others as they are, and give the logits of that one."""
        self.step = step
        for name, part in self.parts.items():
            part.requires_grad_(name == step)
        if AUDIO in self.parts:
            self.pooling.requires_grad_(step == AUDIO)
        self.train(self.training)

    def train(self, mode: bool = True) -> LateFusion:
        """Set the mode; parts that the step does not train stay in that of evaluation."""
        super().train(mode)
        for name, part in self.parts.items():
            part.train(mode and name == self.step)
        return self

    def trained_modalities(self, step: str) -> str:
        """Return the modality whose encoder is trained in `step`; none with the fusion head."""
        return _MODALITIES[step]

    def forward(
        self, text: Stream | None, audio: Stream | None, earlier: Earlier | None = None
    ) -> FusionOutput:
        """Give the logits of the step; a stream that it has no need of may be left out."""
        text_vector = None if text is None else text.cleared().states[:, 0]
        audio_vector = None if audio is None else self.pooling(audio)
        if self.step == FUSION:
            shares = self.parts[AUDIO](audio_vector).float().softmax(dim=-1)
            # Without audio there is no opinion, where the branch's biases would give one.
            evidence = (shares * needed(audio).present[:, None], needed(text_vector))
            logits = self.parts[FUSION](torch.cat(evidence, dim=-1))
        else:
            logits = self.parts[self.step](text_vector if self.step == TEXT else audio_vector)
        return FusionOutput(logits, text_vector, audio_vector)
