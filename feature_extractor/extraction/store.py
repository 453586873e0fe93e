"""Vectors kept in parts while extraction runs, so that a killed run goes on where it stopped.

A corpus is divided into fixed chunks. Each chunk is one safetensors file, written whole or not at
all, with the utterance ids, a fingerprint of everything the vectors depend on, and a digest of the
vectors, which is checked when a part is used.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from graph_er.errors import InputError
from graph_er.running.files import atomic_path

# With more there is less padding, and a kill costs more.
CHUNK_SIZE = 512

MISSING = "is missing"
DAMAGED = "is cut short or damaged"
OTHER = "is of another extraction"

Vectors = dict[str, np.ndarray]

_DIGEST = "sha256"
_ROWS_AT_ONCE = 256  # that are read to check them


class PartStore:
    """The parts of one extractor's vectors.

    Attributes:
        ids: all utterance ids, ``[N]``, in order.
        fingerprint: of the extraction.
        chunks: which of the ids make up each part.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        ids: Sequence[str],
        fingerprint: str,
        chunk_size: int = CHUNK_SIZE,
    ) -> None:
        """Describe the parts.

        Args:
            folders: where they may lie; they are written to the first.
            ids: all utterance ids, ``[N]``, in order.
            fingerprint: equal for two runs whose parts may be put together. It leaves out the
                size of batches on purpose, and so the last bits: parts are the same to the byte
                for equal bounds of a batch.
            chunk_size: utterances per part.
        """
        self.folders = tuple(folders)
        self.fingerprint = fingerprint
        self.chunks = [
            list(range(start, min(start + chunk_size, len(ids))))
            for start in range(0, len(ids), chunk_size)
        ]
        self.ids = tuple(ids)
        self._chunk_size = chunk_size
        self._open: tuple[int, Any] | None = None
        self._verified: set[Path] = set()

    def problem(self, chunk: int) -> tuple[Path, str] | None:
        """Return which file is no good part and why, or None where there is a good one.

        The reason is `MISSING`, `DAMAGED` or `OTHER`. The content of a good file is read once.
        """
        found = (self._path(self.folders[0], chunk), MISSING)
        for folder in self.folders:
            path = self._path(folder, chunk)
            reason = self._reason(path, chunk)
            if reason is None:
                return None
            if found[1] == MISSING:
                found = (path, reason)
        return found

    def write(self, chunk: int, vectors: Vectors) -> None:
        """Write the part of a chunk, all of it or nothing."""
        with atomic_path(self._path(self.folders[0], chunk)) as temporary:
            arrays = {name: np.ascontiguousarray(rows) for name, rows in vectors.items()}
            digest = _digest({name: (rows.shape, rows) for name, rows in arrays.items()})
            save_file(arrays, temporary, metadata={**self._metadata(chunk), _DIGEST: digest})

    def rows(self, name: str, start: int, stop: int) -> np.ndarray | None:
        """Return vectors ``[stop - start, D]`` of the utterances of that range, read from disk.

        Args:
            name: ``text`` or ``audio``.
            start: first of them, a place in `ids`.
            stop: one after the last.

        Returns:
            None if there are no vectors of that name.

        Raises:
            InputError: a part is gone or is not as it was written.
        """
        pieces = []
        for chunk in range(start // self._chunk_size, (stop - 1) // self._chunk_size + 1):
            first, size = chunk * self._chunk_size, len(self.chunks[chunk])
            file = self._part(chunk)
            if name not in file.keys():  # noqa: SIM118 (the handle is no mapping)
                return None
            part = file.get_slice(name)
            shape = part.get_shape()
            if part.get_dtype() != "F32" or len(shape) != 2 or shape[0] != size:
                raise InputError(f"part {chunk} in {self.folders[0]} {DAMAGED}; delete it")
            pieces.append(part[max(0, start - first) : min(stop - first, size)])
        if len({piece.shape[1] for piece in pieces}) > 1:
            raise InputError(f"the parts in {self.folders[0]} differ in width; delete them")
        return np.concatenate(pieces)

    def _part(self, chunk: int) -> Any:
        """Return an open part; it is mapped into memory, and pages of it are read on demand."""
        if self._open is None or self._open[0] != chunk:
            problem = self.problem(chunk)
            if problem:
                path, reason = problem
                raise InputError(f"part {path} {reason}; run the extraction again")
            paths = (self._path(folder, chunk) for folder in self.folders)
            path = next(path for path in paths if path in self._verified)
            self._open = (chunk, safe_open(path, framework="np"))
        return self._open[1]

    def _reason(self, path: Path, chunk: int) -> str | None:
        if path.exists() and not path.is_file():  # one would wait for a pipe
            return DAMAGED
        try:
            with safe_open(path, framework="np") as file:
                metadata = file.metadata() or {}
                digest = metadata.pop(_DIGEST, None)
                # Parts of earlier releases have no digest.
                if digest is None or metadata != self._metadata(chunk):
                    return OTHER
                if path not in self._verified:
                    slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
                    found = {name: (rows.get_shape(), rows) for name, rows in slices.items()}
                    size = len(self.chunks[chunk])
                    if any(shape[:1] != [size] for shape, _ in found.values()):
                        return DAMAGED
                    if _digest(found) != digest:
                        return DAMAGED
                    self._verified.add(path)
        except FileNotFoundError:
            return MISSING
        except (OSError, SafetensorError, AttributeError, TypeError):  # also types unknown to numpy
            return DAMAGED
        return None

    def _path(self, folder: Path, chunk: int) -> Path:
        return folder / f"{chunk:05d}.safetensors"

    def _metadata(self, chunk: int) -> dict[str, str]:
        ids = [self.ids[index] for index in self.chunks[chunk]]
        return {"fingerprint": self.fingerprint, "ids": json.dumps(ids)}


def _digest(arrays: Mapping[str, tuple[Sequence[int], Any]]) -> str:
    """Return the SHA-256 of names, shapes, types and values.

    Args:
        arrays: by name, shapes and what gives the rows of a slice as an array.
    """
    digest = hashlib.sha256()
    for name, (shape, rows) in sorted(arrays.items()):
        digest.update(json.dumps([name, list(shape), rows[:0].dtype.str]).encode())
        for start in range(0, shape[0], _ROWS_AT_ONCE):
            stop = min(start + _ROWS_AT_ONCE, shape[0])  # a slice of a file has no rows beyond
            digest.update(np.ascontiguousarray(rows[start:stop]).data)
    return digest.hexdigest()
