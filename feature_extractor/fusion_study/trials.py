"""One training run of one condition on the common ground, scored on dev and on test."""

from __future__ import annotations

import copy
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.special import softmax
from transformers import AutoModel, set_seed

from feature_extractor.batches.dataset import UtteranceDataset
from feature_extractor.configuration import UtteranceConfig
from feature_extractor.evaluation import refuse_not_finite
from feature_extractor.execution import Execution
from feature_extractor.extraction.prediction import predict
from feature_extractor.fusion_study.budget import Budget
from feature_extractor.fusion_study.ground import Ground
from feature_extractor.fusion_study.plan import Condition, Trial
from feature_extractor.networks.checkpoint import Checkpoint
from feature_extractor.networks.model import UtteranceClassifier
from feature_extractor.networks.states_model import StatesClassifier
from feature_extractor.training.fit import Job, fit
from graph_er.running.tracking import Tracker
from graph_er.schema.emotions import MODALITY_NAMES
from graph_er.scoring.scores import METRICS, score


def run_trial(
    ground: Ground, trial: Trial, budget: Budget, device: torch.device
) -> tuple[dict[str, Any], np.ndarray]:
    """Train and score.

    The test side is scored once, after the epoch was chosen on dev.

    Returns:
        Plain values: dev and test scores, epoch, parameters and times; and the probabilities on
        test ``[N, C]``, in the order of the ground's test side.
    """
    condition = trial.condition
    # Loading encoders draws numbers, too, and is not done anew for every trial.
    ground.prepare([condition])
    set_seed(trial.seed)
    checkpoint = untrained(ground, condition)
    dev, test = (ground.dataset(condition, side) for side in ("dev", "test"))
    train, chosen_by = (ground.dataset(condition, s, learnt_from=True) for s in ("train", "dev"))
    if hasattr(checkpoint.model, "audio_scaler"):
        ground.fit_scaler(checkpoint.model.audio_scaler, ground.sources(condition)["a"])
    fusion = checkpoint.model.fusion
    with tempfile.TemporaryDirectory() as folder:
        job = Job(Path(folder), trial.seed, device, Tracker())
        started = time.perf_counter()
        summary = fit(checkpoint, train, chosen_by, budget.settings(trial.lr), job)
        train_seconds = time.perf_counter() - started
    execution = Execution(device, batch_size=budget.batch_size)
    dev_scores, _, _ = _scored(ground, checkpoint, dev, execution)
    test_scores, probabilities, seconds = _scored(ground, checkpoint, test, execution)
    return {
        "epoch": summary["best_epoch"],
        "dev_loss": summary["best_dev_loss"],
        "dev": dev_scores,
        "test": test_scores,
        "parameters": sum(parameter.numel() for parameter in fusion.parameters()),
        "train_seconds": train_seconds,
        "inference_ms": 1000 * seconds / len(test),
    }, probabilities


def untrained(ground: Ground, condition: Condition) -> Checkpoint:
    """Return a new model of a condition, with encoders that have a shape but no weights.

    They are never run: their states stand ready.
    """
    parts = {
        modality: ground.encoder(source) for modality, source in ground.sources(condition).items()
    }
    config: dict[str, Any] = {}
    encoders: dict[str, Any] = {}
    for modality, part in parts.items():
        name = MODALITY_NAMES[modality]
        encoder = getattr(part.model.config, f"{name}_config")
        config[f"{name}_config"] = copy.deepcopy(encoder)
        with torch.device("meta"):
            encoders[f"{name}_encoder"] = AutoModel.from_config(copy.deepcopy(encoder))
    any_part = next(iter(parts.values()))
    model = UtteranceClassifier(
        UtteranceConfig(
            emotions=list(ground.corpus.emotions),
            modalities=condition.modalities,
            fusion=condition.fusion,
            fusion_options=ground.fusion_options(condition),
            context=ground.choice.context,
            **config,
        ),
        **encoders,
    )
    return replace(
        any_part,
        model=model,
        tokenizer=parts["t"].tokenizer if "t" in parts else None,
        feature_extractor=parts["a"].feature_extractor if "a" in parts else None,
    )


def _scored(
    ground: Ground, checkpoint: Checkpoint, side: UtteranceDataset, execution: Execution
) -> tuple[dict[str, float], np.ndarray, float]:
    """Return the metrics, the probabilities ``[N, C]`` and the seconds that they took."""
    model, limit = StatesClassifier(checkpoint.model), float("inf")
    started = time.perf_counter()
    logits = predict(model, checkpoint.collator(), side, execution, limit)["logits"]
    seconds = time.perf_counter() - started
    refuse_not_finite(logits, side.utterances, f"{checkpoint.model.config.fusion}, just trained")
    gold = [ground.corpus.label(utterance) for utterance in side.utterances]
    scores = score(gold, logits.argmax(axis=1), ground.corpus.emotions)
    return {m: scores[m] for m in METRICS}, softmax(logits, axis=1), seconds
