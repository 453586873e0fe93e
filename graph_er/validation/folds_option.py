"""The option that says how sessions are grouped into folds."""

from __future__ import annotations

import argparse


def add_folds_option(parser: argparse.ArgumentParser, unless: str = "") -> None:
    """Add ``--folds``: None, a number of groups, or 0 for every session by itself.

    Args:
        parser: what to add it to.
        unless: when the command takes something else by default, for the help.
    """
    parser.add_argument(
        "--folds",
        type=_folds,
        metavar="K|sessions",
        help="K groups of neighbouring sessions, or 'sessions' to leave out one after the other "
        f"(default: sessions, but ten groups where there are more{unless})",
    )


def _folds(value: str) -> int:
    if value == "sessions":
        return 0
    if value.isdecimal() and int(value) >= 2:
        return int(value)
    raise argparse.ArgumentTypeError(f"{value!r} is neither 'sessions' nor a number above 1")
