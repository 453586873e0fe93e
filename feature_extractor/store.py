"""Vectors kept in parts while extraction runs, so that a killed run goes on where it stopped.

A corpus is divided into fixed chunks. Each chunk is one safetensors file, written whole or not at
all, with the utterance ids and a fingerprint of everything the vectors depend on.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from graph_er.errors import InputError
from graph_er.files import atomic_path

# With more there is less padding, and a kill costs more.
CHUNK_SIZE = 512

MISSING = "is missing"
DAMAGED = "is cut short or damaged"
OTHER = "is of another extraction"

Vectors = dict[str, np.ndarray]


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

    def problem(self, chunk: int) -> tuple[Path, str] | None:
        """Return which file is no good part and why, or None where there is a good one.

        The reason is `MISSING`, `DAMAGED` or `OTHER`.
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

    def missing(self) -> list[int]:
        """Return the numbers of the parts still to be made."""
        return [chunk for chunk in range(len(self.chunks)) if self.problem(chunk)]

    def write(self, chunk: int, vectors: Vectors) -> None:
        """Write the part of a chunk, all of it or nothing."""
        with atomic_path(self._path(self.folders[0], chunk)) as temporary:
            save_file(
                {name: np.ascontiguousarray(rows) for name, rows in vectors.items()},
                temporary,
                metadata=self._metadata(chunk),
            )

    def rows(self, name: str, start: int, stop: int) -> np.ndarray | None:
        """Return vectors ``[stop - start, D]`` of the utterances of that range, read from disk.

        Args:
            name: ``text`` or ``audio``.
            start: first of them, a place in `ids`.
            stop: one after the last.

        Returns:
            None if there are no vectors of that name.

        Raises:
            InputError: a part is not as it was written.
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
            paths = (self._path(folder, chunk) for folder in self.folders)
            path = next(path for path in paths if self._reason(path, chunk) is None)
            self._open = (chunk, safe_open(path, framework="np"))
        return self._open[1]

    def _reason(self, path: Path, chunk: int) -> str | None:
        try:
            with safe_open(path, framework="np") as file:
                metadata = file.metadata() or {}
        except FileNotFoundError:
            return MISSING
        except (OSError, SafetensorError):
            return DAMAGED
        return None if metadata == self._metadata(chunk) else OTHER

    def _path(self, folder: Path, chunk: int) -> Path:
        return folder / f"{chunk:05d}.safetensors"

    def _metadata(self, chunk: int) -> dict[str, str]:
        ids = [self.ids[index] for index in self.chunks[chunk]]
        return {"fingerprint": self.fingerprint, "ids": json.dumps(ids)}
