import unicodedata

import pytest

from graph_er.errors import InputError
from graph_er.running import normal_form as module
from graph_er.running.normal_form import normal_form


@pytest.mark.parametrize("text", ["한국어 대화", "한글 자모", "é\u0301", "ﬁ ＡＢ", "👩‍👩‍👧", ""])
@pytest.mark.parametrize("form", ["NFC", "NFKC"])
def test_writing_is_brought_into_form(monkeypatch, text, form):
    monkeypatch.setattr(module, "_HARMLESS", 0)
    decomposed = unicodedata.normalize("NFD", text)
    assert normal_form(decomposed, form) == unicodedata.normalize(form, text)


def test_many_marks_on_one_letter_are_no_writing():
    assert normal_form("a" + 30 * "\u0301" + 2_000 * "b")
    with pytest.raises(InputError, match="30 combining marks"):
        normal_form("a" + 2_000 * "\u0301")
