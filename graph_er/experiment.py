"""One stage-3 run from dialogue file to checkpoint folder: every seed, progress, records."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch_geometric.data import Data
from tqdm import tqdm

from graph_er.checkpoint import (
    CHECKPOINT_NAME,
    Checkpoint,
    ModelSpec,
    feature_widths,
    save_checkpoint,
)
from graph_er.config import ModelConfig, TrainingConfig
from graph_er.data_option import require_side
from graph_er.device import choose_device
from graph_er.dialogues import Dialogue, DialogueFile
from graph_er.errors import InputError
from graph_er.prediction import predict_logits
from graph_er.run_record import RECORD_NAME, write_run_record
from graph_er.scores import METRICS
from graph_er.tracking import Tracker, start_tracking
from graph_er.training import EpochReport, FitResult, fit

logger = logging.getLogger(__name__)


def run_training(
    file: DialogueFile,
    *,
    modalities: str,
    model_config: ModelConfig,
    training_config: TrainingConfig,
    seeds: Sequence[int],
    out: Path,
    tag: str,
    data_path: Path,
    device: str,
    comet: str,
    started: float,
) -> None:
    """Train one member per seed on the train side, select on dev, and write the checkpoint folder.

    Raises:
        InputError: the file lacks a modality or a side, or the configuration does not fit.
    """
    device = choose_device(device)
    train, dev = require_side(file, "train"), require_side(file, "dev")
    spec = ModelSpec(
        modalities=modalities,
        widths=feature_widths([*train, *dev], modalities),
        emotions=file.emotions,
        num_speakers=max(len(set(dialogue.speakers)) for dialogue in train),
    )
    train_graphs = [spec.graph(dialogue, model_config) for dialogue in train]
    dev_graphs = [spec.graph(dialogue, model_config) for dialogue in dev]
    config = {"model": asdict(model_config), "training": asdict(training_config)}
    config |= {"modalities": modalities, "tag": tag}
    _announce(spec, model_config, train, dev, len(seeds))
    _remove_earlier_run(out)

    members = []
    for seed in seeds:
        tracker = start_tracking(comet, name=f"{tag}-seed{seed}", folder=out / "comet")
        tracker.log_parameters({**config["model"], **config["training"], "seed": seed})
        tracker.log_parameters({"modalities": modalities, "corpus": file.info.get("corpus")})
        result = _fit_with_progress(
            spec, model_config, training_config, train_graphs, dev_graphs, seed, device, tracker
        )
        _log_dev_confusion(tracker, spec, model_config, result, dev_graphs)
        tracker.end()
        members.append(_member(seed, result))
    save_checkpoint(out, Checkpoint(model_config, spec, tuple(members)))
    write_run_record(
        out,
        config=config,
        seed=seeds[0] if len(seeds) == 1 else list(seeds),
        metrics={"dev": [{"seed": m["seed"], "epoch": m["epoch"], **m["dev"]} for m in members]},
        data=data_path,
        started=started,
        device=device,
    )
    logger.info("wrote %s", out)


def _remove_earlier_run(out: Path) -> None:
    """Remove what an earlier run and its evaluations left, so that nothing of it can be mixed in.

    Raises:
        InputError: `out` is no folder.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file; name a folder with --out")
    if (out / "model.safetensors").exists():
        raise InputError(f"{out} holds a stage-1 checkpoint; name another folder with --out")
    for name in (CHECKPOINT_NAME, RECORD_NAME, "eval.json", "predictions.csv"):
        (out / name).unlink(missing_ok=True)
    for side in ("train", "dev", "test"):
        shutil.rmtree(out / f"eval_{side}", ignore_errors=True)


def _announce(
    spec: ModelSpec,
    config: ModelConfig,
    train: Sequence[Dialogue],
    dev: Sequence[Dialogue],
    seeds: int,
) -> None:
    parameters = sum(parameter.numel() for parameter in spec.build(config).parameters())
    logger.info(
        "modalities %s, %d emotions, %d speakers; train %d dialogues (%d utterances), "
        "dev %d (%d); %s parameters, %d seed(s)",
        *(spec.modalities, len(spec.emotions), spec.num_speakers),
        *(len(train), sum(map(len, train)), len(dev), sum(map(len, dev))),
        *(f"{parameters:,}", seeds),
    )
    if all(len(dialogue) == 1 for dialogue in train):
        logger.warning("every dialogue is one utterance: there is no context for the graph to use")


def _fit_with_progress(
    spec: ModelSpec,
    model_config: ModelConfig,
    training_config: TrainingConfig,
    train: Sequence[Data],
    dev: Sequence[Data],
    seed: int,
    device: str,
    tracker: Tracker,
) -> FitResult:
    with tqdm(total=training_config.epochs, desc=f"seed {seed}", unit="epoch") as bar:

        def on_epoch(report: EpochReport) -> None:
            bar.update()
            bar.set_postfix(loss=f"{report.train_loss:.3f}", dev=f"{report.dev['weighted_f1']:.3f}")
            tracker.log_metrics(report.numbers(), step=report.epoch)

        result = fit(
            lambda: spec.build(model_config),
            train,
            dev,
            spec.emotions,
            training_config,
            seed=seed,
            device=device,
            on_epoch=on_epoch,
        )
    scores = "  ".join(f"{metric} {result.best.dev[metric]:.4f}" for metric in METRICS)
    logger.info("seed %d: best epoch %d, dev %s", seed, result.best.epoch, scores)
    return result


def _member(seed: int, result: FitResult) -> dict[str, Any]:
    """Return a member of the checkpoint: weights and plain values."""
    return {
        "seed": seed,
        "epoch": result.best.epoch,
        "dev": result.best.dev,
        "weights": result.weights,
    }


def _log_dev_confusion(
    tracker: Tracker,
    spec: ModelSpec,
    config: ModelConfig,
    result: FitResult,
    dev: Sequence[Data],
) -> None:
    model = spec.build(config)
    model.load_state_dict(result.weights)
    predicted = predict_logits(model, dev).argmax(dim=-1)
    gold = torch.cat([graph.y for graph in dev])
    tracker.log_confusion_matrix(gold.tolist(), predicted.tolist(), spec.emotions, "dev")
