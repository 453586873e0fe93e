"""Collecting what is wrong with a corpus, so that the user hears of all of it at once."""

from __future__ import annotations

from collections.abc import Sequence

from graph_er.errors import InputError

_SHOWN = 20


def shorten(items: Sequence[str], shown: int = _SHOWN, separator: str = ", ") -> str:
    """Join the first `shown` items and say how many more there are."""
    rest = len(items) - shown
    listed = separator.join(items[:shown])
    return f"{listed}{separator}and {rest} more" if rest > 0 else listed


def raise_problems(problems: Sequence[str], corpus: str) -> None:
    """Raise one error that lists the problems, if there are any.

    Args:
        problems: one readable message each, naming file, row, value and remedy.
        corpus: what they were found in, for the heading.

    Raises:
        InputError: there is at least one problem.
    """
    if problems:
        listed = shorten(problems, separator="\n  ")
        raise InputError(f"{corpus}: {len(problems)} problem(s)\n  {listed}")
