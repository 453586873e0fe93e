"""Stage 1 from a corpus on disk to a finished checkpoint folder."""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from transformers import set_seed

from feature_extractor.acoustic import KINDS
from feature_extractor.caching import Cache, cached_states
from feature_extractor.checkpoint import WEIGHTS, Checkpoint, TrainedOn, build_checkpoint
from feature_extractor.corpora.problems import shorten
from feature_extractor.dataset import UtteranceDataset
from feature_extractor.encoders import quiet_transformers
from feature_extractor.evaluation import evaluate_utterances
from feature_extractor.execution import Execution, device_name, training_device
from feature_extractor.fusion.registry import given_options
from feature_extractor.run_folder import (
    check_folder,
    check_same_options,
    discard_unstarted,
    is_finished,
    open_folder,
)
from feature_extractor.settings import ALL, ModelSettings, TrainingSettings
from feature_extractor.sources import (
    CorpusChoice,
    Tell,
    corpus_digest,
    is_synthetic,
    open_choice,
    require_audio,
    tell_split,
    utterances_by_side,
    with_default_encoders,
)
from feature_extractor.split_record import split_digest, split_name, split_record
from feature_extractor.splitting import Split, split_corpus
from feature_extractor.state_store import StateStore
from feature_extractor.training import CHECKPOINTS, Job, fit
from feature_extractor.transcript import TRANSCRIPT_VERSION
from feature_extractor.tuned_encoders import refuse_tuned_on_test
from feature_extractor.utterance import Corpus, Utterance
from graph_er.errors import InputError
from graph_er.files import sha256
from graph_er.flags import require
from graph_er.run_record import write_run_record
from graph_er.tracking import Mode, start_tracking


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


def run_stage1(
    run: Run, model_settings: ModelSettings, settings: TrainingSettings, tell: Tell
) -> None:
    """Train on the corpus's training side, choose the epoch on dev, save to ``run.out``.

    ``run.json`` is written last: a folder without it is an unfinished run. It names the data by
    ``config["corpus_sha256"]`` (see `sources.corpus_digest`); its ``data``, the digest of one data
    file, is null, as a corpus is many files.

    Args:
        run: what to train.
        model_settings: the model.
        settings: the training.
        tell: receives lines for the user.

    Raises:
        InputError: bad input, or ``run.out`` holds a run that may not be replaced.
    """
    started = time.time()
    quiet_transformers()
    check_folder(run.out, resume=run.resume, overwrite=run.overwrite)
    device = training_device(run.device)
    corpus, root = open_choice(run.choice, tell)
    split = split_corpus(corpus, run.choice.split, run.choice.fold)
    tell_split(split, tell)
    sides = utterances_by_side(corpus, split)
    model_settings = _settled(model_settings, corpus, root, split)
    if run.modalities != "t" and model_settings.audio_encoder in KINDS:
        # Acoustic features are made once, before training.
        settings = replace(settings, speed_perturbation=0.0)
    config = _configuration(run, corpus, split, model_settings, settings)
    if not run.overwrite:
        check_same_options(run.out, config)
    if is_finished(run.out) and not run.overwrite:
        tell(f"{run.out} is finished already; nothing to do")
        return

    set_seed(run.seed)
    trained_on = TrainedOn(corpus.name, split_record(split, corpus), settings.clip_length)
    checkpoint = build_checkpoint(model_settings, run.modalities, corpus.emotions, trained_on)
    train, dev = _datasets(run, corpus, sides, checkpoint, settings, tell)
    tracker = start_tracking(run.comet, name=run.out.name, folder=run.out / "comet")
    open_folder(run.out, config, overwrite=run.overwrite)
    tracker.log_parameters(config)
    job = Job(run.out, run.seed, device, tracker)
    training = _fit(run, checkpoint, train, dev, settings, job)
    _tell_silent([*train.silent, *dev.silent], tell)

    execution = Execution(device, batch_size=settings.batch_size, num_workers=settings.num_workers)
    dev_result = evaluate_utterances(checkpoint, corpus, sides["dev"], run.seed, execution)
    gold, predicted = dev_result.utterances.gold, dev_result.probabilities.argmax(axis=1)
    tracker.log_confusion_matrix(gold, predicted, corpus.emotions, "dev")
    tracker.end()
    scores = dev_result.scores
    checkpoint.save(run.out)
    write_run_record(
        run.out,
        config=config,
        seed=run.seed,
        metrics={"dev": scores, "training": training},
        data=None,
        started=started,
        device=device_name(device),
    )
    shutil.rmtree(run.out / CHECKPOINTS, ignore_errors=True)
    tell(
        f"best epoch {training['best_epoch']} of {settings.epochs}: dev loss "
        f"{training['best_dev_loss']:.4f}, weighted F1 {scores['weighted_f1']:.4f} "
        f"(n {scores['n']}); {time.time() - started:.0f} s; saved to {run.out}"
    )


