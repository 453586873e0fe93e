"""The rows of a CSV or TSV with their line numbers, without what spreadsheets add to the file."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress

from graph_er.errors import InputError
from graph_er.running.counted import counted
from graph_er.running.csv_cells import unguarded

# Not all that Python calls a blank: U+0085 stands for "…" in files with damaged encoding.
BLANKS = " \t\r\n"
_SEPARATORS = ";\t|,"
# Excel's own first line, which tells it what stands between the cells.
_DECLARED = re.compile(rf'"?sep=([{_SEPARATORS}])"?[ {_SEPARATORS}]*(?=[\r\n])', re.IGNORECASE)
_SHOWN = 20


def csv_rows(
    path: str, text: str, delimiter: str, problems: list[str]
) -> Iterator[tuple[int, list[str]]]:
    """Give the header of a table and then each row, with the line that it begins on.

    Rows of blanks are skipped, and so is a column without a name that is empty in all rows. One
    column may have values and no name, as that of row numbers in tables of pandas.

    Args:
        path: of the file, for messages.
        text: what is in it.
        delimiter: between its cells, unless a first line ``sep=;`` tells another.
        problems: receives a message for each row of another length than the header.

    Raises:
        InputError: the file is no CSV, or has no header, no row below it, or cells without names.
    """
    if declared := _DECLARED.match(text):
        text, delimiter = text[declared.end() :], declared[1]
    # strict: a stray quote would otherwise swallow the rest of the file in silence
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    kept: list[int] = []
    width = below = 0
    try:
        while True:
            line = reader.line_num + 1
            cells = [unguarded(cell).strip(BLANKS) for cell in next(reader)]
            if not any(cells):
                continue
            if not kept:
                _require_delimiter(path, cells, delimiter)
                width, kept = len(cells), _kept_columns(path, cells, text, delimiter)
            elif not kept[-1] < len(cells) <= width:
                below += 1
                problems.append(
                    f"{path}, line {line}: {counted(len(cells), 'cell')} where the header "
                    f"names {kept[-1] + 1}; correct the row"
                )
                continue
            else:
                below += 1
            yield line, [cells[column] for column in kept]
    except StopIteration:
        if not kept:
            raise InputError(f"{path}: is empty; restore the file") from None
        if not below:
            raise InputError(f"{path}: holds a header row and no row below it") from None
    except csv.Error as error:
        raise InputError(
            f"{path}, line {reader.line_num}: not CSV ({error}); correct the quotes there"
        ) from error


def _require_delimiter(path: str, header: Sequence[str], delimiter: str) -> None:
    if other := next((s for s in _SEPARATORS if len(header) == 1 and s in header[0]), None):
        raise InputError(
            f"{path}: its cells are separated by {other!r}; save it with {delimiter!r} between them"
        )


def _kept_columns(path: str, header: Sequence[str], text: str, delimiter: str) -> list[int]:
    """Return the places of the columns that have a name or a value.

    Raises:
        InputError: several have a value and no name.
    """
    unnamed = {place for place, name in enumerate(header) if not name}
    filled = _filled(unnamed, text, delimiter) if unnamed else set()
    if len(filled) > 1:
        shown = ", ".join(str(place + 1) for place in sorted(filled)[:_SHOWN])
        raise InputError(
            f"{path}: columns {shown} have values and no name; name them in the header or remove "
            "them"
        )
    return [place for place, name in enumerate(header) if name or place in filled]


def _filled(columns: set[int], text: str, delimiter: str) -> set[int]:
    """Return those of `columns` in which some row has a value."""
    found: set[int] = set()
    # What is no CSV is told of by who reads the rows, with its line.
    with suppress(csv.Error):
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True):
            found |= {place for place in columns if place < len(row) and row[place].strip(BLANKS)}
    return found
