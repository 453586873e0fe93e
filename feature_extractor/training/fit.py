"""Training the stage 1 model with Hugging Face `Trainer`; the test side never comes here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import EvalPrediction, PrinterCallback, TrainerState, TrainingArguments

from feature_extractor.batches.dataset import UtteranceDataset
from feature_extractor.batches.padding import Collator
from feature_extractor.batches.stream import Batch, batch_sizes
from feature_extractor.networks.checkpoint import Checkpoint
from feature_extractor.networks.model import UtteranceClassifier
from feature_extractor.networks.states_model import StatesClassifier
from feature_extractor.settings import TrainingSettings
from feature_extractor.training.callbacks import OwnDraws, ProgressBar, TrackerCallback
from feature_extractor.training.resuming import finished_step, keep_step, last_complete
from feature_extractor.training.utterance_trainer import UtteranceTrainer
from graph_er.errors import InputError
from graph_er.running.device import native_bfloat16
from graph_er.running.files import disk_errors_named
from graph_er.running.processes import (
    agreed,
    count,
    first_only,
    from_first,
    gathered,
    of_this_machine,
)
from graph_er.running.shared_memory import free_bytes, with_room
from graph_er.running.tracking import Tracker
from graph_er.scoring.scores import METRICS, score

CHECKPOINTS = "checkpoints"
_STEP_SUFFIX = ".safetensors"

Model = UtteranceClassifier | StatesClassifier


@dataclass(frozen=True)
class Job:
    """One training run: where it writes, its seed, where it runs and who is told.

    The run of one step writes into a folder below it.
    """

    out: Path
    seed: int
    device: torch.device
    tracker: Tracker


def fit(
    checkpoint: Checkpoint,
    train: UtteranceDataset,
    dev: UtteranceDataset,
    settings: TrainingSettings,
    job: Job,
    resume: bool = False,
) -> dict[str, Any]:
    """Train `checkpoint`'s model in place and leave it at its best epoch by dev loss.

    A fusion model of several steps is trained in one after another, each from the best epoch of the
    step before. In several processes (see `launching`) each of them calls this.

    Args:
        checkpoint: the model, and what prepares its input.
        train: the training side.
        dev: the dev side, which chooses the epoch.
        settings: how to train.
        job: where, and who is told.
        resume: go on where an interrupted run in ``job.out`` stopped.

    Raises:
        InputError: an audio file cannot be read; or the loss is not finite, so that training on
            would be pointless: the message names the step and its utterances.

    Returns:
        ``best_epoch``, ``best_dev_loss`` and ``history``, one entry per epoch, of the last step,
        and the same of the ``steps`` before it by name.
    """
    for dataset in (train, dev):
        workers = agreed(partial(_workers_with_room, dataset, checkpoint, settings))
        settings = replace(settings, num_workers=min(gathered(workers)))
    whole = checkpoint.model
    from_states = train.holds_states(whole.config.modalities)
    model = StatesClassifier(whole) if from_states else whole
    folder = job.out / CHECKPOINTS
    summaries: dict[str, dict[str, Any]] = {}
    for step in model.fusion.steps:
        model.fusion.begin(step)
        trained = model.fusion.trained_modalities(step)
        whole.freeze(settings.freeze_text, settings.freeze_audio, trained)
        done = folder / f"{step}{_STEP_SUFFIX}"
        if resume and (summary := finished_step(model, done)) is not None:
            summaries[step] = summary
            continue
        where = folder / step if len(model.fusion.steps) > 1 else folder
        last = from_first(partial(last_complete, where)) if resume else None
        step_job = replace(job, out=where)
        collate = checkpoint.collator()
        summaries[step] = _fit_step(model, collate, train, dev, settings, step_job, last)
        if step != model.fusion.steps[-1]:
            first_only(partial(keep_step, model, done, summaries[step]))
    # Else `accelerate`'s autocast would stay around it, and scores would not be of the precision
    # that is asked for.
    for name in ("forward", "_original_forward"):
        vars(model).pop(name, None)
    *earlier, last_step = model.fusion.steps
    return {**summaries[last_step], "steps": {step: summaries[step] for step in earlier}}


def _fit_step(
    model: Model,
    collate: Collator,
    train: UtteranceDataset,
    dev: UtteranceDataset,
    settings: TrainingSettings,
    job: Job,
    resume_from: Path | None,
) -> dict[str, Any]:
    emotions = model.config.emotions
    gold = dev.labels

    def dev_scores(prediction: EvalPrediction) -> dict[str, float]:
        # In the order of `dev`, also of several processes; votes would leave a tie's label open.
        scores = score(gold, np.asarray(prediction.predictions).argmax(axis=1), emotions)
        return {metric: scores[metric] for metric in METRICS}

    trainer = UtteranceTrainer(
        settings=settings,
        lengths=_lengths(train, model.config.modalities),
        train=train,
        dev=dev,
        collate=collate,
        model=model,
        args=_arguments(settings, job),
        compute_metrics=dev_scores,
        callbacks=[ProgressBar(), TrackerCallback(job.tracker), OwnDraws()],
        optimizers=(torch.optim.AdamW(parameter_groups(model, settings)), None),
    )
    # It would print every log; the progress bar shows what matters.
    trainer.remove_callback(PrinterCallback)
    with disk_errors_named(job.out), _workers_errors_plain():
        trainer.train(resume_from_checkpoint=str(resume_from) if resume_from else None)
    return _summary(trainer.state)


def _workers_with_room(
    dataset: UtteranceDataset, checkpoint: Checkpoint, settings: TrainingSettings
) -> int:
    """Return how many workers can hand over the largest batches there may be: those of like length.

    Raises:
        InputError: the audio file that shows how large a batch is cannot be read.
    """
    if settings.num_workers == 0:
        return 0
    # What is heard in chunks is no tensor yet, and takes another way.
    whole = set(range(len(dataset))) - dataset.needs_chunks(checkpoint.model.config.clip_length)
    rows, size = sorted(whole, key=dataset.seconds, reverse=True), settings.batch_size
    parts = (tuple(rows[start : start + size]) for start in range(0, len(rows), size))
    batches = [Batch(0, part, part) for part in parts]
    sizes = batch_sizes(dataset, checkpoint.collator(), batches)
    return with_room(settings.num_workers, sizes, free_bytes() / of_this_machine())


@contextmanager
def _workers_errors_plain() -> Iterator[None]:
    """Tell bad input that a loading process met in its own words alone.

    `DataLoader` raises it again with that process's traceback as the message, at the end of which,
    after the error's full name, is what it said.
    """
    try:
        yield
    except InputError as error:
        before, name, said = str(error).rpartition(f"{InputError.__module__}.InputError: ")
        if name and "Traceback" in before:
            raise InputError(said.strip()) from None
        raise


def parameter_groups(model: Model, settings: TrainingSettings) -> list[dict]:
    """Divide trainable parameters into encoders and new layers, each with and without decay.

    Biases, norms and single vectors (one dimension) are not decayed.
    """
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            in_encoder = name.startswith(("text_encoder.", "audio_encoder."))
            groups.setdefault((in_encoder, parameter.ndim > 1), []).append(parameter)
    return [
        {
            "params": parameters,
            "lr": settings.lr if in_encoder else settings.head_lr,
            "weight_decay": settings.weight_decay if decays else 0.0,
        }
        for (in_encoder, decays), parameters in groups.items()
    ]


def _arguments(settings: TrainingSettings, job: Job) -> TrainingArguments:
    cpu = job.device.type == "cpu"
    arguments = TrainingArguments(
        output_dir=str(job.out),
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch_size,
        per_device_eval_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.accumulate_grad,
        max_grad_norm=settings.clip_norm,
        lr_scheduler_type="linear",
        warmup_steps=settings.warmup,
        eval_strategy="epoch",
        save_strategy="epoch",
        logging_strategy="epoch",
        load_best_model_at_end=True,
        metric_for_best_model="eval_loss",
        greater_is_better=False,
        save_total_limit=1,
        report_to="none",
        # The collator, not the model's signature, decides what an example holds.
        remove_unused_columns=False,
        label_names=["labels"],
        dataloader_num_workers=settings.num_workers,
        dataloader_pin_memory=not cpu,
        use_cpu=cpu,
        # Imitated it is slower than float32, and no more exact.
        bf16=not cpu and native_bfloat16(str(job.device)),
        seed=job.seed,
        ddp_backend="gloo" if cpu and count() > 1 else None,
        # LayerDrop leaves out layers in one process and not in another.
        ddp_find_unused_parameters=count() > 1,
        disable_tqdm=True,
    )
    # One process would otherwise spread a batch over all visible GPUs by copies of the model whose
    # encoders learn nothing; several processes (torchrun) are how more than one is used.
    arguments._n_gpu = min(arguments.n_gpu, 1)
    # Else `accelerate launch` settles it, by its environment.
    arguments.mixed_precision = "bf16" if arguments.bf16 else "no"
    return arguments


def _lengths(dataset: UtteranceDataset, modalities: str) -> list[float]:
    """Return what padding depends on: seconds, or characters where only text is read."""
    if "a" in modalities:
        return [utterance.duration for utterance in dataset.utterances]
    return [float(len(utterance.text)) for utterance in dataset.utterances]


def _summary(state: TrainerState) -> dict[str, Any]:
    history = list(_epochs(state.log_history))
    best = min(history, key=lambda entry: entry["dev_loss"])
    return {"best_epoch": best["epoch"], "best_dev_loss": best["dev_loss"], "history": history}


def _epochs(log_history: Sequence[dict[str, float]]) -> Iterator[dict[str, float]]:
    losses = {round(log["epoch"]): log["loss"] for log in log_history if "loss" in log}
    for log in log_history:
        if "eval_loss" in log:
            epoch = round(log["epoch"])
            entry = {"epoch": epoch, "train_loss": losses[epoch], "dev_loss": log["eval_loss"]}
            yield entry | {f"dev_{metric}": log[f"eval_{metric}"] for metric in METRICS}
