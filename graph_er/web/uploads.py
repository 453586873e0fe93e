"""What a browser sent, into a folder of its own: only files of known kinds, none outside of it.

An archive is believed in nothing: names, sizes, kinds and what its header says of itself are all
checked, and what is written is counted as it is written.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from graph_er.conversations.conversation_input import TURN_SUFFIXES
from graph_er.conversations.recording_folder import AUDIO_SUFFIXES
from graph_er.errors import InputError
from graph_er.running.clutter import is_clutter

ARCHIVE = ".zip"
KINDS = (*AUDIO_SUFFIXES, *TURN_SUFFIXES, ".txt")

_BLOCK = 1 << 16
_NAME = 200  # letters of a path within an archive
_DEPTH = 8
# Control and format signs, of which some turn the writing around, halves of letters, line ends.
_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
# Of an archive's list of files, per file: its fields, its name and what systems add.
_ENTRY = 1_000
_END = b"PK\5\6"  # of the list, and how many bytes it and a comment behind it take at most
_END_BYTES = 22 + (1 << 16)
# What stands before it in archives beyond 4 GB or 65,535 files.
_LARGE_END, _LARGE_BYTES = b"PK\6\7", 20


@dataclass(frozen=True)
class Limits:
    """How much is accepted.

    Attributes:
        size: bytes of all files together, unpacked.
        files: how many.
        ratio: how many times larger a file may be than it is in the archive.
        table: bytes of one file that is no audio.
    """

    size: int = 200_000_000
    files: int = 4_100
    ratio: int = 100
    table: int = 8_000_000


LIMITS = Limits()


def collect(paths: Sequence[Path], folder: Path, limits: Limits = LIMITS) -> None:
    """Copy uploaded files into an empty folder; a single archive is unpacked.

    Raises:
        InputError: nothing was sent, or something of it is too large or of another kind. What was
            written until then is the caller's to remove with the folder.
    """
    if not paths:
        raise InputError("no file was chosen")
    archives = [path for path in paths if path.suffix.lower() == ARCHIVE]
    if archives:
        if len(paths) > 1:
            raise InputError(f"{archives[0].name}: an archive stands alone; put all files into it")
        unpack(archives[0], folder, limits)
        return
    if len(paths) > limits.files:
        raise InputError(f"{len(paths)} files; at most {limits.files} are taken")
    taken: set[str] = set()
    left = limits.size
    for path in paths:
        name = PurePosixPath(_checked_name(path.name, taken)).name
        if path.is_symlink() or not path.is_file():
            raise InputError(f"{name}: is no regular file")
        left = _take(name, path.stat().st_size, left, limits)
        shutil.copyfile(path, folder / name)


def turns_first(paths: Sequence[Path]) -> list[Path]:
    """Return files with the one that tells the turns first: a conversation is called after it."""
    return sorted(paths, key=lambda path: path.suffix.lower() not in TURN_SUFFIXES)


def unpack(archive: Path, folder: Path, limits: Limits = LIMITS) -> None:
    """Unpack a ZIP archive into an empty folder.

    Raises:
        InputError: it is none, damaged or encrypted; a file in it is of another kind, lies outside,
            is a link, occurs twice; or there are too many, too large or too tightly packed ones.
    """
    if archive.is_symlink() or not archive.is_file():
        raise InputError(f"{archive.name}: is no regular file")
    try:
        _require_short_list(archive, limits)
        with _open(archive) as opened:
            members = [member for member in opened.infolist() if not _is_passed_over(member)]
            _check_members(members, limits, archive.name)
            taken: set[str] = set()
            left = limits.size
            for member in members:
                name = _checked_name(member.filename, taken)
                left -= _extract(opened, member, folder / name, min(left, member.file_size))
    except (
        *(zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError),
        *(ValueError, zlib.error),
    ) as error:
        raise InputError(
            f"{archive.name}: cannot be unpacked ({error}); make the archive again"
        ) from error


def _require_short_list(archive: Path, limits: Limits) -> None:
    """Refuse an archive whose list of files is longer than `limits` allow, before it is read.

    Reading the list of a small archive can take gigabytes: it need not hold anything else.
    """
    with archive.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _END_BYTES))
        tail = file.read()
    for found in re.finditer(re.escape(_END), tail):
        length = int.from_bytes(tail[found.start() + 12 : found.start() + 16], "little")
        large = tail[: found.start()][-_LARGE_BYTES:].startswith(_LARGE_END)
        if length <= limits.files * _ENTRY and not large:
            continue
        raise InputError(f"{archive.name}: holds too many files; at most {limits.files} are taken")


def _open(archive: Path) -> zipfile.ZipFile:
    """Open an archive; names that are not marked as UTF-8 are Korean Windows' if they can be."""
    if not zipfile.is_zipfile(archive):
        raise InputError(f"{archive.name}: is no ZIP archive; make it again")
    try:
        return zipfile.ZipFile(archive, metadata_encoding="cp949")
    except UnicodeDecodeError:
        return zipfile.ZipFile(archive)


