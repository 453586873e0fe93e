"""Loading pretrained encoders and what prepares their input, from a hub id or a local folder."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoFeatureExtractor,
    AutoModel,
    AutoModelForMaskedLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    SequenceFeatureExtractor,
)
from transformers.utils import logging as transformers_logging

from feature_extractor.configuration import UtteranceConfig
from feature_extractor.fusion.pooling import Frames, audio_frames, minimum_samples, text_frames
from feature_extractor.networks.acoustic import KINDS, acoustic_encoder
from feature_extractor.networks.model import UtteranceClassifier
from graph_er.errors import InputError
from graph_er.running.regular_files import read_json_file

# Many encoders are saved in half of it, in which the steps of training would vanish or overflow.
_PRECISION = torch.float32
_NO_LIMIT = 100_000
_MAX_TOKENS = 512


def quiet_transformers() -> None:
    """Silence the progress bars and reports on heads that loading an encoder leaves behind."""
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()


def load_text_encoder(id_or_dir: str) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load a text encoder without its pooler, and its tokenizer.

    A checkpoint folder of stage 1 gives its own, as fine-tuned there.

    Raises:
        InputError: not found, or not an encoder that transformers knows.
    """
    model = _load_encoder("text", id_or_dir)
    if model.main_input_name != "input_ids":
        raise InputError(
            f"--text_encoder {id_or_dir}: a {model.config.model_type} model does not read text; "
            "name a RoBERTa, BERT, ELECTRA or the like"
        )
    # Nothing reads the pooler; many checkpoints do not even hold one.
    model.pooler = None
    tokenizer = _load(AutoTokenizer.from_pretrained, id_or_dir, "tokenizer of the text encoder")
    tokens = torch.zeros(1, 2, dtype=torch.long)
    _try(text_frames, model, tokens, f"--text_encoder {id_or_dir}: cannot read two tokens")
    return model, tokenizer


def load_masked_language_model(id_or_dir: str) -> PreTrainedModel:
    """Load a text encoder with the head that fills in masks.

    Raises:
        InputError: not found, or saved without that head.
    """

    def whole(id_or_dir: str, **options: Any) -> PreTrainedModel:
        options |= {"output_loading_info": True, "dtype": _PRECISION}
        model, report = AutoModelForMaskedLM.from_pretrained(id_or_dir, **options)
        if report["missing_keys"]:
            raise ValueError(f"lacks {min(report['missing_keys'])}")
        return model

    return _load(whole, id_or_dir, "masked language model")


def load_audio_encoder(id_or_dir: str) -> tuple[PreTrainedModel, SequenceFeatureExtractor]:
    """Load a wav2vec 2.0, HuBERT, WavLM or the like, and its feature extractor.

    A CTC head is left behind; a checkpoint folder of stage 1 gives its own. ``mfcc`` and
    ``egemaps`` name acoustic features.

    Raises:
        InputError: not found, or not such an encoder.
    """
    if id_or_dir in KINDS:
        return acoustic_encoder(id_or_dir)
    model = _load_encoder("audio", id_or_dir)
    if not hasattr(model.config, "conv_stride"):
        raise InputError(
            f"--audio_encoder {id_or_dir}: a {model.config.model_type} model does not hear raw "
            "audio; name a wav2vec 2.0, HuBERT, WavLM or the like"
        )
    # A dropped layer has no gradient, which distributed training takes for an error.
    model.config.layerdrop = 0.0
    for module in model.modules():  # an adapter keeps its own rate, drawn unseeded
        if hasattr(module, "layerdrop"):
            module.layerdrop = 0.0
    # Else the samples' own gradient is computed as well, which gradient checkpointing alone reads.
    if hasattr(model, "feature_extractor"):
        model.feature_extractor._requires_grad = False
    extractor = _load(
        AutoFeatureExtractor.from_pretrained, id_or_dir, "feature extractor of the audio encoder"
    )
    shortest = torch.zeros(1, minimum_samples(model.config))
    said = f"--audio_encoder {id_or_dir}: cannot hear {shortest.shape[1]} samples"
    _try(audio_frames, model, shortest, said)
    return model, extractor


