"""A stage 1 model with the tokenizer and feature extractor that belong to it, in one folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from transformers import (
    AutoFeatureExtractor,
    AutoTokenizer,
    PreTrainedTokenizerBase,
    SequenceFeatureExtractor,
)

from feature_extractor.batching import Collator
from feature_extractor.configuration import UtteranceConfig
from feature_extractor.encoders import (
    first_line,
    load_audio_encoder,
    load_text_encoder,
    make_readable,
    max_tokens,
)
from feature_extractor.model import UtteranceClassifier
from feature_extractor.pooling import minimum_samples
from feature_extractor.settings import ModelSettings
from feature_extractor.transcript import TRANSCRIPT_VERSION
from graph_er.errors import InputError
from graph_er.run_record import RECORD_NAME

WEIGHTS = "model.safetensors"


@dataclass(frozen=True)
class Checkpoint:
    """The model and what prepares its input; None for the modality that it lacks."""

    model: UtteranceClassifier
    tokenizer: PreTrainedTokenizerBase | None
    feature_extractor: SequenceFeatureExtractor | None

    @property
    def sampling_rate(self) -> int | None:
        """Hz of the audio that the model hears, or None if it hears none."""
        return self.feature_extractor.sampling_rate if self.feature_extractor else None

    def collator(self) -> Collator:
        """Return what pads utterances for the model."""
        config = self.model.config
        return Collator(
            tokenizer=self.tokenizer,
            feature_extractor=self.feature_extractor,
            max_tokens=config.max_tokens,
            min_samples=minimum_samples(config.audio_config) if "a" in config.modalities else 0,
        )

    def save(self, folder: Path) -> None:
        """Write ``config.json``, ``model.safetensors``, tokenizer and processor files."""
        self.model.save_pretrained(folder, max_shard_size="100GB")
        for part in (self.tokenizer, self.feature_extractor):
            if part is not None:
                part.save_pretrained(folder)
        make_readable(folder / WEIGHTS)


def build_checkpoint(
    settings: ModelSettings,
    modalities: str,
    emotions: tuple[str, ...],
    *,
    corpus: str | None = None,
    sessions: dict[str, list[str]] | None = None,
) -> Checkpoint:
    """Join pretrained encoders under new layers.

    Args:
        settings: the model.
        modalities: ``a``, ``t`` or ``at``.
        emotions: label names in label order.
        corpus: name of the corpus to be trained on, kept in the configuration.
        sessions: its session ids by side, kept likewise.

    Raises:
        InputError: an encoder cannot be found.
    """
    text = audio = tokenizer = feature_extractor = None
    config: dict[str, object] = {"audio_size": settings.audio_size}
    config |= {"corpus": corpus, "sessions": sessions}
    if "t" in modalities:
        text, tokenizer = load_text_encoder(settings.text_encoder)
        config |= {"text_config": text.config.to_dict(), "text_source": settings.text_encoder}
        config |= {"audio_size": text.config.hidden_size, "max_tokens": max_tokens(text, tokenizer)}
    if "a" in modalities:
        audio, feature_extractor = load_audio_encoder(settings.audio_encoder)
        config |= {"audio_config": audio.config.to_dict(), "audio_source": settings.audio_encoder}
        config |= {"sampling_rate": feature_extractor.sampling_rate}
    configuration = UtteranceConfig(
        emotions=list(emotions),
        modalities=modalities,
        fusion=settings.fusion,
        transcript_version=TRANSCRIPT_VERSION,
        **config,
    )
    model = UtteranceClassifier(configuration, text, audio)
    return Checkpoint(model, tokenizer, feature_extractor)


def load_checkpoint(folder: Path) -> Checkpoint:
    """Load a finished checkpoint folder; neither network nor the original encoders are needed.

    Raises:
        InputError: no such folder, not finished, or files that do not fit each other.
    """
    if not (folder / "config.json").is_file():
        raise InputError(
            f"{folder}: no stage 1 checkpoint there (no config.json); "
            f"make one with `python feature_extractor/train.py --out {folder}`"
        )
    if not (folder / RECORD_NAME).is_file():
        raise InputError(
            f"{folder}: training did not finish (no {RECORD_NAME}); go on with "
            f"`python feature_extractor/train.py --out {folder} --resume` and the same options"
        )
    try:
        config = UtteranceConfig.from_pretrained(folder)
        model, report = UtteranceClassifier.from_pretrained(
            folder,
            config=config,
            local_files_only=True,
            use_safetensors=True,
            output_loading_info=True,
        )
        tokenizer = _part(AutoTokenizer, folder) if "t" in config.modalities else None
        extractor = _part(AutoFeatureExtractor, folder) if "a" in config.modalities else None
        emotions = list(config.emotions)
    except Exception as error:  # files damaged or of another kind fail in any way
        raise InputError(
            f"{folder}: cannot be loaded ({first_line(error)}); train it again"
        ) from error
    if not emotions or not all(isinstance(name, str) for name in emotions):
        raise InputError(f"{folder}/config.json: emotions {emotions!r} are no list of names")
    if not isinstance(config.sessions, dict | None):
        raise InputError(f"{folder}/config.json: sessions {config.sessions!r} are not by side")
    if wrong := [*report["missing_keys"], *report["unexpected_keys"]]:
        raise InputError(f"{folder}: {WEIGHTS} does not fit config.json ({wrong[0]})")
    return Checkpoint(model, tokenizer, extractor)


def _part(kind: type, folder: Path) -> object:
    return kind.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
