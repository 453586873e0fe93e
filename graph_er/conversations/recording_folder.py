"""Turns from a folder of audio files and transcripts whose names say who speaks and when."""

from __future__ import annotations

import logging
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from feature_extractor.corpora.text_files import Record, one_line
from feature_extractor.file_tree import composed, files_below
from feature_extractor.transcript import read_transcript
from graph_er.conversations.turn_rows import turns_of
from graph_er.conversations.turns import Turn
from graph_er.errors import InputError
from graph_er.running.counted import counted
from graph_er.schema.splits import natural_key

logger = logging.getLogger(__name__)

# Audio that is looked for, here and beside tables; a table may name any that can be read.
AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")
_TRANSCRIPT = ".txt"
TURN_FILE_SUFFIXES = (*AUDIO_SUFFIXES, _TRANSCRIPT)
# Files that tell the turns of one recording; beside a single turn, aligners write its words there.
_TIMES = (".TextGrid", ".rttm")
# KEMDy19's segments, e.g. Sess01_script01_F001, and KEMDy20's, e.g. Sess01_script01_User001F_001.
_KEMDY = re.compile(
    r"(?P<dialogue>Sess\d+_(?:script|impro)\d+)_(?P<speaker>\w*?[FM])_?(?P<turn>\d{1,9})"
)
_SPEAKER_TURN = re.compile(r"(?P<speaker>.+)_(?P<turn>\d{1,9})")


@dataclass(frozen=True)
class _Named:
    """What a name says, and the files of that name."""

    dialogue: str
    speaker: str
    turn: int
    stem: str
    audio: Path | None
    transcript: Path | None


def read_recording_folder(root: Path) -> list[Turn]:
    """Read a folder of audio files, ``.txt`` transcripts of the same names, or both.

    Names are KEMDy19's or KEMDy20's, each prefix a dialogue, or ``<speaker>_<turn>``, each folder a
    dialogue. Turns stand in the order of their numbers. Where several speakers have one number,
    their order is not known; those take turns in the order of their names, with a warning. So is
    told that times of turns, which may lie beside audio, are not read here.

    Raises:
        InputError: no such files, or problems in them, all of them in one message.
    """
    problems: list[str] = []
    files: dict[str, list[Path]] = {}
    for paths in files_below(root, TURN_FILE_SUFFIXES).values():
        for path in paths:
            # Some systems compose Korean letters in the names that they give and others do not.
            files.setdefault(composed(path.with_suffix(""), root), []).append(path)
    if not files:
        kinds = f"{', '.join(AUDIO_SUFFIXES)} or {_TRANSCRIPT}"
        raise InputError(f"{root}: no file {kinds} below it; name the folder that holds them")
    named = [
        found
        for name, own in files.items()
        if (found := _read_name(root, PurePosixPath(name), own, problems))
    ]
    named.sort(key=lambda n: (natural_key(n.dialogue), n.turn, natural_key(n.speaker)))
    _warn_of_equal_numbers(named)
    _warn_of_times([path for own in files.values() for path in own])
    records = [_record(root, one, problems) for one in named]
    return turns_of(records, root, str(root), problems, dialogue=root.name)


def _read_name(
    root: Path, path: PurePosixPath, files: list[Path], problems: list[str]
) -> _Named | None:
    """Read the name of `files`, `path` below `root`, composed and without suffix."""
    name = one_line(path.name)
    kemdy = _KEMDY.fullmatch(name)
    found = kemdy or _SPEAKER_TURN.fullmatch(name)
    if found is None:
        problems.append(
            f"{files[0]}: the name does not say who speaks when; call it "
            "<speaker>_<turn>, e.g. A_001.wav, or take it out of the folder"
        )
        return None
    transcripts = [file for file in files if file.suffix.lower() == _TRANSCRIPT]
    audio = [file for file in files if file not in transcripts]
    for alike in (audio, transcripts):
        if len(alike) > 1:
            names = " and ".join(file.name for file in sorted(alike))
            problems.append(f"{alike[0].parent}: {names} are of one turn; keep one")
    below = path.parent.as_posix()
    dialogue = found["dialogue"] if kemdy else root.resolve().name if below == "." else below
    return _Named(
        one_line(dialogue),
        found["speaker"],
        int(found["turn"]),
        name,
        audio=next(iter(audio), None),
        transcript=next(iter(transcripts), None),
    )


def _warn_of_equal_numbers(named: list[_Named]) -> None:
    counts = Counter((one.dialogue, one.turn) for one in named)
    shared = sum(count > 1 for count in counts.values())
    if shared:
        logger.warning(
            "%s to turns of several speakers: who spoke first is a guess there, "
            "and context is read in that order; a table with a column start tells it",
            counted(shared, "number belongs", "numbers belong"),
        )


def _warn_of_times(files: list[Path]) -> None:
    found = [
        (beside.name, path.name)
        for path in files
        if path.suffix.lower() != _TRANSCRIPT
        for beside in map(path.with_suffix, _TIMES)
        if beside.is_file()
    ]
    if found:
        times, recording = found[0]
        endings = " or ".join(_TIMES)
        logger.warning(
            "%s not read, and audio of the same name is heard whole; if it is a recording with its "
            "turns, give both: --input %s --recording %s",
            counted(len(found), f"file {endings} is", f"files {endings} are"),
            times,
            recording,
        )


def _record(root: Path, one: _Named, problems: list[str]) -> Record:
    text = ""
    if one.transcript is not None:
        try:
            text = read_transcript(one.transcript)
        except InputError as error:
            problems.append(str(error))
    row = {
        "dialogue": one.dialogue,
        "utterance": one.stem,
        "speaker": one.speaker,
        "wav": "" if one.audio is None else one.audio.relative_to(root).as_posix(),
        "text": text,
    }
    cells = dict(row)
    # Names begin anew in each folder, ids must not.
    if "/" in one.dialogue or not one.stem.startswith(one.dialogue):
        cells["utterance"] = f"{one.dialogue}/{one.stem}"
    return Record(str(one.audio or one.transcript), cells, row)
