"""Vanilla concat: text and audio vectors of one width, side by side, through a hidden layer.

B utterances, K earlier utterances, W width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from feature_extractor.fusion.base import Earlier, FusionModel, FusionOutput, Sizes, needed
from feature_extractor.fusion.classifier_head import classifier_head
from feature_extractor.fusion.stream import Stream
from graph_er.running.flags import option, require


@dataclass(frozen=True)
class VanillaConcatOptions:
    """Options of `VanillaConcat`; the defaults are the published widths."""

    width: int = option(256, "width of each vector")
    hidden: int = option(512, "width of the classifier's hidden layer")
    dropout: float = option(0.1, "dropout of the classifier")
    context: int = option(0, "how many earlier utterances are heard")

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            InputError: a value is out of its range.
        """
        for name in ("width", "hidden"):
            require(name, getattr(self, name), getattr(self, name) >= 1, "1 or more")
        require("dropout", self.dropout, 0 <= self.dropout < 1, "0 or more, below 1")
        require("context", self.context, self.context >= 0, "0 or more")


class VanillaConcat(FusionModel):
    """First state of text and mean of audio, projected, then ``head([audio ; text])``.

    With context, audio is the utterance and the K before it, each through the same projection; one
    that does not exist is zeros. As published in its widths, with means over what is there.
    """

    @classmethod
    def reads_apart(cls, options: VanillaConcatOptions) -> str:
        """Return ``a``: earlier utterances are heard."""
        return "a"

    def __init__(self, sizes: Sizes, num_emotions: int, options: VanillaConcatOptions) -> None:
        """Build the model for streams of `sizes`."""
        super().__init__()
        width = options.width
        self.context = options.context
        self.text_projection = nn.Linear(sizes.text, width) if sizes.text else None
        self.audio_projection = nn.Linear(sizes.audio, width) if sizes.audio else None
        heard = width * (1 + options.context)
        if sizes.text is None or sizes.audio is None:
            size = heard if sizes.audio else width
        else:
            size = self.joint_size(width, heard)
        self.head = classifier_head(size, options.hidden, num_emotions, options.dropout)

    def joint_size(self, text: int, audio: int) -> int:
        """Return the width of what `joined` gives of vectors of these widths."""
        return text + audio

    def joined(self, text: torch.Tensor, audio: torch.Tensor) -> Sequence[torch.Tensor]:
        """Return what the head gets of text ``[B, W]`` and audio ``[B, W (1 + K)]``."""
        return audio, text

    def forward(
        self, text: Stream | None, audio: Stream | None, earlier: Earlier | None = None
    ) -> FusionOutput:
        """Join the streams; see `base.FusionModel.forward`."""
        text_vector = audio_vector = None
        parts: Sequence[torch.Tensor] = ()
        if text is not None:
            first = text.cleared().states[:, 0]
            # Without text there is no projection's bias either.
            text_vector = needed(self.text_projection)(first) * text.present[:, None]
            parts = (text_vector,)
        if audio is not None:
            audio_vector = needed(self.audio_projection)(audio.mean()) * audio.present[:, None]
            heard = torch.cat((audio_vector, self._before(audio_vector, earlier)), dim=-1)
            parts = (heard,) if text_vector is None else self.joined(text_vector, heard)
        return FusionOutput(self.head(torch.cat(tuple(parts), dim=-1)), text_vector, audio_vector)

    def _before(self, own: torch.Tensor, earlier: Earlier | None) -> torch.Tensor:
        """Return the earlier utterances' vectors side by side, the latest first ``[B, W K]``."""
        if self.context == 0 or earlier is None:
            return own.new_zeros(len(own), own.shape[1] * self.context)
        context = earlier.mean_audio()
        projected = needed(self.audio_projection)(context.cleared().states)
        return Stream(projected, context.mask).cleared().states.flatten(1)
