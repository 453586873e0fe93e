"""Pickles of plain values: a reader that runs nothing.

A pickle may name any callable and have it called on loading. The reader knows a closed list of
constructors of containers, strings, numbers and numpy arrays; a file that names anything else is
refused, and the arrays are built by constructors that check sizes before they reserve memory.
"""

from __future__ import annotations

import io
import mmap
import pickle
import pickletools
import re
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from graph_er.errors import InputError

# numpy 1 and numpy 2 name the same functions differently.
_NUMPY_CORES = ("numpy.core", "numpy._core")

# What follows each operation of a pickle: so many bytes, or one of pickletools' negative codes
# for a line and for bytes that a count of 1, 4 or 8 bytes precedes.
_OPERANDS = {
    ord(operation.code): operation.arg.n if operation.arg else 0
    for operation in pickletools.opcodes
    if operation.name != "STOP"
}
_LINE = pickletools.UP_TO_NEWLINE
_COUNT_BYTES = {
    pickletools.TAKEN_FROM_ARGUMENT1: 1,
    pickletools.TAKEN_FROM_ARGUMENT4: 4,
    pickletools.TAKEN_FROM_ARGUMENT4U: 4,
    pickletools.TAKEN_FROM_ARGUMENT8U: 8,
}
_COUNTED = {
    operation: _COUNT_BYTES[kind] for operation, kind in _OPERANDS.items() if kind in _COUNT_BYTES
}
_NUM_LINES = {ord("c"): 2, ord("i"): 2}  # GLOBAL and INST: module and name
_PUT, _LONG_BINPUT = ord("p"), ord("r")


def _fixed_operations() -> re.Pattern[bytes]:
    """Return what matches as many operations as follow each other with operands of fixed size."""
    by_size: dict[int, bytes] = defaultdict(bytes)
    for operation, size in _OPERANDS.items():
        if size >= 0 and operation != _LONG_BINPUT:
            by_size[size] += re.escape(bytes([operation]))
    kinds = [b"[" + by_size[size] + b"]" + b"." * size for size in sorted(by_size)]
    # Possessive: what was matched need not be remembered for another try.
    return re.compile(b"(?:" + b"|".join(kinds) + b")*+", re.DOTALL)


_FIXED = _fixed_operations()


def read_plain_pickle(path: Path) -> Any:
    """Load a pickle of any protocol, Python 2's included, that holds plain values only.

    Raises:
        InputError: the file is missing, is no complete pickle, or names a callable beyond the
            constructors of containers, strings, numbers and numpy arrays.
    """
    return read_restricted_pickle(
        Path(path),
        _CONSTRUCTORS,
        "A dialogue file holds containers, strings, numbers and numpy arrays only",
    )


def read_restricted_pickle(path: Path, known: Mapping[tuple[str, str], Any], holds: str) -> Any:
    """Load a pickle in which the names of a closed list stand for harmless things.

    Args:
        path: the file, of any protocol.
        known: what stands for each (module, name); nothing else is looked up.
        holds: what such a file may hold, for the message about any other name.

    Raises:
        InputError: the file is missing, is no complete pickle, or names anything else.
    """
    try:
        with path.open("rb") as file:
            refuse_memo_bomb(file)
            return _RestrictedUnpickler(file, path, known, holds).load()
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); restore the file") from error
    except Exception as error:  # a broken pickle can fail in any way
        raise InputError(
            f"{path}: no readable pickle ({type(error).__name__}: {error}); was it cut off or "
            "written by something else? restore the file"
        ) from error


def refuse_memo_bomb(file: io.BufferedReader) -> None:
    """Refuse a pickle that numbers an object higher than its place in the file.

    The unpickler's table of numbered objects is as long as the highest number that the file
    gives: ten bytes could claim any memory. Writers number from 0 on, so an honest number is
    never above the place where it stands. The contents of strings and arrays are skipped.

    Args:
        file: an open regular file; where it stands does not change.

    Raises:
        ValueError: the number is higher; also a file of no bytes.
    """
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        place, end = 0, len(content)
        # Runs of simple operations at once: a large file holds them by the million.
        while (place := _FIXED.match(content, place).end()) < end:
            operation = content[place]
            place += 1
            start, counted = place, _COUNTED.get(operation)
            if counted:
                place += counted
                place += int.from_bytes(content[start:place], "little")
                continue
            kind = _OPERANDS.get(operation)
            if kind is None:  # STOP, or what the unpickler refuses
                return
            number = 0
            if kind >= 0:
                place += kind
            for _ in range(_NUM_LINES.get(operation, 1) if kind == _LINE else 0):
                place = content.find(b"\n", place) + 1 or end
            if operation == _LONG_BINPUT:
                number = int.from_bytes(content[start:place], "little")
            elif operation == _PUT:
                number = int(content[start : min(place, start + 20)])
            if number > place:
                raise ValueError(f"object number {number:,} at byte {place:,}")


