"""A stage 1 ``config.json`` looked through before transformers builds anything of it.

Checkpoint folders are passed on, and a number in one can ask for any memory, a name in one for code
from elsewhere. Published encoders stay far below these limits.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from feature_extractor.configuration import UtteranceConfig
from feature_extractor.corpora.policies import is_policy_record
from feature_extractor.settings import CLIP_LENGTHS
from feature_extractor.splits.record import is_split_record, is_tuned_record
from feature_extractor.transcript import TRANSCRIPT_VERSION
from graph_er.errors import InputError

# The least and the most of each number, wherever it stands.
_RANGES: dict[str, tuple[float, float]] = {
    "num_hidden_layers": (1, 1_000),
    "num_adapter_layers": (0, 100),
    "adapter_stride": (1, 1_000),
    "num_attention_heads": (1, 1_000),
    "num_labels": (0, 1_000),
    "context": (0, 1_000),
    "sampling_rate": (4_000, 192_000),
    "max_tokens": (1, 100_000),
    "transcript_version": (0, TRANSCRIPT_VERSION),
    "clip_length": CLIP_LENGTHS,
}
_LARGEST_SIZE = 10_000_000  # of all other whole numbers
_LONGEST_LIST = 10_000
_CONVOLUTIONS = ("conv_dim", "conv_kernel", "conv_stride")
_MOST_CONVOLUTIONS = 100
# One state for so many samples at least; wav2vec2 has one for 320.
_LEAST_HOP = 16
_ATTENTION = ("eager", "sdpa", "flash_attention_2", "flex_attention", None)
_RECORDS = ("split", "policies", "started_from")  # of what was trained on, not of the model
_FAULT = "which no extractor has; restore the file"


def require_buildable(config: dict[str, Any], of: Path | str, fault: str = _FAULT) -> None:
    """Refuse a configuration that asks for code from elsewhere, or for more than machines have.

    Args:
        config: content of the file.
        of: the file, or what else it is of, for messages.
        fault: the end of messages: what is wrong with such a value, and what to do.

    Raises:
        InputError: it does; the key and its value are named.
    """
    own = {key: value for key, value in config.items() if key not in _RECORDS}
    encoders = [config.get(name) for name in ("text_config", "audio_config")]
    wrong = chain(
        (entry for key, value in _entries(own) for entry in _wrong(key, value)),
        (entry for part in encoders if isinstance(part, dict) for entry in _wrong_cnn(part)),
    )
    for key, value in wrong:
        raise InputError(f"{of}: {key} is {value!r:.80}, {fault}")


def require_records(config: UtteranceConfig, of: Path) -> None:
    """Refuse a configuration that does not tell in the form of ours what was trained on.

    Args:
        config: as transformers reads it.
        of: the file, for messages.

    Raises:
        InputError: a record has another form; the key and its value are named.
    """
    for key, known, what in (
        ("split", is_split_record, "is no record of a split"),
        ("policies", is_policy_record, "does not tell how a corpus is read"),
        ("started_from", _is_list_of_tuned, "is no list of what encoders were tuned on"),
    ):
        value = getattr(config, key)
        if value is not None and not known(value):
            raise InputError(f"{of}: {key} {value!r:.200} {what}; restore the file")


def _is_list_of_tuned(value: Any) -> bool:
    return isinstance(value, list) and all(map(is_tuned_record, value))


def _wrong(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Give an entry, as messages show it, where its value may not be."""
    if key in ("auto_map", "quantization_config"):
        bad = value is not None
    elif key.endswith("attn_implementation"):
        bad = value not in _ATTENTION
    elif key in _RANGES:
        bad = not _within(value, *_RANGES[key])
    elif isinstance(value, int):
        bad = abs(value) > _LARGEST_SIZE
    elif bad := isinstance(value, list | dict) and len(value) > _LONGEST_LIST:
        value = f"{len(value):,} entries"
    if bad:
        yield key, value


def _wrong_cnn(encoder: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Give what is wrong with an encoder's convolutions."""
    for key in _CONVOLUTIONS:
        if isinstance(sizes := encoder.get(key), list):
            if len(sizes) > _MOST_CONVOLUTIONS:
                yield key, f"{len(sizes):,} entries"
            if not all(_within(size, 1, 100_000) for size in sizes):
                yield key, sizes
    strides = encoder.get("conv_stride")
    if isinstance(strides, list) and strides and math.prod(strides) < _LEAST_HOP:
        yield "conv_stride", strides


def _entries(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Give every key with its value, at any depth; entries of a list under the list's key."""
    if key:
        yield key, value
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _entries(part, str(name))
    elif isinstance(value, list) and len(value) <= _LONGEST_LIST:
        for part in value:
            if isinstance(part, dict | list):
                yield from _entries(part, key)


def _within(number: Any, least: float, most: float) -> bool:
    if isinstance(number, bool) or not isinstance(number, int | float):
        return False
    return least <= number <= most
