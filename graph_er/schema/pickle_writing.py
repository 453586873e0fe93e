"""Pickles of plain values, written piece by piece: any numpy and plain ``pickle.load`` read them.

A pickle is a program for a stack machine, so that a long list can be composed of the programs of
its entries: `PickleStream` writes the brackets itself and has each entry pickled alone. The pieces
are made without the table of objects that were seen before, whose numbers would clash and which
would keep all of them in memory; what every array needs, its constructors, shape and type, is put
into it once.
"""

from __future__ import annotations

import io
import pickle
import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import numpy as np

# Protocol 3 has no frames, whose lengths would have to be known before the pieces are.
_PROTOCOL = 3
_HEADER = pickle.PROTO + bytes([_PROTOCOL])
_ARRAY = pickle.GLOBAL + b"numpy\nndarray\n"
_BYTEARRAY = pickle.GLOBAL + b"builtins\nbytearray\n"
_TABLE_SIZE = 256


class PickleStream:
    """Writes one value, a list, to a file; nothing of it is kept."""

    def __init__(self, file: BinaryIO) -> None:
        """Start a pickle in `file`, which is open for writing."""
        self._file = file
        self._table: dict[bytes, bytes] = {}
        file.write(_HEADER)

    @contextmanager
    def list(self) -> Iterator[None]:
        """Write a list, of which each entry is one call within the context, and end the pickle."""
        self._file.write(pickle.EMPTY_LIST + pickle.MARK)
        yield
        self._file.write(pickle.APPENDS + pickle.STOP)

    def value(self, value: Any) -> None:
        """Write a plain value as an entry."""
        self._file.write(_program(value))

    def mapping(
        self, items: Iterable[tuple[str, Any]], write: Callable[[Any], None] | None = None
    ) -> None:
        """Write a dictionary as an entry; `write` writes each of its values, `value` by default."""
        self._file.write(pickle.EMPTY_DICT)
        for key, value in items:
            self.value(key)
            (write or self.value)(value)
            self._file.write(pickle.SETITEM)

    def rows(self, rows: np.ndarray | None) -> None:
        """Write an array ``[U, ...]`` as a list of U arrays; None as an empty list."""
        if rows is None or len(rows) == 0:
            self.value([])
            return
        rows = np.ascontiguousarray(rows)
        data = rows.reshape(len(rows), -1).view(np.uint8)
        parts = (_ARRAY, _program(rows.shape[1:]), _program(rows.dtype.str), _BYTEARRAY)
        head = b"".join([self._known(part) for part in parts])
        head += pickle.BINBYTES + struct.pack("<I", data.shape[1])
        tail = pickle.TUPLE1 + pickle.REDUCE + pickle.TUPLE3 + pickle.REDUCE
        repeated = [np.tile(np.frombuffer(part, np.uint8), (len(rows), 1)) for part in (head, tail)]
        body = np.concatenate((repeated[0], data, repeated[1]), axis=1).tobytes()
        self._file.write(pickle.EMPTY_LIST + pickle.MARK + body + pickle.APPENDS)

    def _known(self, program: bytes) -> bytes:
        """Return what takes from the table of objects what `program` makes; put it there first."""
        if program not in self._table:
            if len(self._table) == _TABLE_SIZE:
                return program
            self._table[program] = bytes([len(self._table)])
            self._file.write(program + pickle.BINPUT + self._table[program] + pickle.POP)
        return pickle.BINGET + self._table[program]


class _PortablePickler(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        # As `PickleStream.rows`: numpy 2's own reduction names `numpy._core`, which 1 lacks.
        if type(value) is np.ndarray:
            array = np.ascontiguousarray(value)
            return np.ndarray, (array.shape, array.dtype.str, bytearray(array.tobytes()))
        return NotImplemented


def _program(value: Any) -> bytes:
    """Return what pushes a plain value, one without cycles, on the stack."""
    buffer = io.BytesIO()
    pickler = _PortablePickler(buffer, protocol=_PROTOCOL)
    pickler.fast = True
    pickler.dump(value)
    return buffer.getvalue()[len(_HEADER) : -len(pickle.STOP)]