class _RestrictedUnpickler(pickle.Unpickler):
    def __init__(
        self,
        file: io.BufferedReader,
        path: Path,
        known: Mapping[tuple[str, str], Any],
        holds: str,
    ) -> None:
        # latin1 is the one encoding in which Python 2's numpy buffers survive.
        super().__init__(file, encoding="latin1")
        self._path, self._known, self._holds = path, known, holds

    def find_class(self, module: str, name: str) -> Any:
        found = self._known.get((module, name))
        if found is None:
            raise InputError(
                f"{self._path}: refused, the file names {module}.{name}; nothing in "
                f"it was run. {self._holds}"
            )
        return found

    def persistent_load(self, pid: Any) -> Any:
        raise InputError(f"{self._path}: refused, the file refers to an outside object {pid!r}")


class _Constructor:
    """A callable that a file can only call: it takes no state and no attributes."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        object.__setattr__(self, "_function", function)

    def __call__(self, *arguments: Any) -> Any:
        return self._function(*arguments)

    def __setattr__(self, name: str, value: Any) -> None:
        raise ValueError("state for a constructor")


class _Type:
    """Stands in for numpy's type objects, whose own state could make numpy read wild memory."""

    def __init__(self, name: str, *_flags: Any) -> None:
        self.numpy = _plain_type(np.dtype(name))

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        # (version, byte order, subtype, field names, fields, ...): plain types have none of these.
        _, order, *fields = state
        if order not in ("<", ">", "|", "=") or any(part is not None for part in fields[:3]):
            raise ValueError("an array of records")
        self.numpy = self.numpy.newbyteorder(order)


class _Array(np.ndarray):
    """An array of protocols 0 to 4: made empty, then given shape, type and data as its state."""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        version, shape, kind, is_fortran, data = state
        super().__setstate__((version, _plain_shape(shape), kind.numpy, is_fortran, data))


def _plain_type(dtype: np.dtype) -> np.dtype:
    if dtype.hasobject or dtype.fields or dtype.subdtype:
        raise ValueError("an array of Python objects or records")
    if dtype.itemsize == 0:  # numpy divides by it; any number of such elements fits no bytes
        raise ValueError("an array of elements of no bytes")
    return dtype


def _plain_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    if any(size < 0 for size in shape):
        raise ValueError(f"an array of shape {shape!r:.80}")
    return tuple(shape)


def _to_numpy(kind: Any) -> np.dtype:
    return kind.numpy if isinstance(kind, _Type) else _plain_type(np.dtype(kind))


def _array(shape: tuple[int, ...], kind: Any = None, buffer: Any = None) -> np.ndarray:
    """Build an array from its bytes, as `pickle_writing` has it; none without them."""
    if buffer is None:
        raise ValueError("an array without its data")
    return np.ndarray(_plain_shape(shape), _to_numpy(kind), buffer)


def _from_buffer(buffer: bytes, kind: Any, shape: tuple[int, ...], order: str) -> np.ndarray:
    """Build an array as pickle protocol 5 does."""
    array = np.frombuffer(buffer, dtype=_to_numpy(kind))
    return array.reshape(_plain_shape(shape), order=order).copy()


def _empty_array(_subtype: Any, _shape: Any, _typecode: Any) -> np.ndarray:
    """Start an array whose state follows; nothing is allocated by the size that a file claims."""
    return np.ndarray.__new__(_Array, (0,), "b")


def _scalar(kind: Any, data: Any) -> Any:
    """Build one number from its bytes."""
    if isinstance(data, str):
        data = data.encode("latin1")
    return np.frombuffer(data, dtype=_to_numpy(kind))[0]


def _bytearray(data: Any = b"") -> bytearray:
    """Copy bytes; a bare size would reserve memory that the file does not hold."""
    if isinstance(data, str):
        data = data.encode("latin1")
    if not isinstance(data, bytes):
        raise ValueError("a bytearray without its data")
    return bytearray(data)


def _encode(text: str, encoding: str) -> bytes:
    """Rebuild bytes that protocols 0 to 2 spell as text."""
    if encoding not in ("latin1", "latin-1"):
        raise ValueError(f"bytes encoded as {encoding!r}")
    return text.encode("latin1")


_CONSTRUCTORS: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("collections", "defaultdict"): defaultdict,
    ("_codecs", "encode"): _Constructor(_encode),
    ("numpy", "ndarray"): _Constructor(_array),
    ("numpy", "dtype"): _Constructor(_Type),
    **{
        (module, name): kind
        for module in ("builtins", "__builtin__")
        for name, kind in {
            "list": list,
            "dict": dict,
            "set": set,
            "frozenset": frozenset,
            "bytearray": _Constructor(_bytearray),
            "complex": complex,
        }.items()
    },
    **{
        (f"{core}.{module}", name): _Constructor(function)
        for core in _NUMPY_CORES
        for module, name, function in (
            ("multiarray", "_reconstruct", _empty_array),
            ("multiarray", "scalar", _scalar),
            ("numeric", "_frombuffer", _from_buffer),
        )
    },
}
