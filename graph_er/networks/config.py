"""Configuration of stage 3 and its presets; every field is a flag of ``graph_er/train.py``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, get_type_hints

from graph_er.errors import InputError
from graph_er.running.flags import option, require

AUDIO_LEVELS = ("dialogue", "speaker")
RELATION_SCHEMES = ("same_other", "speaker_pairs")
SCHEDULES = ("one_cycle", "plateau")
SELECTIONS = ("last", "best")
DTYPES = ("float32", "bfloat16")
# What models did before there was an option for it, where that is not always its default: a
# context layer heard all, and audio was heard against the dialogue's mean, by the deviation alone.
BEFORE_OPTIONS: dict[str, Any] = {
    "context_span": -1,
    "audio_level": "dialogue",
    "deviation_terms": False,
}
# What is taken where no text is heard and later turns are, unless it is given. Chosen on real
# dyadic dialogues, sessions 1 to 3 each left out, and on synthetic ones: docs/ablation_audio.md.
WITHOUT_TEXT: dict[str, Any] = {"audio_level": "speaker", "deviation_terms": True, "dropout": 0.2}
# More than anyone trains; a checkpoint that asks for more is broken or hostile.
_MOST_LAYERS, _WIDEST = 64, 65536


@dataclass(frozen=True)
class ContextualConfig:
    """The architecture of `graph_er.networks.contextual.ContextualGNN`: preset ``default``."""

    members: int = option(2, "networks trained side by side, whose probabilities are averaged")
    hidden_size: int = option(128, "width of every hidden layer")
    sentence_cues: bool = option(True, "hear the transcript's punctuation and length beside t")
    relative_audio: bool = option(
        True, "hear audio (and visual) features also against a level, which --audio_level names"
    )
    audio_level: str = option(
        "dialogue",
        "that level: the dialogue's mean, or the speaker's mean and spread over the session, which "
        "is taken where no text is heard unless this option or the file of --config names one; "
        "with --wf 0 always the dialogue's mean up to each utterance",
        choices=AUDIO_LEVELS,
    )
    deviation_terms: bool = option(
        False,
        "hear each deviation from the speaker's level also cut off at 1 and squared, so that far "
        "from usual tells in either direction; taken where no text is heard, as that level is, "
        "and without effect where another level is heard",
    )
    audio_offset: float = option(
        0.5, "noise per dialogue on the level of those features in training, in deviations"
    )
    gate: bool = option(True, "let each utterance weigh its modalities")
    context_layers: int = option(0, "transformer layers over the dialogue before the graph")
    context_span: int = option(
        512, "how many utterances to each side those layers hear; -1 is unlimited"
    )
    wp: int = option(
        20, "past window of the graph: how many earlier utterances one hears; -1 is unlimited"
    )
    wf: int = option(20, "future window of the graph, likewise; 0 makes the whole model causal")
    decay: float = option(
        8.0, "utterances apart at which one weighs 1/e in the relational mean; 0 weighs all alike"
    )
    relational_layers: int = option(1, "layers of relational means")
    attention_layers: int = option(1, "graph transformer layers after them")
    graph_heads: int = option(4, "attention heads of graph and context layers")
    input_dropout: float = option(0.0, "share of input features zeroed in training")
    dropout: float = option(
        0.4,
        "dropout probability of the hidden layers; 0.2 is taken where no text is heard, and audio "
        "against the speaker's level",
    )

    def __post_init__(self) -> None:
        """Check the values against each other."""
        for name in ("members", "hidden_size", "graph_heads"):
            require(name, getattr(self, name), getattr(self, name) >= 1, "at least 1")
        _require_buildable(self, "context_layers", "relational_layers", "attention_layers")
        require("members", self.members, self.members <= _MOST_LAYERS, f"{_MOST_LAYERS} at most")
        for name in ("decay", "audio_offset"):
            require(name, getattr(self, name), getattr(self, name) >= 0, "at least 0")
        for name in ("wp", "wf"):
            require(name, getattr(self, name), getattr(self, name) >= -1, "-1, 0 or more")
        for name in ("dropout", "input_dropout"):
            require(name, getattr(self, name), 0 <= getattr(self, name) < 1, "from 0 to below 1")
        known = self.audio_level in AUDIO_LEVELS
        require("audio_level", self.audio_level, known, f"one of {', '.join(AUDIO_LEVELS)}")
        divisor = f"a divisor of hidden_size {self.hidden_size}"
        require("graph_heads", self.graph_heads, self.hidden_size % self.graph_heads == 0, divisor)

    @property
    def causal(self) -> bool:
        """Whether an utterance may hear nothing that comes after it."""
        return self.wf == 0

    @property
    def by_voice(self) -> bool:
        """Whether audio is heard against the speaker's level, to which later utterances belong."""
        return self.relative_audio and self.audio_level == "speaker" and not self.causal

    @property
    def by_terms(self) -> bool:
        """Whether deviations from that level are also heard cut off and squared."""
        return self.deviation_terms and self.by_voice


