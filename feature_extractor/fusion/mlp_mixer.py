"""The MLP-Mixer over text tokens and audio frames (MMM; after Tolstikhin et al., NeurIPS 2021).

B utterances, N slots, W width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from feature_extractor.fusion.base import Earlier, FusionModel, FusionOutput, Sizes, needed
from feature_extractor.fusion.classifier_head import classifier_head
from feature_extractor.fusion.stream import Stream
from graph_er.running.flags import option, require

TOKENS, FRAMES = 128, 512


@dataclass(frozen=True)
class MlpMixerOptions:
    """Options of `MlpMixer`; the defaults are the published widths."""

    width: int = option(256, "width of the slots")
    text_slots: int = option(TOKENS, "slots for tokens")
    audio_slots: int = option(FRAMES, "slots for frames")
    hidden: int = option(512, "width of the classifier's hidden layer")
    num_blocks: int = option(1, "how many mixer blocks")
    shared_norm: bool = option(False, "whether both halves of a block share one LayerNorm")
    dropout: float = option(0.1, "dropout of blocks and classifier")

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            InputError: a value is out of its range.
        """
        for name in ("width", "text_slots", "audio_slots", "hidden", "num_blocks"):
            require(name, getattr(self, name), getattr(self, name) >= 1, "1 or more")
        require("dropout", self.dropout, 0 <= self.dropout < 1, "0 or more, below 1")


class MixerBlock(nn.Module):
    """``x + mix slots(norm(x))``, then ``+ mix channels(norm(.))`` of that sum."""

    def __init__(self, slots: int, options: MlpMixerOptions) -> None:
        """Build a block over so many slots."""
        super().__init__()
        width, dropout = options.width, options.dropout
        self.slot_norm = nn.LayerNorm(width)
        self.channel_norm = None if options.shared_norm else nn.LayerNorm(width)
        self.slots = _mixing(slots, dropout)
        self.channels = _mixing(width, dropout)

    def forward(self, stream: Stream, places: torch.Tensor) -> Stream:
        """Return the stream after the block, as wide and as long.

        Args:
            stream: the slots in use, ``[B, U, W]``.
            places: which of the N slots these are, ``[U]``; nothing is in the others, so that their
                share of the mixing need not be computed.
        """
        # A norm's bias fills empty slots, which must not be mixed into the others.
        normed = Stream(self.slot_norm(stream.states), stream.mask).cleared()
        states = stream.states + self._mixed(normed.states.transpose(1, 2), places)
        channel_norm = self.slot_norm if self.channel_norm is None else self.channel_norm
        return Stream(states + self.channels(channel_norm(states)), stream.mask)

    def _mixed(self, slots: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """Mix ``[B, W, U]`` over the slots; return ``[B, U, W]``."""
        layers: Any = self.slots
        first, activation, second, dropout = layers
        hidden = activation(F.linear(slots, first.weight[:, places], first.bias))
        mixed = F.linear(hidden, second.weight[places], second.bias[places])
        return dropout(mixed).transpose(1, 2)


class MlpMixer(FusionModel):
    """Tokens and frames in slots of their own, mixed over slots and over channels, and averaged.

    As drawn in its publication: what mixes the channels gets the sum, where the code gave it the
    mixed slots without what they were added to. Empty slots are mixed into nothing and averaged
    nowhere; streams that are longer than their slots are averaged into them.
    """

    def __init__(self, sizes: Sizes, num_emotions: int, options: MlpMixerOptions) -> None:
        """Build the model for streams of `sizes`."""
        super().__init__()
        width = options.width
        self.text_projection = nn.Linear(sizes.text, width) if sizes.text else None
        self.audio_projection = nn.Linear(sizes.audio, width) if sizes.audio else None
        self.options = options
        slots = (options.text_slots if sizes.text else 0) + (
            options.audio_slots if sizes.audio else 0
        )
        self.blocks = nn.ModuleList(MixerBlock(slots, options) for _ in range(options.num_blocks))
        self.norm = nn.LayerNorm(width)
        self.head = classifier_head(width, options.hidden, num_emotions, options.dropout)

    def forward(
        self, text: Stream | None, audio: Stream | None, earlier: Earlier | None = None
    ) -> FusionOutput:
        """Join the streams; see `base.FusionModel.forward`.

        A modality's vector is the mean of its own slots after the last norm.
        """
        parts = []
        if text is not None:
            parts.append(_slotted(text, needed(self.text_projection), self.options.text_slots))
        if audio is not None:
            parts.append(_slotted(audio, needed(self.audio_projection), self.options.audio_slots))
        mixed = Stream(
            torch.cat([part.states for part in parts], dim=1),
            torch.cat([part.mask for part in parts], dim=1),
        )
        starts = [0, self.options.text_slots] if len(parts) == 2 else [0]
        places = torch.cat(
            [
                torch.arange(part.mask.shape[1], device=mixed.mask.device) + start
                for part, start in zip(parts, starts, strict=True)
            ]
        )
        for block in self.blocks:
            mixed = block(mixed, places)
        mixed = Stream(self.norm(mixed.states), mixed.mask)
        tokens = 0 if text is None else parts[0].mask.shape[1]
        return FusionOutput(
            self.head(mixed.mean()),
            None if text is None else _part(mixed, slice(None, tokens)).mean(),
            None if audio is None else _part(mixed, slice(tokens, None)).mean(),
        )


def _mixing(size: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(size, size), nn.GELU(), nn.Linear(size, size), nn.Dropout(dropout)
    )


def _slotted(stream: Stream, projection: nn.Linear, slots: int) -> Stream:
    """Return the stream projected, on at most `slots` positions, zeros where nothing is."""
    fitted = stream.fitted(min(slots, stream.mask.shape[1]))
    return Stream(projection(fitted.states), fitted.mask).cleared()


def _part(stream: Stream, slots: slice) -> Stream:
    return Stream(stream.states[:, slots], stream.mask[:, slots])
