"""Settings of stage 1; every field is a flag of ``feature_extractor/train.py``.

The field defaults are those for real corpora with pretrained encoders; `PRESETS` holds what differs
for a corpus. Encoders trained from scratch, as the demo's, need a far larger learning rate.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graph_er.errors import InputError
from graph_er.running.flags import option, require

MODALITY_CHOICES = ("a", "t", "at")
LOSS_CHOICES = ("ce", "ce_cosine", "focal")
FUSION_CHOICES = (
    *("concat", "gated_cross_modal", "late_fusion"),
    *("vanilla_concat", "three_way_concat", "cross_attention", "mlp_mixer"),
    *("cross_modal_transformer", "mfcc_transformer"),
    *("case_compress", "case_attention", "case_concat", "distilled_gate"),
)

# The least and the most seconds of --clip_length.
CLIP_LENGTHS = (0.1, 86_400.0)
# What of an encoder is kept as pretrained, beside a number of layers.
NONE, CNN, ALL = "none", "cnn", "all"
# Elsewhere each process loads all libraries anew, in every epoch.
_WORKERS = 2 if sys.platform.startswith("linux") else 0

TEXT_ENCODER = "klue/roberta-base"
AUDIO_ENCODER = "w11wo/wav2vec2-xls-r-300m-korean"


@dataclass(frozen=True)
class ModelSettings:
    """Which encoders are joined, and how.

    Encoders left open are `sources.with_default_encoders`; `fusion_options` are those of the fusion
    model, see `fusion.registry.fusion_options`.
    """

    fusion: str = option(
        "concat",
        f"how text and audio are joined: {', '.join(FUSION_CHOICES)}",
        choices=FUSION_CHOICES,
        metavar="NAME",
    )
    text_encoder: str | None = option(
        None,
        f"hub id or local folder (default: {TEXT_ENCODER}, for the demo a tiny one made on the "
        "spot)",
    )
    audio_encoder: str | None = option(
        None,
        "hub id or local folder, or mfcc or egemaps for acoustic features (default: "
        f"{AUDIO_ENCODER}, for the demo a tiny one made on the spot)",
    )
    fusion_options: Mapping[str, Any] = field(default_factory=dict)
    context: int = option(0, "how many earlier utterances of the dialogue are read along with each")
    speaker_scaling: bool = option(
        False,
        "scale mfcc or egemaps by each speaker's own mean and deviation, taken of all utterances "
        "at hand, test among them, without their labels",
    )

    def __post_init__(self) -> None:
        """Check the range.

        Raises:
            InputError: the context is out of it.
        """
        require("context", self.context, 0 <= self.context <= 20, "0 to 20")


@dataclass(frozen=True)
class TrainingSettings:
    """How stage 1 is trained."""

    epochs: int = option(10, "passes over the training utterances")
    batch_size: int = option(4, "utterances per process and forward pass")
    accumulate_grad: int = option(16, "forward passes per optimiser step")
    lr: float = option(2e-5, "highest learning rate of the encoders")
    head_lr: float = option(1e-3, "highest learning rate of the new layers")
    warmup: float = option(0.1, "share of the steps over which the learning rates rise")
    weight_decay: float = option(0.01, "decoupled weight decay; none on biases and norms")
    clip_norm: float = option(2.0, "largest gradient norm")
    clip_length: float = option(
        25.0, "seconds; longer clips are left out of training, and heard in chunks later"
    )
    loss: str | None = option(
        None,
        "cross entropy, 0.1 of it plus the cosine distance, or focal loss (default: that of the "
        "fusion model, mostly ce)",
        choices=LOSS_CHOICES,
    )
    freeze_text: str = option(
        "none", "text encoder as pretrained: none, all, or the number of its lowest layers"
    )
    freeze_audio: str = option("none", "audio encoder likewise; cnn for its convolutions alone")
    cache_dtype: str = option(
        "float32", "how states of wholly frozen encoders are kept", choices=("float32", "float16")
    )
    speed_perturbation: float = option(
        0.0, "train on clips sped up or slowed down at random by up to about this share"
    )
    num_workers: int = option(
        _WORKERS, "processes that decode audio; 0 decodes in the main process"
    )

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            InputError: a value is out of its range.
        """
        for name in ("epochs", "batch_size", "accumulate_grad"):
            require(name, getattr(self, name), getattr(self, name) >= 1, "1 or more")
        for name in ("lr", "head_lr", "clip_norm"):
            require(name, getattr(self, name), getattr(self, name) > 0, "a number above 0")
        least, most = CLIP_LENGTHS
        seconds = f"from {least:g} to {most:,.0f} seconds"
        require("clip_length", self.clip_length, least <= self.clip_length <= most, seconds)
        for name in ("weight_decay", "num_workers"):
            require(name, getattr(self, name), getattr(self, name) >= 0, "0 or more")
        require(
            # `Trainer` takes 1 and more as a number of steps.
            "warmup",
            self.warmup,
            0 <= self.warmup < 1,
            "a share of the steps: 0 or more and below 1",
        )
        _check_freezing("freeze_text", self.freeze_text, "text")
        _check_freezing("freeze_audio", self.freeze_audio, "audio")
        share = self.speed_perturbation
        require("speed_perturbation", share, 0 <= share < 1, "0 or more and below 1")


# Tuned on the demo's dev sessions for two cores.
PRESETS: dict[str, dict[str, Any]] = {
    "demo": {
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


# For a corpus, options of fusion models other than their published ones. The demo's encoders are an
# eighth as wide as published, its clips short and its texts few.
FUSION_PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "demo": {
        "mlp_mixer": {"text_slots": 32, "audio_slots": 128},
        "cross_modal_transformer": {"layers": 1},
        "mfcc_transformer": {"layers": 1},
    }
}


def _check_freezing(name: str, how: str, modality: str) -> None:
    """Refuse what `freezing.freeze` does not know.

    Raises:
        InputError: `how` is no such word and no number.
    """
    words = (NONE, ALL) if modality == "text" else (NONE, CNN, ALL)
    if how not in words and not (how.isascii() and how.isdigit()):
        raise InputError(
            f"--{name} is {how!r}; it must be {', '.join(words)} or the number of layers to freeze"
        )
