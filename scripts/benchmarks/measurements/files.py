"""Reading and writing dialogue files against plain pickle, each in a process of its own."""

from __future__ import annotations

import pickle
from pathlib import Path
from statistics import median

import numpy as np

from graph_er.dialogues import read_dialogues, write_dialogues
from scripts.benchmarks.context import Context
from scripts.benchmarks.processes import task
from scripts.benchmarks.rows import Check, Row, at_most
from scripts.benchmarks.synthetic_dialogues import make_file

_TURNS = 50
_REPEATS = 3


def measure_files(context: Context) -> list[Row]:
    """Measure reading and writing of one synthetic file with text and audio features."""
    sizes = context.sizes
    path = context.scratch / "file.pkl"
    dialogues = max(1, sizes.file_utterances // _TURNS)
    width = sizes.file_width
    write_dialogues(path, make_file(dialogues, _TURNS, text=width, audio=width, even=True))
    check = same_content(path)
    repeats = min(_REPEATS, sizes.repeats)
    bytes_ = path.stat().st_size
    context.unit_costs["file_bytes_per_utterance"] = bytes_ / (dialogues * _TURNS)
    read = _row(path, "read", repeats, check)
    write = _row(path, "write", repeats, None)
    path.unlink()
    return [read, write]


def same_content(path: Path) -> Check:
    """Compare what our reader gives with what plain pickle gives of the same file."""
    ours = read_dialogues(path)
    with path.open("rb") as file:  # written just now by this very process
        raw = pickle.load(file)
    different = 0
    for dialogue in ours.dialogues:
        plain = (raw[1], raw[2], raw[9])
        read = (dialogue.speakers, dialogue.labels.tolist(), dialogue.utterance_ids)
        pairs = zip(plain, read, strict=True)
        different += sum(list(rows[dialogue.id]) != list(found) for rows, found in pairs)
        for position, found in ((3, dialogue.text), (4, dialogue.audio)):
            assert found is not None
            different += not np.array_equal(np.stack(raw[position][dialogue.id]), found)
    return at_most("fields that differ from plain pickle's", different, 0)


def _row(path: Path, action: str, repeats: int, check: Check | None) -> Row:
    size = path.stat().st_size / 1e6
    pairs = [
        (task(f"{action}_ours", path=str(path)), task(f"{action}_plain", path=str(path)))
        for _ in range(repeats)
    ]
    return Row(
        "files",
        f"{action.replace('write', 'writ')}ing a dialogue file of {size:,.0f} MB",
        "s",
        median(ours["seconds"] for (ours, _), _ in pairs),
        median(plain["seconds"] for _, (plain, _) in pairs),
        items=size,
        item="MB",
        check=check,
        memory_ours=max(cost.peak_bytes for (_, cost), _ in pairs),
        memory_reference=max(cost.peak_bytes for _, (_, cost) in pairs),
        note="reference: pickle itself, which runs whatever a file asks for and checks nothing"
        if action == "read"
        else "reference: pickle itself; both hold the data that they write",
    )
