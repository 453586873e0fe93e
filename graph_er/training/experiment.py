"""One stage-3 run from dialogue file to checkpoint folder: every seed, progress, records."""

from __future__ import annotations

import logging
import platform
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from graph_er.answers.prediction import evaluated_utterances
from graph_er.dialogues import Dialogue, DialogueFile, require_side
from graph_er.errors import InputError
from graph_er.networks.checkpoint import save_checkpoint
from graph_er.networks.config import ContextualConfig
from graph_er.networks.spec import ModelSpec, spec_of
from graph_er.running import processes
from graph_er.running.counted import counted
from graph_er.running.device import choose_device, native_bfloat16
from graph_er.running.jobs import choose_jobs, threads_for
from graph_er.running.paths import STAGE1_WEIGHTS
from graph_er.running.run_record import (
    RECORD_NAME,
    TRAINED_DIGEST,
    describe_data,
    write_run_record,
)
from graph_er.running.sole_writer import sole_writer
from graph_er.running.tracking import Mode, Tracker, require_tracking, start_tracking
from graph_er.schema.emotions import MODALITY_NAMES
from graph_er.scoring.evaluation import evaluate
from graph_er.scoring.evaluation_files import evaluation_path, remove_evaluation
from graph_er.training.one_seed import Fitted, finished, sides_of
from graph_er.training.recipe import Recipe
from graph_er.training.seeds import SeedWork, fit_seeds, pieces_of

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Run(Recipe):
    """What is trained, with what, and where to.

    Attributes:
        jobs: models trained side by side; 0 for as many as there are cores, where that can be.
    """

    seeds: Sequence[int]
    out: Path
    tag: str
    data: Path
    device: str
    comet: Mode
    started: float
    jobs: int = 1

    @property
    def tracked(self) -> bool:
        """Whether a tracker follows each seed."""
        return self.comet != "off"

    def plain(self) -> dict[str, Any]:
        """Return the configuration as plain values, for records."""
        return {**super().plain(), "tag": self.tag, "processes": processes.count()}


@dataclass(frozen=True)
class _Material:
    """What a run is made of, and where."""

    spec: ModelSpec
    train: Sequence[Dialogue]
    dev: Sequence[Dialogue]
    data: dict[str, Any]
    device: str
    jobs: int


def run_training(file: DialogueFile, run: Run) -> None:
    """Train one model per seed, score it on dev, and write the checkpoint folder.

    ``metrics["dev"]`` of ``run.json`` is scored after temperature and decoding weight (and with
    ``select`` "best" the epoch) were chosen on the same dev: few numbers for a whole side, but it
    is not unseen. ``metrics["training"]`` has each seed's dev scores without the first two. Both
    are of the weights before a refit.

    A run that ``run.out`` holds is replaced when this one is trained, and stays if this one fails.

    Of several processes (`graph_er.running.processes`) each takes part in every training step, and
    the first does the rest. Random numbers are seeded anew, see `graph_er.training.fit.fit`.

    Raises:
        InputError: the file lacks a modality or a side, the configuration does not fit, a loss is
            not finite, ``run.out`` holds a stage-1 checkpoint or another run is writing to it, or
            the run cannot be tracked.
    """
    with ExitStack() as held:
        processes.first_only(lambda: require_tracking(run.comet))
        material = processes.agreed(lambda: _material(file, run))
        processes.first_only(lambda: held.enter_context(sole_writer(run.out)))
        _train(file, run, material)


def _train(file: DialogueFile, run: Run, material: _Material) -> None:
    if processes.count() > 1:
        first = processes.from_first(lambda: material.data)
        processes.agreed(lambda: _check_alike(run.data, material.data, first))
    processes.first_only(lambda: _check_folder(run.out))
    spec, corpus = material.spec, file.info.get("corpus")
    with threads_for(material.jobs) as threads:
        sides = sides_of(spec, run, material.train, material.dev)
        track = (lambda seed: _track(run, seed, corpus)) if run.tracked else None
        work = SeedWork(spec, run, sides, material.device, track)
        fitted = fit_seeds(work, run.seeds, jobs=material.jobs, threads=threads)
    processes.first_only(lambda: _write(file, run, material, fitted))


def _material(file: DialogueFile, run: Run) -> _Material:
    """Check that the run can be made, and tell what it is made of."""
    device = choose_device(run.device)
    train, dev = require_side(file, "train"), require_side(file, "dev")
    _refuse_absent(file, run.modalities)
    spec = spec_of(file, [*train, *dev], run.modalities, run.model)
    pieces = pieces_of(run, run.seeds, tracked=run.tracked)
    jobs = choose_jobs(run.jobs, len(pieces), device)
    data = describe_data(run.data, file.info)
    material = _Material(spec, train, dev, data, device, jobs)
    _announce(run, material)
    return material


def _refuse_absent(file: DialogueFile, modalities: str) -> None:
    """Refuse to learn from features of what no utterance has, or to choose by nothing else."""
    for side in ("train", "dev"):
        absent, what = file.absent_of(modalities, side)
        if not absent:
            continue
        if side == "train" or len(absent) == len(modalities):
            raise InputError(
                f"{what}: choose --modalities without {absent!r}, or divide the corpus "
                f"so that {side} has some"
            )
        logger.warning("%s: what dev decides rests on its other features alone", what)


def _check_alike(path: Path, data: dict[str, Any], first: dict[str, Any]) -> None:
    """Refuse to train on one file here and on another one on the machine of the first process."""
    if data["sha256"] != first["sha256"]:
        raise InputError(
            f"{path} is another file on this machine ({platform.node()}) than on that of the first "
            "process; copy it anew"
        )


