"""Pickles of plain values: a reader that runs nothing, and a writer that any numpy can read back.

A pickle may name any callable and have it called on loading. The reader knows a closed list of
constructors of containers, strings, numbers and numpy arrays; a file that names anything else is
refused, and the arrays are built by constructors that check sizes before they reserve memory.
"""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict, defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from graph_er.errors import InputError

# numpy 1 and numpy 2 name the same functions differently.
_NUMPY_CORES = ("numpy.core", "numpy._core")


def read_plain_pickle(path: Path) -> Any:
    """Load a pickle of any protocol, Python 2's included, that holds plain values only.

    Raises:
        InputError: the file is missing, is no complete pickle, or names a callable beyond the
            constructors of containers, strings, numbers and numpy arrays.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            # latin1 is the one encoding in which Python 2's numpy buffers survive.
            return _PlainUnpickler(file, path).load()
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except Exception as error:  # a broken pickle can fail in any way
        raise InputError(
            f"{path}: not a readable dialogue file ({type(error).__name__}: {error}); "
            "was it cut off or written by something else?"
        ) from error


def write_plain_pickle(path: Path, value: Any) -> None:
    """Write `value` by pickle protocol 4, its numpy arrays in a form that numpy 1 and 2 load."""
    with Path(path).open("wb") as file:
        _PortablePickler(file, protocol=4).dump(value)


class _PlainUnpickler(pickle.Unpickler):
    def __init__(self, file: io.BufferedReader, path: Path) -> None:
        super().__init__(file, encoding="latin1")
        self._path = path

    def find_class(self, module: str, name: str) -> Any:
        constructor = _CONSTRUCTORS.get((module, name))
        if constructor is None:
            raise InputError(
                f"{self._path}: refused, the file names the callable {module}.{name}; a dialogue "
                "file holds containers, strings, numbers and numpy arrays only"
            )
        return constructor

    def persistent_load(self, pid: Any) -> Any:
        raise InputError(f"{self._path}: refused, the file refers to an outside object {pid!r}")


class _PortablePickler(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        # numpy 2's own reduction names `numpy._core`, which numpy 1 lacks.
        if type(value) is np.ndarray:
            array = np.ascontiguousarray(value)
            return np.ndarray, (array.shape, array.dtype.str, bytearray(array.tobytes()))
        return NotImplemented


def _array(shape: tuple[int, ...], dtype: Any = "<f8", buffer: Any = None) -> np.ndarray:
    """Build an array from its bytes; without bytes nothing is allocated."""
    dtype = np.dtype(dtype)
    if buffer is None or dtype.hasobject:
        raise ValueError("an array without its data, or of Python objects")
    return np.ndarray(shape, dtype, buffer)


def _from_buffer(buffer: bytes, dtype: Any, shape: tuple[int, ...], order: str) -> np.ndarray:
    """Build an array as pickle protocol 5 does."""
    return np.frombuffer(buffer, dtype=np.dtype(dtype)).reshape(shape, order=order).copy()


def _empty_array(_subtype: Any, _shape: Any, _typecode: Any) -> np.ndarray:
    """Start an array of protocols 0 to 4; its shape, type and data follow as its state."""
    return np.ndarray.__new__(np.ndarray, (0,), "b")


def _scalar(dtype: Any, data: Any) -> Any:
    """Build one number from its bytes."""
    if isinstance(data, str):
        data = data.encode("latin1")
    return np.frombuffer(data, dtype=np.dtype(dtype))[0]


def _encode(text: str, encoding: str) -> bytes:
    """Rebuild bytes that protocols 0 to 2 spell as text."""
    if encoding not in ("latin1", "latin-1"):
        raise ValueError(f"bytes encoded as {encoding!r}")
    return text.encode("latin1")


def _dtype(name: str, *_flags: Any) -> np.dtype:
    # A copy: the byte order that follows as its state must not reach numpy's shared instance.
    dtype = np.dtype(name, False, True)
    if dtype.hasobject:
        raise ValueError("an array of Python objects")
    return dtype


_CONSTRUCTORS: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("collections", "defaultdict"): defaultdict,
    ("_codecs", "encode"): _encode,
    ("numpy", "ndarray"): _array,
    ("numpy", "dtype"): _dtype,
    **{
        (module, name): kind
        for module in ("builtins", "__builtin__")
        for name, kind in {
            "list": list,
            "dict": dict,
            "set": set,
            "frozenset": frozenset,
            "bytearray": bytearray,
            "complex": complex,
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
