"""Pickles of plain values: a reader that runs nothing.

A pickle may name any callable and have it called on loading. The reader knows a closed list of
constructors of containers, strings, numbers and numpy arrays; a file that names anything else is
refused, and the arrays are built by constructors that check sizes before they reserve memory.
"""

from __future__ import annotations

import io
import os
import pickle
from collections.abc import Callable, Mapping, Sized
from pathlib import Path
from typing import Any

import numpy as np

from graph_er.errors import InputError
from graph_er.running.regular_files import require_regular
from graph_er.schema.pickle_scan import scan_pickle

# numpy 1 and numpy 2 name the same functions differently.
_NUMPY_CORES = ("numpy.core", "numpy._core")
_PLAIN_KINDS = "biufSU"

# A modality that is absent may be rows of no features.
_MOST_EMPTY_ROWS = 100_000

# Bytes that constructors may copy: so many for each byte of the file, and these.
_COPIES, _COPIES_OF_ANY = 4, 1 << 24


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
        _PlainUnpickler,
    )


def read_restricted_pickle(
    path: Path,
    known: Mapping[tuple[str, str], Any],
    holds: str,
    kind: type[_RestrictedUnpickler] | None = None,
) -> Any:
    """Load a pickle in which the names of a closed list stand for harmless things.

    Args:
        path: the file, of any protocol.
        known: what stands for each (module, name); nothing else is looked up.
        holds: what such a file may hold, for the message about any other name.
        kind: what unpickles, where the plainest does not do.

    Raises:
        InputError: the file is missing, is no complete pickle, or names anything else.
    """
    require_regular(path)
    try:
        with path.open("rb") as file:
            scan_pickle(file)
            return (kind or _RestrictedUnpickler)(file, path, known, holds).load()
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); restore the file") from error
    except Exception as error:  # a broken pickle can fail in any way
        if _is_table(path):
            raise InputError(
                f"{path}: is a table, not a dialogue file; make one of it with "
                "`python feature_extractor/extract.py --corpus table --root FILE`"
            ) from error
        if path.stat().st_size == 0:
            raise InputError(f"{path}: is empty; restore the file or make it again") from error
        raise InputError(
            f"{path}: no readable pickle ({type(error).__name__}: {first_line(error)}); was it cut "
            "off or written by something else? restore the file"
        ) from error


def _is_table(path: Path) -> bool:
    """Tell whether a file begins with a line of separated values, or of JSON."""
    with path.open("rb") as file:
        line = file.read(1024).splitlines()[:1]
    text = line[0].decode("utf-8-sig", errors="ignore") if line else ""
    separated = "," in text or "\t" in text or text.startswith("{")
    return separated and text.replace("\t", " ").isprintable()


def first_line(error: Exception) -> str:
    """Return what an error says, cut to a line that is no wall of text."""
    return str(error).partition("\n")[0][:200]


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
            named = f"{module}.{name}"[:100].encode("unicode_escape").decode()
            raise InputError(
                f"{self._path}: refused, the file names {named}; nothing in it was run. "
                f"{self._holds}"
            )
        return found

    def persistent_load(self, pid: Any) -> Any:
        named = f"{pid!r:.80}" if isinstance(pid, str) else f"by a {type(pid).__name__}"
        raise InputError(f"{self._path}: refused, the file refers to an outside object {named}")


class _PlainUnpickler(_RestrictedUnpickler):
    def __init__(self, file: io.BufferedReader, *others: Any) -> None:
        super().__init__(file, *others)
        self._left = _COPIES * os.fstat(file.fileno()).st_size + _COPIES_OF_ANY

    def find_class(self, module: str, name: str) -> Any:
        return _Constructor(super().find_class(module, name), self._spend)

    def _spend(self, size: int) -> None:
        """Refuse a small file that has the same bytes copied again and again."""
        self._left -= size
        if self._left < 0:
            raise ValueError("the same content copied again and again")


