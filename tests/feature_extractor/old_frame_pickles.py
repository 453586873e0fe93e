"""Writes DataFrames as pandas before 1.3 pickled them, by stand-ins under pandas's old names.

Protocol 2 spells a name as ``c<module>\\n<name>\\n``, so that a stand-in's name can be replaced.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


class OldFrame:
    """``pandas.core.frame.DataFrame``."""


class OldManager:
    """``BlockManager``: all in the state."""

    def __init__(self, state: Any) -> None:
        self.state = state

    def __reduce_ex__(self, protocol: int) -> Any:
        import copyreg

        return copyreg.__newobj__, (OldManager,), self.state


class OldStrings:
    """``StringArray`` of pandas 1.0 to 1.2: a column of text that keeps its cells in its state."""

    def __init__(self, cells: Sequence[Any]) -> None:
        self._ndarray = np.array(cells, dtype=object)
        self._dtype = OldStringDtype()


class OldStringDtype:
    """``StringDtype``: only named."""


class OldIndex:
    """``Index``, made by `_new_index`."""

    def __init__(self, kind: type, **content: Any) -> None:
        self.kind, self.content = kind, content

    def __reduce__(self) -> Any:
        return new_index, (self.kind, self.content)


class OldInt64Index:
    """``Int64Index``: only named."""


def new_index(kind: type, content: Mapping[str, Any]) -> None:
    """``pandas.core.indexes.base._new_Index``."""


# What each stand-in is called in pandas 0.24 to 1.2, 0.20 to 0.23, and 0.18 to 0.19.
_MANAGERS = ("pandas.core.internals.managers", "pandas.core.internals", "pandas.core.internals")
_STRINGS = "pandas.core.arrays.string_"
_INDEXES = ("pandas.core.indexes", "pandas.core.indexes", "pandas.indexes")


def old_pickle(
    columns: Mapping[str, Sequence[Any]],
    age: int,
    state_key: str = "_data",
    texts: Mapping[str, Sequence[str]] | None = None,
) -> bytes:
    """Return the pickle of a frame with one block of integers and one of objects.

    Args:
        columns: one column ``person`` of integers first, then columns of objects.
        age: 0 for pandas 0.24 to 1.2, 1 for 0.20 to 0.23, 2 for 0.18 to 0.19.
        state_key: ``_data``, since pandas 1.1 ``_mgr``.
        texts: columns of pandas's own texts behind them, of age 0; each is a block of its own.
    """
    names = [*columns, *(texts or {})]
    (numbers, *objects) = columns.values()
    cells = np.empty((len(objects), len(numbers)), dtype=object)
    for row, column in zip(cells, objects, strict=True):
        for position, cell in enumerate(column):
            row[position] = cell
    blocks = [
        {"values": np.array([numbers], dtype="int64"), "mgr_locs": slice(0, 1, 1)},
        {"values": np.asfortranarray(cells), "mgr_locs": np.arange(1, len(columns))},
    ]
    for place, cells_of_text in enumerate((texts or {}).values(), start=len(columns)):
        blocks.append({"values": OldStrings(cells_of_text), "mgr_locs": slice(place, place + 1, 1)})
    axes = [
        OldIndex(OldIndex, data=np.array(names, dtype=object), name=None),
        OldIndex(OldInt64Index, data=np.arange(len(numbers))[::-1] * 7, name=None),
    ]
    state = (
        axes,
        [b["values"] for b in blocks],
        axes[:1],
        {"0.14.1": {"axes": axes, "blocks": blocks}},
    )
    frame = OldFrame()
    frame.__dict__ = {state_key: OldManager(state), "_typ": "dataframe", "_metadata": []}
    return _renamed(pickle.dumps(frame, protocol=2), age)


def _renamed(data: bytes, age: int) -> bytes:
    names = {
        OldFrame: ("pandas.core.frame", "DataFrame"),
        OldManager: (_MANAGERS[age], "BlockManager"),
        OldIndex: (f"{_INDEXES[age]}.base", "Index"),
        OldInt64Index: (f"{_INDEXES[age]}.numeric", "Int64Index"),
        new_index: (f"{_INDEXES[age]}.base", "_new_Index"),
        OldStrings: (_STRINGS, "StringArray"),
        OldStringDtype: (_STRINGS, "StringDtype"),
    }
    for stand_in, (module, name) in names.items():
        written = f"c{stand_in.__module__}\n{stand_in.__qualname__}\n".encode()
        assert written in data or module == _STRINGS
        data = data.replace(written, f"c{module}\n{name}\n".encode())
    return data.replace(b"numpy._core.multiarray\n", b"numpy.core.multiarray\n")
