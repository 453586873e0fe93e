"""Damaged files and what stands in the place of a file, and what must come of reading them."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from feature_extractor.corpora import CORPORA, registry
from feature_extractor.utterance import Corpus
from tests.faults.hostile import Limits, outcome

# What readers import when they are first used; the process that reads has it from the start.
for name in CORPORA:
    registry.reader_of(name)
for name in ("openpyxl", "soxr", "openpyxl.worksheet._reader"):
    import_module(name)

# Several problems in one message are listed; each is cut.
LONGEST_MESSAGE = 20_000


def read_corpus(name: str, root: Path) -> Corpus:
    """Read a corpus, all that is needed for it imported before."""
    return registry.read_corpus(name, root)


def refused(
    read: Callable[..., Any],
    *arguments: Any,
    naming: str,
    folder: Path,
    seconds: float = 20,
    megabytes: int = 400,
) -> str:
    """Require that a reader refuses, in time and memory, and touches nothing outside of a folder.

    Args:
        read: a function of a module, with `arguments`.
        naming: what the message must hold.
        folder: where it may read, and write.
        seconds, megabytes: it may take.
    """
    found = outcome(read, *arguments, limits=Limits(seconds, megabytes, (folder,), (folder,)))
    assert (found.kind, found.acts) == ("refused", []), found
    assert naming in found.message, found
    assert len(found.message) < LONGEST_MESSAGE, found
    assert "MemoryError" not in found.message, f"no check, only luck: {found}"
    assert found.megabytes <= megabytes, found
    return found.message


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 36)


# What may stand where a file is expected.
PLACES: dict[str, Callable[[Path], object]] = {
    "zeros": lambda path: path.write_bytes(bytes(5_000)),
    "noise": lambda path: path.write_bytes(random.Random(1).randbytes(5_000)),
    "a program": lambda path: path.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(range(256)) * 20),
    "a pipe": lambda path: os.mkfifo(path),
    "a link to a device": lambda path: path.symlink_to("/dev/zero"),
    "a link to itself": lambda path: path.symlink_to(path),
    "64 GiB of nothing": _sparse,
}


def put(path: Path, place: str) -> None:
    """Put something else in the place of a file."""
    path.unlink()
    PLACES[place](path)


def write_noise(path: Path, seconds: float = 0.3, rate: int = 16_000) -> Path:
    """Write a clip of noise, 16 bits, mono."""
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.random.default_rng(0).standard_normal(round(rate * seconds))
    soundfile.write(path, 0.1 * samples, rate, subtype="PCM_16")
    return path


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Return content with a few bytes changed, taken out, put in or doubled, or its end cut."""
    changed = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 4, 8))):
        if not changed:
            break
        at = chance.randrange(len(changed))
        kind = chance.randrange(7)
        if kind == 0:
            changed[at] = chance.randrange(256)
        elif kind == 1:
            changed[at] ^= 1 << chance.randrange(8)
        elif kind == 2:
            changed[at : at + 4] = chance.choice((b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff"))
        elif kind == 3:
            del changed[at : at + chance.randrange(1, 64)]
        elif kind == 4:
            signs = (
                b'"',
                b",",
                b"\n",
                b"\0",
                b"nan",
                b"1e999",
                b"-",
                b"\xed\xa0\x80",
                b"9" * 5_000,
            )
            changed[at:at] = chance.choice(signs)
        elif kind == 5:
            del changed[at:]
        else:
            end = at + chance.randrange(1, 200)
            changed[at:at] = changed[at:end]
    return bytes(changed)
