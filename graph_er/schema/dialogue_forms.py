"""Forms in which dialogue files of the COGMEN family occur, brought to that of the list we write.

What others published differs from it in three things: element 0 may be ``{dialogue: [utterance id,
...]}`` in place of the ids alone, the sides (elements 7 and 8) may be sets, and dialogues may be
numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graph_er.errors import InputError
from graph_er.schema.dialogue_limits import Limits

_SIDES = (7, 8)


def as_listed(raw: Sequence[Any], limits: Limits) -> list[Any]:
    """Return the elements of a file with ids and sides as lists and dialogues named by text.

    Dictionaries are copies, so that a dialogue's rows can be let go once they are stacked. What is
    of another kind stays as it is, for the reader to refuse.

    Args:
        raw: the elements.
        limits: what may be taken out of the file.

    Raises:
        InputError: two dialogues would bear one name, or one is no name.
    """
    parts: list[Any] = [
        _named_by_text(part, position, limits) if isinstance(part, dict) else part
        for position, part in enumerate(raw)
    ]
    if isinstance(parts[0], dict):
        utterances, parts[0] = parts[0], list(parts[0])
        if len(parts) == 9 and _fit(utterances, parts[2]):
            parts.append(utterances)
    for position in _SIDES:
        where = f"element {position}"
        parts[position] = side_in_order(parts[position], parts[0], where, limits)
    return parts


def side_in_order(side: Any, ids: Sequence[str], where: str, limits: Limits) -> Any:
    """Return the ids of a side that is a set in the order of the file, any other side as it is.

    What is not in the file follows, to be refused by name.
    """
    if not isinstance(side, set | frozenset):
        return side
    names = {*limits.ids(list(side), where)}
    known = [name for name in limits.ids(ids, "element 0") if name in names]
    return [*known, *sorted(names.difference(known))]


def _named_by_text(part: dict[Any, Any], position: int, limits: Limits) -> dict[Any, Any]:
    if all(isinstance(key, str) for key in part):
        return dict(part)
    names = limits.ids(list(part), f"element {position}")
    if len({*names}) < len(names):
        raise InputError(f"element {position} names a dialogue twice, as text and as a number")
    return dict(zip(names, part.values(), strict=True))


def _fit(utterances: dict[str, Any], labels: Any) -> bool:
    """Tell whether every dialogue has a list of as many utterance ids as it has labels."""
    return isinstance(labels, dict) and all(
        isinstance(ids, list | tuple) and len(ids) == len(labels.get(dialogue, ()))
        for dialogue, ids in utterances.items()
    )
