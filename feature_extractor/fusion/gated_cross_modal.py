"""The gated cross-modal model (MMER): audio looks at text, text at that and at audio.

B utterances, T positions, W width.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from feature_extractor.fusion.attention import StreamAttention
from feature_extractor.fusion.base import Earlier, FusionModel, FusionOutput, Sizes, needed
from feature_extractor.fusion.stream import Stream
from graph_er.running.flags import option, require

_EXPANSION = 4


@dataclass(frozen=True)
class GatedCrossModalOptions:
    """Options of `GatedCrossModal`; the defaults are the published widths."""

    heads: int = option(12, "attention heads, or the next fewer that divide the width of text")
    dropout: float = option(0.3, "dropout of what a block adds, and within its feed-forward layer")

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            InputError: a value is out of its range.
        """
        require("heads", self.heads, self.heads >= 1, "1 or more")
        require("dropout", self.dropout, 0 <= self.dropout < 1, "0 or more, below 1")


class CrossModalBlock(nn.Module):
    """``y = norm(q + attention(q, k))``, then ``norm(y + feed-forward(y))``."""

    def __init__(self, width: int, options: GatedCrossModalOptions) -> None:
        """Build a block for streams of `width`."""
        super().__init__()
        heads = next(heads for heads in range(options.heads, 0, -1) if width % heads == 0)
        self.attention = StreamAttention(width, heads)
        self.attention_norm = nn.LayerNorm(width)
        self.feed_forward = nn.Sequential(
            nn.Linear(width, _EXPANSION * width),
            nn.GELU(),
            nn.Dropout(options.dropout),
            nn.Linear(_EXPANSION * width, width),
        )
        self.output_norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(options.dropout)

    def forward(self, queries: Stream, keys: Stream) -> Stream:
        """Return the stream of `queries` after the block; it keeps them if there are no `keys`."""
        attended = self.attention.looked_at(queries, keys)
        added = self.dropout(attended) * keys.present[:, None, None]
        states = self.attention_norm(queries.states + added)
        states = self.output_norm(states + self.dropout(self.feed_forward(states)))
        return Stream(states, queries.mask).cleared()


class GatedCrossModal(FusionModel):
    """Three blocks, a gate beside what it was made of, and ``Linear([mean(audio) ; mean(h)])``.

    With X a block that looks from its first stream at its second, T text and A projected audio::

        r = X(T, X(A, T))    g = X(T, A)    b = sigmoid(Linear([r ; g]))    h = Linear([r ; b])

    As published: the gate is concatenated and not multiplied, and the width is that of text.
    Mended: masks reach every attention and mean. A single modality looks at itself in one block.
    """

    def __init__(self, sizes: Sizes, num_emotions: int, options: GatedCrossModalOptions) -> None:
        """Build the model for streams of `sizes`; audio alone is as wide as it is."""
        super().__init__()
        width = needed(sizes.text or sizes.audio)
        self.pair = sizes.text is not None and sizes.audio is not None
        if sizes.audio is not None:
            self.audio_projection = nn.Linear(sizes.audio, width)
        blocks = 3 if self.pair else 1
        self.blocks = nn.ModuleList(CrossModalBlock(width, options) for _ in range(blocks))
        if self.pair:
            self.gate = nn.Sequential(nn.Linear(2 * width, width), nn.Sigmoid())
            self.gated = nn.Linear(2 * width, width, bias=False)
        self.head = nn.Linear(width * (1 + self.pair), num_emotions)

    def forward(
        self, text: Stream | None, audio: Stream | None, earlier: Earlier | None = None
    ) -> FusionOutput:
        """Join the streams; see `base.FusionModel.forward`.

        The text vector has seen audio; the audio vector is of audio alone.
        """
        text = None if text is None else text.cleared()
        if audio is not None:
            audio = Stream(self.audio_projection(audio.cleared().states), audio.mask)
        if not self.pair:
            own = needed(audio if text is None else text)
            vector = self.blocks[0](own, own).mean()
            logits = self.head(vector)
            if text is None:
                return FusionOutput(logits, audio_vector=vector)
            return FusionOutput(logits, text_vector=vector)
        gated = self._gated(needed(text), needed(audio))
        text_vector, audio_vector = gated.mean(), needed(audio).mean()
        logits = self.head(torch.cat((audio_vector, text_vector), dim=-1))
        return FusionOutput(logits, text_vector, audio_vector)

    def _gated(self, text: Stream, audio: Stream) -> Stream:
        """Return `h` of the class, on the positions of text."""
        informed, again, direct = self.blocks
        seen = again(text, informed(audio, text)).states
        gate = self.gate(torch.cat((seen, direct(text, audio).states), dim=-1))
        return Stream(self.gated(torch.cat((seen, gate), dim=-1)), text.mask)
