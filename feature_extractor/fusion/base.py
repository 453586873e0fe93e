"""What every fusion model is: text and audio streams in, logits and a vector per modality out.

B utterances, K earlier utterances, C emotions, D width.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

import torch
from torch import nn

from feature_extractor.fusion.context import NOBODY
from feature_extractor.fusion.stream import TIME, Stream

Criterion = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
JOINT = "joint"

T = TypeVar("T")


def needed(part: T | None) -> T:
    """Return a stream, width or layer that is there wherever the model was built for it."""
    assert part is not None
    return part


@dataclass(frozen=True)
class Sizes:
    """Widths of the streams that a model is built for; None for a modality that it goes without.

    Attributes:
        text, audio: width of the states; of `LAYERS` streams that of one layer's mean and standard
            deviation together.
        text_layers, audio_layers: how many positions a `LAYERS` stream has; 0 for other streams.
    """

    text: int | None
    audio: int | None
    text_layers: int = 0
    audio_layers: int = 0

    def __post_init__(self) -> None:
        """Check that there is a modality at all."""
        if self.text is None and self.audio is None:
            raise ValueError("a fusion model needs a modality")


@dataclass(frozen=True)
class Targets:
    """What a batch is trained towards.

    Attributes:
        labels: emotions ``[B]``, or shares of the raters' votes ``[B, C]``.
        affect: mean ratings of valence and arousal, 1 to 5, ``[B, 2]``, NaN where there is none;
            None where the corpus has none.
    """

    labels: torch.Tensor
    affect: torch.Tensor | None = None


@dataclass(frozen=True)
class Earlier:
    """The K utterances before each of B, the latest first: before the first, the second, and so on.

    Attributes:
        speakers: who said them, ``[B, K]``; see `fusion.context`.
        text, audio: their streams, ``B K`` rows each, or None where they are not read apart.
    """

    speakers: torch.Tensor
    text: Stream | None
    audio: Stream | None

    def mean_audio(self) -> Stream:
        """Return their mean audio states as positions, ``[B, K, D]``."""
        audio = needed(self.audio)
        return Stream(audio.mean().unflatten(0, self.speakers.shape), self.there(audio))

    def there(self, stream: Stream) -> torch.Tensor:
        """Return which of them have a modality, bool ``[B, K]``, of its stream."""
        return stream.present.view(self.speakers.shape) & (self.speakers != NOBODY)

    def known(self) -> torch.Tensor:
        """Return which of them have a modality at all, bool ``[B, K]``."""
        streams = [stream for stream in (self.text, self.audio) if stream is not None]
        return torch.stack([self.there(stream) for stream in streams]).any(dim=0)


@dataclass(frozen=True)
class FusionOutput:
    """What a fusion model makes of a batch.

    Attributes:
        logits: ``[B, C]``.
        text_vector, audio_vector: ``[B, D]``, D of each modality's own, or None without it. The
            graph is built on them.
        auxiliary: further outputs that only the model's own loss reads.
    """

    logits: torch.Tensor
    text_vector: torch.Tensor | None = None
    audio_vector: torch.Tensor | None = None
    auxiliary: dict[str, torch.Tensor] = field(default_factory=dict)


class FusionModel(nn.Module):
    """Base of the fusion models; each is built as ``Model(sizes, num_emotions, options)``.

    A model takes one modality or both, as its `Sizes` say. Where it takes both, single utterances
    may lack one: an empty mask gives finite logits that depend on the other one alone.

    Attributes:
        steps: names of the training steps, in order; all but a few models are trained in one. They
            may hang on the modalities: ask the built model.
        learns_apart: whether it learns from the streams of earlier utterances that it reads apart.
    """

    steps: tuple[str, ...] = (JOINT,)
    learns_apart: ClassVar[bool] = True

    @classmethod
    def view(cls, options: Any, modality: str) -> str:
        """Return which stream it reads of modality ``a`` or ``t`` with `options`.

        That is `stream.TIME` or `stream.LAYERS`.
        """
        return TIME

    @classmethod
    def reads_apart(cls, options: Any) -> str:
        """Return in which modalities, e.g. ``at``, it reads each earlier utterance by itself."""
        return ""

    def begin(self, step: str) -> None:
        """Prepare for one of `steps`: what of this model is trained, and which logits it gives."""

    def trained_modalities(self, step: str) -> str:
        """Return the modalities whose encoders are trained in `step`, e.g. ``at``."""
        return "at"

    def forward(
        self, text: Stream | None, audio: Stream | None, earlier: Earlier | None = None
    ) -> FusionOutput:
        """Join the streams.

        The vectors are those of the utterance alone, whatever the logits owe to earlier ones.

        Args:
            text: the text stream, or None where the model was built without text.
            audio: the audio stream, or None likewise.
            earlier: the utterances before each. Only for a model that `reads_apart`.
        """
        raise NotImplementedError

    def loss(self, output: FusionOutput, targets: Targets, criterion: Criterion) -> torch.Tensor:
        """Return the loss, a scalar; `criterion` is that of ``--loss``, of logits and labels."""
        return criterion(output.logits, targets.labels)
