"""Which turns of a conversation a user means: by id, by what stands in their rows, by number."""

from __future__ import annotations

from collections.abc import Sequence

from feature_extractor.corpora.text_files import plain_name
from graph_er.conversations.turns import Turn, by_dialogue
from graph_er.errors import InputError


def wanted_ids(given: Sequence[str], turns: Sequence[Turn]) -> list[str]:
    """Return the utterance ids of an option that was repeated, or holds several after commas.

    Args:
        given: its values: ids; where no utterance has such an id, what stands in the column
            utterance of its row; else the number of a turn as its pictures count.
        turns: the conversation.

    Raises:
        InputError: one of them is not in the conversation, or could be of any of several
            dialogues.
    """
    known, written = [turn.id for turn in turns], _by_written_id(turns)
    ids: dict[str, None] = {}
    for value in given:
        # An id may itself hold a comma.
        whole = value in known or value in written
        parts = [value] if whole else [part.strip() for part in value.split(",")]
        ids |= dict.fromkeys(
            part if part in known or part in written else plain_name(part) for part in parts if part
        )
    numbered = _by_number(turns)
    found = {
        name: [name] if name in known else written.get(name) or numbered.get(name, [])
        for name in ids
    }
    if unknown := [name for name, own in found.items() if not own]:
        raise InputError(
            f"--explain {', '.join(unknown)}: no such utterance; there are {len(known)}, such as "
            f"{', '.join(known[:5])}"
        )
    for name, own in found.items():
        if name not in known and len(written.get(name, [])) > 1:
            raise InputError(
                f"--explain {name}: {len(own)} utterances are called so; name one as "
                f"{', '.join(own[:5])}"
            )
        if name not in known and name not in written and len(by_dialogue(turns)) > 1:
            raise InputError(
                f"--explain {name}: a turn's number tells nothing among several dialogues; name "
                f"the utterance, such as {', '.join(own[:5])}"
            )
    return list(dict.fromkeys(own[0] for own in found.values()))


def _by_written_id(turns: Sequence[Turn]) -> dict[str, list[str]]:
    """Return the ids of the turns whose rows, which come out again, have the same utterance."""
    found: dict[str, list[str]] = {}
    for turn in turns:
        for column, value in turn.row.items():
            if plain_name(str(column)).lower() == "utterance":
                found.setdefault(plain_name(str(value)), []).append(turn.id)
    return found


def _by_number(turns: Sequence[Turn]) -> dict[str, list[str]]:
    """Return the ids of the first, the second, … turn of each dialogue that has so many."""
    found: dict[str, list[str]] = {}
    for own in by_dialogue(turns).values():
        for number, turn in enumerate(own, start=1):
            found.setdefault(str(number), []).append(turn.id)
    return found
