"""The distilled gate: gated modalities, and a head on each that learns from the joint one.

B utterances, K earlier utterances, D width, C emotions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import nn

from feature_extractor.fusion.base import (
    Criterion,
    Earlier,
    FusionModel,
    FusionOutput,
    Sizes,
    Targets,
    needed,
)
from feature_extractor.fusion.classifier_head import classifier_head
from feature_extractor.fusion.context import NOBODY
from feature_extractor.fusion.following import Following
from feature_extractor.fusion.loss_terms import affect_error, distillation, smoothed
from feature_extractor.fusion.stream import Stream
from feature_extractor.fusion.summary_layers import Glance, Summary
from graph_er.running.flags import option, require


@dataclass(frozen=True)
class DistilledGateOptions:
    """Options of `DistilledGate`."""

    width: int = option(128, "width of each modality's vector")
    heads: int = option(4, "attention heads; they divide the width")
    dropout: float = option(0.1, "dropout of narrowed features and before each layer of the heads")
    modality_dropout: float = option(0.2, "share of utterances that lose a modality in training")
    own_heads: float = option(0.5, "weight of the cross entropy of each modality's own head")
    distillation: float = option(0.5, "weight of what each own head learns from the joint one")
    temperature: float = option(2.0, "softens what is learnt from the joint head")
    affect: float = option(0.2, "weight of the error of valence and arousal, where they are rated")
    smoothing: float = option(0.1, "share of the target that is spread over all emotions")
    level: bool = option(
        False,
        "whether the audio vector knows the states' level: they are not normalised, and their "
        "mean, deviation and mean change are in it as they are; true on mfcc unless given",
    )

    follow: bool = option(
        False,
        "whether each earlier utterance is read by itself, and its emotion moves the next one's; "
        "true with --context unless given, else earlier texts are joined to the utterance's own",
    )
    context: int = option(0, "how many earlier utterances are read")

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            InputError: a value is out of its range.
        """
        for name in ("width", "heads"):
            require(name, getattr(self, name), getattr(self, name) >= 1, "1 or more")
        require("heads", self.heads, self.width % self.heads == 0, f"a divisor of {self.width}")
        for name in ("dropout", "modality_dropout", "smoothing"):
            require(name, getattr(self, name), 0 <= getattr(self, name) < 1, "0 or more, below 1")
        for name in ("own_heads", "distillation", "affect"):
            require(name, getattr(self, name), getattr(self, name) >= 0, "0 or more")
        require("context", self.context, self.context >= 0, "0 or more")
        require("temperature", self.temperature, self.temperature > 0, "a number above 0")


