"""The form that the ETRI corpora's annotation files share: a UTF-8 CSV with two header rows."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from graph_er.errors import InputError
from graph_er.running.regular_files import require_regular

_HEADER_ROWS = 2
_MOST_BYTES = 1 << 30


def read_data_rows(
    path: Path, segment_id: re.Pattern[str], problems: list[str]
) -> list[tuple[int, list[str]]]:
    """Return (1-based line, stripped cells) of the rows below the header; blank rows are skipped.

    Args:
        path: the CSV file.
        segment_id: what tells a data row from a header row.
        problems: receives a message where the file cannot be used or lacks a header row.
    """
    try:
        require_regular(path, _MOST_BYTES)
        with path.open(encoding="utf-8-sig", newline="") as file:
            # strict: a stray quote would otherwise swallow the rest of the file in silence
            reader = csv.reader(file, strict=True)
            records = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except InputError as error:
        problems.append(str(error))
        return []
    except (UnicodeDecodeError, csv.Error) as error:
        problems.append(f"{path}: no UTF-8 CSV ({error}); restore the file or save it as UTF-8")
        return []
    except OSError as error:
        problems.append(f"{path}: cannot be read ({error.strerror}); restore the file")
        return []
    for line, cells in records[:_HEADER_ROWS]:
        if any(segment_id.fullmatch(cell) for cell in cells):
            problems.append(
                f"{path}, line {line}: a data row where a header row belongs; the file begins with "
                "two header rows, put the missing one back"
            )
    rows = [(line, cells) for line, cells in records[_HEADER_ROWS:] if any(cells)]
    if not rows:
        problems.append(f"{path}: holds no data row below its two header rows; restore the file")
    return rows
