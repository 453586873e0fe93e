"""Fonts that draw Korean: where one is installed, and what to write where none is.

What no font can draw is left out, and a name that would lose letters is replaced by a number: boxes
tell nothing.

matplotlib's own font has no Hangul. It keeps a list of fonts from when it first ran, so a font
installed later is looked for on disk.
"""

from __future__ import annotations

import logging
from functools import cache
from pathlib import Path

from matplotlib.font_manager import FontProperties, findfont, findSystemFonts, fontManager
from matplotlib.ft2font import FT2Font

LATIN = "DejaVu Sans"  # comes with matplotlib
# Families that draw Hangul, and how their files are called: Linux, Windows, macOS.
_HANGUL = {
    "Noto Sans CJK KR": "notosanscjk-regular",
    "Noto Sans KR": "notosanskr-regular",
    "NanumGothic": "nanumgothic.",
    "NanumBarunGothic": "nanumbarungothic.",
    "Malgun Gothic": "malgun.",
    "Apple SD Gothic Neo": "applesdgothicneo",
}
_HANGUL_BLOCKS = (("\u1100", "\u11ff"), ("\u3130", "\u318f"), ("\uac00", "\ud7a3"))

logger = logging.getLogger(__name__)


@cache
def families() -> tuple[str, ...]:
    """Return the families to draw text with: matplotlib's own, and one with Hangul if there is."""
    known = {font.name for font in fontManager.ttflist}
    if found := next((name for name in _HANGUL if name in known), None):
        return LATIN, found
    paths = {Path(path).name.lower(): path for path in sorted(findSystemFonts())}
    for name, begin in _HANGUL.items():
        for file, path in paths.items():
            if file.startswith(begin):
                fontManager.addfont(path)
                return LATIN, name
    return (LATIN,)


def drawable(text: str) -> str:
    """Return `text` on one line, without the characters that none of the fonts has."""
    fonts, kept = _fonts(), []
    for sign in " ".join(text.split()):
        if any(font.get_char_index(ord(sign)) for font in fonts):
            kept.append(sign)
        elif any(first <= sign <= last for first, last in _HANGUL_BLOCKS):
            _warn_of_hangul()
    return " ".join("".join(kept).split())


def drawable_or(text: str, instead: str) -> str:
    """Return `text` as `drawable` does, or `instead` where letters or all of it would be lost."""
    shown = drawable(text)
    letters, left = (sum(map(str.isalnum, part)) for part in (text, shown))
    return shown if left == letters and (shown or not text.strip()) else instead


@cache
def _warn_of_hangul() -> None:
    """Warn once in a process, not of every picture and word."""
    logger.warning(
        "no font with Korean letters is installed: pictures leave Korean out, or number it; "
        "install one, such as fonts-nanum or Noto Sans CJK"
    )


@cache
def _fonts() -> tuple[FT2Font, ...]:
    return tuple(FT2Font(findfont(FontProperties(family=name))) for name in families())
