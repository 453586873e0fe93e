"""A stage 1 model with the tokenizer and feature extractor that belong to it, in one folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoFeatureExtractor,
    AutoTokenizer,
    PreTrainedTokenizerBase,
    SequenceFeatureExtractor,
)

from feature_extractor.batches.padding import Collator
from feature_extractor.configuration import UtteranceConfig
from feature_extractor.fusion.base import needed
from feature_extractor.fusion.pooling import minimum_samples
from feature_extractor.fusion.prompt import prompt_text
from feature_extractor.fusion.registry import FUSIONS
from feature_extractor.networks.config_limits import require_buildable, require_records
from feature_extractor.networks.encoders import (
    first_line,
    is_checkpoint,
    load_audio_encoder,
    load_masked_language_model,
    load_text_encoder,
    max_tokens,
)
from feature_extractor.networks.model import UtteranceClassifier
from feature_extractor.settings import ModelSettings
from feature_extractor.splits.record import Tuned
from feature_extractor.transcript import TRANSCRIPT_VERSION
from graph_er.errors import InputError
from graph_er.running.files import disk_errors_named, make_readable
from graph_er.running.paths import STAGE1_WEIGHTS, refuse_graph_model
from graph_er.running.regular_files import read_json_file
from graph_er.running.run_record import RECORD_NAME, read_run_record


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
            context=self.model.context,
            prompt=prompt_text(needed(self.tokenizer)) if self.prompted else None,
            # A prompt's mask is read whether a text follows or not.
            marks_missing_text=config.modalities == "at" and not self.prompted,
        )

    @property
    def prompted(self) -> bool:
        """Whether texts are read after a prompt; see `fusion.prompt`."""
        return getattr(self.model.fusion, "prompt", None) is not None

    def save(self, folder: Path) -> None:
        """Write ``config.json``, ``model.safetensors``, tokenizer and processor files."""
        with disk_errors_named(folder):
            self.model.save_pretrained(folder, max_shard_size="100GB")
            for part in (self.tokenizer, self.feature_extractor):
                if part is not None:
                    part.save_pretrained(folder)
        make_readable(folder / STAGE1_WEIGHTS)


@dataclass(frozen=True)
class TrainedOn:
    """What a checkpoint keeps of its training.

    Attributes:
        corpus: its name.
        split: how it was split, a record of `split_record`.
        clip_length: the longest clip, in seconds.
        policies: how it was read, a record of `policies.policy_record`.
    """

    corpus: str
    split: dict[str, Any]
    clip_length: float
    policies: dict[str, Any] = field(default_factory=dict)


def build_checkpoint(
    settings: ModelSettings,
    modalities: str,
    emotions: tuple[str, ...],
    trained_on: TrainedOn | None = None,
) -> Checkpoint:
    """Join pretrained encoders under new layers.

    Args:
        settings: the model.
        modalities: ``a``, ``t`` or ``at``.
        emotions: label names in label order.
        trained_on: what it is to be trained on, kept in the configuration.

    Raises:
        InputError: an encoder cannot be found, or the fusion model is not made for `modalities`,
            has no such options or does not fit the encoders; speaker scaling of other audio; a
            value that would not be loaded again.
    """
    text = audio = tokenizer = feature_extractor = None
    _require_modalities(settings.fusion, modalities)
    config: dict[str, Any] = asdict(trained_on) if trained_on else {}
    if "t" in modalities:
        text, tokenizer = load_text_encoder(needed(settings.text_encoder))
        config |= {"text_config": text.config.to_dict(), "text_source": settings.text_encoder}
        config |= {"max_tokens": max_tokens(text, tokenizer)}
    if "a" in modalities:
        audio, feature_extractor = load_audio_encoder(needed(settings.audio_encoder))
        config |= {"audio_config": audio.config.to_dict(), "audio_source": settings.audio_encoder}
        config |= {"sampling_rate": feature_extractor.sampling_rate}
    before = tuned_before([config.get("text_source"), config.get("audio_source")])
    configuration = UtteranceConfig(
        emotions=list(emotions),
        modalities=modalities,
        fusion=settings.fusion,
        fusion_options=dict(settings.fusion_options),
        context=settings.context,
        speaker_scaling=settings.speaker_scaling,
        transcript_version=TRANSCRIPT_VERSION,
        started_from=[tuned.record() for tuned in before],
        **config,
    )
    model = UtteranceClassifier(configuration, text, audio)
    sources = " and ".join(config[key] for key in ("text_source", "audio_source") if key in config)
    fault = "which no checkpoint may have; give another value or encoder"
    require_buildable(configuration.to_dict(), f"a checkpoint of {sources}", fault)
    checkpoint = Checkpoint(model, tokenizer, feature_extractor)
    if checkpoint.prompted:
        language_model = load_masked_language_model(needed(settings.text_encoder))
        prompted: Any = model.fusion
        prompted.prompt.start_from(language_model, tokenizer, emotions)
    return checkpoint


def _require_modalities(fusion: str, modalities: str) -> None:
    known = FUSIONS[fusion].modalities
    if modalities not in known:
        raise InputError(f"--fusion {fusion} is made for --modalities {' or '.join(known)}")


def load_configuration(folder: Path) -> UtteranceConfig:
    """Read what a finished checkpoint folder says of its model.

    Raises:
        InputError: no such folder, not finished, or a configuration that is none of ours.
    """
    if not (folder / "config.json").is_file():
        refuse_graph_model(folder)
        raise InputError(
            f"{folder}: no stage 1 checkpoint there (no config.json); make one with "
            f"`python feature_extractor/train.py --out {'DIR' if folder.exists() else folder}`"
        )
    if not (folder / RECORD_NAME).is_file():
        raise InputError(
            f"{folder}: training did not finish (no {RECORD_NAME}); go on with "
            f"`python feature_extractor/train.py --out {folder} --resume` and the same options"
        )
    path = folder / "config.json"
    content = read_json_file(path)
    if not isinstance(content, dict) or content.get("model_type") != UtteranceConfig.model_type:
        raise InputError(f"{path}: of another model than a stage 1 checkpoint's; restore the file")
    require_buildable(content, path)
    with _loading(folder):
        config = UtteranceConfig.from_pretrained(folder)
        emotions = list(config.emotions)
    if not emotions or not all(isinstance(name, str) for name in emotions):
        raise InputError(f"{folder}/config.json: emotions {emotions!r:.200} are no list of names")
    require_records(config, folder / "config.json")
    return config


def tuned_before(encoders: Iterable[str | None]) -> list[Tuned]:
    """Return what encoders were tuned on by stage 1, and those that they started from in turn.

    A checkpoint keeps what was so when it was trained; of one that does not, the folders that it
    names are read.

    Args:
        encoders: hub ids, of which nothing is known, and folders; None is no encoder.

    Raises:
        InputError: one is a checkpoint that is not finished or damaged.
    """
    wanted, seen, found = list(encoders), set[str](), list[Tuned]()
    while wanted:
        encoder = wanted.pop(0)
        if encoder is None or encoder in seen or not is_checkpoint(encoder):
            continue
        seen.add(encoder)
        config = load_configuration(Path(encoder))
        found.append(Tuned(encoder, config.corpus, config.split))
        if config.started_from is None:
            wanted += [config.text_source, config.audio_source]
            found += gone_sources(Path(encoder), config)
        else:
            found += [Tuned(**record) for record in config.started_from]
    return [tuned for place, tuned in enumerate(found) if tuned not in found[:place]]


def gone_sources(folder: Path, config: UtteranceConfig) -> list[Tuned]:
    """Return the folders that a checkpoint started from and that are not there, as not known."""
    run = read_run_record(folder).get("config", {})
    sources = {"text": config.text_source, "audio": config.audio_source}
    return [
        Tuned(source, None, None)
        for name, source in sources.items()
        # The digest is of an encoder in a folder; one of the hub has none.
        if source is not None and run.get(f"{name}_weights") and not Path(source).is_dir()
    ]


def load_checkpoint(folder: Path | str) -> Checkpoint:
    """Load a finished checkpoint folder; neither network nor the original encoders are needed.

    Raises:
        InputError: as `load_configuration`, or files that do not fit each other.
    """
    folder = Path(folder)
    config = load_configuration(folder)
    with _loading(folder):
        loaded: Any = UtteranceClassifier.from_pretrained(
            folder,
            config=config,
            local_files_only=True,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
        )
        model, report = loaded  # both, since the report was asked for
        tokenizer = _part(AutoTokenizer, folder) if "t" in config.modalities else None
        extractor = _part(AutoFeatureExtractor, folder) if "a" in config.modalities else None
    if wrong := [*report["missing_keys"], *report["unexpected_keys"]]:
        raise InputError(f"{folder}: {STAGE1_WEIGHTS} does not fit config.json ({wrong[0]})")
    _require_fitting_parts(folder, config, model, tokenizer, extractor)
    return Checkpoint(model, tokenizer, extractor)


def _require_fitting_parts(
    folder: Path, config: UtteranceConfig, model: Any, tokenizer: Any, extractor: Any
) -> None:
    """Refuse a tokenizer or feature extractor that is not the model's."""
    if tokenizer is not None:
        most = max_tokens(model.text_encoder, tokenizer)
        if config.max_tokens > most:
            raise InputError(
                f"{folder}/config.json: max_tokens is {config.max_tokens}, where the text encoder "
                f"takes {most}; restore the file"
            )
        if tokenizer.pad_token_id is None:
            raise InputError(
                f"{folder}: the tokenizer is not the text encoder's; restore its files"
            )
    if extractor is not None:
        heard = getattr(extractor, "sampling_rate", None), extractor.model_input_names[:1]
        if heard != (config.sampling_rate, ["input_values"]):
            raise InputError(
                f"{folder}/preprocessor_config.json: gives {heard[1]} at {heard[0]!r:.40} Hz where "
                f"the audio encoder takes input_values at {config.sampling_rate}; restore the file"
            )


@contextmanager
def _loading(folder: Path) -> Iterator[None]:
    """Name the folder where files are damaged or of another kind, which fails in any way."""
    try:
        yield
    except Exception as error:
        raise InputError(
            f"{folder}: cannot be loaded ({first_line(error):.200}); train it again"
        ) from error


def _part(kind: Any, folder: Path) -> Any:
    return kind.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
