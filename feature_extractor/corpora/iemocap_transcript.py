"""IEMOCAP's transcriptions: the words of each turn of a dialogue.

``SessionN/dialog/transcriptions/<dialogue>.txt`` has lines ``<turn id> [start-end]: words``. Some
have no time, some are of turns that nobody rated (``…_FXX0``), some are remarks (``M: …``). Sounds
stand in brackets among the words, e.g. ``[LAUGHTER]``.
"""

from __future__ import annotations

import re
from pathlib import Path

from feature_extractor.corpora.text_files import decode_file, one_line

_LINE = re.compile(r"\s*(?P<id>Ses[0-9]{2}\w+)\s*(?:\[[^\]]*\])?\s*:(?P<words>.*)", re.ASCII)
# Of `str.splitlines` some are letters that were saved in a wrong encoding, such as U+0085.
_LINE_END = re.compile(r"\r\n?|\n")
_SOUND = re.compile(r"\[[A-Za-z _-]*\]")


def read_words(path: Path, notices: list[str]) -> dict[str, str]:
    """Read one transcription file.

    Args:
        path: the file.
        notices: receives one line for each turn that is there twice with different words.

    Returns:
        Words per turn id, without the marks of sounds; may be empty.

    Raises:
        InputError: the file cannot be read or decoded.
    """
    found: dict[str, set[str]] = {}
    for line in _LINE_END.split(decode_file(path, ("utf-8-sig", "cp1252"))):
        match = _LINE.fullmatch(line)
        if match:
            found.setdefault(match["id"], set()).add(clean_words(match["words"]))
    for turn, words in found.items():
        if len(words) > 1:
            notices.append(f"{path}: {turn} has {len(words)} transcriptions; the longest is taken.")
    return {turn: max(words, key=lambda text: (len(text), text)) for turn, words in found.items()}


def clean_words(text: str) -> str:
    """Return what was said, without the marks of sounds, on one line."""
    return one_line(_SOUND.sub(" ", text))
