"""Colours: one fixed, colour-blind-safe colour per emotion, and the two themes of the pictures.

The seven emotions of KEMDy19 keep a CIE76 distance of 15 or more under simulated protanopia,
deuteranopia and tritanopia (Machado et al., 2009); a test holds them to it. Pictures still write
the name of the emotion into its colour, so that colour is never the only carrier.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_NEUTRAL, _ANGRY, _HAPPY, _SURPRISE = "#C3C7CC", "#CF4A12", "#F4CB1F", "#A563B8"
_SAD, _FEAR, _DISGUST = "#0F4C8A", "#4DB5E8", "#2E9E6B"

_EMOTION_COLOURS = {
    "neutral": _NEUTRAL,
    "angry": _ANGRY,
    "anger": _ANGRY,
    "mad": _ANGRY,
    "happy": _HAPPY,
    "joy": _HAPPY,
    "joyful": _HAPPY,
    "surprise": _SURPRISE,
    "sad": _SAD,
    "sadness": _SAD,
    "fear": _FEAR,
    "scared": _FEAR,
    "disgust": _DISGUST,
    "frustrated": "#7A4B2A",
    "excited": "#F39C6B",
    "peaceful": "#A8DDB5",
    "powerful": "#54278F",
}
# For labels without a known name, by position.
_SPARE = (_NEUTRAL, _ANGRY, _HAPPY, _SURPRISE, _SAD, _FEAR, _DISGUST, "#7A4B2A", "#A8DDB5")


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
    """Return the colour of each emotion: by its name, else by its position."""
    return {
        name: _EMOTION_COLOURS.get(name, _SPARE[position % len(_SPARE)])
        for position, name in enumerate(emotions)
    }


def luminance(colour: str) -> float:
    """Return the relative luminance (WCAG 2) of ``#RRGGBB``, from 0 (black) to 1 (white)."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def text_on(colour: str) -> str:
    """Return the text colour, near-black or white, that contrasts more with `colour`."""
    # Equal contrast lies at sqrt(1.05 * (0.005 + 0.05)) - 0.05, 0.005 being near-black's own.
    return "#0D1014" if luminance(colour) > 0.19 else "#FFFFFF"