class _Constructor:
    """A callable that a file can only call: it takes no state and no attributes."""

    __slots__ = ("_function", "_spend")
    _function: Callable[..., Any]
    _spend: Callable[[int], None]

    def __init__(self, function: Callable[..., Any], spend: Callable[[int], None]) -> None:
        object.__setattr__(self, "_function", function)
        object.__setattr__(self, "_spend", spend)

    def __call__(self, *arguments: Any) -> Any:
        self._spend(sum(len(part) for part in arguments if isinstance(part, Sized)))
        return self._function(*arguments)

    def __setattr__(self, name: str, value: Any) -> None:
        raise ValueError("state for a constructor")


class _Type:
    """Stands in for numpy's type objects, whose own state could make numpy read wild memory."""

    def __init__(self, name: str, *_flags: Any) -> None:
        self.numpy = _plain_type(name)

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
        super().__setstate__((version, _plain_shape(shape), _to_numpy(kind), is_fortran, data))


def _plain_type(name: Any) -> np.dtype:
    """Return a type of numbers or of text of fixed length by its name, e.g. ``<f4``."""
    if not isinstance(name, str):
        raise ValueError("an array of another kind")
    dtype = np.dtype(name)
    if dtype.itemsize == 0:  # numpy divides by it; any number of such elements fits no bytes
        raise ValueError("an array of elements of no bytes")
    if dtype.kind not in _PLAIN_KINDS:
        remedy = "; make it a list with .tolist()" if dtype.kind == "O" else ""
        raise ValueError(f"an array of type {dtype.name}, neither real numbers nor text{remedy}")
    return dtype


def _plain_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    # Rows without elements take no bytes, so a file could claim any number of them.
    empty = 0 in shape[1:] and not (len(shape) == 2 and shape[0] <= _MOST_EMPTY_ROWS)
    if any(size < 0 for size in shape) or empty:
        raise ValueError(f"an array of shape {shape!r:.80}")
    return tuple(shape)


def _to_numpy(kind: Any) -> np.dtype:
    return kind.numpy if isinstance(kind, _Type) else _plain_type(kind)


def _array(shape: tuple[int, ...], kind: Any = None, buffer: Any = None) -> np.ndarray:
    """Build an array from its bytes, as `pickle_writing` has it; none without them."""
    if buffer is None:
        raise ValueError("an array without its data")
    return np.ndarray(_plain_shape(shape), _to_numpy(kind), buffer)


def _from_buffer(buffer: bytes, kind: Any, shape: tuple[int, ...], order: Any) -> np.ndarray:
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


def _no_bytes() -> bytes:
    """Return the bytes of an array without elements, as protocols 0 to 2 spell them."""
    return b""


def _bytearray(data: Any = b"", encoding: str = "latin-1") -> bytearray:
    """Copy bytes; a bare size would reserve memory that the file does not hold."""
    if isinstance(data, str):  # as Python before 3.8 spells them in protocols 0 to 2
        data = _encode(data, encoding)
    if not isinstance(data, bytes):
        raise ValueError("a bytearray without its data")
    return bytearray(data)


def _default_dict(_factory: Any = None) -> dict[Any, Any]:
    """Begin a dictionary; what it would make for a key that it lacks is not kept."""
    return {}


def _encode(text: str, encoding: str) -> bytes:
    """Rebuild bytes that protocols 0 to 2 spell as text."""
    if encoding not in ("latin1", "latin-1"):
        raise ValueError(f"bytes encoded as {encoding!r}")
    return text.encode("latin1")


_CONSTRUCTORS: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): dict,
    ("collections", "defaultdict"): _default_dict,
    ("_codecs", "encode"): _encode,
    ("numpy", "ndarray"): _array,
    ("numpy", "dtype"): _Type,
    **{
        (module, name): kind
        for module in ("builtins", "__builtin__")
        for name, kind in {
            "list": list,
            "dict": dict,
            "set": set,
            "frozenset": frozenset,
            "bytes": _no_bytes,
            "bytearray": _bytearray,
        }.items()
    },
    **{
        (f"{core}.{module}", name): function
        for core in _NUMPY_CORES
        for module, name, function in (
            ("multiarray", "_reconstruct", _empty_array),
            ("multiarray", "scalar", _scalar),
            ("numeric", "_frombuffer", _from_buffer),
        )
    },
}
