"""Stage 2 from a corpus and a checkpoint on disk to the dialogue file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from feature_extractor.checkpoint import WEIGHTS, load_checkpoint
from feature_extractor.encoders import quiet_transformers
from feature_extractor.execution import Execution
from feature_extractor.extraction import Extractor, Shard, extract_corpus
from feature_extractor.frozen import load_frozen
from feature_extractor.settings import ModelSettings
from feature_extractor.sources import (
    Tell,
    corpus_root,
    open_corpus,
    utterances_by_side,
    with_default_encoders,
)
from feature_extractor.utterance import Corpus
from graph_er.files import sha256


@dataclass(frozen=True)
class Source:
    """Where vectors come from: a checkpoint, or without one encoders as pretrained."""

    checkpoint: Path | None = None
    text_encoder: str | None = None
    audio_encoder: str | None = None
    sentence_encoder: str | None = None


@dataclass(frozen=True)
class Extraction:
    """What is extracted and where to."""

    corpus: str
    root: Path | None
    policies: dict[str, Any]
    out: Path
    execution: Execution
    shard: Shard


def run_stage2(source: Source, extraction: Extraction, tell: Tell) -> None:
    """Extract a corpus; killed and started again, it goes on.

    Args:
        source: what gives the vectors.
        extraction: what to extract.
        tell: receives lines for the user.

    Raises:
        InputError: bad input.
    """
    quiet_transformers()
    trained = trained_extractor(source.checkpoint) if source.checkpoint else None
    root = corpus_root(extraction.corpus, extraction.root)
    corpus = open_corpus(extraction.corpus, root, tell, **extraction.policies)
    extractor = trained or frozen_extractor(source, corpus, root)
    if extract_corpus(extractor, corpus, extraction.out, extraction.execution, extraction.shard):
        tell(f"{len(corpus.utterances)} utterances written to {extraction.out}")
    else:
        tell(f"this shard is done; {extraction.out} is written once the others are")


def trained_extractor(folder: Path) -> Extractor:
    """Return the extractor of a stage 1 checkpoint folder."""
    checkpoint = load_checkpoint(folder)
    config = checkpoint.model.config
    identity = sha256(folder / WEIGHTS)
    encoders = {"text": config.text_source, "audio": config.audio_source}
    info = {
        "encoders": {name: source for name, source in encoders.items() if source is not None},
        "frozen": False,
        "checkpoint": folder.name,
        "checkpoint_sha256": identity,
        "checkpoint_transcript_version": config.transcript_version,
    }
    return Extractor(
        checkpoint.model, checkpoint.collator(), checkpoint.sampling_rate, identity, info
    )


def frozen_extractor(source: Source, corpus: Corpus, root: Path) -> Extractor:
    """Return the extractor of encoders as pretrained; those left open are stage 1's defaults."""
    wanted = ModelSettings(text_encoder=source.text_encoder, audio_encoder=source.audio_encoder)
    train = utterances_by_side(corpus)["train"]
    encoders = with_default_encoders(wanted, corpus, root, train)
    model, collate, sampling_rate = load_frozen(
        encoders.text_encoder, encoders.audio_encoder, source.sentence_encoder
    )
    text = source.sentence_encoder or encoders.text_encoder
    identity = weights_digest(model)
    info = {"encoders": {"text": text, "audio": encoders.audio_encoder}, "frozen": True}
    return Extractor(model, collate, sampling_rate, identity, {**info, "weights_sha256": identity})


def weights_digest(model: nn.Module) -> str:
    """Return the SHA-256 of a model's parameters and buffers, names included."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        # As bytes: numpy has no bfloat16.
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()
