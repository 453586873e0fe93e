"""Which sessions are train, dev and test where nothing else says so. All stages call it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from graph_er.errors import InputError
from graph_er.running.counted import counted

_NUM_TEST = 2  # sessions
_IEMOCAP = re.compile("Ses[0-9]{2}[FM]")
_NAMES_SESSION = re.compile("(Sess[0-9]+|Ses[0-9]{2}[FM])_(script|impro)[0-9]+")


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sort key that puts ``Sess2`` before ``Sess10``; different names have different keys."""
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    # Python refuses to convert numbers of thousands of digits; their lengths tell as much.
    numbers = [part.lstrip("0") if part[0] in "0123456789" else None for part in parts]
    key = [
        (1, 0, part) if number is None else (0, len(number), number)
        for part, number in zip(parts, numbers, strict=True)
    ]
    # The name itself keeps ``Sess1`` and ``Sess01`` apart, which else would sort at random.
    return [*key, (-1, 0, name)]


def named_by_dialogue(info: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return what an entry of a file's provenance gives each dialogue, ``{dialogue: name}``.

    Others may keep anything under such a key, as a number of sessions: that names no dialogue.
    """
    found = info.get(key)
    return found if isinstance(found, Mapping) else {}


def session_of(dialogue_id: str, info: Mapping[str, Any] | None = None) -> str:
    """Return the session of a dialogue.

    Args:
        dialogue_id: of the dialogue.
        info: provenance of its dialogue file, whose ``sessions`` may name it ({dialogue: session}).
            Where it does not, the session is the part of the id before the first ``_``, of
            IEMOCAP's ids (``Ses01F_impro01``) without the letter that tells who wore the markers:
            both actors speak in either.
    """
    named = named_by_dialogue(info or {}, "sessions").get(dialogue_id)
    if named is not None and str(named).strip():
        return str(named)
    first = dialogue_id.split("_", 1)[0]
    return first[:-1] if _IEMOCAP.fullmatch(first) else first


def part_of(dialogue_id: str, info: Mapping[str, Any]) -> str | None:
    """Return the part of a dialogue, such as ``script`` or ``impro``; None where nothing tells.

    Args:
        dialogue_id: of the dialogue.
        info: provenance of its dialogue file, whose ``parts`` may name it ({dialogue: part}). Where
            it has none, ids of KEMDy and IEMOCAP tell (``Sess01_script01``).
    """
    parts = named_by_dialogue(info, "parts")
    if parts:
        named = parts.get(dialogue_id)
        return None if named is None else str(named).strip() or None
    found = _NAMES_SESSION.match(dialogue_id)
    return found[2] if found else None


def session_named_by(name: str) -> str | None:
    """Return the session that a dialogue's name tells, if it is an id of KEMDy or IEMOCAP."""
    return session_of(name) if _NAMES_SESSION.match(name) else None


def session_of_conversation(name: str) -> str:
    """Return the session of a conversation that a user gives, if none is named.

    The ids of KEMDy19, KEMDy20 and IEMOCAP tell it. Other names may begin alike by chance
    (``call_1``, ``call_2``): such a conversation is a session by itself, under a name that begins
    with a sign that no name has which is given.
    """
    return session_named_by(name) or f"\0{name}"


def fold_groups(units: Sequence[str], count: int) -> list[tuple[str, ...]]:
    """Divide `units` into `count` runs of neighbours; the first are one longer where need be."""
    size, rest = divmod(len(units), count)
    starts = [index * size + min(index, rest) for index in range(count + 1)]
    return [tuple(units[a:b]) for a, b in pairwise(starts)]


def last_ninth(units: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return all but the last ninth of `units`, and that ninth, at least one: train and dev."""
    num_dev = math.ceil(len(units) / 9)
    return tuple(units[:-num_dev]), tuple(units[-num_dev:])


def split_dev(sessions: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Divide training sessions into train and dev: the last ninth, at least one, is dev.

    Whole sessions only, in natural order, so dev speakers are never training speakers.

    Raises:
        InputError: fewer than two sessions, so that no dev session can be taken.
    """
    ordered = sorted(set(sessions), key=natural_key)
    if len(ordered) < 2:
        raise InputError(
            f"the training part has {counted(len(ordered), 'session')} "
            f"({', '.join(ordered) or 'none'}): "
            "dev is taken by whole sessions and needs at least two; name dialogues in 'dev_ids'"
        )
    return last_ninth(ordered)


def split_sessions(
    sessions: Iterable[str],
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Split a corpus by session: the last two sessions are test (KEMDy19: 19 and 20).

    Returns:
        Session ids of train, dev and test; no session is on two sides.

    Raises:
        InputError: too few sessions for a train, a dev and a test side.
    """
    ordered = sorted(set(sessions), key=natural_key)
    if len(ordered) < _NUM_TEST + 2:
        raise InputError(
            f"found {counted(len(ordered), 'session')} "
            f"({', '.join(ordered) or 'none'}); train, dev and "
            f"{_NUM_TEST} test sessions need at least {_NUM_TEST + 2}; where no session is named "
            "an id of KEMDy or IEMOCAP tells it, and any other dialogue is one: add sessions, name "
            "them (a column 'session' in a table), or name the sides yourself (--split ids:FILE, "
            "or a column 'split')"
        )
    train, dev = split_dev(ordered[:-_NUM_TEST])
    return train, dev, tuple(ordered[-_NUM_TEST:])
