"""A tiny extractor and a tiny graph model on its features, as folders."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from feature_extractor.execution import Execution
from feature_extractor.extraction.stage2 import trained_extractor
from feature_extractor.extraction.vectors import extract_corpus
from feature_extractor.splits.splitting import split_corpus
from feature_extractor.transcript import clean_transcript
from graph_er.dialogues import DialogueFile, read_dialogues
from graph_er.inference.predictor import EmotionPredictor
from graph_er.networks.checkpoint import Checkpoint, save_checkpoint
from graph_er.networks.spec import spec_of
from graph_er.probabilities.finish import Finish
from tests.feature_extractor.tiny_corpus import make_checkpoint, make_corpus
from tests.graph_er.tiny_models import CONTEXTUAL, build

RAW_TEXTS = ("b/ 그래", "왜 (그+그) 그래?", "정말 n/ 좋아!", "아니 그게 o/ 무슨 말이야")


@dataclass(frozen=True)
class Models:
    """Folders of both models, the dialogue file between them, and the corpus with its raw texts."""

    extractor: Path
    graph: Path
    checkpoint: Checkpoint
    file: DialogueFile
    rows: list[dict]


def save_graph(folder, file, modalities="at", config=CONTEXTUAL, **spec):
    """Save a run of two seeds, untrained but standardised, with a finish that does something."""
    spec = replace(spec_of(file, file.dialogues, modalities, config), **spec)
    models = [build(config, spec), build(replace(config, wp=2), spec)]
    for seed, model in enumerate(models):
        torch.manual_seed(seed)
        for parameter in model.parameters():
            parameter.data += 0.3 * torch.randn_like(parameter)
    if spec.widths == spec_of(file, file.dialogues, modalities, config).widths:
        features = torch.cat([spec.graph(d, config).x for d in file.dialogues])
        for model in models:
            model.fit_scaler(features)
    transitions = np.random.default_rng(0).normal(size=(len(spec.emotions),) * 2)
    checkpoint = Checkpoint(
        config,
        spec,
        tuple(
            {"seed": seed, "epoch": 1, "dev": {}, "weights": model.state_dict()}
            for seed, model in enumerate(models)
        ),
        Finish(1.3, 0.4, transitions, causal=config.causal),
    )
    save_checkpoint(folder, checkpoint)
    return checkpoint


def save_extractor(folder, modalities="at", corpus="demo"):
    folder.mkdir(parents=True)
    checkpoint = make_checkpoint(folder.parent / f"{folder.name}_encoders", modalities)
    checkpoint.model.config.corpus = corpus
    checkpoint.save(folder)
    (folder / "run.json").write_text(json.dumps({"config": {"corpus": corpus}}))
    return folder


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    extractor = save_extractor(root / "extractor")
    corpus = make_corpus(root / "corpus", sessions=5, utterances=6)
    raw = [RAW_TEXTS[number % len(RAW_TEXTS)] for number in range(len(corpus.utterances))]
    cleaned = tuple(
        replace(utterance, text=clean_transcript(text))
        for utterance, text in zip(corpus.utterances, raw, strict=True)
    )
    rows = [
        {"dialogue": u.dialogue, "utterance": u.id, "speaker": u.speaker, "wav": str(u.wav),
         "text": text, "start": u.start}
        for u, text in zip(cleaned, raw, strict=True)
    ]  # fmt: skip
    corpus = replace(corpus, utterances=cleaned)
    execution = Execution(torch.device("cpu"), batch_size=4)
    out = root / "features.pkl"
    split = split_corpus(corpus)
    assert extract_corpus(trained_extractor(extractor), corpus, split, out, execution)
    file = read_dialogues(out)
    checkpoint = save_graph(root / "graph", file)
    return Models(extractor, root / "graph", checkpoint, file, rows)


@pytest.fixture(scope="session")
def predictor(models):
    return EmotionPredictor.load(models.graph, models.extractor, device="cpu")