def load_sentence_encoder(id_or_dir: str) -> Any:
    """Load a sentence-transformers model.

    Raises:
        InputError: not found, or not such a model.
    """
    from sentence_transformers import SentenceTransformer  # here: slow to import, rarely needed

    # Else it takes a GPU that it finds, be it full or another than --device names.
    on_cpu = partial(SentenceTransformer, device="cpu")
    return _load(on_cpu, id_or_dir, "sentence encoder").to(_PRECISION)


def max_tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int:
    """Return the longest text in tokens that encoder and tokenizer both take, at most 512."""
    # RoBERTa counts positions from its padding id on and so has two fewer than its table.
    positions = getattr(model.config, "max_position_embeddings", _NO_LIMIT) - 2
    # XLNet says -1 for any length.
    limit = positions if positions > 0 else _NO_LIMIT
    return min(tokenizer.model_max_length, limit, _MAX_TOKENS)


def first_line(error: Exception) -> str:
    """Return the first line of an error's message, or its kind where it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def is_checkpoint(id_or_dir: str) -> bool:
    """Tell whether this is a checkpoint folder of stage 1."""
    try:
        config = read_json_file(Path(id_or_dir) / "config.json")
        return config["model_type"] == UtteranceConfig.model_type
    except (InputError, KeyError, TypeError):
        return False


def _load_encoder(kind: str, id_or_dir: str) -> Any:
    """Load a ``text`` or an ``audio`` encoder; raises as `load_text_encoder`."""
    model = _load(_part_or_model(f"{kind}_encoder"), id_or_dir, f"{kind} encoder")
    # Code from elsewhere, which is never run: the model is one of transformers' own.
    if hasattr(model.config, "auto_map"):
        del model.config.auto_map
    return model


def _try(
    frames: Callable[..., Frames], encoder: PreTrainedModel, values: torch.Tensor, said: str
) -> None:
    """Refuse an encoder that cannot be run, before the first batch does; no draw is taken.

    Args:
        frames: runs it.
        encoder: in eval mode, on the CPU.
        values: input of one utterance, ``[1, N]``.
        said: the start of the message.

    Raises:
        InputError: it fails, in any way, or makes nothing of it.
    """
    mask = torch.ones(values.shape, dtype=torch.long)
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        try:
            made = frames(encoder, values, mask)
            reason = "" if made.mask.any() else "it makes no state of them"
        except Exception as error:
            reason = first_line(error)
    if reason:
        raise InputError(f"{said} ({reason:.200}); name another encoder")


def _part_or_model(part: str) -> Callable[..., PreTrainedModel]:
    """Return what loads a model, or of a checkpoint of stage 1 that part of it."""

    def from_pretrained(id_or_dir: str, **options: Any) -> PreTrainedModel:
        if not is_checkpoint(id_or_dir):
            return AutoModel.from_pretrained(id_or_dir, dtype=_PRECISION, **options)
        whole = UtteranceClassifier.from_pretrained(
            id_or_dir, use_safetensors=True, dtype=_PRECISION
        )
        if not hasattr(whole, part):
            raise ValueError(f"a checkpoint of modalities {whole.config.modalities}")
        return getattr(whole, part)

    return from_pretrained


def _load(from_pretrained: Callable[..., Any], id_or_dir: str, what: str) -> Any:
    try:
        return from_pretrained(id_or_dir, trust_remote_code=False)
    except Exception as error:  # files damaged or of another kind fail in any way
        reason = first_line(error)
        kind = "folder" if Path(id_or_dir).is_dir() else "local folder nor a reachable hub id"
        found = f"is not a usable {kind}" if kind == "folder" else f"is neither a {kind}"
        raise InputError(
            f"{what} {id_or_dir!r} {found} ({reason}); name a Hugging Face folder, or a hub id "
            "with a network or a filled cache"
        ) from error
