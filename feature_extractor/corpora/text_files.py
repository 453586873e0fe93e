"""Text files of a corpus: decoding, and tables (CSV, TSV, JSON lines) as rows with line numbers."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from feature_extractor.corpora.csv_rows import BLANKS, csv_rows
from graph_er.errors import InputError
from graph_er.running.counted import counted
from graph_er.running.normal_form import normal_form
from graph_er.running.regular_files import require_regular, unique_keys

# UTF-8 first: cp949 decodes UTF-8 Hangul into garbage without an error, the reverse fails.
KOREAN_ENCODINGS = ("utf-8-sig", "cp949")
_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_SHOWN = 20
# What stands in no text: control characters other than line ends and tabs, halves of a letter.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f\ud800-\udfff]")
# Signs without width beside those of Unicode's category Cf: fillers; and those of them that change
# how letters and emoji around them look.
_NO_WIDTH = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
_JOINERS = frozenset("\u200c\u200d")
# What fits into memory as rows of text; a hundred times the largest corpora.
_MOST_BYTES = 1 << 30
_MOST_ROWS = 2_000_000
_MOST_COLUMNS = 200_000
TABLE_SUFFIXES = (*_DELIMITERS, ".jsonl")


@dataclass(frozen=True)
class Record:
    """One row of a table.

    Attributes:
        source: file and first line, for messages.
        cells: text per column; column names in small letters, nothing around either.
        written: the values by column as the file has them.
    """

    source: str
    cells: dict[str, str]
    written: Mapping[str, Any] = field(default_factory=dict, repr=False)


def decode_file(path: Path, encodings: Sequence[str]) -> str:
    """Return a file's text in the first of `encodings` that fits strictly.

    Raises:
        InputError: the file cannot be read, is larger than 1 GiB, or none of the encodings fits.
    """
    require_regular(path, _MOST_BYTES)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); restore the file") from error
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    known = " nor ".join(encoding.removesuffix("-sig").upper() for encoding in encodings)
    raise InputError(f"{path}: is neither {known} text; restore the file or save it as UTF-8")


def one_line(text: str) -> str:
    """Return `text` on one line, with single blanks and composed letters.

    Raises:
        InputError: as `graph_er.running.normal_form.normal_form`.
    """
    return " ".join(normal_form(text).split())


def plain_name(text: str) -> str:
    """Return a name on one line, without the signs in it that nobody sees.

    Copied cells carry them (zero-width spaces, byte order marks, direction marks), and two names
    that look alike must be one. Joiners stay between signs, which some scripts spell with them.
    Not for paths, which are what the disk says.

    Raises:
        InputError: as `graph_er.running.normal_form.normal_form`.
    """
    if text.isascii():
        return one_line(text)
    seen = "".join(
        sign
        for sign in text
        if sign in _JOINERS or (unicodedata.category(sign) != "Cf" and sign not in _NO_WIDTH)
    )
    return one_line(seen.strip("".join(_JOINERS)))


def require_text(text: str, what: str) -> None:
    """Refuse text that cannot be shown or stored; `what` names it in the message.

    Raises:
        InputError: it holds a control character or half of a surrogate pair.
    """
    if found := _UNPRINTABLE.search(text):
        raise InputError(
            f"{what} {text[:40]!r} holds the character U+{ord(found[0]):04X}, which is no part of "
            "a text; remove it"
        )


def read_table_file(
    path: Path,
    encodings: Sequence[str],
    *,
    required: Sequence[str],
    problems: list[str],
    one_of: Sequence[str] = (),
    checked: Collection[str] | None = None,
    most_rows: int = _MOST_ROWS,
) -> list[Record]:
    """Read a CSV, a TSV or a file of one JSON object a line; the suffix tells which.

    Args:
        path: the file; a row of blanks in it is skipped.
        encodings: tried in this order.
        required: columns that must be there, in small letters.
        problems: receives one message for each thing that is wrong.
        one_of: columns of which at least one must be there, if any are named.
        checked: columns that must hold text or numbers, in small letters; None for all. In JSON
            lines others may hold anything.
        most_rows: with more rows than these nothing is read.

    Returns:
        The usable rows in file order; none where a column is missing.
    """
    found: list[str] = []
    try:
        text = decode_file(path, encodings)
        if path.suffix.lower() == ".jsonl":
            read = _json_records(path, text, checked, found)
        else:
            read = _csv_records(path, text, found)
        records = list(islice(read, most_rows + 1))
        if len(records) > most_rows:
            raise InputError(f"{path}: holds more than {most_rows:,} rows; divide the file")
        columns = {name for record in records for name in record.cells}
        _require_columns(path, columns, required, one_of)
    except InputError as error:
        problems += [*found, str(error)]
        return []
    problems += found
    return records


def _require_columns(
    path: Path, columns: set[str], required: Sequence[str], one_of: Sequence[str]
) -> None:
    if not columns:
        raise InputError(f"{path}: holds no usable row; restore the file")
    missing = [name for name in required if name not in columns]
    if one_of and not columns.intersection(one_of):
        missing.append(" or ".join(one_of))
    if missing:
        raise InputError(
            f"{path}: {counted(len(missing), 'column')} missing ({', '.join(missing)}); it has "
            f"{', '.join(sorted(columns))[:200]}; add them"
        )


def _csv_records(path: Path, text: str, problems: list[str]) -> Iterator[Record]:
    rows = csv_rows(str(path), text, _DELIMITERS[path.suffix.lower()], problems)
    _, written = next(rows)
    header = _header(path, written)
    for line, cells in rows:
        yield Record(
            f"{path}, line {line}",
            dict(zip(header, cells, strict=True)),
            dict(zip(written, cells, strict=True)),
        )


def _header(path: Path, cells: Sequence[str]) -> list[str]:
    if len(cells) > _MOST_COLUMNS:
        raise InputError(
            f"{path}: names {len(cells):,} columns; at most {_MOST_COLUMNS:,} are read"
        )
    names = [plain_name(cell).lower() for cell in cells]
    for name in names:
        require_text(name, f"{path}: column")
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        shown = ", ".join(map(repr, repeated[:_SHOWN]))
        told = counted(len(repeated), "column occurs", "columns occur")
        raise InputError(f"{path}: {told} twice ({shown}); rename")
    return names


def _json_records(
    path: Path, text: str, checked: Collection[str] | None, problems: list[str]
) -> Iterator[Record]:
    # Not splitlines(), which also divides at signs that may stand inside a JSON string.
    for line, content in enumerate(text.split("\n"), start=1):
        if not content.strip():
            continue
        source = f"{path}, line {line}"
        try:
            row = _json_row(content)
            yield Record(source, cells_of(row, checked), row)
        except InputError as error:
            problems.append(f"{source}: {error}")


def _json_row(content: str) -> dict[str, Any]:
    try:
        row = json.loads(content, object_pairs_hook=unique_keys)
        # Half of a surrogate pair is no text that could be written again.
        json.dumps(row, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise InputError(f"not JSON ({error}); write one object a line") from error
    if not isinstance(row, dict):
        raise InputError("not a JSON object; write one object a line")
    return row


def cells_of(row: Mapping[str, Any], checked: Collection[str] | None = None) -> dict[str, str]:
    """Return the cells of a row given as values by column: text, numbers, None for empty.

    Args:
        row: the values.
        checked: columns that must be of these kinds, in small letters; None for all. Others may be
            truth values, lists and objects as well, whose cells are JSON.

    Raises:
        InputError: a value is of another kind, or two columns have one name in small letters.
    """
    for name in row:
        require_text(name, "column")
    cells = []
    for written, value in row.items():
        name = plain_name(written).lower()
        free = checked is not None and name not in checked
        convert = _json_text if free and isinstance(value, bool | list | dict) else _json_cell
        cells.append((name, convert(written, value)))
    return unique_keys(cells)


def _json_text(name: str, value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except ValueError as error:
        raise InputError(f"{name!r} holds a number that is not finite") from error


def _is_empty(value: Any) -> bool:
    """Tell whether a cell is what tables' libraries write for an empty one: None, NaN or NA."""
    try:
        return value is None or bool(value != value)
    except TypeError:  # pandas' NA, of which nothing is true or false
        return True
    except (ValueError, RuntimeError):  # an array, of which some may be true
        return False


def _json_cell(name: str, value: Any) -> str:
    if _is_empty(value):
        return ""
    if isinstance(value, float) and math.isinf(value):
        raise InputError(f"{name!r} is {value}; write a number or leave it out")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InputError(f"{name!r} is {str(value)[:40]!r}; it must be text or a number")
    try:
        return str(value).strip(BLANKS)
    except ValueError as error:  # Python refuses to write a number of thousands of digits
        raise InputError(f"{name!r} is a number of too many digits; shorten it") from error
