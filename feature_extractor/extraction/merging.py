"""The parts of shards that ran apart from each other as one dialogue file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from feature_extractor.extraction.assembly import assemble, parts_folder
from feature_extractor.extraction.parts_plan import read_plan
from feature_extractor.extraction.store import MISSING, OTHER
from graph_er.errors import InputError
from graph_er.running.counted import counted

# By number of the source and of the part: which file is no good part, and why.
Problems = dict[tuple[int, int], tuple[Path, str]]


def merge_parts(folders: Sequence[Path], out: Path) -> int:
    """Write the dialogue file whose parts lie in `folders`, which are only read.

    Args:
        folders: what ``extract.py`` leaves beside its output, of all shards.
        out: the dialogue file.

    Returns:
        The number of utterances.

    Raises:
        InputError: a folder or a part is missing, is damaged, or is of another extraction.
    """
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"--parts {folder}: no such folder; {_why_gone(folder)}")
    plan, manifest = read_plan(folders)
    stores = plan.stores(folders)
    problems = {
        (number, chunk): problem
        for number, store in enumerate(stores)
        for chunk in range(len(store.chunks))
        if (problem := store.problem(chunk))
    }
    _refuse_bad(problems)
    _refuse_missing(problems, manifest)
    assemble(plan, stores, out)
    return sum(map(len, plan.file.dialogues))


def _why_gone(folder: Path) -> str:
    whole = folder.with_suffix("")
    if folder == parts_folder(whole) and whole.is_file():
        return f"no part was missing there, and {whole} was written, which is the whole file"
    return (
        "copy it here, or leave it out if its shard said that it had nothing to do; if all but one "
        "had nothing, the FILE.pkl of that one is the whole file"
    )


def _refuse_bad(problems: Problems) -> None:
    for path, reason in problems.values():
        if reason == OTHER:
            raise InputError(
                f"part {path} {reason} (another release, other weights, transcripts, precision, or "
                "audio files of other sizes or times; copy a corpus with its times, as rsync -a "
                "does); leave it out, or make all parts anew"
            )
        if reason != MISSING:
            raise InputError(f"part {path} {reason}; copy it again")


def _refuse_missing(problems: Problems, manifest: dict[str, Any]) -> None:
    if not problems:
        return
    count = manifest["num_shards"]
    shards = sorted({chunk % count for _, chunk in problems})
    first = next(iter(problems.values()))[0]
    command = f"{manifest['command']} --num_shards {count} --shard"
    which = "\n  ".join(f"{command} {shard}" for shard in shards)
    raise InputError(
        f"{counted(len(problems), 'part is', 'parts are')} missing, {first} the first; made by\n"
        f"  {which}"
    )
