from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_extractor.transcript import clean_transcript, read_transcript
from graph_er.errors import InputError

MARKS = ["n/", "N/", "o/", "b/", "u/", "l/", "c/", "s/", "*", "+"]
# Right after Latin letters "N/" reads as part of a word ("ON/OFF"), hence the blank after TV.
WORDS = ["안녕", "왜", "그래서", "나는", "진짜?", "TV ", "3번", "응."]
PIECES = [*MARKS, *WORDS, "(", ")", "나", " ", "/", "n", "b", "1", "N/A"]
JAMO = ["\u1112", "\u1161", "\u11ab"]  # 한, decomposed
BLANKS = st.sampled_from(["", " "])
QUICK = settings(max_examples=250, deadline=None, derandomize=True, database=None)


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("b/ 안녕하세요\n", "안녕하세요"),
        ("안녕 n/하세요 l/", "안녕 하세요"),
        ("n/b/ 그래 N/ 응", "그래 응"),
        ("그랬어.n/ 네~b/ 응?o/", "그랬어. 네~ 응?"),
        ("n/TV c/3번 TVb/", "TV 3번 TV"),
        ("누구* 야", "누구 야"),
        ("b/ n/", ""),
        ("", ""),
        ("  두\t칸 \r\n 말 ", "두 칸 말"),
    ],
)
def test_marks_go_and_words_stay(raw, clean):
    assert clean_transcript(raw) == clean


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("(나+나) 나는 가", "나는 가"),
        ("(나+나) b/ 나는", "나는"),
        ("(그+그래) 그래서", "그래서"),
        ("(저+저) 제가", "저 저 제가"),
        ("가 (나+나)", "가 나 나"),
        ("이거 (진짜) 좋아", "이거 진짜 좋아"),
        ("나+나", "나 나"),
        ("열린 (괄호", "열린 괄호"),
    ],
)
def test_completed_stutter_is_dropped_and_other_parentheses_keep_words(raw, clean):
    assert clean_transcript(raw) == clean


@pytest.mark.parametrize(
    "text",
    [
        "24/7 열어",
        "A/S 센터",
        "N/A 값",
        "s/w 개발",
        "ON/OFF",
        "web/앱",
        "1+1 행사",
        "2*3",
        "아/어",
        "http://n/b/c.html",
        "https://x.com/b/page?n/3",
        "kr.co/s/글",
        "km/h",
    ],
)
def test_ordinary_text_is_left_alone(text):
    assert clean_transcript(text) == text


@QUICK
@given(st.lists(st.tuples(BLANKS, st.sampled_from([*MARKS, ""]), BLANKS, st.sampled_from(WORDS))))
def test_no_mark_survives_and_no_hangul_goes(turns):
    raw = "".join(piece for turn in turns for piece in turn)
    for clean in (clean_transcript(raw), clean_transcript(raw, interjections=True)):
        assert not re.search(r"[a-zN]/|[*+]", clean)
        assert re.sub(r"[^가-힣]", "", clean) == re.sub(r"[^가-힣]", "", raw)


@QUICK
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join), st.booleans())
def test_what_a_parenthesis_loses_is_said_elsewhere(raw, interjections):
    clean = clean_transcript(raw, interjections=interjections)
    assert [word for word in re.findall("[가-힣]+", raw) if word not in clean] == []
    assert not set("()") & set(clean)


@QUICK
@given(
    st.lists(st.sampled_from([*PIECES, *JAMO]) | st.text(max_size=3)).map("".join), st.booleans()
)
def test_any_text_becomes_one_line_that_stays_as_it_is(raw, interjections):
    clean = clean_transcript(raw, interjections=interjections)
    assert clean == unicodedata.normalize("NFC", " ".join(clean.split()))
    assert clean_transcript(clean, interjections=interjections) == clean


