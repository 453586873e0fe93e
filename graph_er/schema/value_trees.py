"""Plain values that are no larger written out than the file that they are from.

A file can put one list into many places, and so on for sixty levels: it is small as it lies in
memory, but whoever shows it, compares it or writes it down meets each place anew.
"""

from __future__ import annotations

from typing import Any

from graph_er.errors import InputError

_DEEPEST = 50


def require_tree(value: Any, most: int, leaves: tuple[type, ...]) -> int:
    """Return how many values there are, those within others included.

    Args:
        value: dictionaries, lists, tuples and sets of `leaves`, within each other.
        most: values that there may be.
        leaves: the kinds of all else.

    Raises:
        InputError: there are more values, or others, or they lie too deep.
    """
    waiting, count = [(value, 0)], 0
    while waiting:
        part, depth = waiting.pop()
        count += 1
        inner: Any = ()
        if isinstance(part, dict):
            inner = (*part, *part.values())
        elif isinstance(part, list | tuple | set | frozenset):
            inner = part
        elif not isinstance(part, leaves):
            raise InputError(f"a {type(part).__name__} where plain values belong")
        if count + len(waiting) + len(inner) > most or depth > _DEEPEST:
            raise InputError("lists within lists without end")
        waiting += [(item, depth + 1) for item in inner]
    return count
