"""Numbers with their nouns, as lines for people have them."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """Return ``1 turn``, ``2 turns`` for the noun ``turn``; its plural takes an s."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