def test_decomposed_hangul_is_composed():
    assert clean_transcript("\u1112\u1161\u11ab") == "한"
    assert clean_transcript("\u1112\u1161n/\u11ab") == "한"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("안녕 b/ 응\n".encode(), "안녕 b/ 응"),
        ("안녕".encode("utf-8-sig"), "안녕"),
        ("그래".encode(), "그래"),  # these bytes are valid cp949, too
        ("안녕 뷁\n".encode("cp949"), "안녕 뷁"),
        ("첫째\r\n둘째\n".encode(), "첫째 둘째"),
        (b"", ""),
        (b"\n", ""),
        # Valid UTF-8, where they are "\u00fc\u0169" and the like.
        ("체크".encode("cp949"), "체크"),
        ("n/ 크크, 초?\r\n".encode("cp949"), "n/ 크크, 초?"),
        ("café, OK".encode(), "café, OK"),  # as cp949 "caf챕"
        ("é".encode() * 2 + "왜".encode(), "éé왜"),
        ("Ж".encode(), "Ж"),  # in cp949 nothing
        # Signs of Latin-1 in UTF-8: "\u00a6\u00a6\u00a6!" and the like.
        ("짝짝짝!".encode("cp949"), "짝짝짝!"),
        ("n/ 짠, 짱. b/ 쩔".encode("cp949"), "n/ 짠, 짱. b/ 쩔"),
        ("짝n/ 체크l/".encode("cp949"), "짝n/ 체크l/"),
        ("25°, 3½, £5".encode(), "25°, 3½, £5"),
        ("«Oui», « non »".encode(), "«Oui», « non »"),
        ("¿OK? 20 °C · b/".encode(), "¿OK? 20 °C · b/"),
        # Alone between the words of a sentence, or with what they go with.
        ("It costs £ 5, she said.".encode(), "It costs £ 5, she said."),
        ("It is 25 ° outside".encode(), "It is 25 ° outside"),
        ("½ an hour".encode(), "½ an hour"),
        ("Il habite à Paris".encode(), "Il habite à Paris"),
        ("à 5".encode(), "à 5"),
        ("O que é isso?".encode(), "O que é isso?"),
        ("¡ Hola !".encode(), "¡ Hola !"),
        ("© Acme 2020".encode(), "© Acme 2020"),
        # "å 25°" and "üũ 3°" in UTF-8.
        ("책 25째".encode("cp949"), "책 25째"),
        ("체크 3째, ok".encode("cp949"), "체크 3째, ok"),
    ],
)
def test_read_transcript_knows_both_encodings(tmp_path, content, text):
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    assert read_transcript(path) == text


def is_utf8(content):
    try:
        return content.decode() is not None
    except UnicodeDecodeError:
        return False


@pytest.mark.parametrize("form", ["{}", "{}.", "n/ {}", "n/{} l/", "{0}{0} {0}?"])
def test_every_common_syllable_is_known_in_cp949(tmp_path, form):
    pairs = [bytes((row, cell)) for row in range(0xB0, 0xC9) for cell in range(0xA1, 0xFF)]
    texts = [form.format(pair.decode("euc-kr")) for pair in pairs]
    # What is no UTF-8 cannot be taken for it.
    doubtful = [text for text in texts if is_utf8(text.encode("cp949"))]
    assert (len(texts), len(doubtful)) == (2350, 217)
    path, read = tmp_path / "a.txt", []
    for text in doubtful:
        path.write_bytes(text.encode("cp949"))
        read.append(read_transcript(path))
    assert read == doubtful


def test_read_transcript_names_a_file_it_cannot_decode(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xff\xfe\x00\xff")
    with pytest.raises(InputError, match=r"a\.txt.*UTF-8"):
        read_transcript(path)


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("음/ 그래", "음 그래"),
        ("b/ 어/, 네", "어, 네"),
        ("음*/n/ 네", "음 네"),
        ("(아/) 네/", "아 네"),
        ("/ 네", "네"),
        ("아/어 24/7 A/S s/w N/A km/h", "아/어 24/7 A/S s/w N/A km/h"),
    ],
)
def test_the_slash_of_an_interjection_goes_where_it_is_a_mark(raw, clean):
    assert clean_transcript(raw, interjections=True) == clean
    assert clean_transcript(clean, interjections=True) == clean