def _write(file: DialogueFile, run: Run, material: _Material, fitted: Sequence[Fitted]) -> None:
    """Calibrate on dev, and write checkpoint and record in place of an earlier run's."""
    members, on_dev = zip(*fitted, strict=True)
    checkpoint = finished(material.spec, run, members, on_dev, material.train, material.dev)
    checkpoint = replace(checkpoint, data_sha256=material.data["sha256"])
    finish = checkpoint.finish
    logger.info("temperature %.2f, decoding weight %.1f", finish.temperature, finish.weight)
    utterances = evaluated_utterances(material.dev, file.emotions)
    scores = evaluate(utterances, finish(np.stack(on_dev), material.dev), run.seeds)
    trained = {TRAINED_DIGEST: file.content_sha256(checkpoint.trained_ids)}
    save_checkpoint(run.out, checkpoint, lambda: _remove_earlier_records(run.out))
    write_run_record(
        run.out,
        config=run.plain(),
        seed=run.seeds[0] if len(run.seeds) == 1 else list(run.seeds),
        metrics={"dev": scores, "training": [_without_weights(member) for member in members]},
        data={**material.data, **trained},
        started=run.started,
        device=material.device,
    )
    logger.info("wrote %s", run.out)


def _track(run: Run, seed: int, corpus: Any) -> Tracker:
    """Start the tracker of a seed."""
    tracker = start_tracking(run.comet, name=f"{run.tag}-seed{seed}", folder=run.out / "comet")
    tracker.log_parameters({**asdict(run.model), **asdict(run.training), "seed": seed})
    tracker.log_parameters({"modalities": run.modalities, "corpus": corpus})
    return tracker


def _without_weights(member: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in member.items() if key != "weights"}


def _check_folder(out: Path) -> None:
    """Tell whose folder is written to.

    Raises:
        InputError: `out` holds a stage-1 checkpoint.
    """
    if (out / STAGE1_WEIGHTS).exists():
        raise InputError(f"{out} holds a stage-1 checkpoint; name another folder with --out")
    if (out / RECORD_NAME).exists():
        logger.warning("the run that is in %s is replaced when this one is trained", out)


def _remove_earlier_records(out: Path) -> None:
    """Remove what is known of an earlier run's model, so that nothing of it stands by another.

    The model itself stays until it is replaced; without its record it is that of no finished run.
    """
    (out / RECORD_NAME).unlink(missing_ok=True)
    remove_evaluation(out)
    for folder in (evaluation_path(out, side).parent for side in ("train", "dev", "test")):
        remove_evaluation(folder)
        with suppress(OSError):  # not there, or it holds what is not ours
            folder.rmdir()


def _announce(run: Run, material: _Material) -> None:
    spec, train, dev = material.spec, material.train, material.dev
    with torch.device("meta"):  # real weights might start threads, and seeds are forked
        parameters = sum(parameter.numel() for parameter in spec.build(run.model).parameters())
    logger.info(
        "modalities %s, %s, %s; train %s (%s), dev %d (%d); %s parameters, %s",
        spec.modalities,
        counted(len(spec.emotions), "emotion"),
        counted(spec.num_speakers, "speaker"),
        counted(len(train), "dialogue"),
        counted(sum(map(len, train)), "utterance"),
        len(dev),
        sum(map(len, dev)),
        f"{parameters:,}",
        counted(len(run.seeds), "seed"),
    )
    if isinstance(run.model, ContextualConfig) and not spec.voiced(run.model):
        _tell_unheard(run.model)
    if run.training.dtype == "bfloat16" and not native_bfloat16(material.device):
        logger.warning("this processor imitates bfloat16: --dtype float32 is faster here")
    for side, dialogues in (("train", train), ("dev", dev)):
        _tell_absent(side, dialogues, spec.emotions)
    _tell_constant(train, spec.modalities)
    if all(len(dialogue) == 1 for dialogue in train):
        logger.warning("every dialogue is one utterance: there is no context for the graph to use")


def _tell_unheard(model: ContextualConfig) -> None:
    """Warn of options without effect where nothing is heard against a speaker's level."""
    if model.audio_level == "speaker":
        logger.warning(
            "--audio_level speaker has no effect: it needs audio or visual features, "
            "--relative_audio and another --wf than 0"
        )
    if model.deviation_terms:
        logger.warning(
            "--deviation_terms has no effect: no speaker's level is heard here, see --audio_level"
        )


def _tell_constant(train: Sequence[Dialogue], modalities: str) -> None:
    """Warn of modalities whose features tell no training utterance from another."""
    for letter in modalities:
        parts = [part for d in train if (part := d.features(letter)) is not None]
        if all((part == parts[0][0]).all() for part in parts):
            logger.warning(
                "%s features are alike in every train utterance: nothing can be learned from them",
                MODALITY_NAMES[letter],
            )


def _tell_absent(side: str, dialogues: Sequence[Dialogue], emotions: Sequence[str]) -> None:
    """Warn of emotions of which a side has no utterance."""
    present = {int(label) for dialogue in dialogues for label in dialogue.labels}
    absent = [name for label, name in enumerate(emotions) if label not in present]
    if absent:
        means = "no model learns them" if side == "train" else "what is chosen on dev ignores them"
        logger.warning("no %s utterance is %s: %s", side, " or ".join(absent), means)
    if side == "train" and len(present) == 1:
        logger.warning("train holds one emotion alone: there is nothing to tell apart")
