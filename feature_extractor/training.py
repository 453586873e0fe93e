"""Training the stage 1 model with Hugging Face `Trainer`; the test side never comes here."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import nn
from torch.utils.data import Dataset, Sampler
from transformers import (
    EvalPrediction,
    PrinterCallback,
    Trainer,
    TrainerState,
    TrainingArguments,
)
from transformers.trainer_pt_utils import LengthGroupedSampler
from transformers.utils import SAFE_WEIGHTS_NAME

from feature_extractor.batching import UtteranceDataset
from feature_extractor.callbacks import ProgressBar, TrackerCallback
from feature_extractor.checkpoint import Checkpoint
from feature_extractor.losses import LOSSES
from feature_extractor.model import UtteranceClassifier
from feature_extractor.settings import TrainingSettings
from graph_er.errors import InputError
from graph_er.scores import METRICS, score
from graph_er.tracking import Tracker

CHECKPOINTS = "checkpoints"
_TRAINER_STATE = "trainer_state.json"


@dataclass(frozen=True)
class Job:
    """One training run: where it writes, its seed, where it runs and who is told."""

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
    resume_from: Path | None = None,
) -> dict[str, Any]:
    """Train `checkpoint`'s model in place and leave it at its best epoch by dev loss.

    Raises:
        InputError: the loss is not finite, so that training on would be pointless.

    Returns:
        ``best_epoch``, ``best_dev_loss`` and ``history``, one entry per epoch.
    """
    model = checkpoint.model
    if settings.freeze_cnn and "a" in model.config.modalities:
        model.audio_encoder.freeze_feature_encoder()
    emotions = model.config.emotions

    def dev_scores(prediction: EvalPrediction) -> dict[str, float]:
        targets = np.asarray(prediction.label_ids)
        gold = targets.argmax(axis=1) if targets.ndim == 2 else targets
        scores = score(gold, np.asarray(prediction.predictions).argmax(axis=1), emotions)
        return {metric: scores[metric] for metric in METRICS}

    trainer = _UtteranceTrainer(
        settings=settings,
        lengths=_lengths(train, model.config.modalities),
        model=model,
        args=_arguments(settings, job),
        data_collator=checkpoint.collator(),
        train_dataset=train,
        eval_dataset=dev,
        compute_metrics=dev_scores,
        callbacks=[ProgressBar(), TrackerCallback(job.tracker)],
        optimizers=(torch.optim.AdamW(parameter_groups(model, settings)), None),
    )
    # It would print every log; the progress bar shows what matters.
    trainer.remove_callback(PrinterCallback)
    trainer.train(resume_from_checkpoint=str(resume_from) if resume_from else None)
    return _summary(trainer.state)


def parameter_groups(model: UtteranceClassifier, settings: TrainingSettings) -> list[dict]:
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


def last_complete(folder: Path) -> Path | None:
    """Return the newest complete `Trainer` checkpoint in `folder`, and delete incomplete ones.

    `Trainer` writes its state file last, so a checkpoint with a whole one is complete, unless its
    weights were cut short later, by a full disk or a copy.
    """
    numbered = {int(path.name.split("-")[1]): path for path in folder.glob("checkpoint-*")}
    for _, path in sorted(numbered.items(), reverse=True):
        try:
            json.loads((path / _TRAINER_STATE).read_text(encoding="utf-8"))
            with safe_open(path / SAFE_WEIGHTS_NAME, framework="pt"):
                return path
        except (OSError, ValueError, SafetensorError):
            shutil.rmtree(path)
    return None


class _UtteranceTrainer(Trainer):
    """`Trainer` with our loss and batches of like length."""

    # The loss is a mean per batch, which `Trainer` divides by the number of accumulated batches.
    loss_is_scaled_for_ga = False

    def __init__(
        self, *, settings: TrainingSettings, lengths: Sequence[float], **options: Any
    ) -> None:
        super().__init__(**options)
        self._loss = LOSSES[settings.loss]
        self._lengths = list(lengths)

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        """Return the loss of a batch, with the outputs where asked for."""
        features = {name: value for name, value in inputs.items() if name != "labels"}
        outputs = model(**features)
        loss = self._loss(outputs.logits.float(), inputs["labels"])
        if not torch.isfinite(loss):
            raise InputError(
                f"the {'training' if model.training else 'dev'} loss became {loss.item()}; lower "
                "--lr and --head_lr, or look for audio files of extreme values"
            )
        return (loss, outputs) if return_outputs else loss

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> Sampler:
        """Group by known lengths; `Trainer` itself would decode every clip to learn them."""
        step_size = self.args.train_batch_size * self.args.gradient_accumulation_steps
        return LengthGroupedSampler(step_size, lengths=self._lengths)


def _arguments(settings: TrainingSettings, job: Job) -> TrainingArguments:
    cpu = job.device.type == "cpu"
    return TrainingArguments(
        output_dir=str(job.out / CHECKPOINTS),
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
        bf16=not cpu and torch.cuda.is_bf16_supported(),
        seed=job.seed,
        ddp_find_unused_parameters=False,
        disable_tqdm=True,
    )


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
