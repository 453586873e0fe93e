"""Pickled pandas DataFrames, read without running anything that the file names.

Unpickling calls whatever a file asks for. Here, the names that pandas 0.18 to 3 and numpy 1 and 2
put into a DataFrame's pickle stand for inert records, which only keep the arguments and the state
that the file gives them; any other name is refused before it is looked up. The columns are then
put together from the records (`frame_pickle_columns`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from graph_er.errors import InputError
from graph_er.schema.dialogue_pickle import read_restricted_pickle

# Column names are pyarrow's texts, too, where the columns are, and so may the row index be.
REWRITE = (
    "rewrite it from pandas with `df.astype(object).set_axis(df.columns.astype(object), axis=1)"
    ".reset_index(drop=True).to_pickle(FILE)`"
)


class Record:
    """What a file says of one object; each subclass stands for one kind of object.

    Attributes:
        arguments: what it was to be made from.
        state: what it was to be given then, or None.
    """

    __slots__ = ("arguments", "state")
    arguments: tuple[Any, ...]
    state: Any

    def __new__(cls, *arguments: Any) -> Record:
        """Keep the arguments; this is all that happens."""
        record = object.__new__(cls)
        record.arguments = arguments
        record.state = None
        return record

    def __setstate__(self, state: Any) -> None:
        """Keep the state."""
        self.state = state


class FrameRecord(Record):
    """A DataFrame; the state is a dict with the manager as ``_mgr``, before 1.1 ``_data``."""

    __slots__ = ()


class ManagerRecord(Record):
    """The blocks of a frame: (blocks, axes), before pandas 1.3 in the state instead."""

    __slots__ = ()


class BlockRecord(Record):
    """(values, positions of its columns, dimensions); values hold one row per column."""

    __slots__ = ()


class IndexRecord(Record):
    """An axis: (class, dict with ``data`` and ``name``), or start, stop and step of a range."""

    __slots__ = ()


class SliceRecord(Record):
    """(start, stop, step)."""

    __slots__ = ()


class StringsRecord(Record):
    """An extension array of strings, over an array of objects that its state holds."""

    __slots__ = ()


class ArrayRecord(Record):
    """An array by protocols 0 to 4; the state is (version, shape, dtype, is Fortran, data)."""

    __slots__ = ()


class BufferRecord(Record):
    """An array by protocol 5: (data, dtype, shape, order)."""

    __slots__ = ()


class ScalarRecord(Record):
    """A number: (dtype, bytes)."""

    __slots__ = ()


class DtypeRecord(Record):
    """An element type: its name first; the state's second part is the byte order."""

    __slots__ = ()


class EncodedRecord(Record):
    """Bytes that protocols 0 to 2 spell as text: (text, ``latin1``), or nothing for no bytes."""

    __slots__ = ()


class NameRecord(Record):
    """A class that is only named, e.g. that of an index; nothing is read from it."""

    __slots__ = ()


def read_frame_records(path: Path) -> FrameRecord:
    """Return the record of a pickled DataFrame of any protocol.

    Raises:
        InputError: the file cannot be read, is no complete pickle of a DataFrame, or names
            anything that is not part of one.
    """
    frame = read_restricted_pickle(
        path,
        _KINDS,
        "A DataFrame of numbers, strings and arrays does not need it; if it is such a frame in "
        f"another form, as pandas 3 writes texts where pyarrow is installed, {REWRITE}",
    )
    if not isinstance(frame, FrameRecord):
        kind = type(frame).__name__.removesuffix("Record").lower()
        raise InputError(f"{path}: holds a {kind}, no pandas DataFrame; restore the file")
    return frame


_INDEX_CLASSES = {
    "base": ("Index",),
    "range": ("RangeIndex",),
    "numeric": ("Int64Index", "UInt64Index", "Float64Index", "NumericIndex"),
}

# Modules moved between versions; the pandas versions are the first with that name.
_KINDS: dict[tuple[str, str], type[Record]] = {
    ("pandas.core.frame", "DataFrame"): FrameRecord,
    ("pandas", "DataFrame"): FrameRecord,  # 3.0
    ("pandas.core.internals", "BlockManager"): ManagerRecord,
    ("pandas.core.internals.managers", "BlockManager"): ManagerRecord,  # 0.24
    ("pandas._libs.internals", "_unpickle_block"): BlockRecord,  # 1.3
    ("pandas.core.internals.blocks", "new_block"): BlockRecord,  # 1.3, for a while
    ("builtins", "slice"): SliceRecord,
    ("__builtin__", "slice"): SliceRecord,
    ("pandas._libs.arrays", "__pyx_unpickle_NDArrayBacked"): StringsRecord,  # 1.3
    ("pandas.core.arrays.string_", "StringArray"): StringsRecord,  # 1.0
    ("pandas.arrays", "StringArray"): StringsRecord,  # 3.0
    ("pandas.core.arrays.string_", "StringDtype"): NameRecord,
    ("pandas", "StringDtype"): NameRecord,
    ("pandas", "Index"): NameRecord,
    ("pandas", "RangeIndex"): NameRecord,
    **{
        (f"pandas.{package}.base", "_new_Index"): IndexRecord
        for package in ("indexes", "core.indexes")  # the second since 0.20
    },
    **{
        (f"pandas.{package}.{module}", name): NameRecord
        for package in ("indexes", "core.indexes")
        for module, names in _INDEX_CLASSES.items()
        for name in names
    },
    ("numpy", "dtype"): DtypeRecord,
    ("numpy", "ndarray"): NameRecord,
    ("_codecs", "encode"): EncodedRecord,
    ("builtins", "bytes"): EncodedRecord,
    ("__builtin__", "bytes"): EncodedRecord,
    **{
        (f"{core}.{module}", name): kind
        for core in ("numpy.core", "numpy._core")
        for module, name, kind in (
            ("multiarray", "_reconstruct", ArrayRecord),
            ("multiarray", "scalar", ScalarRecord),
            ("numeric", "_frombuffer", BufferRecord),
        )
    },
}