class DistilledGate(FusionModel):
    """Modalities are summed up, look at each other once, and are weighed per utterance.

    Each has a head of its own that is trained on the labels and towards the joint head's shares
    (self-distillation: SDT; Ma et al., IEEE TMM 2024), so that neither is neglected for the other;
    in training some utterances lose a modality, so that either is enough.

    Earlier utterances go through the same layers, each by itself, and `following.Following` tells
    what their emotions make likely. They are not trained on there: each is trained on as itself.
    """

    learns_apart: ClassVar[bool] = False

    @classmethod
    def reads_apart(cls, options: DistilledGateOptions) -> str:
        """Return ``at`` where it follows earlier utterances."""
        return "at" if options.follow else ""

    def __init__(self, sizes: Sizes, num_emotions: int, options: DistilledGateOptions) -> None:
        """Build the model for streams of `sizes`."""
        super().__init__()
        self.options = options
        widths = {"text": sizes.text, "audio": sizes.audio}
        names = [name for name, width in widths.items() if width is not None]
        width, dropout = options.width, options.dropout
        joint = len(names) * width

        level = {"text": False, "audio": options.level}
        self.summaries = nn.ModuleDict(
            {
                name: Summary(needed(widths[name]), width, options.heads, dropout, level[name])
                for name in names
            }
        )
        self.joint_head = classifier_head(joint, width, num_emotions, dropout)
        self.affect_head = classifier_head(joint, width, 2, dropout)
        if options.follow and options.context:
            self.following = Following(num_emotions, options.context)
        # A single modality has nothing to be weighed against, and no other to learn from.
        self.pair = len(names) == 2
        if self.pair:
            self.glances = nn.ModuleDict(
                {name: Glance(width, options.heads, dropout) for name in names}
            )
            self.gates = nn.ModuleDict({name: nn.Linear(2 * width, 1) for name in names})
            self.own_heads = nn.ModuleDict(
                {name: classifier_head(width, width, num_emotions, dropout) for name in names}
            )

    def forward(
        self, text: Stream | None, audio: Stream | None, earlier: Earlier | None = None
    ) -> FusionOutput:
        """Join the streams; see `base.FusionModel.forward`."""
        alone = self._alone(text, audio)
        if earlier is None or not hasattr(self, "following"):
            return alone
        with torch.no_grad():
            before = self._alone(earlier.text, earlier.audio).logits.softmax(dim=-1)
        shares = before.unflatten(0, earlier.speakers.shape)
        # What the heads make of nothing was never trained, and tells nothing.
        speakers = earlier.speakers.where(earlier.known(), NOBODY)
        logits = self.following(alone.logits, shares, speakers)
        return replace(alone, logits=logits)

    def _alone(self, text: Stream | None, audio: Stream | None) -> FusionOutput:
        """Return what it makes of utterances by themselves."""
        summaries: Any = self.summaries
        given = {"text": text, "audio": audio}
        whole = {name: stream for name, stream in given.items() if stream is not None}
        streams = {name: summaries[name].narrowed(stream) for name, stream in whole.items()}
        vectors = {name: self.summaries[name](streams[name], whole[name]) for name in streams}
        present = {name: stream.present for name, stream in streams.items()}
        auxiliary = {}
        if self.pair:
            for name, vector in vectors.items():
                auxiliary[f"{name}_logits"] = self.own_heads[name](vector)
                auxiliary[f"{name}_present"] = present[name]
            kept = self._kept(present)
            vectors = self._exchanged(streams, vectors, kept)
            weights = self._weights(vectors, kept)
            auxiliary["weights"] = torch.stack(list(weights.values()), dim=1)
            weighed = [2 * weights[name][:, None] * vectors[name] for name in vectors]
        else:
            weighed = list(vectors.values())
        joint = torch.cat(weighed, dim=-1)
        auxiliary["affect"] = self.affect_head(joint)
        auxiliary["alone"] = logits = self.joint_head(joint)
        return FusionOutput(logits, vectors.get("text"), vectors.get("audio"), auxiliary)

    def loss(self, output: FusionOutput, targets: Targets, criterion: Criterion) -> torch.Tensor:
        """Return the loss of the joint head, with those of the own heads and of affect."""
        options, auxiliary = self.options, output.auxiliary
        labels = smoothed(targets.labels, output.logits.shape[1], options.smoothing)
        loss = criterion(output.logits, labels)
        loss = loss + options.affect * affect_error(auxiliary["affect"], targets.affect)
        for name in self.summaries if self.pair else ():
            present = auxiliary[f"{name}_present"]
            if not bool(present.any()):
                continue
            own = auxiliary[f"{name}_logits"][present]
            taught = distillation(own, auxiliary["alone"][present], options.temperature)
            loss = loss + options.own_heads * criterion(own, labels[present])
            loss = loss + options.distillation * taught
        return loss

    def _kept(self, present: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return which modalities the joint head gets, bool ``[B]`` each: in training not all."""
        if not self.training or self.options.modality_dropout == 0:
            return present
        both = torch.stack(list(present.values())).all(dim=0)
        chance = torch.rand(both.shape, device=both.device)
        half = self.options.modality_dropout / 2
        lost = {"text": chance < half, "audio": (chance >= half) & (chance < 2 * half)}
        return {name: present[name] & ~(both & lost[name]) for name in present}

    def _exchanged(
        self,
        streams: dict[str, Stream],
        vectors: dict[str, torch.Tensor],
        kept: dict[str, torch.Tensor],
    ) -> dict[str, torch.Tensor]:
        other = {"text": "audio", "audio": "text"}
        both = kept["text"] & kept["audio"]
        return {
            name: self.glances[name](vectors[name], vectors[other[name]], streams[name], both)
            * kept[name][:, None]
            for name in streams
        }

    def _weights(
        self, vectors: dict[str, torch.Tensor], kept: dict[str, torch.Tensor]
    ) -> dict[str, torch.Tensor]:
        """Return the modalities' weights, ``[B]`` each: 0 without it, in sum 1 over the others."""
        seen = torch.cat(list(vectors.values()), dim=-1)
        scores = torch.stack([self.gates[name](seen)[:, 0] for name in vectors], dim=1).float()
        there = torch.stack(list(kept.values()), dim=1)
        scores = scores.masked_fill(~there, torch.finfo(scores.dtype).min)
        weights = scores.softmax(dim=1) * there
        return dict(zip(vectors, weights.unbind(dim=1), strict=True))
