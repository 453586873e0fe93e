"""Independent random streams by name, so that no part of the corpus depends on another's draws."""

from __future__ import annotations

import zlib

import numpy as np


def stream(seed: int, *key: str | int) -> np.random.Generator:
    """Return the generator that belongs to `key` under `seed`, the same whenever it is asked for.

    A turn's stream depends on its name alone: neither the order of generation nor the number of
    draws made for other turns changes it.
    """
    words = [zlib.crc32(str(part).encode("utf-8")) for part in key]
    return np.random.default_rng([seed, *words])
