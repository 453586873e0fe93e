"""Settings of stage 1; every field is a flag of ``feature_extractor/train.py``.

The field defaults are those for real corpora with pretrained encoders; `PRESETS` holds what differs
for a corpus. Encoders trained from scratch, as the demo's, need a far larger learning rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from graph_er.flags import option, require

MODALITY_CHOICES = ("a", "t", "at")
LOSS_CHOICES = ("ce", "ce_cosine")
FUSION_CHOICES = ("concat",)

TEXT_ENCODER = "klue/roberta-base"
AUDIO_ENCODER = "w11wo/wav2vec2-xls-r-300m-korean"


@dataclass(frozen=True)
class ModelSettings:
    """Which encoders are joined, and how. Encoders left open are `sources.default_encoders`."""

    fusion: str = option("concat", "how the two vectors are joined", choices=FUSION_CHOICES)
    text_encoder: str | None = option(
        None, f"hub id or local folder; {TEXT_ENCODER}, for the demo a tiny one made on the spot"
    )
    audio_encoder: str | None = option(
        None, f"hub id or local folder; {AUDIO_ENCODER}, for the demo a tiny one made on the spot"
    )
    audio_size: int = option(
        768, "width of the audio vector without a text encoder; with one it is the text width"
    )

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            InputError: a value is out of its range.
        """
        require("audio_size", self.audio_size, self.audio_size >= 1, "1 or more")


@dataclass(frozen=True)
class TrainingSettings:
    """How stage 1 is trained."""

    epochs: int = option(10, "passes over the training utterances")
    batch_size: int = option(4, "utterances per device and forward pass")
    accumulate_grad: int = option(16, "forward passes per optimiser step")
    lr: float = option(2e-5, "highest learning rate of the encoders")
    head_lr: float = option(1e-3, "highest learning rate of the new layers")
    warmup: float = option(0.1, "share of the steps over which the learning rates rise")
    weight_decay: float = option(0.01, "decoupled weight decay; none on biases and norms")
    clip_norm: float = option(2.0, "largest gradient norm")
    clip_length: float = option(
        25.0, "seconds; longer clips are left out of training, and heard in chunks later"
    )
    loss: str = option(
        "ce", "cross entropy, or 0.1 of it plus the cosine distance", choices=LOSS_CHOICES
    )
    freeze_cnn: bool = option(False, "keep the audio encoder's convolutions as pretrained")
    speed_perturbation: float = option(
        0.0, "train on clips sped up or slowed down at random by up to about this share"
    )
    num_workers: int = option(2, "processes that decode audio; 0 decodes in the main process")

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            InputError: a value is out of its range.
        """
        for name in ("epochs", "batch_size", "accumulate_grad"):
            require(name, getattr(self, name), getattr(self, name) >= 1, "1 or more")
        for name in ("lr", "head_lr", "clip_norm", "clip_length"):
            require(name, getattr(self, name), getattr(self, name) > 0, "a number above 0")
        for name in ("weight_decay", "num_workers"):
            require(name, getattr(self, name), getattr(self, name) >= 0, "0 or more")
        require("warmup", self.warmup, 0 <= self.warmup <= 1, "0 to 1")
        share = self.speed_perturbation
        require("speed_perturbation", share, 0 <= share < 1, "0 or more and below 1")


# Tuned on the demo's dev sessions for two cores.
PRESETS: dict[str, dict[str, Any]] = {
    "demo": {
        "audio_size": 128,
        "epochs": 8,
        "batch_size": 32,
        "accumulate_grad": 1,
        "lr": 2e-3,
        "head_lr": 2e-3,
        # Few voices are heard in training, and none of them in dev or test.
        "speed_perturbation": 0.1,
        "num_workers": 0,
    }
}
