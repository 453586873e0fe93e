"""Hangul syllables to jamo, by the arithmetic of Unicode's Hangul block (U+AC00 to U+D7A3)."""

from __future__ import annotations

from typing import NamedTuple

_ONSETS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
_CODAS = ("", *"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ")
_FIRST, _LAST = 0xAC00, 0xD7A3

# In Korean only seven consonants are heard at a syllable's end.
_HEARD_CODA = {
    coda: heard
    for heard, codas in {
        "ㄱ": "ㄱㄲㅋㄳㄺ",
        "ㄴ": "ㄴㄵㄶ",
        "ㄷ": "ㄷㅅㅆㅈㅊㅌㅎ",
        "ㄹ": "ㄹㄼㄽㄾㅀ",
        "ㅁ": "ㅁㄻ",
        "ㅂ": "ㅂㅍㅄㄿ",
        "ㅇ": "ㅇ",
    }.items()
    for coda in codas
}


class Syllable(NamedTuple):
    """One syllable as jamo; `onset` and `coda` are empty where nothing is heard."""

    onset: str
    vowel: str
    coda: str


def is_syllable(character: str) -> bool:
    """Tell whether a character is a composed Hangul syllable."""
    return _FIRST <= ord(character) <= _LAST


def split_syllable(character: str) -> Syllable:
    """Split a composed syllable into its written jamo; the silent onset ㅇ becomes empty."""
    index = ord(character) - _FIRST
    onset = _ONSETS[index // (len(_VOWELS) * len(_CODAS))]
    vowel = _VOWELS[index // len(_CODAS) % len(_VOWELS)]
    return Syllable("" if onset == "ㅇ" else onset, vowel, _CODAS[index % len(_CODAS)])


def pronounce(word: str) -> list[Syllable]:
    """Return a word's syllables as heard: codas move to an empty onset or lose their contrast.

    Other sound changes (assimilation, tensing) are left out; characters that are not Hangul
    syllables are skipped.
    """
    written = [split_syllable(character) for character in word if is_syllable(character)]
    heard: list[Syllable] = []
    carried = ""
    for index, syllable in enumerate(written):
        onset = syllable.onset or carried
        followed = index + 1 < len(written) and not written[index + 1].onset
        carried = syllable.coda if followed and syllable.coda in _ONSETS.replace("ㅇ", "") else ""
        if syllable.coda == "ㅎ" and followed:
            carried = ""
            heard.append(Syllable(onset, syllable.vowel, ""))
        else:
            coda = "" if carried else _HEARD_CODA.get(syllable.coda, "")
            heard.append(Syllable(onset, syllable.vowel, coda))
    return heard
