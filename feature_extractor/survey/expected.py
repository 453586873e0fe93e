"""What each corpus is known to hold, as the Markdown table of ``data/README.md``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from feature_extractor.corpora import CORPORA
from feature_extractor.corpora.registry import reader_of

_LAYOUT = ("sessions", "dialogues", "utterances")


def expected_table() -> str:
    """Return one row per corpus whose counts are known; where a policy decides, per value of it."""
    lines = [
        "| corpus | sessions | dialogues | utterances | of these |",
        "| --- | ---: | ---: | ---: | --- |",
    ]
    for name in CORPORA:
        for title, counts in _readings(name):
            layout = (f"{counts[key]:,}" if key in counts else "" for key in _LAYOUT)
            labels = (f"{key} {counts[key]:,}" for key in counts if key not in _LAYOUT)
            lines.append(f"| {' | '.join([title, *layout, ', '.join(labels)])} |")
    return "\n".join(lines)


def _readings(name: str) -> Iterator[tuple[str, Mapping[str, int]]]:
    """Yield a title and the counts of each way to read a corpus of which they are known."""
    reader = reader_of(name)
    counts: Mapping[Any, Any] = reader.counts
    if not counts:
        return
    if all(isinstance(number, int) for number in counts.values()):
        yield f"`{name}`", counts
        return
    (policy,) = (policy for policy, default in reader.policies.items() if default in counts)
    for value, known in counts.items():
        yield f"`{name} --{policy} {value}`", known
