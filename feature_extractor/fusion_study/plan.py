"""What is compared: conditions and their trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from feature_extractor.fusion.registry import FUSIONS
from feature_extractor.fusion_study.budget import LEARNING_RATES
from feature_extractor.networks.acoustic import MFCC

# Made here; the others are after published systems.
OURS = "distilled_gate"
# Models that were published on MFCC, and ours, are compared on them beside the common encoder.
_ON_MFCC = ("mfcc_transformer", "cross_modal_transformer", OURS)


@dataclass(frozen=True)
class Condition:
    """A fusion model on some modalities.

    Attributes:
        fusion: name in `fusion.registry`.
        modalities: ``a``, ``t`` or ``at``.
        mfcc: whether MFCC take the audio encoder's place.
    """

    fusion: str
    modalities: str
    mfcc: bool = False

    @property
    def name(self) -> str:
        """The model's name, with what it hears where that is not the common encoder."""
        return f"{self.fusion} on MFCC" if self.mfcc else self.fusion

    @property
    def key(self) -> str:
        """A name for files."""
        return f"{self.fusion}{'_mfcc' if self.mfcc else ''}_{self.modalities}"


@dataclass(frozen=True)
class Trial:
    """One training run of a condition."""

    condition: Condition
    lr: float
    seed: int

    @property
    def key(self) -> str:
        """A name for files."""
        return f"{self.condition.key}_lr{self.lr:g}_seed{self.seed}"


def conditions(
    fusions: Sequence[str], modalities: Sequence[str], audio_encoder: str | None = None
) -> list[Condition]:
    """Return every model on each of `modalities` that it can be built for, ours last.

    Args:
        fusions: names in `fusion.registry`; one that is given twice counts once.
        modalities: of ``a``, ``t`` and ``at``.
        audio_encoder: what all hear; on MFCC none has to be compared once more.
    """
    also = () if audio_encoder == MFCC else _ON_MFCC
    ordered = sorted(set(fusions), key=lambda name: (name == OURS, list(FUSIONS).index(name)))
    found = []
    for fusion in ordered:
        for wanted in modalities:
            if wanted in FUSIONS[fusion].modalities:
                found.append(Condition(fusion, wanted))
                if fusion in also and "a" in wanted:
                    found.append(Condition(fusion, wanted, mfcc=True))
    return found


def search_trials(condition: Condition) -> list[Trial]:
    """Return the trials by which a condition's learning rate is chosen on dev."""
    return [Trial(condition, lr, 0) for lr in LEARNING_RATES]


def seed_trials(condition: Condition, lr: float, seeds: int) -> list[Trial]:
    """Return the trials that count: every seed at the chosen learning rate."""
    return [Trial(condition, lr, seed) for seed in range(seeds)]
