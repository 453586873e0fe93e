"""A conversation of which every file lies in one folder, as for files that a stranger sent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from feature_extractor.corpora.problems import raise_problems
from feature_extractor.corpora.text_files import KOREAN_ENCODINGS, Record, read_table_file
from graph_er.conversations.conversation_input import TIME_SUFFIXES, TURN_SUFFIXES, read_turns
from graph_er.conversations.recording_folder import AUDIO_SUFFIXES, TURN_FILE_SUFFIXES
from graph_er.conversations.turn_rows import COLUMNS
from graph_er.conversations.turns import Turn
from graph_er.errors import InputError

_SHOWN = 5  # files in a message


@dataclass(frozen=True)
class Bounds:
    """How long a conversation may be: turns, and seconds of audio in all of them."""

    turns: int = 2_000
    seconds: float = 6 * 3600.0


def read_confined(folder: Path, bounds: Bounds) -> list[Turn]:
    """Read the conversation in a folder, and nothing outside of it.

    A table (CSV, TSV, JSON lines) tells the turns; if it names no audio, has start and end, and
    there is one audio file, the turns are parts of that. So they are of an RTTM or a TextGrid.
    Without any of these, the names of the files tell, as `recording_folder` reads them.

    Raises:
        InputError: there is no such conversation, it leads out of the folder, is too long, uses
            none of the audio that is there, or has problems, all of them in one message.
    """
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    if any(path.is_symlink() for path in folder.rglob("*")):
        raise InputError("a link among the files; send the file itself")
    tables = [path for path in files if path.suffix.lower() in TURN_SUFFIXES]
    audio = [path for path in files if path.suffix.lower() in AUDIO_SUFFIXES]
    if len(tables) > 1:
        names = ", ".join(path.name for path in tables[:_SHOWN])
        raise InputError(f"several files tell the turns ({names}); send one conversation at a time")
    if not tables:
        named = sum(path.suffix.lower() in TURN_FILE_SUFFIXES for path in files)
        _require_turns(named, 2, bounds)
        turns = read_turns(_only_folder(folder))
    elif tables[0].suffix.lower() in TIME_SUFFIXES:
        turns = read_turns(tables[0], _only_audio(audio, tables[0]), bounds.turns)
    else:
        turns = _read_table(tables[0], audio, bounds)
    return _checked(turns, folder, bounds)


def _only_folder(folder: Path) -> Path:
    """Go down while a folder holds a single folder and nothing else: its name says more."""
    inside = list(folder.iterdir())
    return _only_folder(inside[0]) if len(inside) == 1 and inside[0].is_dir() else folder


def _only_audio(audio: list[Path], table: Path) -> Path:
    if len(audio) != 1:
        raise InputError(
            f"{table.name}: tells times in one recording, but {len(audio)} audio files came with it"
        )
    return audio[0]


def _read_table(table: Path, audio: list[Path], bounds: Bounds) -> list[Turn]:
    problems: list[str] = []
    records = read_table_file(
        table,
        KOREAN_ENCODINGS,
        required=("speaker",),
        checked=COLUMNS,
        problems=problems,
        most_rows=10 * bounds.turns,
    )
    _require_turns(len(records), 1, bounds)
    problems += [f"{r.source}: {told}" for r in records if (told := _leads_out(r))]
    raise_problems(problems, table.name)
    columns = {name for record in records for name in record.cells}
    names_audio = any(record.cells.get("wav") for record in records)
    cut = len(audio) == 1 and not names_audio and {"start", "end"} <= columns
    if audio and not names_audio and not cut:
        raise InputError(_unused(table, audio))
    return read_turns(table, audio[0] if cut else None)


def _unused(table: Path, audio: list[Path]) -> str:
    names = ", ".join(path.name for path in audio[:_SHOWN]) + ", …" * (len(audio) > _SHOWN)
    return (
        f"{table.name}: names none of the audio that came with it ({names}); write each turn's "
        "file into a column wav, or give every turn start and end in a single recording, or leave "
        "the audio out"
    )


def _leads_out(record: Record) -> str:
    """Return what is wrong with the path of a row's audio, or nothing."""
    cell = record.cells.get("wav", "")
    kinds = (PurePosixPath(cell), PureWindowsPath(cell))
    if any(kind.is_absolute() or kind.drive or kind.root or ".." in kind.parts for kind in kinds):
        return f"wav {cell[:80]!r} leads out of what was sent; name a file beside the table"
    return ""


def _require_turns(count: int, files_each: int, bounds: Bounds) -> None:
    if count > bounds.turns * files_each:
        raise InputError(
            f"{-(-count // files_each)} turns; at most {bounds.turns} are taken here, more by the "
            "command graph_er/predict.py"
        )


def _checked(turns: list[Turn], folder: Path, bounds: Bounds) -> list[Turn]:
    _require_turns(len(turns), 1, bounds)
    seconds = sum(turn.duration for turn in turns)
    if seconds > bounds.seconds:
        raise InputError(
            f"{seconds / 3600:.1f} hours of audio; at most {bounds.seconds / 3600:.0f} are taken "
            "here, more by the command graph_er/predict.py"
        )
    root = folder.resolve()
    if any(turn.wav and not turn.wav.resolve().is_relative_to(root) for turn in turns):
        raise InputError("a turn's audio lies outside of what was sent")
    return turns
