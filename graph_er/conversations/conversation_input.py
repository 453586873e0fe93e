"""What a user names as a conversation, of any accepted kind, to turns."""

from __future__ import annotations

from pathlib import Path

from feature_extractor.corpora.text_files import TABLE_SUFFIXES, Record
from graph_er.conversations.recording import open_recording
from graph_er.conversations.recording_folder import read_recording_folder
from graph_er.conversations.rttm import read_rttm
from graph_er.conversations.textgrid import read_textgrid
from graph_er.conversations.turn_rows import turns_of
from graph_er.conversations.turn_table import read_turn_table
from graph_er.conversations.turns import Turn
from graph_er.errors import InputError

_RTTM, _TEXTGRID = ".rttm", ".textgrid"
# In small letters. What tells times alone needs a recording beside it.
TIME_SUFFIXES = (_RTTM, _TEXTGRID)
TURN_SUFFIXES = (*TABLE_SUFFIXES, *TIME_SUFFIXES)


def read_turns(
    path: Path | str, recording: Path | str | None = None, most: int | None = None
) -> list[Turn]:
    """Read a conversation, or several.

    Args:
        path: a table (CSV, TSV, JSON lines), a folder of audio and transcripts, or, with a
            recording, an RTTM or TextGrid file; the suffix tells.
        recording: a long recording that the turns are parts of.
        most: turns of a table, an RTTM or a TextGrid; with more of them nothing is read.

    Raises:
        InputError: nothing of these kinds is there, or problems in it, all in one message.
    """
    path = Path(path)
    recording = None if recording is None else Path(recording)
    suffix = path.suffix.lower()
    if path.is_dir():
        if recording is not None:
            raise InputError(f"{path}: a folder of turns; leave --recording out")
        return read_recording_folder(path)
    _require_file(path, suffix)
    if recording is None and suffix in TIME_SUFFIXES:
        raise InputError(f"{path}: tells times only; name the audio with --recording FILE.wav")
    whole = None if recording is None else open_recording(recording)
    if suffix in TABLE_SUFFIXES:
        return read_turn_table(path, whole, most)
    problems: list[str] = []
    if suffix == _RTTM:
        assert recording is not None  # asked for above
        records = read_rttm(path, recording.stem, problems)
    else:
        records = read_textgrid(path, problems)
    if most is not None and len(records) > most:
        raise InputError(f"{path}: {len(records)} turns; at most {most} are taken here")
    numbered = [_numbered(record, number) for number, record in enumerate(records, start=1)]
    return turns_of(numbered, path.parent, str(path), problems, dialogue=path.stem, recording=whole)


def _require_file(path: Path, suffix: str) -> None:
    if not path.is_file():
        what = "is no regular file" if path.exists() else "no such file or folder"
        raise InputError(f"{path}: {what}; name a table, a folder, an RTTM or a TextGrid")
    known = (*TABLE_SUFFIXES, _RTTM, ".TextGrid")
    if suffix not in TURN_SUFFIXES:
        raise InputError(f"{path}: unknown suffix; a conversation is one of {', '.join(known)}")


def _numbered(record: Record, number: int) -> Record:
    """Return a row with the number that tells it from others, in the order of the file."""
    return Record(record.source, record.cells, {"turn": number, **record.written})
