"""Vectors kept in parts while extraction runs, so that a killed run goes on where it stopped.

A corpus is divided into fixed chunks. Each chunk is one safetensors file, written whole or not at
all, with the utterance ids and a fingerprint of everything the vectors depend on.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from graph_er.files import atomic_path

CHUNK_SIZE = 256

Vectors = dict[str, np.ndarray]


class PartStore:
    """The parts of one output file, in ``<out>.parts`` beside it."""

    def __init__(
        self, out: Path, ids: Sequence[str], fingerprint: str, chunk_size: int = CHUNK_SIZE
    ) -> None:
        """Describe the parts of `out`.

        Args:
            out: the file to be assembled.
            ids: all utterance ids, ``[N]``, in order.
            fingerprint: equal for two runs whose parts may be put together. It leaves out the
                batch size on purpose, and so the last bits: parts are the same to the byte for
                equal batch sizes.
            chunk_size: utterances per part.
        """
        self.folder = out.with_name(out.name + ".parts")
        self._fingerprint = fingerprint
        self.chunks = [
            list(range(start, min(start + chunk_size, len(ids))))
            for start in range(0, len(ids), chunk_size)
        ]
        self.ids = tuple(ids)

    def is_complete(self, chunk: int) -> bool:
        """Tell whether a part is there, readable and made by this very extraction."""
        try:
            with safe_open(self._path(chunk), framework="np") as file:
                metadata = file.metadata() or {}
        except (OSError, SafetensorError):
            return False
        return metadata == self._metadata(chunk)

    def missing(self) -> list[int]:
        """Return the numbers of the parts still to be made."""
        return [chunk for chunk in range(len(self.chunks)) if not self.is_complete(chunk)]

    def write(self, chunk: int, vectors: Vectors) -> None:
        """Write the part of a chunk, all of it or nothing."""
        with atomic_path(self._path(chunk)) as temporary:
            save_file(
                {name: np.ascontiguousarray(rows) for name, rows in vectors.items()},
                temporary,
                metadata=self._metadata(chunk),
            )

    def read(self) -> Vectors:
        """Return the vectors of all utterances, ``{name: [N, D]}``, once nothing is missing."""
        rows: dict[str, list[np.ndarray]] = {}
        for chunk in range(len(self.chunks)):
            with safe_open(self._path(chunk), framework="np") as file:
                for name in file.keys():  # noqa: SIM118 (the handle is no mapping)
                    rows.setdefault(name, []).append(file.get_tensor(name))
        return {name: np.concatenate(parts) for name, parts in rows.items()}

    def remove(self) -> None:
        """Delete the parts."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, chunk: int) -> Path:
        return self.folder / f"{chunk:05d}.safetensors"

    def _metadata(self, chunk: int) -> dict[str, str]:
        ids = [self.ids[index] for index in self.chunks[chunk]]
        return {"fingerprint": self._fingerprint, "ids": json.dumps(ids)}
