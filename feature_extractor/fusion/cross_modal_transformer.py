"""The cross-modal transformer: text looks at audio, audio at text, then each at itself."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from feature_extractor.fusion.base import Earlier, FusionModel, FusionOutput, Sizes, needed
from feature_extractor.fusion.stream import Stream
from feature_extractor.fusion.transformer_layers import Depth, ResidualHead, TransformerStack
from graph_er.running.flags import option, require


@dataclass(frozen=True)
class CrossModalTransformerOptions:
    """Options of `CrossModalTransformer`; the defaults are the published widths."""

    width: int = option(64, "width of the layers")
    layers: int = option(4, "layers per stack")
    heads: int = option(8, "attention heads; they divide the width")
    attention_dropout: float = option(0.2, "dropout of the attention's weights")
    dropout: float = option(0.1, "dropout elsewhere")

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            InputError: a value is out of its range.
        """
        for name in ("width", "layers", "heads"):
            require(name, getattr(self, name), getattr(self, name) >= 1, "1 or more")
        require("heads", self.heads, self.width % self.heads == 0, f"a divisor of {self.width}")
        for name in ("attention_dropout", "dropout"):
            require(name, getattr(self, name), 0 <= getattr(self, name) < 1, "0 or more, below 1")

    @property
    def depth(self) -> Depth:
        """The size of each stack."""
        return Depth(
            self.layers, self.heads, self.attention_dropout, self.dropout, self.dropout, 0.2
        )


class ModalityBranch(nn.Module):
    """A convolution, layers that look at the other modality where there is one, and own layers."""

    def __init__(self, size: int, options: CrossModalTransformerOptions, across: bool) -> None:
        """Build a branch for states of `size`."""
        super().__init__()
        self.dropout = nn.Dropout(options.dropout)
        self.convolution = nn.Conv1d(size, options.width, kernel_size=3, padding=1, bias=False)
        self.across = (
            TransformerStack(options.width, options.depth, across=True) if across else None
        )
        self.within = TransformerStack(options.width, options.depth)

    def narrowed(self, stream: Stream) -> Stream:
        """Return the stream at the width of the layers, as long as it was."""
        # Cleared: the convolution must meet zeros beyond the last state in any batch.
        states = self.dropout(stream.cleared().states)
        return Stream(self.convolution(states.transpose(1, 2)).transpose(1, 2), stream.mask)

    def forward(self, own: Stream, other: Stream | None) -> torch.Tensor:
        """Return the modality's vector ``[B, width]``, both streams narrowed."""
        if self.across is not None:
            own = self.across(own, other)
        return self.within(own).mean()


class CrossModalTransformer(FusionModel):
    """Cross-modal transformer of MFCC and BERT, after the multimodal transformer (ACL 2019).

    As published in its widths. Mended: masks reach every attention and mean, no attention is
    causal, convolutions keep the length, queries and keys have norms of their own, and sums start
    from what has not been normalised.
    """

    def __init__(
        self, sizes: Sizes, num_emotions: int, options: CrossModalTransformerOptions
    ) -> None:
        """Build the model for streams of `sizes`."""
        super().__init__()
        both = sizes.text is not None and sizes.audio is not None
        self.text_branch = ModalityBranch(sizes.text, options, both) if sizes.text else None
        self.audio_branch = ModalityBranch(sizes.audio, options, both) if sizes.audio else None
        self.head = ResidualHead(options.width * (1 + both), num_emotions, options.dropout)

    def forward(
        self, text: Stream | None, audio: Stream | None, earlier: Earlier | None = None
    ) -> FusionOutput:
        """Join the streams; see `base.FusionModel.forward`."""
        text = None if text is None else needed(self.text_branch).narrowed(text)
        audio = None if audio is None else needed(self.audio_branch).narrowed(audio)
        text_vector = None if text is None else needed(self.text_branch)(text, audio)
        audio_vector = None if audio is None else needed(self.audio_branch)(audio, text)
        vectors = [vector for vector in (audio_vector, text_vector) if vector is not None]
        return FusionOutput(self.head(torch.cat(vectors, dim=-1)), text_vector, audio_vector)