@dataclass(frozen=True)
class CogmenConfig:
    """The architecture of `graph_er.networks.cogmen.Cogmen`, as published: preset ``cogmen``."""

    hidden_size: int = option(100, "width after the context encoder and in the graph")
    context_layers: int = option(2, "transformer layers over the dialogue before the graph")
    context_heads: int = option(0, "attention heads of those layers; 0 chooses as COGMEN does")
    context_feedforward: int = option(2048, "width of their feed-forward part")
    context_span: int = option(
        512, "how many utterances to each side those layers hear; -1 is unlimited"
    )
    positions: bool = option(False, "add sinusoidal positions before those layers")
    wp: int = option(5, "past window of the graph")
    wf: int = option(5, "future window of the graph")
    relations: str = option(
        "speaker_pairs",
        "edge types: COGMEN's ordered speaker pairs, or same or other speaker and direction",
        choices=RELATION_SCHEMES,
    )
    graph_heads: int = option(1, "attention heads of the graph transformer")
    dropout: float = option(0.5, "dropout probability")

    def __post_init__(self) -> None:
        """Check the values against each other."""
        known = self.relations in RELATION_SCHEMES
        require("relations", self.relations, known, f"one of {', '.join(RELATION_SCHEMES)}")
        for name in ("hidden_size", "context_feedforward", "graph_heads"):
            require(name, getattr(self, name), getattr(self, name) >= 1, "at least 1")
        _require_buildable(self, "context_layers")
        heads = self.context_heads
        require("context_heads", heads, heads >= 0, "at least 0")
        for name in ("wp", "wf"):
            require(name, getattr(self, name), getattr(self, name) >= -1, "-1, 0 or more")
        require("dropout", self.dropout, 0 <= self.dropout < 1, "from 0 to below 1")

    @property
    def causal(self) -> bool:
        """Whether an utterance may hear nothing that comes after it."""
        return self.wf == 0


ModelConfig = ContextualConfig | CogmenConfig


def _require_buildable(config: ContextualConfig | CogmenConfig, *layers: str) -> None:
    for name in layers:
        value = getattr(config, name)
        require(name, value, 0 <= value <= _MOST_LAYERS, f"from 0 to {_MOST_LAYERS}")
    span = config.context_span
    require("context_span", span, span == -1 or span >= 1, "-1, 1 or more")
    size = config.hidden_size
    require("hidden_size", size, size <= _WIDEST, f"{_WIDEST} at most")