def _is_passed_over(member: zipfile.ZipInfo) -> bool:
    name = member.filename  # may be empty, which `is_dir` does not take
    return name.endswith("/") or any(is_clutter(part) for part in name.split("/"))


def _check_members(members: Sequence[zipfile.ZipInfo], limits: Limits, where: str) -> None:
    if not members:
        raise InputError(f"{where}: holds no file")
    if len(members) > limits.files:
        raise InputError(f"{where}: holds {len(members)} files; at most {limits.files} are taken")
    left = limits.size
    for member in members:
        name = member.filename[:80]
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in (0, stat.S_IFREG):
            raise InputError(f"{where}: {name!r} is a link or no regular file; put the file itself")
        # Python gives others a whole block to unpack, whatever comes of it.
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise InputError(f"{where}: {name!r} is packed by a rare method; make a plain ZIP")
        if member.flag_bits & 0x1:
            raise InputError(f"{where}: {name!r} is encrypted; make the archive without password")
        left = _take(name, member.file_size, left, limits)
        if member.file_size > limits.ratio * max(member.compress_size, 1_000):
            raise InputError(
                f"{where}: {name!r} is {member.file_size:,} bytes packed into "
                f"{member.compress_size:,}; no recording or text packs like that"
            )


def _take(name: str, size: int, left: int, limits: Limits) -> int:
    """Return how many bytes are left after one more file."""
    if size > left:
        raise InputError(f"{name}: more than {limits.size // 1_000_000} MB in all; send less")
    if Path(name).suffix.lower() not in AUDIO_SUFFIXES and size > limits.table:
        raise InputError(f"{name}: more than {limits.table // 1_000_000} MB of text; send less")
    return left - size


def _checked_name(name: str, taken: set[str]) -> str:
    """Return a relative path that leads nowhere else, composed (NFC), and remember it."""
    name = unicodedata.normalize("NFC", name)
    parts = name.split("/")
    shown = name[:80]
    if (
        any(part in ("", ".", "..") or part.startswith((".", "~")) for part in parts)
        or any(sign in "\\:" or unicodedata.category(sign) in _UNSEEN for sign in name)
        or len(name) > _NAME
        or len(parts) > _DEPTH
    ):
        raise InputError(f"{shown!r} is no plain file name below the archive; rename it")
    suffix = PurePosixPath(name).suffix.lower()
    if suffix not in KINDS:
        raise InputError(
            f"{shown!r}: files of kind {suffix!r} are not taken, only {', '.join(KINDS)}"
        )
    # As on disks that do not tell small from capital letters.
    if name.lower() in taken:
        raise InputError(f"{shown!r} is there twice; keep one")
    taken.add(name.lower())
    return name


def _extract(opened: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, most: int) -> int:
    """Write a member of at most `most` bytes, whatever its header says; return its size."""
    target.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    with opened.open(member) as source, target.open("xb") as file:
        while block := source.read(_BLOCK):
            size += len(block)
            if size > most:
                raise InputError(f"{member.filename[:80]!r} is larger than the archive says")
            file.write(block)
    return size
