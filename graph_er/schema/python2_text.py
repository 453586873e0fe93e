"""Texts of files that Python 2 wrote: its strings are bytes, which the unpickler reads as Latin-1.

Arrays of that time are kept in such strings, too, so they cannot be read as UTF-8 to begin with.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

# The file, its elements, dialogues, and speakers that are tuples of tuples of tuples.
_DEEPEST = 6
_PROTOCOL_OF_PYTHON_3 = 3
_HOLDERS = (str, list, tuple, dict, set, frozenset)


def may_be_of_python2(path: Path) -> bool:
    """Tell by the protocol in its first bytes whether Python 2 can have written a pickle."""
    with path.open("rb") as file:
        first = file.read(2)
    return not (first[:1] == b"\x80" and first[1:] >= bytes([_PROTOCOL_OF_PYTHON_3]))


def decoded(value: Any) -> Any:
    """Return containers with their texts as UTF-8 where those are UTF-8 that was read as Latin-1.

    A text that Python 3 wrote has letters beyond Latin-1, or by all odds is no UTF-8 when its
    letters are taken for bytes, and stays as it is. So does all that lies deeper than a dialogue
    file has anything.
    """
    return _decoded(value, _DEEPEST, {})


def _decoded(value: Any, depth: int, known: dict[int, Any]) -> Any:
    if isinstance(value, str):
        if value.isascii():
            return value
    elif depth == 0 or type(value) not in _HOLDERS:
        return value
    # What stands in many places is decoded once: a small file may say a long text very often.
    if id(value) not in known:
        known[id(value)] = value  # within itself it stays as it is
        known[id(value)] = (
            _text(value) if isinstance(value, str) else _container(value, depth - 1, known)
        )
    return known[id(value)]


def _container(value: Any, depth: int, known: dict[int, Any]) -> Any:
    if isinstance(value, dict):
        return {_decoded(k, depth, known): _decoded(v, depth, known) for k, v in value.items()}
    if not any(type(part) in _HOLDERS for part in value):  # numbers by the million
        return value
    return type(value)(_decoded(part, depth, known) for part in value)


def _text(text: str) -> str:
    try:
        return text.encode("latin-1").decode()
    except UnicodeError:
        return text
