"""The columns of a pickled DataFrame, put together from its records (`frame_pickle`)."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from feature_extractor.corpora.frame_pickle import (
    REWRITE,
    ArrayRecord,
    BlockRecord,
    BufferRecord,
    DtypeRecord,
    EncodedRecord,
    FrameRecord,
    IndexRecord,
    ManagerRecord,
    Record,
    ScalarRecord,
    SliceRecord,
    StringsRecord,
    read_frame_records,
)
from graph_er.errors import InputError

# Truth values, integers, floats, and text of fixed length; no records, no times.
_PLAIN_DTYPE = re.compile(r"[biufSU][0-9]{1,4}")


def read_frame_pickle(path: Path) -> dict[str, list[Any]]:
    """Read the columns of a pickled DataFrame by name; the row index is not looked at.

    Args:
        path: a pickle of any protocol, by pandas 0.18 to 3.

    Returns:
        Cells from the first row to the last; arrays and numbers in them are numpy's.

    Raises:
        InputError: no such file, or it holds more than a DataFrame of numbers, strings and arrays.
    """
    frame = read_frame_records(Path(path))
    try:
        return _columns(frame)
    except Exception as error:  # records can be filled with anything
        raise InputError(
            f"{path}: no DataFrame that can be read here ({type(error).__name__}: {error}); "
            f"restore the file, or {REWRITE}"
        ) from error


def _columns(frame: FrameRecord) -> dict[str, list[Any]]:
    blocks, axes = _blocks(frame.state.get("_mgr", frame.state.get("_data")))
    names = [str(name) for name in _axis(axes[0])]
    columns: dict[str, list[Any]] = {}
    for values, positions in blocks:
        rows = _rows(values)
        for position, cells in zip(_positions(positions, len(names)), rows, strict=True):
            if names[position] in columns:
                raise ValueError(f"column {names[position]!r} occurs twice")
            columns[names[position]] = [_cell(cell) for cell in cells]
    if len(columns) != len(names) or len({len(cells) for cells in columns.values()}) > 1:
        raise ValueError("columns are missing or differ in length")
    return {name: columns[name] for name in names}


def _blocks(manager: Any) -> tuple[list[tuple[Any, Any]], Sequence[Any]]:
    """Return (values, positions of the columns) per block, and the axes, columns first."""
    _expect(manager, ManagerRecord)
    if manager.state is not None:
        newest = manager.state[3]["0.14.1"]
        return [(block["values"], block["mgr_locs"]) for block in newest["blocks"]], newest["axes"]
    blocks, axes = manager.arguments[:2]
    for block in blocks:
        _expect(block, BlockRecord)
    return [block.arguments[:2] for block in blocks], axes


def _axis(index: Any) -> Sequence[Any]:
    """Return the names along an axis."""
    _expect(index, IndexRecord)
    data = index.arguments[1]["data"]
    (names,) = _rows(data)
    return names


def _positions(placement: Any, count: int) -> list[int]:
    if isinstance(placement, SliceRecord):
        positions = list(range(*slice(*placement.arguments).indices(count)))
    else:
        positions = [int(position) for position in _numbers(placement).ravel()]
    if not all(0 <= position < count for position in positions):
        raise ValueError("a column beyond the last")
    return positions


def _rows(values: Any) -> list[Sequence[Any]]:
    """Return an array of one or two dimensions as its rows."""
    if isinstance(values, StringsRecord):
        values = _strings(values)
    if isinstance(values, ArrayRecord) and isinstance(values.state[4], list):
        shape, cells = _shape(values.state[1]), values.state[4]
        if math.prod(shape) != len(cells):
            raise ValueError(f"{len(cells)} objects for an array of shape {shape}")
        width = shape[-1] or 1
        return [cells[start : start + width] for start in range(0, len(cells), width)]
    return list(np.atleast_2d(_numbers(values)))


def _strings(record: StringsRecord) -> Any:
    state = record.state if record.state is not None else record.arguments[2]
    if isinstance(state, dict):  # before pandas 1.3
        return state["_ndarray"]
    return next(part for part in state if isinstance(part, ArrayRecord))


def _cell(cell: Any) -> Any:
    if isinstance(cell, ScalarRecord):
        kind, data = cell.arguments
        return np.frombuffer(_bytes(data), dtype=_dtype(kind))[0]
    return _numbers(cell) if isinstance(cell, Record) else cell


def _numbers(record: Any) -> np.ndarray:
    """Return an array of numbers; it shares the memory that the pickle's bytes lie in."""
    if isinstance(record, BufferRecord):
        data, kind, shape, order = record.arguments
    else:
        _expect(record, ArrayRecord)
        _, shape, kind, is_fortran, data = record.state
        order = "F" if is_fortran else "C"
    if order not in ("C", "F"):
        raise ValueError(f"order {order!r}")
    return np.frombuffer(_bytes(data), dtype=_dtype(kind)).reshape(_shape(shape), order=order)


def _shape(shape: Any) -> tuple[int, ...]:
    """Return a shape of one or two dimensions, the second kind without empty rows.

    Empty rows take no bytes, so a file could claim any number of them.
    """
    if (
        not isinstance(shape, tuple)
        or not all(type(length) is int and length >= 0 for length in shape)
        or not (len(shape) == 1 or (len(shape) == 2 and 0 not in shape))
    ):
        raise ValueError(f"an array of shape {shape!r}")
    return shape


def _dtype(record: Any) -> np.dtype:
    _expect(record, DtypeRecord)
    name, order = record.arguments[0], record.state[1]
    if not isinstance(name, str) or not _PLAIN_DTYPE.fullmatch(name):
        raise ValueError(f"an array of {name!r}")
    if order not in ("<", ">", "|", "="):
        raise ValueError(f"byte order {order!r}")
    return np.dtype(name).newbyteorder(order)


def _bytes(data: Any) -> bytes | bytearray:
    if isinstance(data, EncodedRecord):
        data = data.arguments[0] if data.arguments else b""
    if isinstance(data, str):
        return data.encode("latin1")
    if not isinstance(data, bytes | bytearray):
        raise ValueError(f"a {type(data).__name__} where an array's bytes belong")
    return data


def _expect(record: Any, kind: type[Record]) -> None:
    if not isinstance(record, kind):
        raise ValueError(f"a {type(record).__name__} where a {kind.__name__} belongs")
