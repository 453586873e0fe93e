"""One stage-3 run from dialogue file to checkpoint folder: every seed, progress, records."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from graph_er.checkpoint import CHECKPOINT_NAME, save_checkpoint
from graph_er.data_option import require_side
from graph_er.device import choose_device
from graph_er.dialogues import Dialogue, DialogueFile
from graph_er.errors import InputError
from graph_er.evaluation import PREDICTIONS_NAME, evaluate
from graph_er.files import sha256
from graph_er.fitting import Sides, finished, fit_seed, sides_of
from graph_er.prediction import evaluated_utterances
from graph_er.recipe import Recipe
from graph_er.run_record import RECORD_NAME, write_run_record
from graph_er.scores import METRICS
from graph_er.spec import ModelSpec, spec_of
from graph_er.tracking import Tracker, start_tracking
from graph_er.training import EpochReport

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Run(Recipe):
    """What is trained, with what, and where to."""

    seeds: Sequence[int]
    out: Path
    tag: str
    data: Path
    device: str
    comet: str
    started: float

    def plain(self) -> dict[str, Any]:
        """Return the configuration as plain values, for records."""
        return {**super().plain(), "tag": self.tag}


def run_training(file: DialogueFile, run: Run) -> None:
    """Train one model per seed, score it on dev, and write the checkpoint folder.

    ``metrics["dev"]`` of ``run.json`` is scored after temperature and decoding weight (and with
    ``select`` "best" the epoch) were chosen on the same dev: few numbers for a whole side, but it
    is not unseen. ``metrics["training"]`` has each seed's dev scores without the first two. Both
    are of the weights before a refit.

    Raises:
        InputError: the file lacks a modality or a side, or the configuration does not fit.
    """
    device = choose_device(run.device)
    train, dev = require_side(file, "train"), require_side(file, "dev")
    spec = spec_of(file, [*train, *dev], run.modalities, run.model)
    _announce(spec, run, train, dev)
    _remove_earlier_run(run.out)
    sides = sides_of(spec, run, train, dev)
    members, on_dev = [], []
    for seed in run.seeds:
        tracker = start_tracking(run.comet, name=f"{run.tag}-seed{seed}", folder=run.out / "comet")
        tracker.log_parameters({**asdict(run.model), **asdict(run.training), "seed": seed})
        tracker.log_parameters({"modalities": run.modalities, "corpus": file.info.get("corpus")})
        member, log_probabilities = _fit_with_progress(spec, run, sides, seed, device, tracker)
        gold = np.concatenate([dialogue.labels for dialogue in dev])
        predicted = log_probabilities.argmax(axis=-1)
        tracker.log_confusion_matrix(gold.tolist(), predicted.tolist(), spec.emotions, "dev")
        tracker.end()
        members.append(member)
        on_dev.append(log_probabilities)
    checkpoint = finished(spec, run, members, on_dev, train, dev)
    checkpoint = replace(checkpoint, data_sha256=sha256(run.data))
    finish = checkpoint.finish
    logger.info("temperature %.2f, decoding weight %.1f", finish.temperature, finish.weight)
    save_checkpoint(run.out, checkpoint)
    utterances = evaluated_utterances(dev, file.emotions)
    scores = evaluate(utterances, finish(np.stack(on_dev), dev), run.seeds)
    write_run_record(
        run.out,
        config=run.plain(),
        seed=run.seeds[0] if len(run.seeds) == 1 else list(run.seeds),
        metrics={"dev": scores, "training": [_without_weights(member) for member in members]},
        data=run.data,
        started=run.started,
        device=device,
    )
    logger.info("wrote %s", run.out)


def _without_weights(member: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in member.items() if key != "weights"}


def _remove_earlier_run(out: Path) -> None:
    """Remove what an earlier run and its evaluations left, so that nothing of it can be mixed in.

    Raises:
        InputError: `out` is no folder.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file; name a folder with --out")
    if (out / "model.safetensors").exists():
        raise InputError(f"{out} holds a stage-1 checkpoint; name another folder with --out")
    members = [path.name for path in out.glob("predictions_seed*.csv")]
    written = ("eval.json", PREDICTIONS_NAME, "reliability.png")
    for name in (CHECKPOINT_NAME, RECORD_NAME, *written, *members):
        (out / name).unlink(missing_ok=True)
    for side in ("train", "dev", "test"):
        shutil.rmtree(out / f"eval_{side}", ignore_errors=True)


def _announce(
    spec: ModelSpec, run: Run, train: Sequence[Dialogue], dev: Sequence[Dialogue]
) -> None:
    parameters = sum(parameter.numel() for parameter in spec.build(run.model).parameters())
    logger.info(
        "modalities %s, %d emotions, %d speakers; train %d dialogues (%d utterances), "
        "dev %d (%d); %s parameters, %d seed(s)",
        *(spec.modalities, len(spec.emotions), spec.num_speakers),
        *(len(train), sum(map(len, train)), len(dev), sum(map(len, dev))),
        *(f"{parameters:,}", len(run.seeds)),
    )
    if all(len(dialogue) == 1 for dialogue in train):
        logger.warning("every dialogue is one utterance: there is no context for the graph to use")


def _fit_with_progress(
    spec: ModelSpec, run: Run, sides: Sides, seed: int, device: str, tracker: Tracker
) -> tuple[dict[str, Any], np.ndarray]:
    """Fit one seed with a progress bar, a line of scores, and the tracker told each epoch."""
    with tqdm(total=run.epochs_per_seed, desc=f"seed {seed}", unit="epoch") as bar:

        def on_epoch(report: EpochReport) -> None:
            bar.update()
            shown = {"loss": f"{report.train_loss:.3f}"}
            if report.dev is not None:
                shown["dev"] = f"{report.dev['weighted_f1']:.3f}"
            bar.set_postfix(shown)
            tracker.log_metrics(report.numbers(), step=report.epoch)

        result = fit_seed(spec, run, sides, seed=seed, device=device, on_epoch=on_epoch)
        bar.total = bar.n  # a refit of fewer epochs is done as well
    kept = result[0]
    scores = "  ".join(f"{metric} {kept['dev'][metric]:.4f}" for metric in METRICS)
    logger.info("seed %d: epoch %d, dev %s", seed, kept["epoch"], scores)
    return result
