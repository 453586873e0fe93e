"""Files of the AI Hub emotional dialogue corpus: which hold which part, which wavs talks name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from feature_extractor.corpora.aihub_dialogue_talks import Talk, read_json_talks
from feature_extractor.corpora.aihub_dialogue_xlsx import read_xlsx_talks
from feature_extractor.corpora.problems import shorten
from feature_extractor.corpora.row_checks import too_many_missing
from feature_extractor.file_tree import composed
from graph_er.errors import InputError
from graph_er.running.counted import counted

# The published parts and their sides of the split.
_PARTS = {"training": "train", "validation": "test"}
_SPEECH_PART = re.compile(r"[fm]_[0-9]{6}\.wav")
# More than a few percent of the named wavs missing mean a partial copy.
_MAX_MISSING = 0.03


def read_parts(
    root: Path, files: Mapping[str, Sequence[Path]], problems: list[str], notices: list[str]
) -> list[tuple[Talk, str]]:
    """Return (talk, side of the split) of all files that are to be read.

    Args:
        root: the corpus folder.
        files: its files by name; see `file_tree.files_below`.
        problems: receives one message for each file or talk that cannot be used.
        notices: receives what was not read.

    Raises:
        InputError: no file belongs to a part.
    """
    parts = _files_by_part(root, files, notices)
    talks: list[tuple[Talk, str]] = []
    for part, side in _PARTS.items():
        texts, workbooks = parts[part].get(".json", []), parts[part].get(".xlsx", [])
        if texts and workbooks:
            notices.append(f"{part.capitalize()}: the JSON is read, not the workbook beside it.")
        for path in texts:
            talks += [(talk, side) for talk in read_json_talks(path, problems)]
        for path in workbooks if not texts else ():
            talks += [(talk, side) for talk in read_xlsx_talks(path, problems)]
    return talks


def _files_by_part(
    root: Path, files: Mapping[str, Sequence[Path]], notices: list[str]
) -> dict[str, dict[str, list[Path]]]:
    """Return the files by part and ending.

    Raises:
        InputError: there is none.
    """
    parts: dict[str, dict[str, list[Path]]] = {part: {} for part in _PARTS}
    others = []
    for name, paths in files.items():
        suffix = name[name.rfind(".") :]
        for path in paths if suffix != ".wav" and not name.startswith("~$") else ():
            part = _part_of(composed(path, root))
            if part is None:
                others.append(composed(path, root))
            else:
                parts[part].setdefault(suffix, []).append(path)
    if others:
        notices.append(f"Not read, neither Training nor Validation: {shorten(others, shown=5)}.")
    if not any(parts.values()):
        raise InputError(
            f"{root}: holds no .json or .xlsx file with Training or Validation in its name or "
            "its folder's; unpack 감성대화 말뭉치 there"
        )
    missing = [part.capitalize() for part, found in parts.items() if not found]
    if missing:
        notices.append(f"No file of {missing[0]} is there; that side of the split is empty.")
    return parts


def _part_of(path: str) -> str | None:
    """Return the part that the file's name, else its nearest folder, names."""
    for name in reversed(path.lower().split("/")):
        named = [part for part in _PARTS if part in name]
        if named:
            return named[0] if len(named) == 1 else None
    return None


def find_wavs(
    talks: Sequence[Talk],
    files: Mapping[str, Sequence[Path]],
    problems: list[str],
    notices: list[str],
) -> dict[str, Path]:
    """Return the wav of each talk that names one, by talk id.

    A wav that no talk names is not matched by its number: nothing says which talk it holds.
    """
    paths = {talk.id: files.get(talk.wav.lower(), []) for talk in talks if talk.wav}
    named = Counter(talk.wav for talk in talks if talk.wav)
    shared = sorted(name for name, count in named.items() if count > 1)
    if shared:
        problems.append(f"wav named by several talks: {shorten(shared, shown=5)}; correct them")
    twice = [found for found in paths.values() if len(found) > 1]
    if twice:
        problems.append(
            f"{counted(len(twice), 'wav occurs', 'wavs occur')} "
            f"twice, e.g. {twice[0][0]} and {twice[0][1]}; remove one copy"
        )
    _tell_missing(talks, paths, problems, notices)
    unnamed = {name for name in files if _SPEECH_PART.fullmatch(name)}
    unnamed -= {name.lower() for name in named}
    if unnamed:
        notices.append(f"{counted(len(unnamed), 'wav')} not used: named by no field of a talk.")
    return {talk_id: found[0] for talk_id, found in paths.items() if len(found) == 1}


def _tell_missing(
    talks: Sequence[Talk],
    paths: Mapping[str, Sequence[Path]],
    problems: list[str],
    notices: list[str],
) -> None:
    missing = [talk.wav for talk in talks if talk.wav and not paths[talk.id]]
    if not missing:
        return
    told = f"{len(missing)} of {len(paths)} named wavs are missing: {shorten(missing, shown=5)}"
    some = len(missing) < len(paths)
    if some and too_many_missing(len(missing), len(paths), _MAX_MISSING):
        problems.append(f"{told}; complete the copy, or remove all wavs to use the text alone")
    else:
        notices.append(f"{told}; those talks have text only.")
