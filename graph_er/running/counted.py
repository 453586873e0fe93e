"""Numbers with their nouns, as lines for people have them."""

from __future__ import annotations


def counted(count: int, one: str, several: str | None = None) -> str:
    """Return ``1 turn has`` or ``2,000 turns have``.

    Args:
        count: the number.
        one: the noun, with its verb where one follows, as they are of one.
        several: likewise of several or none; None for a noun alone whose plural takes an s.
    """
    return f"{count:,} {one if count == 1 else several or f'{one}s'}"
