"""How text and numbers are written: the columns that text takes, and signs of numbers."""

from __future__ import annotations

import unicodedata
from itertools import accumulate


def text_width(text: str) -> int:
    """Return the columns that `text` takes: Hangul and the like take two each."""
    return sum(map(_columns, text))


def shortened(text: str, width: int) -> str:
    """Return `text`, cut with an ellipsis where it takes more than `width` columns."""
    if text_width(text) <= width:
        return text
    kept = sum(total < width for total in accumulate(map(_columns, text)))
    return f"{text[:kept].rstrip()}…"


def signed(value: float, decimals: int = 1) -> str:
    """Return a number with its sign, a true minus; what rounds to zero is ``+0.0``."""
    return f"{round(value, decimals) + 0.0:+.{decimals}f}".replace("-", "−")


def _columns(sign: str) -> int:
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1
