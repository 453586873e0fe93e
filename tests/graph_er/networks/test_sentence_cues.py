import numpy as np
import pytest

from graph_er.networks.sentence_cues import NUM_CUES, sentence_cues

WORDS, SHOUT, QUESTION, PAUSE, COMMA, TILDE, CAPITAL, LAUGH, CRY = range(9)


@pytest.mark.parametrize(
    ("sentence", "counts"),
    [
        ("", {}),
        ("집에 가자", {WORDS: 2}),
        ("뭐?! 진짜?", {WORDS: 2, SHOUT: 1, QUESTION: 2}),
        ("I AM here...", {WORDS: 3, CAPITAL: 3, PAUSE: 1}),
        ("음… 그게.. 저,", {WORDS: 3, PAUSE: 2, COMMA: 1}),
        ("끝.", {WORDS: 1}),
        ("그래~ ㅋㅋㅋ ㅎ", {WORDS: 3, TILDE: 1, LAUGH: 4}),
        ("ㅠㅜ", {WORDS: 1, CRY: 2}),
        ("  spaced \t out \n", {WORDS: 2}),
    ],
)
def test_what_is_counted(sentence, counts):
    (row,) = sentence_cues([sentence])
    assert {i: round(float(np.expm1(value))) for i, value in enumerate(row) if value} == counts


def test_one_row_of_float32_per_sentence_however_long():
    cues = sentence_cues(["하나", "", "!" * 10_000])
    assert cues.shape == (3, NUM_CUES)
    assert cues.dtype == np.float32
    assert cues[2, SHOUT] == pytest.approx(np.log(10_001))
    assert sentence_cues([]).shape == (0, NUM_CUES)
