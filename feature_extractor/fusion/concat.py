"""The concat model: one linear layer over a vector per modality, side by side."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from feature_extractor.fusion.base import Earlier, FusionModel, FusionOutput, Sizes
from feature_extractor.fusion.pooling_layers import POOLINGS, make_pooling, view_of
from feature_extractor.fusion.stream import Stream
from graph_er.running.flags import option, require


@dataclass(frozen=True)
class ConcatOptions:
    """Options of `Concat`."""

    audio_size: int = option(0, "width of the audio vector; 0 takes that of the text vector")
    pooling: str = option("mean", "how states become a vector", choices=POOLINGS)

    def __post_init__(self) -> None:
        """Check the range.

        Raises:
            InputError: the width is out of it.
        """
        require("audio_size", self.audio_size, self.audio_size >= 0, "0 or more")


class Concat(FusionModel):
    """``logits = Linear([text ; Linear(audio)])``, after the utterance classifier of the seed.

    Vectors are means over what is there, where the seed took a new pooler's output for text and let
    padding into the mean of audio.
    """

    @classmethod
    def view(cls, options: ConcatOptions, modality: str) -> str:
        """Return which streams the pooling reads."""
        return view_of(options.pooling)

    def __init__(self, sizes: Sizes, num_emotions: int, options: ConcatOptions) -> None:
        """Build the model for streams of `sizes`."""
        super().__init__()
        width = 0
        if sizes.text is not None:
            self.text_pooling = make_pooling(options.pooling, sizes.text, sizes.text_layers)
            width += self.text_pooling.size
        if sizes.audio is not None:
            self.audio_pooling = make_pooling(options.pooling, sizes.audio, sizes.audio_layers)
            audio_size = options.audio_size or sizes.text or sizes.audio
            # A linear layer and a mean commute: projecting the mean is projecting every frame.
            self.audio_projection = nn.Linear(self.audio_pooling.size, audio_size)
            width += audio_size
        self.classifier = nn.Linear(width, num_emotions)

    def forward(
        self, text: Stream | None, audio: Stream | None, earlier: Earlier | None = None
    ) -> FusionOutput:
        """Join the streams; see `base.FusionModel.forward`."""
        text_vector = None if text is None else self.text_pooling(text)
        audio_vector = None
        if audio is not None:
            projected = self.audio_projection(self.audio_pooling(audio))
            # Without audio there is no projection's bias either.
            audio_vector = projected * audio.present[:, None]
        vectors = [vector for vector in (text_vector, audio_vector) if vector is not None]
        logits = self.classifier(torch.cat(vectors, dim=-1))
        return FusionOutput(logits, text_vector, audio_vector)
