"""The dialogue file from its parts: read from disk dialogue by dialogue, never all in memory."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from feature_extractor.extraction.alignment import Alignment, fit_alignment
from feature_extractor.extraction.parts_plan import PartsPlan
from feature_extractor.extraction.shard import Shard
from feature_extractor.extraction.store import MISSING, PartStore
from graph_er.dialogues import write_dialogues
from graph_er.running.locks import lock, still_named
from graph_er.schema.dialogue import Dialogue
from graph_er.schema.emotions import MODALITY_NAMES

logger = logging.getLogger(__name__)

_LOCK = "lock"


def parts_folder(out: Path) -> Path:
    """Return the folder that holds the parts of a dialogue file while it is made."""
    return out.with_name(out.name + ".parts")


def finish(plan: PartsPlan, out: Path, shard: Shard) -> bool | None:
    """Assemble `out` and delete its parts, if none is missing; else leave the plan beside them.

    One process at a time does so. Another that waits for it finds it done.

    Args:
        plan: what is assembled.
        out: the dialogue file; the parts of this process were in `parts_folder` of it.
        shard: which part of the work this process had.

    Returns:
        Whether `out` is written, be it by another process; None where it is not, as far as this
        process can tell, and no part was this one's.

    Raises:
        InputError: as `assemble`.
    """
    folder = parts_folder(out)
    stores = plan.stores([folder])
    shares = any(shard.index < len(store.chunks) for store in stores)
    try:
        file = (folder / _LOCK).open("w")
    except FileNotFoundError:
        # Deleted by who was first. A shard without chunks made no folder: it knows nothing of out.
        return out.exists() if shares else None
    with file:
        lock(file.fileno())
        if not still_named(file.fileno(), folder / _LOCK):  # deleted while this process waited
            return out.exists()
        plan.write(folder, shard.count, shard.command)
        # The first alone: to look at a part is to read it.
        found = (store.problem(chunk) for store in stores for chunk in range(len(store.chunks)))
        if problem := next(filter(None, found), None):
            _tell_unfit(*problem)
            return False if shares else None
        assemble(plan, stores, out)
        _delete(folder)
        return True


def _tell_unfit(path: Path, reason: str) -> None:
    """Warn of a part that is there but does not count, which its shard may take for done."""
    if reason != MISSING:
        logger.warning(
            "part %s %s: its shard is to be run with the same checkpoint, corpus and options as "
            "this one",
            path, reason,
        )  # fmt: skip


def _delete(folder: Path) -> None:
    """Delete a folder of parts, its lock last: until then nobody else assembles."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != _LOCK:
            path.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def assemble(plan: PartsPlan, stores: Sequence[PartStore], out: Path) -> None:
    """Write a dialogue file, all of it or nothing, from parts of which none is missing.

    Args:
        plan: what is assembled.
        stores: the parts of each of its sources.
        out: the file.

    Raises:
        InputError: a part is gone or damaged, or holds other than what its name says.
    """
    vectors = _Vectors(plan, stores)
    file = plan.file
    if plan.aligned:
        record = {**file.info["out_of_fold"], "likeness": vectors.likeness}
        file = replace(file, info={**file.info, "out_of_fold": record})
    write_dialogues(out, file, vectors)


class _Vectors:
    """Gives the vectors of a dialogue, as `write_dialogues` asks for them."""

    def __init__(self, plan: PartsPlan, stores: Sequence[PartStore]) -> None:
        self._stores = stores
        lengths = {dialogue.id: len(dialogue) for dialogue in plan.file.dialogues}
        self._places: dict[str, tuple[int, int]] = {}
        ends = []
        for number, source in enumerate(plan.sources):
            start = 0
            for dialogue in source.dialogues:
                self._places[dialogue] = number, start
                start += lengths[dialogue]
            ends.append(start)
        self._alignments: list[dict[str, Alignment]] = [{} for _ in stores]
        if plan.aligned:
            dev_ids = set(plan.dev_ids)
            dev = [d for d in plan.file.dialogues if d.id in dev_ids]
            for name in MODALITY_NAMES.values():
                self._align(name, dev, ends)

    @property
    def likeness(self) -> list[dict[str, float]]:
        """How like the first source each other one is, by name."""
        return [
            {name: round(alignment.likeness, 4) for name, alignment in by_name.items()}
            for by_name in self._alignments[1:]
        ]

    def __call__(self, dialogue: Dialogue, modality: str) -> np.ndarray | None:
        """Return the vectors ``[U, D]`` of a dialogue, or None."""
        number, start = self._places[dialogue.id]
        name = MODALITY_NAMES[modality]
        rows = self._stores[number].rows(name, start, start + len(dialogue))
        alignment = self._alignments[number].get(name)
        return rows if rows is None or alignment is None else alignment(rows)

    def _align(self, name: str, dev: Sequence[Dialogue], ends: Sequence[int]) -> None:
        found = [self._stores[0].rows(name, *self._range(dialogue)) for dialogue in dev]
        first = [rows for rows in found if rows is not None]
        if not first:
            return
        target, count = np.concatenate(first), sum(map(len, dev))
        for number in range(1, len(self._stores)):
            own = self._stores[number].rows(name, ends[number], ends[number] + count)
            assert own is not None  # every store holds the same modalities
            self._alignments[number][name] = fit_alignment(own, target)

    def _range(self, dialogue: Dialogue) -> tuple[int, int]:
        _, start = self._places[dialogue.id]
        return start, start + len(dialogue)
