"""Talks of the AI Hub emotional dialogue corpus, as its workbooks hold them: one row per talk.

Columns, named in the first row, white space aside: ``감정_대분류`` (category), ``사람문장1`` … the
human's sentences; others, such as the system's, are not read. Rows carry no id of the talk, so the
id is made from their content.
"""

from __future__ import annotations

import hashlib
import re
import warnings
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from feature_extractor.corpora.aihub_dialogue_talks import (
    WAV_FIELDS,
    Talk,
    human_sentences,
    wav_name,
)
from feature_extractor.corpora.text_files import one_line
from graph_er.errors import InputError
from graph_er.running.counted import counted

_CATEGORY, _FINE = "감정_대분류", "감정_소분류"
_SENTENCE = re.compile(r"사람문장([0-9]+)")
# The released workbooks are tens of MB unpacked, nearly all of it sheets and texts.
_MAX_BYTES = 1 << 28
_MAX_OTHER_BYTES = 1 << 20
_LARGE_PARTS = ("xl/worksheets/", "xl/sharedStrings.xml")
# Texts and tables pack into a tenth or so.
_MAX_PACKING = 100
# XML tags are what reading takes time for, however few bytes they are.
_MAX_TAGS = 16_000_000
# The released ones have 52,000 rows by some 20 columns.
_MAX_ROWS = 250_000
_MAX_CELLS = 4_000_000
_BLOCK = 1 << 20


def read_xlsx_talks(path: Path, problems: list[str]) -> list[Talk]:
    """Return the usable talks of a workbook's first sheet; each that is not is a problem."""
    try:
        rows = _read_rows(path)
        columns = _columns(rows.pop(1, ()))
    except InputError as error:
        problems.append(f"{path}: {error}")
        return []
    talks = []
    for number, row in rows.items():
        source = f"{path}, row {number}"
        cells = {name: row[at] if at < len(row) else "" for name, at in columns.items()}
        try:
            if any(cells.values()):
                talks.append(_parse_row(cells, source))
        except InputError as error:
            problems.append(f"{source}: {error}")
    return talks


def _read_rows(path: Path) -> dict[int, tuple[str, ...]]:
    """Return the first sheet's rows that are not empty by number; an empty cell is ``""``."""
    if not path.is_file() or path.stat().st_size > _MAX_BYTES:
        raise InputError("is no regular file, or too large for this corpus; restore it")
    try:
        import openpyxl  # here: only this format needs it
    except ImportError:
        raise InputError(
            "a workbook is read with openpyxl; `pip install openpyxl`, or place the JSON file of "
            "this part"
        ) from None
    try:
        with zipfile.ZipFile(path) as archive:
            _require_plain(archive)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # styles and extensions that do not matter here
            workbook = openpyxl.load_workbook(path, read_only=True, data_only=True)
            try:
                sheet = workbook.worksheets[0]
                sheet.reset_dimensions()  # some writers state too small a range
                return _filled_rows(sheet.iter_rows(values_only=True))
            finally:
                workbook.close()
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror}); restore the file") from error
    except Exception as error:  # a broken workbook can fail in any way
        raise InputError(
            f"no readable workbook ({type(error).__name__}: {error}); restore the file"
        ) from error


def _require_plain(archive: zipfile.ZipFile) -> None:
    """Refuse an archive that takes more time or memory than a workbook of this corpus would.

    Raises:
        InputError: a part is too large, too tightly packed, or of too many tags.
    """
    left, tags = _MAX_BYTES, 0
    for member in archive.infolist():
        left -= member.file_size
        large = member.filename.startswith(_LARGE_PARTS)
        if left < 0 or (not large and member.file_size > _MAX_OTHER_BYTES):
            raise InputError(f"{member.filename[:80]} is too large for this corpus; restore it")
        if member.file_size > _MAX_PACKING * max(member.compress_size, _BLOCK // _MAX_PACKING):
            raise InputError(
                f"{member.filename[:80]} is {member.file_size:,} bytes packed into "
                f"{member.compress_size:,}; no text packs like that, restore it"
            )
        with archive.open(member) as part:
            while block := part.read(_BLOCK):
                tags += block.count(b"<")
        if tags > _MAX_TAGS:
            raise InputError(f"holds more than {_MAX_TAGS:,} XML tags; restore it")


def _filled_rows(rows: Iterable[Sequence[Any]]) -> dict[int, tuple[str, ...]]:
    """Return the rows that are not empty by number, from 1.

    Raises:
        InputError: more rows or cells than any workbook of this corpus has.
    """
    filled: dict[int, tuple[str, ...]] = {}
    num_cells = 0
    for number, row in enumerate(rows, start=1):
        if number > _MAX_ROWS:
            raise InputError(f"has a row beyond {_MAX_ROWS:,}; restore the file")
        places = [place for place, cell in enumerate(row, start=1) if cell is not None]
        num_cells += len(row)
        if num_cells > _MAX_CELLS:
            raise InputError(f"holds more than {_MAX_CELLS:,} cells; restore the file")
        if places:
            filled[number] = tuple(map(_text, row[: places[-1]]))
    return filled


def _text(cell: Any) -> str:
    return "" if cell is None else one_line(str(cell))


def _columns(header: tuple[str, ...]) -> dict[str, int]:
    """Return the position of each column that is read, its name without white space."""
    names = ["".join(cell.split()) for cell in header]
    wanted = [
        name
        for name in names
        if name in (_CATEGORY, _FINE, *WAV_FIELDS) or _SENTENCE.fullmatch(name)
    ]
    missing = [name for name in (_CATEGORY, "사람문장1") if name not in wanted]
    if missing:
        found = ", ".join(filter(None, names)) or "none"
        told = f"{counted(len(missing), 'column')} missing ({', '.join(missing)})"
        raise InputError(f"{told}; found {found}; restore the file")
    twice = sorted({name for name in wanted if wanted.count(name) > 1})
    if twice:
        told = counted(len(twice), "column occurs", "columns occur")
        raise InputError(f"{told} twice ({', '.join(twice)}); remove one of each")
    return {name: names.index(name) for name in wanted}


def _parse_row(cells: Mapping[str, str], source: str) -> Talk:
    if not cells[_CATEGORY]:
        raise InputError(f"{_CATEGORY} is empty; fill it in or remove the row")
    turns = {
        int(match[1]): text for name, text in cells.items() if (match := _SENTENCE.fullmatch(name))
    }
    sentences = human_sentences(turns)
    wav = wav_name({name: cells.get(name) for name in WAV_FIELDS}, len(sentences))
    content = [cells[_CATEGORY], cells.get(_FINE, ""), wav or "", *map(str, sentences)]
    digest = hashlib.sha256("\n".join(content).encode("utf-8")).hexdigest()
    return Talk(
        source=source,
        id=f"talk_{digest[:16]}",
        profile=None,
        emotion=cells[_CATEGORY],
        sentences=sentences,
        wav=wav,
    )
