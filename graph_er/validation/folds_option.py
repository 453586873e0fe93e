"""The option that says how sessions are grouped into folds."""

from __future__ import annotations

import argparse


def add_folds_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--folds``: None, a number of groups, or 0 for every session by itself."""
    parser.add_argument(
        "--folds",
        type=_folds,
        metavar="K|sessions",
        help="K groups of neighbouring sessions, or 'sessions' to leave out one after the other "
        "(default: sessions, but ten groups where there are more)",
    )


def _folds(value: str) -> int:
    if value == "sessions":
        return 0
    if value.isdecimal() and int(value) >= 2:
        return int(value)
    raise argparse.ArgumentTypeError(f"{value!r} is neither 'sessions' nor a number above 1")
