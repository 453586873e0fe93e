"""Digests of an encoder in a local folder, by which it shows that another was put there."""

from __future__ import annotations

import hashlib
from pathlib import Path

from graph_er.running.files import sha256
from graph_er.running.paths import STAGE1_WEIGHTS

# In the order in which transformers looks for them; those with a star may be in parts.
_WEIGHTS = (STAGE1_WEIGHTS, "model*.safetensors", "pytorch_model*.bin")
# Configurations, tokenizers and their vocabularies; other files that lie there mean nothing.
_SETTINGS = (
    *("*config.json", "tokenizer*.json", "special_tokens_map.json", "added_tokens.json"),
    *("vocab*", "merges.txt", "*.model"),
)


def encoder_weights_digest(encoder: str | None) -> str | None:
    """Return a SHA-256 of a local encoder's weights, None of one on the hub, which has an id.

    Of one file it is that file's, of parts that of their digests, a line each.
    """
    if encoder is None:
        return None
    found = (_files(encoder, kind) for kind in _WEIGHTS)
    parts = [sha256(path) for path in next(filter(None, found), [])]
    if len(parts) > 1:
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return parts[0] if parts else None


def encoder_files_digest(encoder: str | None) -> str | None:
    """Return a SHA-256 of a local encoder's settings and vocabulary, None of one on the hub."""
    if encoder is None or not Path(encoder).is_dir():
        return None
    files = {path.name: path for kind in _SETTINGS for path in _files(encoder, kind)}
    held = [f"{name} {sha256(files[name])}" for name in sorted(files)]
    return hashlib.sha256("\n".join(held).encode()).hexdigest()


def _files(encoder: str, kind: str) -> list[Path]:
    found = Path(encoder).glob(kind)
    return sorted(path for path in found if path.is_file() and not path.name.startswith("."))
