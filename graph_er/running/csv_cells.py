"""Cells of CSV files that a spreadsheet would run as a formula, and how they are kept as text.

A spreadsheet takes a cell that begins with ``=``, ``+``, ``-`` or ``@`` for a formula, whether it
stands in quotes or not, and a formula can call programs and send data away. Ids, speakers and texts
of other people reach the tables that are written here, so such a cell gets an apostrophe in front,
the spreadsheets' own sign for "this is text". Numbers stay as they are.
"""

from __future__ import annotations

import re
from typing import Any

# Full-width signs are formulas in some settings of East Asian languages.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_GUARDED = re.compile(r"'+[=+\-@\t\r\n＝＋－＠]")


def guarded(cell: Any) -> Any:
    """Return a cell as it is written; `unguarded` gives back exactly the text it was."""
    if isinstance(cell, str) and _FORMULA.match(cell) and not _is_number(cell):
        return f"'{cell}"
    return cell


def unguarded(cell: str) -> str:
    """Return what was written by `guarded`; other texts stay as they are."""
    return cell[1:] if _GUARDED.match(cell) else cell


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
