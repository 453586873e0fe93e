"""Turns from a folder of audio files and transcripts whose names say who speaks and when."""

from __future__ import annotations

import logging
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from feature_extractor.corpora.text_files import Record, one_line
from feature_extractor.file_tree import files_below
from feature_extractor.transcript import read_transcript
from graph_er.errors import InputError
from graph_er.inference.turn_rows import turns_of
from graph_er.inference.turns import Turn
from graph_er.schema.splits import natural_key

logger = logging.getLogger(__name__)

_SUFFIXES = (".wav", ".txt")
# KEMDy19's segments, e.g. Sess01_script01_F001, and KEMDy20's, e.g. Sess01_script01_User001F_001.
_KEMDY = re.compile(
    r"(?P<dialogue>Sess\d+_(?:script|impro)\d+)_(?P<speaker>\w*?[FM])_?(?P<turn>\d{1,9})"
)
_SPEAKER_TURN = re.compile(r"(?P<speaker>.+)_(?P<turn>\d{1,9})")


@dataclass(frozen=True)
class _Named:
    """What a name says; `files` are paths by suffix."""

    dialogue: str
    speaker: str
    turn: int
    stem: str
    files: dict[str, Path]


def read_recording_folder(root: Path) -> list[Turn]:
    """Read a folder of ``.wav`` files, ``.txt`` transcripts of the same names, or both.

    Names are KEMDy19's or KEMDy20's, each prefix a dialogue, or ``<speaker>_<turn>``, each folder a
    dialogue. Turns stand in the order of their numbers. Where several speakers have one number,
    their order is not known; those take turns in the order of their names, with a warning.

    Raises:
        InputError: no such files, or problems in them, all of them in one message.
    """
    problems: list[str] = []
    files: dict[tuple[Path, str], dict[str, Path]] = {}
    for paths in files_below(root, _SUFFIXES).values():
        for path in paths:
            files.setdefault((path.parent, path.stem), {})[path.suffix.lower()] = path
    if not files:
        raise InputError(f"{root}: no .wav or .txt file below it; name the folder that holds them")
    named = [
        found
        for (folder, stem), own in files.items()
        if (found := _read_name(root, folder, stem, own, problems))
    ]
    named.sort(key=lambda n: (natural_key(n.dialogue), n.turn, natural_key(n.speaker)))
    _warn_of_equal_numbers(named)
    records = [_record(root, one, problems) for one in named]
    return turns_of(records, root, str(root), problems, dialogue=root.name)


def _read_name(
    root: Path, folder: Path, stem: str, files: dict[str, Path], problems: list[str]
) -> _Named | None:
    name = one_line(stem)
    kemdy = _KEMDY.fullmatch(name)
    found = kemdy or _SPEAKER_TURN.fullmatch(name)
    if found is None:
        problems.append(
            f"{next(iter(files.values()))}: the name does not say who speaks when; call it "
            "<speaker>_<turn>, e.g. A_001.wav, or take it out of the folder"
        )
        return None
    below = folder.relative_to(root).as_posix()
    dialogue = found["dialogue"] if kemdy else root.resolve().name if below == "." else below
    return _Named(one_line(dialogue), found["speaker"], int(found["turn"]), name, files)


def _warn_of_equal_numbers(named: list[_Named]) -> None:
    counts = Counter((one.dialogue, one.turn) for one in named)
    shared = sum(count > 1 for count in counts.values())
    if shared:
        logger.warning(
            "%d numbers belong to turns of several speakers: who spoke first is a guess there, "
            "and context is read in that order; a table with a column start tells it",
            shared,
        )


def _record(root: Path, one: _Named, problems: list[str]) -> Record:
    wav, txt = (one.files.get(suffix) for suffix in _SUFFIXES)
    text = ""
    if txt is not None:
        try:
            text = read_transcript(txt)
        except InputError as error:
            problems.append(str(error))
    row = {
        "dialogue": one.dialogue,
        "utterance": one.stem,
        "speaker": one.speaker,
        "wav": "" if wav is None else wav.relative_to(root).as_posix(),
        "text": text,
    }
    cells = dict(row)
    # Names begin anew in each folder, ids must not.
    if "/" in one.dialogue or not one.stem.startswith(one.dialogue):
        cells["utterance"] = f"{one.dialogue}/{one.stem}"
    return Record(str(wav or txt), cells, row)
