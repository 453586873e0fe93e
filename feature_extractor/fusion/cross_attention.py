"""Cross-attention: audio looks at text and text at audio, in one transformer layer each."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from feature_extractor.fusion.base import Earlier, FusionModel, FusionOutput, Sizes, needed
from feature_extractor.fusion.classifier_head import classifier_head
from feature_extractor.fusion.stream import Stream
from feature_extractor.fusion.transformer_layers import Depth, TransformerStack
from graph_er.running.flags import option, require


@dataclass(frozen=True)
class CrossAttentionOptions:
    """Options of `CrossAttention`; the defaults are the published widths."""

    layers: int = option(1, "layers per direction")
    heads: int = option(8, "attention heads, or the next fewer that divide the width of text")
    hidden: int = option(512, "width of the classifier's hidden layer")
    dropout: float = option(0.1, "dropout of the classifier")

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            InputError: a value is out of its range.
        """
        for name in ("layers", "heads", "hidden"):
            require(name, getattr(self, name), getattr(self, name) >= 1, "1 or more")
        require("dropout", self.dropout, 0 <= self.dropout < 1, "0 or more, below 1")


class CrossAttention(FusionModel):
    """``head([mean(audio looks at text) ; first(text looks at audio)])``, as wide as text is.

    As published in its widths. Mended: masks reach every attention and mean, and queries and keys
    have norms of their own. A single modality looks at itself.
    """

    def __init__(self, sizes: Sizes, num_emotions: int, options: CrossAttentionOptions) -> None:
        """Build the model for streams of `sizes`; audio alone is as wide as it is."""
        super().__init__()
        width = needed(sizes.text or sizes.audio)
        both = sizes.text is not None and sizes.audio is not None
        heads = next(heads for heads in range(options.heads, 0, -1) if width % heads == 0)
        depth = Depth(options.layers, heads, 0.0, 0.0, 0.0, 0.0)
        if sizes.text is not None:
            self.text_stack = TransformerStack(width, depth, across=both)
        if sizes.audio is not None:
            # A convolution over single frames is a linear layer.
            self.audio_projection = nn.Linear(sizes.audio, width, bias=False)
            self.audio_stack = TransformerStack(width, depth, across=both)
        size = width * (1 + both)
        self.head = classifier_head(size, options.hidden, num_emotions, options.dropout)

    def forward(
        self, text: Stream | None, audio: Stream | None, earlier: Earlier | None = None
    ) -> FusionOutput:
        """Join the streams; see `base.FusionModel.forward`."""
        if audio is not None:
            audio = Stream(self.audio_projection(audio.cleared().states), audio.mask)
        audio_vector = None if audio is None else self.audio_stack(audio, text).mean()
        text_vector = None if text is None else self.text_stack(text, audio).states[:, 0]
        vectors = [vector for vector in (audio_vector, text_vector) if vector is not None]
        return FusionOutput(self.head(torch.cat(vectors, dim=-1)), text_vector, audio_vector)
