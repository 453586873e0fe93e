"""Syllables to jamo, worked by hand."""

from __future__ import annotations

import pytest

from feature_extractor.demo_corpus.hangul import Syllable, is_syllable, pronounce, split_syllable
from feature_extractor.demo_corpus.phones import line_phones


@pytest.mark.parametrize(
    ("character", "jamo"),
    [
        ("가", ("ㄱ", "ㅏ", "")),
        ("힣", ("ㅎ", "ㅣ", "ㅎ")),
        ("응", ("", "ㅡ", "ㅇ")),
        ("싫", ("ㅅ", "ㅣ", "ㅀ")),
        ("왜", ("", "ㅙ", "")),
    ],
)
def test_split_syllable(character: str, jamo: tuple[str, str, str]) -> None:
    assert split_syllable(character) == Syllable(*jamo)


@pytest.mark.parametrize("character", ["a", "?", "ㄱ", " ", "漢"])
def test_only_composed_syllables_count(character: str) -> None:
    assert not is_syllable(character)


@pytest.mark.parametrize(
    ("word", "heard"),
    [
        ("옷이", [("", "ㅗ", ""), ("ㅅ", "ㅣ", "")]),  # the coda moves to the empty onset
        ("옷", [("", "ㅗ", "ㄷ")]),  # at the end it loses its contrast
        ("옷도", [("", "ㅗ", "ㄷ"), ("ㄷ", "ㅗ", "")]),
        ("강아지", [("ㄱ", "ㅏ", "ㅇ"), ("", "ㅏ", ""), ("ㅈ", "ㅣ", "")]),  # ㅇ stays
        ("좋아", [("ㅈ", "ㅗ", ""), ("", "ㅏ", "")]),  # ㅎ falls before a vowel
        ("b/", []),
    ],
)
def test_pronounce(word: str, heard: list[tuple[str, str, str]]) -> None:
    assert pronounce(word) == [Syllable(*jamo) for jamo in heard]


def test_every_syllable_of_hangul_has_phones() -> None:
    everything = "".join(map(chr, range(0xAC00, 0xD7A4, 7)))

    phones, words = line_phones(f"{everything} 끝.")

    assert len(phones) == len(words)
    assert words[0] == 0
    assert words[-1] == 1
    assert all(phone.seconds > 0 for phone in phones)


def test_a_line_without_hangul_has_no_voice() -> None:
    phones, _ = line_phones("n/ b/")

    assert all(phone.voicing == 0 for phone in phones)
