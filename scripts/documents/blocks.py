"""Blocks of a document that stand between two markers and are replaced as a whole."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path

from graph_er.errors import InputError
from graph_er.running.files import write_text


def replaced(text: str, name: str, block: str, path: Path) -> str:
    """Return a document's text with another block between ``<!-- NAME:begin -->`` and ``end``.

    A block of one line stays within its line; one of several stands by itself.

    Raises:
        InputError: the markers are not there exactly once, in order.
    """
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise InputError(f"{path}: the markers {begin} and {end} must be there once, in order")
    head, rest = text.split(begin)
    tail = rest.split(end)[1]
    block = block.strip("\n")
    inner = f"\n\n{block}\n\n" if "\n" in block else block
    return f"{head}{begin}{inner}{end}{tail}"


def put(path: Path, name: str, block: str) -> None:
    """Write a document anew with another block; raises as `replaced`."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: no such document") from None
    write_text(path, replaced(text, name, block, path))


def spread(scores: Sequence[float]) -> str:
    """Return mean ± sample standard deviation in per cent; the mean alone of a single score."""
    mean = f"{100 * statistics.fmean(scores):.1f}"
    return mean if len(scores) < 2 else f"{mean} ± {100 * statistics.stdev(scores):.1f}"


def percents(scores: Iterable[float], sep: str = ", ") -> str:
    """Return scores in per cent."""
    return sep.join(f"{100 * score:.1f}" for score in scores)


def table(header: Sequence[str], rows: Iterable[Sequence[str]], num_text: int = 1) -> str:
    """Return a Markdown table whose first `num_text` columns are text."""
    rule = ["---"] * num_text + ["---:"] * (len(header) - num_text)
    return "".join(f"| {' | '.join(line)} |\n" for line in (header, rule, *rows))
