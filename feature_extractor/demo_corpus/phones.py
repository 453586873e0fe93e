"""Acoustic targets of Korean speech sounds, and the sequence of them that a line is spoken as.

Formants are round values for an adult male vocal tract in the range that phonetics text books
give for Seoul Korean; a speaker's vocal-tract scale multiplies them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from feature_extractor.demo_corpus.hangul import Syllable, pronounce


@dataclass(frozen=True)
class Phone:
    """Targets of one stretch of sound.

    Attributes:
        seconds: length at a speaking rate of 1.
        formants: F1, F2, F3 in Hz.
        voicing: amplitude of the voiced source, 0 to 1.
        aspiration: amplitude of noise that passes the vocal tract.
        frication: amplitude of noise made at the lips or teeth.
        frication_hz: centre frequency of that noise.
    """

    seconds: float
    formants: tuple[float, float, float]
    voicing: float = 0.0
    aspiration: float = 0.0
    frication: float = 0.0
    frication_hz: float = 4000.0


_SCHWA = (450.0, 1400.0, 2500.0)
_VOWEL_FORMANTS = {
    "ㅏ": (760.0, 1280.0, 2550.0),
    "ㅓ": (590.0, 1020.0, 2550.0),
    "ㅗ": (400.0, 760.0, 2500.0),
    "ㅜ": (340.0, 840.0, 2400.0),
    "ㅡ": (360.0, 1420.0, 2400.0),
    "ㅣ": (290.0, 2200.0, 2950.0),
    "ㅔ": (480.0, 1880.0, 2600.0),
}
# A compound vowel is a glide from the first to the second.
_COMPOUND_VOWELS = {
    "ㅐ": "ㅔ",
    "ㅑ": "ㅣㅏ",
    "ㅒ": "ㅣㅔ",
    "ㅕ": "ㅣㅓ",
    "ㅖ": "ㅣㅔ",
    "ㅘ": "ㅜㅏ",
    "ㅙ": "ㅜㅔ",
    "ㅚ": "ㅜㅔ",
    "ㅛ": "ㅣㅗ",
    "ㅝ": "ㅜㅓ",
    "ㅞ": "ㅜㅔ",
    "ㅟ": "ㅜㅣ",
    "ㅠ": "ㅣㅜ",
    "ㅢ": "ㅡㅣ",
}
_NASALS = {
    "ㅁ": Phone(0.065, (260.0, 1000.0, 2200.0), voicing=0.45),
    "ㄴ": Phone(0.060, (260.0, 1500.0, 2500.0), voicing=0.45),
    "ㅇ": Phone(0.070, (280.0, 1150.0, 2300.0), voicing=0.45),
    "ㄹ": Phone(0.045, (350.0, 1300.0, 2600.0), voicing=0.55),
}
# Stop series: place gives the burst's frequency; lax, tense and aspirated differ after it.
_PLACES = {"ㅂ": 900.0, "ㄷ": 3600.0, "ㄱ": 1900.0, "ㅈ": 4200.0}
_TENSE = {"ㅃ": "ㅂ", "ㄸ": "ㄷ", "ㄲ": "ㄱ", "ㅉ": "ㅈ"}
_ASPIRATED = {"ㅍ": "ㅂ", "ㅌ": "ㄷ", "ㅋ": "ㄱ", "ㅊ": "ㅈ"}
_FRICATIVES = {
    "ㅅ": Phone(0.085, _SCHWA, frication=0.30, aspiration=0.06, frication_hz=5200.0),
    "ㅆ": Phone(0.105, _SCHWA, frication=0.42, frication_hz=5800.0),
    "ㅎ": Phone(0.055, _SCHWA, aspiration=0.35),
}
_WORD_GAP = Phone(0.020, _SCHWA)
_BREAK = Phone(0.110, _SCHWA)


def _closure(seconds: float) -> Phone:
    return Phone(seconds, _SCHWA)


def _stop(onset: str) -> list[Phone]:
    """Closure, burst and, by series, the breath that follows."""
    place = _TENSE.get(onset) or _ASPIRATED.get(onset) or onset
    burst_seconds = 0.045 if place == "ㅈ" else 0.016
    burst = Phone(burst_seconds, _SCHWA, frication=0.45, frication_hz=_PLACES[place])
    if onset in _TENSE:
        return [_closure(0.070), burst]
    breath = Phone(0.050 if onset in _ASPIRATED else 0.018, _SCHWA, aspiration=0.30)
    return [_closure(0.040), burst, breath]


def _onset(onset: str) -> list[Phone]:
    if not onset:
        return []
    if onset in _NASALS:
        return [_NASALS[onset]]
    if onset in _FRICATIVES:
        return [_FRICATIVES[onset]]
    return _stop(onset)


def _vowel(vowel: str) -> list[Phone]:
    parts = [_VOWEL_FORMANTS[part] for part in _COMPOUND_VOWELS.get(vowel, vowel)]
    glides = [Phone(0.035, formants, voicing=0.85) for formants in parts[:-1]]
    return [*glides, Phone(0.095, parts[-1], voicing=1.0)]


def _coda(coda: str) -> list[Phone]:
    if not coda:
        return []
    return [_NASALS[coda] if coda in _NASALS else _closure(0.055)]


def syllable_phones(syllable: Syllable) -> list[Phone]:
    """Return the phones of one syllable; silent and noisy ones take over the vowel's formants."""
    vowel = _vowel(syllable.vowel)
    onset = [
        phone if phone.voicing else replace(phone, formants=vowel[0].formants)
        for phone in _onset(syllable.onset)
    ]
    coda = [
        phone if phone.voicing else replace(phone, formants=vowel[-1].formants)
        for phone in _coda(syllable.coda)
    ]
    return [*onset, *vowel, *coda]


def line_phones(text: str) -> tuple[list[Phone], list[int]]:
    """Return the phones of a line and, per phone, the index of its word.

    Punctuation makes a short break. The last syllable is drawn out, as at the end of a Korean
    phrase.
    """
    phones: list[Phone] = []
    words: list[int] = []
    for index, word in enumerate(text.split()):
        syllables = pronounce(word)
        for syllable in syllables:
            phones += syllable_phones(syllable)
        if syllables:
            phones[-1] = replace(phones[-1], seconds=phones[-1].seconds * 1.25)
        phones.append(_BREAK if re.search(r"[,.?!]$", word) else _WORD_GAP)
        words += [index] * (len(phones) - len(words))
    last = max((i for i, phone in enumerate(phones) if phone.voicing), default=0)
    phones[last] = replace(phones[last], seconds=phones[last].seconds * 1.5)
    return phones[:-1], words[:-1]
