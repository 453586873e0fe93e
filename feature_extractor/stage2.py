"""Stage 2 from a corpus and a checkpoint on disk to the dialogue file."""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from feature_extractor.batching import Collator
from feature_extractor.checkpoint import WEIGHTS, load_checkpoint
from feature_extractor.encoders import quiet_transformers
from feature_extractor.execution import Execution
from feature_extractor.extraction import Extractor, Shard, extract_corpus
from feature_extractor.frozen import SentenceCollator, load_frozen
from feature_extractor.settings import ModelSettings
from feature_extractor.sources import (
    Tell,
    corpus_root,
    open_corpus,
    refuse_unfit_corpus,
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
        InputError: bad input, or a checkpoint of other emotions or trained with sessions that are
            test here.
    """
    quiet_transformers()
    trained = trained_extractor(source.checkpoint) if source.checkpoint else None
    root = corpus_root(extraction.corpus, extraction.root)
    corpus = open_corpus(extraction.corpus, root, tell, **extraction.policies)
    if source.checkpoint:
        refuse_unfit_corpus(trained.model.config, corpus, source.checkpoint)
    extractor = trained or frozen_extractor(source, corpus, root)
    if extract_corpus(extractor, corpus, extraction.out, extraction.execution, extraction.shard):
        tell(f"{len(corpus.utterances)} utterances written to {extraction.out}")
    else:
        tell(f"this shard is done; {extraction.out} is written once the others are")


def trained_extractor(folder: Path) -> Extractor:
    """Return the extractor of a stage 1 checkpoint folder."""
    checkpoint = load_checkpoint(folder)
    config = checkpoint.model.config
    weights, collate = sha256(folder / WEIGHTS), checkpoint.collator()
    encoders = {"text": config.text_source, "audio": config.audio_source}
    info = {
        "encoders": {name: source for name, source in encoders.items() if source is not None},
        "frozen": False,
        "checkpoint": folder.name,
        "checkpoint_sha256": weights,
        "checkpoint_transcript_version": config.transcript_version,
    }
    identity = extractor_digest(weights, checkpoint.model, collate)
    return Extractor(checkpoint.model, collate, checkpoint.sampling_rate, identity, info)


def frozen_extractor(source: Source, corpus: Corpus, root: Path) -> Extractor:
    """Return the extractor of encoders as pretrained; those left open are stage 1's defaults."""
    wanted = ModelSettings(text_encoder=source.text_encoder, audio_encoder=source.audio_encoder)
    train = utterances_by_side(corpus)["train"]
    encoders = with_default_encoders(wanted, corpus, root, train)
    model, collate, sampling_rate = load_frozen(
        encoders.text_encoder, encoders.audio_encoder, source.sentence_encoder
    )
    text = source.sentence_encoder or encoders.text_encoder
    weights = weights_digest(model)
    identity = extractor_digest(weights, model, collate)
    info = {"encoders": {"text": text, "audio": encoders.audio_encoder}, "frozen": True}
    return Extractor(model, collate, sampling_rate, identity, {**info, "weights_sha256": weights})


def extractor_digest(weights: str, model: nn.Module, collate: Collator | SentenceCollator) -> str:
    """Return the SHA-256 of all that an extractor's vectors depend on besides the corpus.

    Args:
        weights: the digest of its weights.
        model: its parts' classes and configurations count, such as a sentence encoder's pooling.
        collate: its tokenizer, feature extractor and limits count.
    """
    parts = [_describe(name, module) for name, module in model.named_modules()]
    padding = collate.audio if isinstance(collate, SentenceCollator) else collate
    description = {
        "weights": weights,
        "parts": parts,
        "tokenizer": _tokenizer_content(padding.tokenizer),
        "feature_extractor": padding.feature_extractor and padding.feature_extractor.to_dict(),
        "limits": (padding.max_tokens, padding.min_samples),
    }
    text = json.dumps(description, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _describe(name: str, module: nn.Module) -> dict[str, Any]:
    """Return a part's class and, where it has them, its configuration and tokenizer."""
    description: dict[str, Any] = {"name": name, "class": type(module).__name__}
    # Those of sentence-transformers' parts: the kind of pooling, prompts and the like.
    if hasattr(module, "get_config_dict"):
        description["options"] = module.get_config_dict()
    if isinstance(module, PreTrainedModel):
        config = module.config.to_dict()
        # Where it was loaded from says nothing of what it computes.
        description["config"] = {k: v for k, v in config.items() if k != "_name_or_path"}
    elif isinstance(tokenizer := getattr(module, "tokenizer", None), PreTrainedTokenizerBase):
        description["tokenizer"] = _tokenizer_content(tokenizer)
        description["max_tokens"] = getattr(module, "max_seq_length", None)
    return description


def _tokenizer_content(tokenizer: PreTrainedTokenizerBase | None) -> dict[str, Any] | None:
    if tokenizer is None:
        return None
    if hasattr(tokenizer, "backend_tokenizer"):
        content = json.loads(tokenizer.backend_tokenizer.to_str())
        # Each call sets these two; `Collator` always gives both.
        content |= {"padding": None, "truncation": None}
    else:
        with tempfile.TemporaryDirectory() as folder:
            files = tokenizer.save_vocabulary(folder)
            content = {Path(file).name: sha256(Path(file)) for file in files}
    kind, sides = type(tokenizer).__name__, (tokenizer.padding_side, tokenizer.truncation_side)
    return {"class": kind, "sides": sides, "content": content}


def weights_digest(model: nn.Module) -> str:
    """Return the SHA-256 of a model's parameters and buffers, names included."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        # As bytes: numpy has no bfloat16.
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()
