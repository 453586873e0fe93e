"""The audio-only transformer: layers of self-attention directly on MFCC frames."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import nn

from feature_extractor.fusion.base import Earlier, FusionModel, FusionOutput, Sizes, needed
from feature_extractor.fusion.stream import Stream
from feature_extractor.fusion.transformer_layers import Depth, ResidualHead, TransformerStack
from graph_er.running.flags import option, require

SCALINGS = ("none", "frame", "utterance")
_HEADS = (8, 5, 4, 2, 1)
_SMALL = 1e-5


@dataclass(frozen=True)
class MfccTransformerOptions:
    """Options of `MfccTransformer`."""

    width: int = option(0, "width of the layers; 0 takes that of the frames")
    layers: int = option(4, "layers of self-attention")
    scaling: str = option(
        "none",
        "what is standardised beyond the encoder's own: each frame over its coefficients, or each "
        "coefficient over the utterance",
        choices=SCALINGS,
    )
    attention_dropout: float = option(0.2, "dropout of the attention's weights")
    dropout: float = option(0.1, "dropout elsewhere")

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            InputError: a value is out of its range.
        """
        require("width", self.width, self.width >= 0, "0 or more")
        require("layers", self.layers, self.layers >= 1, "1 or more")
        for name in ("attention_dropout", "dropout"):
            require(name, getattr(self, name), 0 <= getattr(self, name) < 1, "0 or more, below 1")


def rescaled(stream: Stream, scaling: str) -> Stream:
    """Return a stream standardised by one of `SCALINGS`, zeros where nothing is."""
    stream = stream.cleared()
    if scaling == "frame":
        return Stream(F.layer_norm(stream.states, stream.states.shape[-1:]), stream.mask).cleared()
    if scaling == "utterance":
        centred = stream.states - stream.mean()[:, None]
        variance = Stream(centred**2, stream.mask).mean()[:, None]
        return Stream(centred * (variance + _SMALL).rsqrt(), stream.mask).cleared()
    return stream


class MfccTransformer(FusionModel):
    """Self-attention on frames, their mean, and a residual head; it hears audio alone.

    As published in its widths at 40 coefficients. Mended as `CrossModalTransformer` is.
    """

    def __init__(self, sizes: Sizes, num_emotions: int, options: MfccTransformerOptions) -> None:
        """Build the model for an audio stream of any width."""
        super().__init__()
        if sizes.audio is None or sizes.text is not None:
            raise ValueError("mfcc_transformer hears audio and nothing else")
        width = options.width or sizes.audio
        heads = next(heads for heads in _HEADS if width % heads == 0)
        dropout = options.dropout
        depth = Depth(options.layers, heads, options.attention_dropout, dropout, dropout, 0.2)
        self.scaling = options.scaling
        self.projection = nn.Linear(sizes.audio, width) if options.width else nn.Identity()
        self.stack = TransformerStack(width, depth)
        self.head = ResidualHead(width, num_emotions, dropout)

    def forward(
        self, text: Stream | None, audio: Stream | None, earlier: Earlier | None = None
    ) -> FusionOutput:
        """Classify the audio stream; see `base.FusionModel.forward`."""
        scaled = rescaled(needed(audio), self.scaling)
        vector = self.stack(Stream(self.projection(scaled.states), scaled.mask)).mean()
        return FusionOutput(self.head(vector), audio_vector=vector)
