"""A stage 1 ``config.json`` looked through before transformers builds anything of it.

Checkpoint folders are passed on, and a number in one can ask for any memory, a name in one for code
from elsewhere. Published encoders stay far below these limits.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
    "clip_length": (0.1, 86_400),
}
_LARGEST_SIZE = 10_000_000  # of all other whole numbers
_LONGEST_LIST = 10_000
_CONVOLUTIONS = ("conv_dim", "conv_kernel", "conv_stride")
_MOST_CONVOLUTIONS = 100
# One state for so many samples at least; wav2vec2 has one for 320.
_LEAST_HOP = 16
_ATTENTION = ("eager", "sdpa", "flash_attention_2", "flex_attention", None)
_RECORDS = ("split", "started_from")  # of what was trained on, not of the model


def require_buildable(config: dict[str, Any], path: Path) -> None:
    """Refuse a configuration that asks for code from elsewhere, or for more than machines have.

    Args:
        config: content of the file.
        path: of the file, for messages.

    Raises:
        InputError: it does; the key and its value are named.
    """
    own = {key: value for key, value in config.items() if key not in _RECORDS}
    for key, value in _entries(own):
        if key in ("auto_map", "quantization_config") and value is not None:
            _refuse(path, key, value)
        if key.endswith("attn_implementation") and value not in _ATTENTION:
            _refuse(path, key, value)
        if key in _RANGES:
            _require(_within(value, *_RANGES[key]), path, key, value)
        elif isinstance(value, int):
            _require(abs(value) <= _LARGEST_SIZE, path, key, value)
        elif isinstance(value, list | dict) and len(value) > _LONGEST_LIST:
            _refuse(path, key, f"{len(value):,} entries")
    for name in ("text_config", "audio_config"):
        if isinstance(encoder := config.get(name), dict):
            _require_convolutions(encoder, path)


def _require_convolutions(encoder: dict[str, Any], path: Path) -> None:
    for key in _CONVOLUTIONS:
        if isinstance(sizes := encoder.get(key), list):
            _require(len(sizes) <= _MOST_CONVOLUTIONS, path, key, f"{len(sizes):,} entries")
            _require(all(_within(size, 1, 100_000) for size in sizes), path, key, sizes)
    if isinstance(strides := encoder.get("conv_stride"), list) and strides:
        _require(math.prod(strides) >= _LEAST_HOP, path, "conv_stride", strides)


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


def _require(holds: bool, path: Path, key: str, value: Any) -> None:
    if not holds:
        _refuse(path, key, value)


def _refuse(path: Path, key: str, value: Any) -> None:
    raise InputError(f"{path}: {key} is {value!r:.80}, which no extractor has; restore the file")
