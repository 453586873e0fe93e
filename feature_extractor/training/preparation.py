"""What stage 1 reads and makes before it trains: corpus, split, encoders, model and datasets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from transformers import set_seed

from feature_extractor.batches.chunking import is_too_long
from feature_extractor.batches.dataset import States, UtteranceDataset
from feature_extractor.caches.caching import Cache, cached_states
from feature_extractor.caches.state_store import StateStore
from feature_extractor.corpora.registry import effective_policies
from feature_extractor.execution import Execution, training_device
from feature_extractor.fusion.registry import chosen_options
from feature_extractor.networks.acoustic import KINDS, MFCC
from feature_extractor.networks.checkpoint import Checkpoint, TrainedOn, build_checkpoint
from feature_extractor.networks.encoder_folder import (
    encoder_files_digest,
    encoder_weights_digest,
)
from feature_extractor.networks.scaling import FrameScaler
from feature_extractor.networks.speaker_scaling import SpeakerScaledStates, speaker_moments
from feature_extractor.networks.tuned_encoders import refuse_tuned_on_held_out
from feature_extractor.settings import ALL, ModelSettings, TrainingSettings
from feature_extractor.sources import (
    CorpusChoice,
    Tell,
    audio_content_digest,
    corpus_digest,
    is_synthetic,
    learnt_from,
    open_choice,
    readable_context,
    require_audio,
    require_text,
    tell_split,
    utterances_by_side,
    with_default_encoders,
)
from feature_extractor.splits.record import split_digest, split_name, split_record
from feature_extractor.splits.splitting import Split, split_corpus
from feature_extractor.training.run_folder import check_folder, check_same_options, is_finished
from feature_extractor.transcript import TRANSCRIPT_VERSION
from feature_extractor.utterance import Corpus, Utterance
from graph_er.errors import InputError
from graph_er.running.counted import counted
from graph_er.running.flags import require
from graph_er.running.processes import count
from graph_er.running.run_record import describe_data
from graph_er.running.tracking import Mode

_LEARNT_FROM = ("train", "dev")


@dataclass(frozen=True)
class Run:
    """What is trained on what and where to; the rest are `ModelSettings` and `TrainingSettings`."""

    choice: CorpusChoice
    modalities: str
    out: Path
    seed: int
    device: str
    comet: Mode
    resume: bool
    overwrite: bool
    cache_dir: Path

    def __post_init__(self) -> None:
        """Check the seed, which NumPy takes as 32 bits.

        Raises:
            InputError: it is out of range.
        """
        require("seed", self.seed, 0 <= self.seed < 2**32, "0 to 4294967295")


@dataclass(frozen=True)
class Prepared:
    """What is ready before training.

    Attributes:
        config: everything that the result depends on, as plain values.
        data: name and SHA-256 of the file that the corpus is, or None of one of many files.
        settings: how to train.
        checkpoint: the model, not trained yet.
        corpus: where all utterances are from.
        train: the training side, without clips over the clip length.
        dev: the dev side, with audio where the model hears.
        whole_dev: the dev side as the corpus has it.
        scaled_states: acoustic features of the whole corpus as `train` and `dev` have them, where
            they are scaled by speaker; else None.
    """

    config: dict[str, Any]
    data: dict[str, Any] | None
    settings: TrainingSettings
    checkpoint: Checkpoint
    corpus: Corpus
    train: UtteranceDataset
    dev: UtteranceDataset
    whole_dev: list[Utterance]
    scaled_states: dict[str, States] | None


def prepare(
    run: Run, model_settings: ModelSettings, settings: TrainingSettings, tell: Tell
) -> Prepared | None:
    """Read and make all that training needs, but change nothing in ``run.out``.

    Args:
        run: what to train.
        model_settings: the model.
        settings: the training.
        tell: receives lines for the user.

    Returns:
        None where the run is finished already.

    Raises:
        InputError: bad input, or ``run.out`` holds a run that may not be replaced.
    """
    check_folder(run.out, resume=run.resume, overwrite=run.overwrite)
    corpus, root = open_choice(run.choice, tell)
    data = describe_data(root) if root.is_file() else None
    split = split_corpus(corpus, run.choice.split, run.choice.fold)
    tell_split(split, tell)
    sides = utterances_by_side(corpus, split)
    _require_modalities(run.modalities, sides)
    model_settings = _settled(model_settings, run.modalities, corpus, root, split, tell)
    if run.modalities != "t" and model_settings.audio_encoder in KINDS:
        if settings.speed_perturbation:
            kind, share = model_settings.audio_encoder, settings.speed_perturbation
            tell(f"{kind} is made before training: --speed_perturbation {share:g} is left out")
        settings = replace(settings, speed_perturbation=0.0)
    config = _configuration(run, corpus, split, model_settings, settings)
    if not run.overwrite:
        check_same_options(run.out, config)
    if is_finished(run.out) and not run.overwrite:
        tell(f"{run.out} is finished already; nothing to do")
        return None

    trained = {utterance.emotion for utterance in sides["train"]}
    if absent := [name for name in corpus.emotions if name not in trained]:
        tell(f"no train utterance is {' or '.join(absent)}: no model learns them")
    if len(trained) == 1:
        tell("train holds one emotion alone: there is nothing to tell apart")
    set_seed(run.seed)
    trained_on = TrainedOn(
        corpus.name, split_record(split, corpus), settings.clip_length, dict(corpus.policies)
    )
    checkpoint = build_checkpoint(model_settings, run.modalities, corpus.emotions, trained_on)
    train, dev, scaled = _datasets(run, corpus, sides, checkpoint, settings, tell)
    return Prepared(config, data, settings, checkpoint, corpus, train, dev, sides["dev"], scaled)


def _settled(
    settings: ModelSettings, modalities: str, corpus: Corpus, root: Path, split: Split, tell: Tell
) -> ModelSettings:
    """Fill in what the user left open, and check what was given; raises as `prepare`."""
    hears_mfcc = "a" in modalities and settings.audio_encoder == MFCC
    settings = replace(settings, context=readable_context(corpus, settings.context, tell))
    given = settings.fusion, settings.fusion_options
    options = chosen_options(*given, mfcc=hears_mfcc, context=settings.context > 0)
    settings = with_default_encoders(replace(settings, fusion_options=options), corpus, root, split)
    refuse_tuned_on_held_out(settings, corpus, split)
    return settings


def _configuration(
    run: Run,
    corpus: Corpus,
    split: Split,
    model_settings: ModelSettings,
    settings: TrainingSettings,
) -> dict[str, Any]:
    """Return everything that the result depends on, as plain values."""
    policies = effective_policies(corpus.name, run.choice.policies).items()
    named_split = split_name(split)
    return {
        "corpus": corpus.name,
        "synthetic": is_synthetic(corpus.name),
        "corpus_sha256": corpus_digest(corpus),
        **{name: str(value) if isinstance(value, Path) else value for name, value in policies},
        "split": named_split["name"],
        "fold": named_split["fold"],
        "split_sha256": split_digest(split),
        "modalities": run.modalities,
        "audio_sha256": audio_content_digest(corpus) if "a" in run.modalities else None,
        **asdict(model_settings),
        "text_weights": encoder_weights_digest(model_settings.text_encoder),
        "audio_weights": encoder_weights_digest(model_settings.audio_encoder),
        "text_files": encoder_files_digest(model_settings.text_encoder),
        "audio_files": encoder_files_digest(model_settings.audio_encoder),
        **asdict(settings),
        "transcript_version": TRANSCRIPT_VERSION,
        "seed": run.seed,
        "processes": count(),
    }


def _datasets(
    run: Run,
    corpus: Corpus,
    sides: dict[str, list[Utterance]],
    checkpoint: Checkpoint,
    settings: TrainingSettings,
    tell: Tell,
) -> tuple[UtteranceDataset, UtteranceDataset, dict[str, States] | None]:
    """Return the train side without clips over the clip length, the whole dev side, scaled states.

    A model that hears gets neither side's utterances without audio.
    """
    clip_length = settings.clip_length
    if "a" in run.modalities:
        for side in _LEARNT_FROM:
            _tell_without_audio(side, sides[side], tell)
    kept, chosen_by = (learnt_from(s, sides[s], run.modalities, clip_length) for s in _LEARNT_FROM)
    dropped = sum(is_too_long(utterance, clip_length) for utterance in sides["train"])
    tell(
        f"train {counted(len(kept), 'utterance')} ({dropped} longer than {clip_length:g} s left "
        f"out), dev {len(chosen_by)}, test {len(sides['test'])} (not seen here)"
    )
    if not kept:
        raise InputError(f"no training utterance is at most {clip_length:g} s; raise --clip_length")
    model, scales = checkpoint.model, checkpoint.model.config.speaker_scaling
    read = corpus.utterances if scales else [*sides["train"], *sides["dev"]]
    states: dict[str, States] = {**_states(run, corpus, read, checkpoint, settings)}
    if hasattr(model, "audio_scaler"):
        model.audio_scaler.fit(states["audio"][utterance.id] for utterance in kept)
    if scales:
        states["audio"] = _scaled_by_speaker(states["audio"], corpus, model.audio_scaler, tell)
    options: dict[str, Any] = {
        "sampling_rate": checkpoint.sampling_rate,
        "soft_labels": run.choice.policies.get("multi_label") == "soft",
        "context": model.context,
        "states": states,
    }
    speed = settings.speed_perturbation
    train = UtteranceDataset(
        corpus, kept, speed_perturbation=speed, earlier_seconds=clip_length, **options
    )
    # Dev in order of length: its batches are taken as they come, and so hold little padding.
    by_length = sorted(chosen_by, key=lambda utterance: utterance.duration)
    dev = UtteranceDataset(corpus, by_length, **options)
    return train, dev, {"audio": states["audio"]} if scales else None


def _scaled_by_speaker(
    states: States, corpus: Corpus, scaler: FrameScaler, tell: Tell
) -> SpeakerScaledStates:
    moments = speaker_moments((u, states[u.id]) for u in corpus.utterances)
    tell(
        f"features scaled by speaker: {counted(len(moments), 'speaker')}, by the audio of all "
        f"{counted(len(corpus.utterances), 'utterance')}, test among them, without their labels"
    )
    return SpeakerScaledStates(states, corpus.utterances, moments, scaler)


def _states(
    run: Run,
    corpus: Corpus,
    utterances: Sequence[Utterance],
    checkpoint: Checkpoint,
    settings: TrainingSettings,
) -> dict[str, StateStore]:
    """Return the states of wholly frozen encoders.

    Audio that is changed at random is heard anew each time.
    """
    frozen = "t" if settings.freeze_text == ALL else ""
    if settings.speed_perturbation == 0 and settings.freeze_audio == ALL:
        frozen += "a"
    if hasattr(checkpoint.model, "audio_scaler"):
        frozen += "a"
    wanted = "".join(m for m in run.modalities if m in frozen)
    execution = Execution(training_device(run.device), num_workers=settings.num_workers)
    cache = Cache(run.cache_dir, settings.cache_dtype)
    return cached_states(checkpoint, wanted, corpus, utterances, cache, execution)


def _require_modalities(modalities: str, sides: dict[str, list[Utterance]]) -> None:
    """Refuse sides without what a model of `modalities` learns from, before any encoder is read.

    Raises:
        InputError: no utterance of train or dev has audio, or none of train has a word.
    """
    if "t" in modalities:
        require_text(sides["train"], "the train side", "train on the audio with --modalities a")
    for side in _LEARNT_FROM if "a" in modalities else ():
        require_audio(sides[side], f"the {side} side", "train on the texts with --modalities t")


def _tell_without_audio(side: str, utterances: Sequence[Utterance], tell: Tell) -> None:
    if lacking := sum(utterance.wav is None for utterance in utterances):
        tell(f"{counted(lacking, f'{side} utterance')} without audio left out")
