"""Digests of all that an encoder's output depends on besides its input."""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from feature_extractor.batches.padding import Collator
from feature_extractor.networks.frozen import SentenceCollator
from graph_er.running.files import sha256

_PAST = ("_name_or_path", "started_from")


def encoder_digest(encoder: nn.Module, collate: Collator) -> str:
    """Return the SHA-256 of all that one encoder's states depend on; see `extractor_digest`."""
    return extractor_digest(weights_digest(encoder), encoder, collate)


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
        "limits": (padding.max_tokens, padding.min_samples, padding.context.heard, padding.prompt),
    }
    if padding.tokenizer is not None and padding.context.joined:
        description["separator"] = padding.separator
    text = json.dumps(description, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _describe(name: str, module: nn.Module) -> dict[str, Any]:
    """Return a part's class and, where it has them, its configuration and tokenizer."""
    description: dict[str, Any] = {"name": name, "class": type(module).__name__}
    # Those of sentence-transformers' parts: the kind of pooling, prompts and the like.
    if hasattr(module, "get_config_dict"):
        described: Any = module
        description["options"] = described.get_config_dict()
    if isinstance(module, PreTrainedModel):
        config = module.config.to_dict()
        # Where it was loaded from and what was before it say nothing of what it computes.
        description["config"] = {k: v for k, v in config.items() if k not in _PAST}
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