def _settled(settings: ModelSettings, corpus: Corpus, root: Path, split: Split) -> ModelSettings:
    """Fill in what the user left open, and check what was given; raises as `run_stage1`."""
    options = given_options(settings.fusion, settings.fusion_options)
    settings = replace(settings, fusion_options=options)
    settings = with_default_encoders(settings, corpus, root, split)
    refuse_tuned_on_test(settings, corpus, split)
    return settings


def _fit(
    run: Run,
    checkpoint: Checkpoint,
    train: UtteranceDataset,
    dev: UtteranceDataset,
    settings: TrainingSettings,
    job: Job,
) -> dict[str, Any]:
    """Train, from where a killed run stopped if that is wanted; see `training.fit`."""
    try:
        return fit(checkpoint, train, dev, settings, job, run.resume)
    except InputError:
        discard_unstarted(run.out)
        raise


def _configuration(
    run: Run,
    corpus: Corpus,
    split: Split,
    model_settings: ModelSettings,
    settings: TrainingSettings,
) -> dict[str, Any]:
    """Return everything that the result depends on, as plain values."""
    policies = run.choice.policies.items()
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
        **asdict(model_settings),
        "text_weights": _weights_digest(model_settings.text_encoder),
        "audio_weights": _weights_digest(model_settings.audio_encoder),
        **asdict(settings),
        "transcript_version": TRANSCRIPT_VERSION,
        "seed": run.seed,
    }


def _weights_digest(encoder: str | None) -> str | None:
    """Return the SHA-256 of a local encoder's weights, None of one on the hub, which has an id."""
    weights = Path(encoder or "") / WEIGHTS
    return sha256(weights) if encoder and weights.is_file() else None


def _datasets(
    run: Run,
    corpus: Corpus,
    sides: dict[str, list[Utterance]],
    checkpoint: Checkpoint,
    settings: TrainingSettings,
    tell: Tell,
) -> tuple[UtteranceDataset, UtteranceDataset]:
    """Return the train side without clips over the clip length, and the whole dev side.

    A model that hears gets neither side's utterances without audio.
    """
    clip_length = settings.clip_length
    usable = {side: list(rows) for side, rows in sides.items()}
    if "a" in run.modalities:
        usable |= {side: _with_audio(side, sides[side], tell) for side in ("train", "dev")}
    kept = [u for u in usable["train"] if u.duration <= clip_length]
    dropped = len(usable["train"]) - len(kept)
    tell(
        f"train {len(kept)} utterances ({dropped} longer than {clip_length:g} s left out), "
        f"dev {len(usable['dev'])}, test {len(sides['test'])} (not seen here)"
    )
    if not kept:
        raise InputError(f"no training utterance is at most {clip_length:g} s; raise --clip_length")
    options = {
        "sampling_rate": checkpoint.sampling_rate,
        "soft_labels": run.choice.policies.get("multi_label") == "soft",
        "context": checkpoint.model.config.context,
        "heard_context": checkpoint.model.heard_context,
        "states": _states(run, corpus, [*sides["train"], *sides["dev"]], checkpoint, settings),
    }
    if hasattr(checkpoint.model, "audio_scaler"):
        clips = (options["states"]["audio"][utterance.id] for utterance in kept)
        checkpoint.model.audio_scaler.fit(clips)
    train = UtteranceDataset(
        corpus, kept, speed_perturbation=settings.speed_perturbation, **options
    )
    # Dev in order of length: its batches are taken as they come, and so hold little padding.
    by_length = sorted(usable["dev"], key=lambda utterance: utterance.duration)
    return train, UtteranceDataset(corpus, by_length, **options)


def _states(
    run: Run,
    corpus: Corpus,
    utterances: list[Utterance],
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


def _tell_silent(utterances: list[Utterance], tell: Tell) -> None:
    if utterances:
        ids = shorten([utterance.id for utterance in utterances])
        tell(f"{len(utterances)} utterances in which nothing is heard: {ids}")


def _with_audio(side: str, utterances: list[Utterance], tell: Tell) -> list[Utterance]:
    """Return the utterances that have audio.

    Raises:
        InputError: none has.
    """
    require_audio(utterances, f"the {side} side", "train on the texts with --modalities t")
    kept = [utterance for utterance in utterances if utterance.wav is not None]
    if len(kept) < len(utterances):
        tell(f"{len(utterances) - len(kept)} {side} utterances without audio left out")
    return kept
