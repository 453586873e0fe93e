"""Who said what when from a Praat TextGrid: one interval tier for each speaker."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from feature_extractor.corpora.text_files import Record, one_line
from graph_er.errors import InputError
from graph_er.running.regular_files import require_regular

_MOST_BYTES = 1 << 26
_MOST_INTERVALS = 200_000  # ten hours of words
_BOMS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
# Older versions of Praat, and tools after them, name the short format in their first line.
_FILE_TYPES = ("ooTextFile", "ooTextFile short")
# What counts in Praat's text files, long and short: strings, flags, and numbers that stand free;
# all else (``xmin =``, ``intervals [3]:``) is for people, and ``!`` begins a comment.
_TOKEN = re.compile(
    r'"(?P<text>[^"]*(?:""[^"]*)*)"|(?P<flag><\w+>)|!.*'
    r"|(?<![^\s=])(?P<number>[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)(?![^\s])"
)


def read_textgrid(path: Path, problems: list[str]) -> list[Record]:
    """Return a row of ``speaker, start, end, text`` for each labelled interval, in time order.

    Empty intervals are silence; point tiers are passed over. UTF-8, UTF-16 with BOM, else cp949.

    Args:
        path: the file, in Praat's long or short text format.
        problems: receives a message where the file is none.
    """
    try:
        tokens = _tokens(_decode(path))
        if next(tokens, None) not in _FILE_TYPES or next(tokens, None) != "TextGrid":
            raise InputError("does not begin as a TextGrid in text format")
        rows = list(islice(_intervals(tokens), _MOST_INTERVALS + 1))
        if len(rows) > _MOST_INTERVALS:
            raise InputError(f"holds more than {_MOST_INTERVALS:,} labelled intervals")
    except InputError as error:
        problems.append(f"{path}: {error}; save it from Praat as a text file")
        return []
    if not rows:
        problems.append(f"{path}: no interval tier with a label; name a tier after each speaker")
    rows.sort(key=lambda row: (row["start"], row["end"]))
    return [
        Record(
            f"{path}, tier {row['speaker']!r} at {row['start']} s",
            {name: str(value) for name, value in row.items()},
            row,
        )
        for row in rows
    ]


def _decode(path: Path) -> str:
    require_regular(path, _MOST_BYTES)
    content = path.read_bytes()
    for encoding in (_BOMS.get(content[:2], "utf-8-sig"), "cp949"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InputError("is neither UTF-8 nor UTF-16 nor CP949 text")


def _tokens(text: str) -> Iterator[str | float]:
    for found in _TOKEN.finditer(text):
        if found["text"] is not None:
            yield found["text"].replace('""', '"')
        elif found["flag"]:
            yield found["flag"]
        elif found["number"]:
            number = float(found["number"])
            if not math.isfinite(number):
                raise InputError(f"{found['number'][:40]} is no time and no count")
            yield number


def _next(tokens: Iterator[str | float]) -> str | float:
    for token in tokens:
        return token
    raise InputError("ends early")


def _number(tokens: Iterator[str | float]) -> float:
    token = _next(tokens)
    if not isinstance(token, float):
        raise InputError(f"{str(token)[:40]!r} stands where a number is expected")
    return token


def _string(tokens: Iterator[str | float]) -> str:
    token = _next(tokens)
    if not isinstance(token, str):
        raise InputError(f"{token} stands where a text is expected")
    return token


def _intervals(tokens: Iterator[str | float]) -> Iterator[dict[str, str | float]]:
    _number(tokens), _number(tokens)
    if _string(tokens) != "<exists>":
        return
    for _ in range(int(_number(tokens))):
        kind, name = _string(tokens), one_line(_string(tokens))
        _number(tokens), _number(tokens)
        for _ in range(int(_number(tokens))):
            start = _number(tokens)
            end = _number(tokens) if kind == "IntervalTier" else start
            text = one_line(_string(tokens))
            if kind == "IntervalTier" and text:
                yield {"speaker": name, "start": start, "end": end, "text": text}
