"""Tiny encoders for the demo corpus: real architectures, random weights, ordinary folders.

They are what lets the pipeline run without a download: a RoBERTa with a tokenizer learnt from the
training texts and a wav2vec 2.0, each saved as a Hugging Face folder and loaded from there like
any other encoder.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from torch import nn
from transformers import (
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2Model,
)
from transformers.utils import SAFE_WEIGHTS_NAME

from feature_extractor.audio import SAMPLE_RATE
from graph_er.running.files import make_readable
from graph_er.running.locks import lock

_RECIPE = "recipe.json"
# Raised whenever other encoders come out of the same texts, so that old folders are not reused.
_VERSION = 1
_SEED = 0
_MAX_TOKENS = 64
_SPECIAL_TOKENS = ("<s>", "<pad>", "</s>", "<unk>")

_TEXT: dict[str, Any] = {
    "hidden_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 256,
    "type_vocab_size": 1,
    # RoBERTa counts positions from the padding id on.
    "max_position_embeddings": _MAX_TOKENS + 2,
}
# Two convolutions instead of seven, with the usual 20 ms between frames. LayerDrop and SpecAugment
# suit large pretrained encoders; clips of 1.5 s have no frames to spare.
_AUDIO: dict[str, Any] = {
    "hidden_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 192,
    "conv_dim": [96, 96],
    "conv_kernel": [400, 4],
    "conv_stride": [160, 2],
    "num_feat_extract_layers": 2,
    "conv_bias": True,
    "feat_extract_norm": "layer",
    "do_stable_layer_norm": True,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 8,
    "hidden_dropout": 0.2,
    "feat_proj_dropout": 0.2,
    "attention_dropout": 0.0,
    "activation_dropout": 0.0,
    "layerdrop": 0.0,
    "mask_time_prob": 0.0,
}
_LOWEST_HZ, _HIGHEST_HZ = 60.0, 6000.0


def ensure_tiny_encoders(folder: Path, texts: Sequence[str]) -> tuple[Path, Path]:
    """Return the text and the audio encoder's folder below `folder`; make them if need be.

    They are made again if they were made from other texts or by another release.

    Args:
        folder: where ``text`` and ``audio`` are to lie.
        texts: the training side's transcripts, which the tokenizer is learnt from.
    """
    recipe = {"version": _VERSION, "texts": _digest(texts), "text": _TEXT, "audio": _AUDIO}
    if not _made_by(folder, recipe):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _alone(folder.parent):
            if not _made_by(folder, recipe):
                _make(folder, recipe, texts)
    return folder / "text", folder / "audio"


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold a folder alone: two trainings may start at once."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        lock(descriptor)
        yield
    finally:
        os.close(descriptor)


def _make(folder: Path, recipe: dict[str, object], texts: Sequence[str]) -> None:
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        building = scratch / folder.name
        make_text_encoder(building / "text", texts)
        make_audio_encoder(building / "audio")
        (building / _RECIPE).write_text(json.dumps(recipe), encoding="utf-8")
        if folder.exists():
            folder.replace(scratch / "old")
        building.replace(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def make_text_encoder(folder: Path, texts: Sequence[str]) -> None:
    """Save a tiny RoBERTa with random weights and a tokenizer learnt from `texts`."""
    tokenizer = _learn_tokenizer(texts)
    config = RobertaConfig(
        vocab_size=len(tokenizer),
        bos_token_id=tokenizer.bos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        **_TEXT,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        RobertaModel(config).save_pretrained(folder)
    make_readable(folder / SAFE_WEIGHTS_NAME)
    tokenizer.save_pretrained(folder)


def make_audio_encoder(folder: Path) -> None:
    """Save a tiny wav2vec 2.0 with random weights and its feature extractor."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        model = Wav2Vec2Model(Wav2Vec2Config(**_AUDIO))
        layers: Any = model.feature_extractor.conv_layers
        _draw_filters(layers[0].conv)
        model.save_pretrained(folder)
    make_readable(folder / SAFE_WEIGHTS_NAME)
    # Unit variance per utterance, as for the large models: microphones differ by session, so that
    # loudness itself does not carry over to new ones.
    Wav2Vec2FeatureExtractor(
        sampling_rate=SAMPLE_RATE, do_normalize=True, return_attention_mask=True
    ).save_pretrained(folder)


@torch.no_grad()
def _draw_filters(conv: nn.Conv1d) -> None:
    """Draw the first layer's filters as random Gabor filters, evenly spread on the mel scale.

    White noise, the usual start, takes more audio than the demo has to become band passes. The
    biases are of the size of the responses, so that the layer norm after them keeps the level.
    """
    count, _, length = conv.weight.shape
    low, high = (2595 * math.log10(1 + hertz / 700) for hertz in (_LOWEST_HZ, _HIGHEST_HZ))
    mel = low + (high - low) * torch.rand(count, 1)
    hertz = 700 * (10 ** (mel / 2595) - 1)
    seconds = torch.arange(length) / SAMPLE_RATE
    phase = 2 * math.pi * torch.rand(count, 1)
    filters = torch.cos(2 * math.pi * hertz * seconds + phase) * torch.hann_window(length)
    conv.weight.copy_(nn.functional.normalize(filters)[:, None])
    assert conv.bias is not None
    conv.bias.uniform_(-0.2, 0.2)


def _learn_tokenizer(texts: Sequence[str]) -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.BpeTrainer(
        vocab_size=2000, special_tokens=list(_SPECIAL_TOKENS), show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    bos, eos = (tokenizer.token_to_id(token) for token in ("<s>", "</s>"))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", bos), ("</s>", eos)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=_MAX_TOKENS,
        **{"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"},
    )


def _made_by(folder: Path, recipe: dict[str, object]) -> bool:
    try:
        return json.loads((folder / _RECIPE).read_text(encoding="utf-8")) == recipe
    except (OSError, ValueError):
        return False


def _digest(texts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()
