"""Each language says everything, with the same values to fill in, and has names of its own."""

from string import Formatter

import pytest

from graph_er.conversations.turns import Turn
from graph_er.display.shown_turns import marks_text
from graph_er.display.words import WORDS, percent, word
from graph_er.inference import predictions
from graph_er.inference.predictions import SEPARATOR
from graph_er.schema.emotions import DATASET_EMOTIONS, KEMDY_EMOTIONS, MODALITY_NAMES


def test_all_languages_have_the_same_words_and_fill_in_the_same():
    assert WORDS["ko"].keys() == WORDS["en"].keys()
    for name, text in WORDS["en"].items():
        fields = [
            {field for _, field, _, _ in Formatter().parse(told) if field}
            for told in (text, WORDS["ko"][name])
        ]
        assert fields[0] == fields[1], name


@pytest.mark.parametrize("emotions", [KEMDY_EMOTIONS, *DATASET_EMOTIONS.values()])
def test_the_emotions_of_every_vocabulary_have_korean_names_of_their_own(emotions):
    names = [word(emotion, "ko") for emotion in emotions]
    assert all("가" <= letter <= "힣" for name in names for letter in name)
    assert len(set(names)) == len(emotions)
    assert [word(emotion, "en") for emotion in emotions] == list(emotions)


@pytest.mark.parametrize("language", sorted(WORDS))
def test_names_that_are_not_known_stay_as_they_are(language):
    assert [word(name, language) for name in ("calm", "설렘", "")] == ["calm", "설렘", ""]


def test_every_mark_and_modality_has_a_korean_name():
    turn = Turn("1", "d", "A", None, 0.0, "", 0.0, 0.0, transcribed=True)
    marks = predictions._marks(turn, "".join(MODALITY_NAMES), frozenset({"1"}))
    assert len(marks) == len(MODALITY_NAMES) + 2
    for name in (*marks, *MODALITY_NAMES.values()):
        assert not any("a" <= letter <= "z" for letter in word(name, "ko"))
    shown = marks_text(SEPARATOR.join(marks), "ko")
    assert shown == SEPARATOR.join(word(mark, "ko") for mark in marks)
    assert marks_text("", "ko") == ""


def test_percent_is_written_as_the_language_does():
    assert [percent(0.126, language) for language in ("en", "ko")] == ["13 %", "13%"]
