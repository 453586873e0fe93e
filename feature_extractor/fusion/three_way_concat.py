"""Three-way concat: text and audio vectors with their distance and their product."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from feature_extractor.fusion.vanilla_concat import VanillaConcat, VanillaConcatOptions
from graph_er.running.flags import option


@dataclass(frozen=True)
class ThreeWayConcatOptions(VanillaConcatOptions):
    """Options of `ThreeWayConcat`; the defaults are the published widths."""

    hidden: int = option(768, "width of the classifier's hidden layer")


class ThreeWayConcat(VanillaConcat):
    """``head([text ; audio ; |audio - text| ; audio * text])`` on the vectors of `VanillaConcat`.

    Text is repeated for each utterance that is heard. Where a modality is missing its vector is
    zeros, so the distance is the other's and the product nothing.
    """

    def joint_size(self, text: int, audio: int) -> int:
        """Return the width of what `joined` gives: four times that of audio."""
        return 4 * audio

    def joined(self, text: torch.Tensor, audio: torch.Tensor) -> Sequence[torch.Tensor]:
        """Return what the head gets, four parts as wide as audio."""
        text = text.repeat(1, 1 + self.context)
        return text, audio, (audio - text).abs(), audio * text
