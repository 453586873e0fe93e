"""How much a dialogue file may hold: no more than its bytes can, and names where names belong.

A pickle can put one object into many places. A file of a megabyte can so hold one dialogue's list
a hundred thousand times, or lists within lists that are endless once they are written out.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Hashable, Iterable
from typing import Any
from unicodedata import normalize

import numpy as np

from graph_er.errors import InputError
from graph_er.schema.dialogue import Dialogue
from graph_er.schema.splits import named_by_dialogue
from graph_er.schema.value_trees import require_tree

NAMED_BY_DIALOGUE = ("sessions", "parts")  # of the info, each {dialogue: name}
_LONGEST_NAME = 250
_DEEPEST_ROW = 3
_DEEPEST_LABEL = 3
_BROKEN = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
# A placeholder for features that are missing may stand in many places: numbers beyond the file's.
_SHARED_NUMBERS = 1 << 26
_SCALARS = (str, int, float, np.generic, type(None))


class Limits:
    """What may still be taken out of a file."""

    def __init__(self, file_size: int) -> None:
        """Set the limits of a file of so many bytes."""
        self._entries = file_size
        self._numbers = 2 * file_size + _SHARED_NUMBERS

    def list_of(self, values: Any, where: str) -> Any:
        """Return a list, tuple or array; every entry takes at least a byte of a file.

        Raises:
            InputError: it is none, or there are more entries than the file has bytes.
        """
        if not isinstance(values, list | tuple | np.ndarray | str):
            raise InputError(f"{where}: a {type(values).__name__} where a list belongs")
        self._entries -= len(values)
        if self._entries < 0:
            raise InputError(f"{where}: more entries than the file has room for")
        return values

    def texts(self, values: Any, where: str) -> tuple[str, ...]:
        """Return a list of texts as strings, of which None and NaN are empty ones.

        Raises:
            InputError: it is no list, too long, or holds something else.
        """
        scalars = self._scalars(values, where)
        return tuple("" if value is None or value != value else str(value) for value in scalars)

    def _scalars(self, values: Any, where: str) -> list[Any]:
        return [_scalar(value, where) for value in self.list_of(values, where)]

    def ids(self, values: Any, where: str) -> tuple[str, ...]:
        """Return ids as strings, each fit to be shown.

        Raises:
            InputError: as `texts` does; also where the list is a text itself, or one of its entries
                is empty, too long, or holds signs that steer a terminal.
        """
        if isinstance(values, str):  # else each of its letters were an id
            raise InputError(f"{where}: a str where a list belongs")
        found = self._names(values, where)
        if "" in found:
            raise InputError(f"{where}: entry {found.index('')} (from 0) is empty; give it a name")
        return found

    def _names(self, values: Any, where: str) -> tuple[str, ...]:
        found = tuple(str(value) for value in self._scalars(values, where))
        for name in found:
            # Hangul that is taken apart, as some file systems do it, is three times as long.
            if len(name) > 3 * _LONGEST_NAME or len(normalize("NFC", name)) > _LONGEST_NAME:
                raise InputError(
                    f"{where}: an id of {len(name):,} characters, {name[:20]!r}...; "
                    f"{_LONGEST_NAME} are the most"
                )
            if _CONTROL.search(name):
                raise InputError(f"{where}: {name!r:.80} holds control characters; remove them")
        return found

    def speakers(self, values: Any, where: str) -> tuple[Hashable, ...]:
        """Return a list of speaker labels as they are: texts, numbers, or tuples of labels.

        Bytes are returned as the text that they are in UTF-8.

        Raises:
            InputError: it is no list, or too long; a label is of another kind, NaN, too long, or
                holds signs that steer a terminal.
        """
        return tuple(self._label(value, where) for value in self.list_of(values, where))

    def _label(self, value: Any, where: str, depth: int = 0) -> Hashable:
        if isinstance(value, tuple) and depth < _DEEPEST_LABEL:
            parts = self.list_of(value, where)
            return tuple(self._label(part, where, depth + 1) for part in parts)
        self._names((value,), where)
        if value != value:  # each would be a person of its own
            raise InputError(f"{where}: {value}, a missing cell; name the speaker")
        return _scalar(value, where)

    def numbers(self, row: Any, where: str, depth: int = 0) -> None:
        """Count the numbers of a feature, before it is copied.

        Raises:
            InputError: it holds something else, or there are more than the file has room for.
        """
        if isinstance(row, np.ndarray | np.generic):
            self._numbers -= row.size
        elif isinstance(row, list | tuple) and depth < _DEEPEST_ROW:
            self._numbers -= 4 * len(row)  # the smallest number takes two bytes of the file
            if self._numbers >= 0 and not {*map(type, row)} <= {float, int}:
                for part in row:
                    self.numbers(part, where, depth + 1)
        elif not isinstance(row, int | float):
            raise InputError(f"{where}: a {type(row).__name__} where numbers belong")
        if self._numbers < 0:
            raise InputError(f"{where}: more numbers than the file has room for")

    def info(self, value: Any) -> None:
        """Require plain values, each of which takes room in the file.

        Raises:
            InputError: there are others, or more.
        """
        leaves = (*_SCALARS, bytes, bytearray, np.ndarray)
        try:
            self._entries -= require_tree(value, self._entries, leaves)
        except InputError as error:
            raise InputError(f"element 10: {error}") from None

    def named(self, info: dict[str, Any], key: str) -> None:
        """Require what an entry of the info gives each dialogue to be a name.

        Raises:
            InputError: a name is no text or number, or cannot be shown.
        """
        remedy = f"let it give each dialogue's name, a text or a number, or leave {key!r} out"
        for dialogue_id, name in named_by_dialogue(info, key).items():
            if isinstance(name, bool) or not isinstance(name, str | int | None):
                raise InputError(
                    f"element 10: {key!r} of dialogue {dialogue_id!r:.80} is {name!r:.80}; {remedy}"
                )
            if name is not None and str(name).strip():
                self.ids((name,), f"element 10: {key!r} of dialogue {dialogue_id!r:.80}")


def _scalar(value: Any, where: str) -> Any:
    """Return a text or number as it is, and bytes as the text that they are in UTF-8."""
    if isinstance(value, bytes):  # those of arrays, too
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise InputError(f"{where}: {value!r:.80} is no text; write it anew") from None
    if isinstance(value, str) and _BROKEN.search(value):
        raise InputError(f"{where}: {value!r:.80} holds half of a letter; write it anew")
    if not isinstance(value, _SCALARS):
        raise InputError(f"{where}: a {type(value).__name__} where a text or number belongs")
    return value


def require_readable(dialogues: Iterable[Dialogue], info: dict[str, Any]) -> None:
    """Refuse what a reader would refuse, before it is written; features are not looked at.

    Args:
        dialogues: of the file.
        info: its element 10.

    Raises:
        InputError: an id, a speaker or an entry of the info is of another kind than readers take,
            too long, or cannot be shown; or an id is empty.
    """
    limits = Limits(sys.maxsize)
    for key, value in info.items():
        try:
            limits.info({key: value})
        except InputError as error:
            raise InputError(f"{error} ({key!r:.80})") from None
    for key in NAMED_BY_DIALOGUE:
        limits.named(info, key)
    for dialogue in dialogues:
        limits.ids((dialogue.id,), "dialogue ids")
        where = f"dialogue {dialogue.id}"
        limits.ids(dialogue.utterance_ids, f"{where}: utterance ids")
        # Each once, since they are looked at one by one.
        speakers = tuple(dict.fromkeys(dialogue.speakers))
        limits.speakers(speakers, f"{where}: these cannot be speaker labels")
        limits.texts(dialogue.sentences, f"{where}: sentences")
