"""What a dialogue file is assembled from, kept beside its parts so that they can be moved.

A folder of parts holds ``dialogues.pkl``, the dialogue file still without vectors, and
``manifest.json``, which tells whose vectors are in which parts. What is read back is checked: it
may come from anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from feature_extractor.extraction.store import CHUNK_SIZE, PartStore
from graph_er.dialogues import read_dialogues, write_dialogues
from graph_er.errors import InputError
from graph_er.running.files import sha256, write_json
from graph_er.running.regular_files import read_json_file, require_regular
from graph_er.schema.dialogue import DialogueFile

MANIFEST = "manifest.json"
_DIALOGUES = "dialogues.pkl"
_VERSION = 1
_NAME = re.compile(r"[a-z0-9]*")
# What the shards of one extraction may say differently.
_OWN = ("num_shards", "command")


@dataclass(frozen=True)
class Source:
    """An extractor whose vectors are kept in parts.

    Attributes:
        name: folder of its parts within that of all, or empty for that one itself.
        fingerprint: see `store.PartStore`.
        dialogues: ids of those that get its vectors.
    """

    name: str
    fingerprint: str
    dialogues: tuple[str, ...]


@dataclass(frozen=True)
class PartsPlan:
    """What is assembled.

    Attributes:
        file: dialogues without vectors.
        sources: every dialogue is of one of them.
        aligned: the vectors of all sources but the first are brought into its basis by what both
            make of the dev dialogues; these are among the parts of each, after its own.
        chunk_size: utterances per part.
    """

    file: DialogueFile
    sources: tuple[Source, ...]
    aligned: bool = False
    chunk_size: int = CHUNK_SIZE

    def ids(self, source: Source) -> list[str]:
        """Return the utterance ids of a source's parts, in order."""
        dialogues = {dialogue.id: dialogue.utterance_ids for dialogue in self.file.dialogues}
        extra = self.dev_ids if self.aligned and source is not self.sources[0] else ()
        return [i for name in (*source.dialogues, *extra) for i in dialogues[name]]

    @property
    def dev_ids(self) -> tuple[str, ...]:
        """Ids of the dev dialogues in the order of the file."""
        return tuple(dialogue.id for dialogue in self.file.side("dev"))

    def stores(self, folders: Sequence[Path]) -> list[PartStore]:
        """Return the parts of each source, which may lie in any of `folders`."""
        return [
            PartStore(
                [folder / source.name for folder in folders],
                self.ids(source),
                source.fingerprint,
                self.chunk_size,
            )
            for source in self.sources
        ]

    def write(self, folder: Path, num_shards: int, command: str) -> None:
        """Keep the plan in a folder of parts.

        Args:
            folder: where to.
            num_shards: how many processes share the work.
            command: the command line of each but for its number.
        """
        write_dialogues(folder / _DIALOGUES, self.file)
        manifest = {
            "version": _VERSION,
            "dialogues_sha256": sha256(folder / _DIALOGUES),
            "chunk_size": self.chunk_size,
            "aligned": self.aligned,
            "sources": [asdict(source) for source in self.sources],
            "num_shards": num_shards,
            "command": command,
        }
        write_json(folder / MANIFEST, manifest)


def read_plan(folders: Sequence[Path]) -> tuple[PartsPlan, dict[str, Any]]:
    """Read the plan that the folders of an extraction's shards hold.

    A shard that was stopped leaves none; the others tell what it was to make.

    Returns:
        The plan, and the manifest of the first shard that has one.

    Raises:
        InputError: no folder holds a plan, or two hold different ones, or one is damaged.
    """
    there = [folder for folder in folders if (folder / MANIFEST).is_file()]
    if not there:
        raise InputError(
            f"no {MANIFEST} in {', '.join(map(str, folders))}; name the folders FILE.pkl.parts of "
            "shards of which at least one has ended"
        )
    first = _manifest(there[0])
    for folder in there[1:]:
        _refuse_different(first, there[0], _manifest(folder), folder)
    path = there[0] / _DIALOGUES
    require_regular(path)
    if sha256(path) != first["dialogues_sha256"]:
        raise InputError(f"{path}: not as its {MANIFEST} says; copy it again")
    sources = tuple(
        Source(given["name"], given["fingerprint"], tuple(given["dialogues"]))
        for given in first["sources"]
    )
    plan = PartsPlan(read_dialogues(path), sources, first["aligned"], first["chunk_size"])
    listed = sorted(name for source in sources for name in source.dialogues)
    if listed != sorted(dialogue.id for dialogue in plan.file.dialogues):
        raise InputError(f"{there[0] / MANIFEST}: does not list every dialogue once; copy it again")
    if plan.aligned and not plan.dev_ids:
        raise InputError(f"{there[0] / MANIFEST}: aligned by dev dialogues, but there are none")
    if plan.aligned and not isinstance(plan.file.info.get("out_of_fold"), dict):
        raise InputError(f"{path}: aligned, but without a record of its folds; copy it again")
    return plan, first


def _refuse_different(
    first: dict[str, Any], where: Path, second: dict[str, Any], other: Path
) -> None:
    different = [key for key in first if key not in _OWN and first[key] != second[key]]
    if different:
        raise InputError(
            f"{other} and {where} are of different extractions ({', '.join(different)}): other "
            "weights, transcripts, splits, precision, or audio files of other sizes or times (copy "
            "a corpus with its times, as rsync -a does)"
        )


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        found = read_json_file(path)
        if found.keys() != _CHECKS.keys():
            raise ValueError(f"has {', '.join(found):.200}")
        wrong = [key for key, check in _CHECKS.items() if not check(found[key])]
        if wrong:
            raise ValueError(f"{wrong[0]} is {found[wrong[0]]!r:.80}")
        return found
    except (ValueError, AttributeError) as error:
        raise InputError(f"{path}: no manifest of this release ({error}); copy it again") from error


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 1


def _are_sources(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_source, value))


def _is_source(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {"name", "fingerprint", "dialogues"}
        and isinstance(value["name"], str)
        and _NAME.fullmatch(value["name"]) is not None
        and isinstance(value["fingerprint"], str)
        and isinstance(value["dialogues"], list)
        and all(isinstance(name, str) for name in value["dialogues"])
    )


_CHECKS = {
    "version": lambda value: value == _VERSION,
    "dialogues_sha256": lambda value: isinstance(value, str),
    "chunk_size": _is_count,
    "aligned": lambda value: isinstance(value, bool),
    "sources": _are_sources,
    "num_shards": _is_count,
    "command": lambda value: isinstance(value, str),
}
