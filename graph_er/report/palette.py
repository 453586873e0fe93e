"""Colours: one fixed, colour-blind-safe colour per emotion, and the two themes of the pictures.

The seven emotions of KEMDy19 keep a CIE76 distance of 15 or more under simulated protanopia,
deuteranopia and tritanopia (Machado et al., 2009); a test holds them to it. Pictures still write
the name of the emotion into its colour, so that colour is never the only carrier.
"""

from __future__ import annotations

import colorsys
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from graph_er.schema.emotions import plain_spelling

_NEUTRAL, _ANGRY, _HAPPY, _SURPRISE = "#C3C7CC", "#CF4A12", "#F4CB1F", "#A563B8"
_SAD, _FEAR, _DISGUST = "#0F4C8A", "#4DB5E8", "#2E9E6B"

# By name as `plain_spelling` gives it; names that mean nearly the same share a colour.
_EMOTION_COLOURS = {
    **dict.fromkeys(("neutral", "무감정", "보통"), _NEUTRAL),
    **dict.fromkeys(("angry", "mad", "화남", "화", "노여움"), _ANGRY),
    **dict.fromkeys(("happy", "joyful", "즐거움"), _HAPPY),
    **dict.fromkeys(("surprise", "surprised", "놀라움"), _SURPRISE),
    **dict.fromkeys(("sad", "우울"), _SAD),
    **dict.fromkeys(("fear", "scared", "anxious", "두려움", "무서움", "불안"), _FEAR),
    **dict.fromkeys(("disgust", "disgusted", "역겨움"), _DISGUST),
    **dict.fromkeys(("frustrated", "frustration", "좌절"), "#7A4B2A"),
    **dict.fromkeys(("excited", "흥분"), "#F39C6B"),
    **dict.fromkeys(("peaceful", "calm", "평온"), "#A8DDB5"),
    "powerful": "#54278F",
}
# For labels without a known name: first the colours that the seven leave.
_SPARE = tuple(reversed(dict.fromkeys(_EMOTION_COLOURS.values())))
_GOLDEN = 0.618034  # of a turn: multiples of it never come close together
_ALIKE = 40.0  # distance of red, green and blue below which two colours are taken for one


@dataclass(frozen=True)
class Theme:
    """Colours of a picture on a light or a dark page.

    Attributes:
        paper, ink, muted, line: background, text, secondary text, rules.
        accent: the strongest cell of a heat map.
        methods: one bar colour for each method of the tables, in their order.
    """

    paper: str
    ink: str
    muted: str
    line: str
    accent: str
    methods: tuple[str, str, str, str]


LIGHT = Theme(
    paper="#FFFFFF",
    ink="#1B1F24",
    muted="#5B6470",
    line="#DCE0E5",
    accent="#14508C",
    methods=("#A9B2BD", "#74B3DB", "#14508C", "#D98A2B"),
)
DARK = Theme(
    paper="#15191F",
    ink="#E8EBEF",
    muted="#9BA5B1",
    line="#333A44",
    accent="#6FB7F0",
    methods=("#6B7684", "#2F6FA8", "#7CC0F5", "#F0B25A"),
)


def emotion_colours(emotions: Sequence[str]) -> dict[str, str]:
    """Return the colour of each emotion: by its name, else one that no other there has."""
    chosen: dict[str, str] = {}
    for name in emotions:
        colour = _EMOTION_COLOURS.get(plain_spelling(name))
        if colour is not None and colour not in chosen.values():
            chosen[name] = colour
    spare = (colour for colour in _spare_colours() if colour not in chosen.values())
    return {name: chosen.get(name) or next(spare) for name in emotions}


def _spare_colours() -> Iterator[str]:
    """Yield the spare colours, then without end others that none of them is taken for."""
    yield from _SPARE
    for number in count():
        turn = number * _GOLDEN % 1
        channels = colorsys.hls_to_rgb(turn, (0.35, 0.55, 0.75)[number % 3], 0.6)
        made = [round(255 * channel) for channel in channels]
        if min(math.dist(made, _channels(other)) for other in _SPARE) > _ALIKE:
            yield "#" + "".join(f"{channel:02X}" for channel in made)


def blended(colour: str, paper: str, opacity: float) -> str:
    """Return what a colour of this opacity looks like on the paper."""
    pairs = zip(_channels(colour), _channels(paper), strict=True)
    return "#" + "".join(f"{round(opacity * c + (1 - opacity) * p):02X}" for c, p in pairs)


def luminance(colour: str) -> float:
    """Return the relative luminance (WCAG 2) of ``#RRGGBB``, from 0 (black) to 1 (white)."""
    channels = [channel / 255 for channel in _channels(colour)]
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _channels(colour: str) -> list[int]:
    """Return red, green and blue of ``#RRGGBB``, 0 to 255."""
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]


def text_on(colour: str) -> str:
    """Return the text colour, near-black or white, that contrasts more with `colour`."""
    # Equal contrast lies at sqrt(1.05 * (0.005 + 0.05)) - 0.05, 0.005 being near-black's own.
    return "#0D1014" if luminance(colour) > 0.19 else "#FFFFFF"
