"""Encoder states on disk: appended once per utterance, read by memory mapping.

A folder holds ``states.bin``, the states one after another, and ``index.jsonl``, one line for each
utterance: where its states lie, their checksum, and of what content they were made. States are
appended before their line, so that a killed run leaves at worst bytes that no line points to. Of
several lines for one utterance the last counts.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from graph_er.errors import InputError
from graph_er.running.locks import lock
from graph_er.running.regular_files import require_regular

DTYPES = {"float32": np.float32, "float16": np.float16}
_MOST = 1 << 50
_STATES, _INDEX, _LOCK = "states.bin", "index.jsonl", "lock"


@dataclass(frozen=True)
class Entry:
    """Where an utterance's states lie.

    Attributes:
        id: utterance id.
        content: digest of what they were made of.
        start: first byte.
        length, width: shape of the states.
        crc: CRC-32 of the bytes.
    """

    id: str
    content: str
    start: int
    length: int
    width: int
    crc: int


def _is_sound(entry: Entry) -> bool:
    numbers = (entry.start, entry.length, entry.width, entry.crc)
    return (
        all(type(text) is str for text in (entry.id, entry.content))
        and all(type(number) is int and 0 <= number < _MOST for number in numbers)
        and entry.width > 0
    )


class StateStore:
    """States ``[T, D]`` by utterance id; see the module."""

    def __init__(self, folder: Path, dtype: str = "float32") -> None:
        """Open a folder, or make it.

        Args:
            folder: of one encoder and one way to use it.
            dtype: how states are kept; they are read as float32.

        Raises:
            InputError: the folder cannot be made or read.
        """
        self.folder = folder
        self._dtype = np.dtype(DTYPES[dtype])
        self._map: np.ndarray | None = None
        self._checked: set[str] = set()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._entries = self._read_index()
        except OSError as error:
            raise InputError(
                f"{folder}: no place to keep encoder states ({error}); give another --cache_dir"
            ) from error

    def __getitem__(self, utterance_id: str) -> np.ndarray:
        """Return an utterance's states in float32.

        Raises:
            InputError: the bytes are not those that were written.
        """
        entry = self._entries[utterance_id]
        size = entry.length * entry.width
        if size == 0:
            return np.zeros((0, entry.width), dtype=np.float32)
        raw = self._bytes()[entry.start : entry.start + size * self._dtype.itemsize]
        if utterance_id not in self._checked:
            if zlib.crc32(raw.data) != entry.crc:
                raise InputError(
                    f"{self.folder}: the states of {utterance_id} are damaged; remove the folder, "
                    "it is made again"
                )
            self._checked.add(utterance_id)
        states = raw.view(self._dtype).reshape(entry.length, entry.width)
        return states.astype(np.float32)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the mapping behind: each process that decodes opens its own."""
        return {**self.__dict__, "_map": None}

    def missing(self, contents: Mapping[str, str]) -> list[str]:
        """Return the ids of which there are no states, or none of that content."""
        end = self._end()
        return [
            utterance_id
            for utterance_id, content in contents.items()
            if (entry := self._entries.get(utterance_id)) is None
            or entry.content != content
            or entry.start + entry.length * entry.width * self._dtype.itemsize > end
        ]

    def append(self, rows: Iterable[tuple[str, str, np.ndarray]]) -> None:
        """Add states; only under `locked`.

        Args:
            rows: utterance id, content and states ``[T, D]``.

        Raises:
            InputError: states are not finite, or the disk is full.
        """
        try:
            with (
                (self.folder / _STATES).open("ab") as states_file,
                (self.folder / _INDEX).open("a", encoding="utf-8") as index_file,
            ):
                entries = [self._append_one(states_file, *row) for row in rows]
                states_file.flush()
                os.fsync(states_file.fileno())
                for entry in entries:
                    index_file.write(json.dumps(asdict(entry)) + "\n")
        except OSError as error:
            raise InputError(
                f"{self.folder}: encoder states cannot be written ({error}); make room, or give "
                "another --cache_dir"
            ) from error
        self._entries |= {entry.id: entry for entry in entries}
        self._map = None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder alone; waits while another process fills it."""
        with (self.folder / _LOCK).open("w") as file:
            lock(file.fileno())
            self._entries = self._read_index()
            self._drop_torn_line()
            yield

    def _append_one(self, file: Any, utterance_id: str, content: str, states: np.ndarray) -> Entry:
        if not np.isfinite(states).all():
            raise InputError(
                f"utterance {utterance_id}: its encoder states are not finite; look at its audio"
            )
        with np.errstate(over="ignore"):  # refused below, by name
            kept = np.ascontiguousarray(states, dtype=self._dtype)
        if not np.isfinite(kept).all():
            raise InputError(
                f"utterance {utterance_id}: its encoder states do not fit into {self._dtype}; "
                "take --cache_dtype float32"
            )
        data = kept.tobytes()
        start = file.tell()
        file.write(data)
        length, width = states.shape
        return Entry(utterance_id, content, start, length, width, zlib.crc32(data))

    def _bytes(self) -> np.ndarray:
        if self._map is None:
            self._map = np.memmap(self.folder / _STATES, dtype=np.uint8, mode="r")
        return self._map

    def _end(self) -> int:
        path = self.folder / _STATES
        if not path.exists():
            return 0
        require_regular(path)
        return path.stat().st_size

    def _read_index(self) -> dict[str, Entry]:
        path = self.folder / _INDEX
        if not path.exists():
            return {}
        require_regular(path)
        entries: dict[str, Entry] = {}
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                entry = Entry(**json.loads(line))
            except (ValueError, TypeError, RecursionError):
                continue  # a line that was cut short, or of another kind: made again
            if _is_sound(entry):
                entries[entry.id] = entry
        return entries

    def _drop_torn_line(self) -> None:
        """End the last line, so that the next one does not stand on it."""
        path = self.folder / _INDEX
        if path.exists() and path.stat().st_size and path.read_bytes()[-1:] != b"\n":
            with path.open("a", encoding="utf-8") as file:
                file.write("\n")
