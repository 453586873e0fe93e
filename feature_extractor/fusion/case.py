"""The CASE models: text tokens and audio frames joined position by position.

L_t token slots and L_a frame slots of width H. Mended: nothing where nothing is enters a mean, an
attention or a compression, and attention is scaled. As published, both parts are padded to full
length and so weigh alike in the mean; here each part's mean is over its own positions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from feature_extractor.fusion.base import Earlier, FusionModel, FusionOutput, Sizes, needed
from feature_extractor.fusion.case_parts import merged, pooled, projected
from feature_extractor.fusion.classifier_head import classifier_head
from feature_extractor.fusion.prompt import PromptHead
from feature_extractor.fusion.stream import Stream
from graph_er.errors import InputError
from graph_er.running.flags import option, require

TOKENS, FRAMES = 128, 512
MERGES = ("add", "concat")
_POOLINGS = ("mean", "sum")


@dataclass(frozen=True)
class CaseConcatOptions:
    """Options of `CaseConcat`; the defaults are the published widths."""

    width: int = option(256, "width of the projections and of the classifier")
    pooling: str = option("mean", "what is made of the positions", choices=_POOLINGS)
    dropout: float = option(0.5, "dropout of the classifier")
    prompt: bool = option(False, "score emotions as words at the mask of a prompt before the text")

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            InputError: a value is out of its range.
        """
        require("width", self.width, self.width >= 1, "1 or more")
        require("dropout", self.dropout, 0 <= self.dropout < 1, "0 or more, below 1")


@dataclass(frozen=True)
class CaseOptions(CaseConcatOptions):
    """Options of `CaseCompress` and `CaseAttention`."""

    merge: str = option("add", "whether parts are added or set side by side", choices=MERGES)


class CaseConcat(FusionModel):
    """Tokens and frames side by side in time through one more linear layer.

    Attributes:
        prompt: the head in the classifier's place with option `prompt`, else None. It is built
            unfilled: who joins it to a pretrained encoder calls `prompt.PromptHead.start_from`.
    """

    def __init__(self, sizes: Sizes, num_emotions: int, options: CaseConcatOptions) -> None:
        """Build the model for streams of `sizes`.

        Raises:
            InputError: a prompt without text.
        """
        super().__init__()
        width = options.width
        self.pooling = options.pooling
        self.text_projection = nn.Linear(sizes.text, width) if sizes.text else None
        self.audio_projection = nn.Linear(sizes.audio, width) if sizes.audio else None
        self.make_layers(options)
        self.norm = nn.LayerNorm(width)
        self.prompt: PromptHead | None = None
        self.classifier: nn.Sequential | None = None
        if not options.prompt:
            self.classifier = classifier_head(width, width, num_emotions, options.dropout)
        elif sizes.text:
            self.prompt = PromptHead(sizes.text, width, num_emotions)
        else:
            raise InputError("option prompt needs text; choose --modalities t or at")

    def make_layers(self, options: Any) -> None:
        """Make what this model has and the other CASE models have not."""
        self.mixed = nn.Linear(options.width, options.width)

    def parts(self, text: Stream | None, audio: Stream | None) -> Sequence[Stream]:
        """Return what is pooled, normalised and masked: one stream or two, of width H."""
        streams = [stream for stream in (text, audio) if stream is not None]
        return [Stream(self.norm(self.mixed(part.states)), part.mask) for part in streams]

    def forward(
        self, text: Stream | None, audio: Stream | None, earlier: Earlier | None = None
    ) -> FusionOutput:
        """Join the streams; see `base.FusionModel.forward`."""
        read = text
        text = None if text is None else projected(needed(self.text_projection), text, TOKENS)
        audio = None if audio is None else projected(needed(self.audio_projection), audio, FRAMES)
        vector = pooled(self.parts(text, audio), self.pooling)
        text_vector = None if text is None else text.mean()
        audio_vector = None if audio is None else audio.mean()
        logits = self.prompt(read, vector) if self.prompt else needed(self.classifier)(vector)
        return FusionOutput(logits, text_vector, audio_vector)


class CaseCompress(CaseConcat):
    """A linear layer over time makes the frame slots as many as the token slots."""

    def make_layers(self, options: CaseOptions) -> None:
        """Make the layer over time."""
        self.merge = options.merge
        self.compression = nn.Linear(FRAMES, TOKENS) if self.audio_projection else None

    def parts(self, text: Stream | None, audio: Stream | None) -> Sequence[Stream]:
        """Return the sum of tokens and compressed frames, or the two."""
        if audio is not None:
            slots = TOKENS
            if text is not None and self.merge == "add" and bool(text.present.all()):
                slots = text.mask.shape[1]
            audio = self._compressed(audio, slots)
            text = None if text is None else text.fitted(audio.mask.shape[1])
        return merged(text, audio, self.merge, self.norm)

    def _compressed(self, audio: Stream, slots: int) -> Stream:
        """Return the first `slots` compressed frames; frame slots that are not there count zero."""
        layer = needed(self.compression)
        weight = layer.weight[:slots, : audio.mask.shape[1]]
        states = torch.einsum("st,btd->bsd", weight, audio.states)
        states = states + layer.bias[:slots, None]
        return Stream(states, audio.present[:, None].expand(-1, slots)).cleared()


class CaseAttention(CaseConcat):
    """Each token takes the frames that it is most like: one head, no projections."""

    def make_layers(self, options: CaseOptions) -> None:
        """Make nothing: attention has no parameters."""
        self.merge = options.merge

    def parts(self, text: Stream | None, audio: Stream | None) -> Sequence[Stream]:
        """Return the sum of tokens and what they took, or the two; frames where no token is."""
        if text is None or audio is None:
            return merged(text, audio, self.merge, self.norm)
        # A softmax over nothing is NaN; frames that are not there are zeros, so this adds nothing.
        seen = audio.mask | ~audio.present[:, None]
        taken = F.scaled_dot_product_attention(
            text.states, audio.states, audio.states, attn_mask=seen[:, None, :]
        )
        worded = text.mask & audio.present[:, None]
        wordless = Stream(audio.states, audio.mask & ~text.present[:, None])
        parts = merged(text, Stream(taken, worded).cleared(), self.merge, self.norm)
        return [*parts, Stream(self.norm(wordless.states), wordless.mask)]
