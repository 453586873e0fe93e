"""Trains a tiny model without any draws of its own; a launcher may start it several times.

Usage: launched_fit.py ROOT NAME MODALITIES UTTERANCES BATCH_SIZE ACCUMULATE_GRAD [STOP_IN_EPOCH]
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

if not __package__:  # run as a file, which a launcher does
    sys.path[0] = str(Path(__file__).resolve().parents[2])

import torch
from safetensors.torch import save_model
from torch import nn

from feature_extractor.batches.dataset import UtteranceDataset
from feature_extractor.settings import TrainingSettings
from feature_extractor.training.fit import Job, fit
from feature_extractor.training.launching import in_turn, joined
from graph_er.running.processes import is_first
from graph_er.running.tracking import Tracker
from tests.feature_extractor.tiny_corpus import make_checkpoint, make_corpus

QUIET = {
    **{"layerdrop": 0.0, "mask_time_prob": 0.0, "hidden_dropout": 0.0, "feat_proj_dropout": 0.0},
    **{"attention_dropout": 0.0, "activation_dropout": 0.0},
}


def prepare(root, modalities, utterances):
    """Return a model that draws nothing, and a train and a dev side of 5 utterances."""
    corpus = make_corpus(root / "corpus", sessions=7)
    checkpoint = make_checkpoint(root / "encoders", modalities, **QUIET)
    for module in checkpoint.model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    rate = 16_000 if "a" in modalities else None
    sides = corpus.utterances[:utterances], corpus.utterances[-5:]
    return checkpoint, *(UtteranceDataset(corpus, side, sampling_rate=rate) for side in sides)


class Stop(Tracker):
    """Ends its process, as the system might, before an epoch is kept."""

    def __init__(self, epoch):
        self.epoch = epoch

    def log_metrics(self, metrics, *, step):
        if "eval_loss" in metrics and step == self.epoch:
            os._exit(9)


def main(root, name, modalities, utterances, batch_size, accumulate_grad, stop=0):
    """Train, or go on; the first process writes ``weights.safetensors`` and ``summary.json``."""
    root, device = Path(root), torch.device("cpu")
    settings = TrainingSettings(
        epochs=3,
        batch_size=int(batch_size),
        accumulate_grad=int(accumulate_grad),
        lr=1e-3,
        head_lr=1e-2,
        num_workers=0,
    )
    with joined(device):
        checkpoint, train, dev = in_turn(lambda: prepare(root, modalities, int(utterances)))
        job = Job(root / name, 0, device, Stop(int(stop)))
        summary = fit(checkpoint, train, dev, settings, job, resume=True)
        first = is_first()
    if first:
        save_model(checkpoint.model, str(root / name / "weights.safetensors"))
        text = json.dumps(summary)
        (root / name / "summary.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
