"""How text and numbers are written: the columns that text takes, and signs of numbers."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
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


def shortened_apart(texts: Sequence[str], width: int) -> list[str]:
    """Return texts as `shortened` cuts them; those that would be alike then keep their ends."""
    cut = [shortened(text, width) for text in texts]
    alike = Counter(short for _, short in {*zip(texts, cut, strict=True)})
    return [
        _without_middle(text, width) if alike[short] > 1 else short
        for text, short in zip(texts, cut, strict=True)
    ]


def _without_middle(text: str, width: int) -> str:
    kept = sum(total <= width // 2 for total in accumulate(map(_columns, reversed(text))))
    end = text[len(text) - kept :]
    return shortened(text, width - text_width(end)) + end.lstrip()


def signed(value: float, decimals: int = 1) -> str:
    """Return a number with its sign, a true minus; what rounds to zero is ``+0.0``."""
    return f"{round(value, decimals) + 0.0:+.{decimals}f}".replace("-", "−")


def _columns(sign: str) -> int:
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1