@dataclass(frozen=True)
class TrainingConfig:
    """How stage 3 is trained; the defaults are preset ``default``."""

    epochs: int = option(15, "passes over the training dialogues")
    batch_size: int = option(0, "dialogues per step; 0 takes as many as hold 400 utterances")
    learning_rate: float = option(2e-3, "highest learning rate")
    weight_decay: float = option(1e-2, "decoupled weight decay")
    schedule: str = option("one_cycle", "learning-rate schedule", choices=SCHEDULES)
    ema: float = option(0.98, "decay of the moving average of the weights; 0 keeps no average")
    label_smoothing: float = option(0.1, "share of probability spread over all emotions")
    logit_adjustment: float = option(
        0.3, "how far rare emotions are favoured: weight of the log prior added in training"
    )
    contrastive: float = option(
        0.0, "weight of the supervised contrastive term; it needs one process"
    )
    shift: float = option(0.0, "weight of the auxiliary task: did the speaker's emotion change?")
    clip_norm: float = option(1.0, "largest gradient norm; 0 does not clip")
    select: str = option(
        "last", "which epoch's weights are kept: the last, or the best on dev", choices=SELECTIONS
    )
    refit: bool = option(
        True, "after dev has been scored, train once more on train and dev and keep that model"
    )
    decode: bool = option(True, "decode along each speaker's turns, as strongly as dev bears out")
    dtype: str = option(
        "float32", "arithmetic of the training steps; weights stay float32", choices=DTYPES
    )

    def __post_init__(self) -> None:
        """Check each value's range; NaN is in none."""
        chosen = (("schedule", SCHEDULES), ("select", SELECTIONS), ("dtype", DTYPES))
        for name, known in chosen:
            value = getattr(self, name)
            require(name, value, value in known, f"one of {', '.join(known)}")
        require("epochs", self.epochs, self.epochs >= 1, "at least 1")
        require("learning_rate", self.learning_rate, self.learning_rate > 0, "above 0")
        names = ("batch_size", "weight_decay", "logit_adjustment", "contrastive", "shift")
        for name in (*names, "clip_norm"):
            require(name, getattr(self, name), getattr(self, name) >= 0, "at least 0")
        require("ema", self.ema, 0 <= self.ema < 1, "from 0 to below 1")
        smoothing = self.label_smoothing
        require("label_smoothing", smoothing, 0 <= smoothing < 1, "from 0 to below 1")


@dataclass(frozen=True)
class Preset:
    """An architecture and the training settings in which it differs from `TrainingConfig`."""

    model: type[ModelConfig]
    training: dict[str, Any]


# COGMEN (Joshi et al., NAACL 2022) as published, with padding masked and windows as named. Its
# weight decay is an L2 term of 1e-8, which decoupled decay of the same size equals in effect: none.
_COGMEN: dict[str, Any] = {
    "epochs": 55,
    "batch_size": 32,
    "learning_rate": 1e-4,
    "weight_decay": 1e-8,
    "schedule": "plateau",
    "ema": 0.0,
    "label_smoothing": 0.0,
    "logit_adjustment": 0.0,
    "clip_norm": 0.0,
    "select": "best",
    "decode": False,
}

PRESETS = {"default": Preset(ContextualConfig, {}), "cogmen": Preset(CogmenConfig, _COGMEN)}


def preset_of(config: ModelConfig) -> str:
    """Return the name of the preset whose architecture `config` describes."""
    return next(name for name, preset in PRESETS.items() if isinstance(config, preset.model))


def before_options(preset: str) -> dict[str, Any]:
    """Return what models of a preset did before there were options for it."""
    known = {item.name for item in fields(_preset(preset).model)}
    return {name: value for name, value in BEFORE_OPTIONS.items() if name in known}


def model_config(preset: str, values: dict[str, Any]) -> ModelConfig:
    """Build a preset's architecture from its defaults and `values`.

    Raises:
        InputError: there is no such preset, or a value belongs to no option of this architecture,
            is of another type or out of range.
    """
    model = _preset(preset).model
    _require_fitting(model, values, f"left out with --preset {preset}, which lacks it")
    return model(**values)


def training_config(preset: str, values: Mapping[str, Any]) -> TrainingConfig:
    """Return a preset's training settings with some values of their own.

    Raises:
        InputError: there is no such preset, or a value belongs to no option of training, is of
            another type or out of range.
    """
    settings = _preset(preset).training
    _require_fitting(TrainingConfig, values, "left out, since training has no such option")
    return TrainingConfig(**{**settings, **values})


def _preset(name: str) -> Preset:
    require("preset", name, name in PRESETS, f"one of {', '.join(PRESETS)}")
    return PRESETS[name]


def _require_fitting(config: type, values: Mapping[str, Any], unknown: str) -> None:
    kinds = get_type_hints(config)
    for name, value in values.items():
        if name not in kinds:  # NaN has a range where there is such an option
            raise InputError(f"--{name} is {value}; it must be {unknown}")
        if type(value) is not kinds[name] and (kinds[name], type(value)) != (float, int):
            wanted = f"of type {kinds[name].__name__}"
            raise InputError(f"--{name} is {value}; it must be {wanted}")
