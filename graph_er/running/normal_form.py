"""Unicode normal forms in time that grows with the text alone."""

from __future__ import annotations

import unicodedata
from typing import Literal

from graph_er.errors import InputError

# Marks on one letter, as Unicode's stream-safe text format has them (UAX #15); written languages
# need four.
_MOST_MARKS = 30
# Normalisation sorts the marks of a letter in time quadratic in their number.
_HARMLESS = 1_000


def normal_form(text: str, form: Literal["NFC", "NFKC"] = "NFC") -> str:
    """Return `text` in a normal form.

    Raises:
        InputError: a long text has more than 30 combining marks in a row, which is no writing and
            would take minutes to bring in order.
    """
    if len(text) > _HARMLESS and not text.isascii():
        marks = 0
        for sign in text:
            marks = marks + 1 if unicodedata.combining(sign) else 0
            if marks > _MOST_MARKS:
                raise InputError(
                    f"a text holds more than {_MOST_MARKS} combining marks in a row; remove them"
                )
    return unicodedata.normalize(form, text)
