import random
import shutil
import unicodedata

import pytest

from feature_extractor.corpora.aihub263 import AIHUB263_ROWS, read_aihub263
from feature_extractor.corpora.hashed_sides import hashed_side
from feature_extractor.corpora.problems import CorpusProblems
from feature_extractor.utterance import Utterance
from graph_er.errors import InputError
from tests.feature_extractor.aihub263_writer import (
    HEADER,
    Row,
    wav_id,
    write_release,
    write_table,
    write_wavs,
)

ANGRY = ("Angry", "anger", "Angry", "Sadness", "Neutral")
TIED = ("Angry", "angry", "Sadness", "Sadness", "Neutral")


def problems_of(root, **policies):
    with pytest.raises(CorpusProblems) as caught:
        read_aihub263(root, **policies)
    return caught.value.problems


def many(count, release=0, texts=1000):
    return [
        Row(wav_id(1000 * release + i), f"{i % texts}번 문장이에요.", "neutral")
        for i in range(count)
    ]


def test_all_oddities_of_the_releases_give_exactly_these_records(tmp_path):
    write_release(
        tmp_path, "4차년도", [Row(wav_id(2), "왜\t그랬어,  정말?", "anger", ANGRY, "male")]
    )
    second = Row(wav_id(3), "행복해 .", "Happiness", ("Happiness",) * 4 + ("",))
    write_release(tmp_path, "5차년도_2차", [second], encoding="utf-8-sig")
    corpus = read_aihub263(tmp_path)

    assert corpus.utterances == (
        Utterance(
            id=wav_id(2),
            session=wav_id(2),
            dialogue=wav_id(2),
            speaker="M",
            start=0.0,
            end=0.1,
            wav=tmp_path / "4차년도" / f"{wav_id(2)}.wav",
            duration=0.1,
            text="왜 그랬어, 정말?",
            emotion="angry",
            soft_label=(0.2, 0.6, 0.0, 0.0, 0.2, 0.0, 0.0),
            sentence="왜그랬어정말",
        ),
        Utterance(
            id=wav_id(3),
            session=wav_id(3),
            dialogue=wav_id(3),
            speaker="F",
            start=0.0,
            end=0.1,
            wav=tmp_path / "5차년도_2차" / f"{wav_id(3)}.wav",
            duration=0.1,
            text="행복해 .",
            emotion="happy",
            soft_label=(0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0),
            sentence="행복해",
        ),
    )
    assert corpus.name == "aihub263"
    assert "4차년도: 1 rows (expected 14,606)." in corpus.notices
    assert sum(AIHUB263_ROWS.values()) == 43_991


def test_raters_decide_by_a_majority_of_three_and_ties_are_dropped(tmp_path):
    rows = [Row(wav_id(1), "가", "happiness", ANGRY), Row(wav_id(2), "나", "happiness", TIED)]
    write_release(tmp_path, "5차년도", rows)
    assert [u.emotion for u in read_aihub263(tmp_path).utterances] == ["happy", "happy"]
    corpus = read_aihub263(tmp_path, target="raters")
    assert [(u.id, u.emotion) for u in corpus.utterances] == [(wav_id(1), "angry")]
    assert any("1 utterance dropped" in notice for notice in corpus.notices)


def test_order_of_rows_and_spelling_of_file_names_change_nothing(tmp_path):
    rows = many(40)
    write_release(tmp_path / "a", "5차년도", rows)
    random.Random(1).shuffle(rows)
    decomposed = unicodedata.normalize("NFD", "5차년도")
    assert decomposed != "5차년도"
    write_release(tmp_path / "b", decomposed, rows)
    one, other = (read_aihub263(tmp_path / name) for name in "ab")
    assert one.official == other.official
    strip = [[(u.id, u.text, u.emotion, u.wav.name) for u in c.utterances] for c in (one, other)]
    assert strip[0] == strip[1]


def test_a_sentence_is_on_one_side_however_it_is_written(tmp_path):
    generator = random.Random(7)
    rows = []
    for number in range(160):
        text = f"{number % 60}번 문장 이에요"
        rows.append(Row(wav_id(number), text + generator.choice(["", ".", " !", "?"]), "fear"))
    write_release(tmp_path, "4차년도", rows)
    corpus = read_aihub263(tmp_path)
    sides = {}
    for utterance in corpus.utterances:
        sides.setdefault(utterance.sentence, set()).add(corpus.official[utterance.dialogue])
    assert len(sides) == 60
    assert all(len(found) == 1 for found in sides.values())
    assert {side for found in sides.values() for side in found} == {"train", "dev", "test"}
    assert any("voice may be on several sides" in notice for notice in corpus.notices)


def test_hashed_sides_are_near_80_10_10_and_fixed():
    sides = [hashed_side(f"문장{number}") for number in range(5000)]
    shares = [sides.count(side) / len(sides) for side in ("train", "dev", "test")]
    assert shares == pytest.approx([0.8, 0.1, 0.1], abs=0.015)
    # Pinned: a reader that moved sentences between sides would make old results incomparable.
    assert [hashed_side(key) for key in ("문장2", "문장4", "문장3")] == ["train", "dev", "test"]


def test_few_missing_wavs_are_a_notice_and_many_a_problem(tmp_path):
    rows = many(100)
    write_table(tmp_path, "4차년도", rows)
    write_wavs(tmp_path / "4차년도", [row.id for row in rows[2:]])
    corpus = read_aihub263(tmp_path)
    assert len(corpus.utterances) == 98
    assert any(f"2 utterances without wav dropped: {wav_id(0)}.wav" in n for n in corpus.notices)
    for row in rows[2:20]:
        (tmp_path / "4차년도" / f"{row.id}.wav").unlink()
    told = "\n".join(read_aihub263(tmp_path).notices)
    assert "20 utterances without wav dropped" in told
    (tmp_path / "4차년도" / f"{rows[20].id}.wav").unlink()
    assert problems_of(tmp_path)[0].startswith("21 of 100 wavs are not below")
    shutil.rmtree(tmp_path / "4차년도")
    (problem,) = problems_of(tmp_path)
    assert "100 of 100 wavs" in problem
    assert "unpack" in problem


def test_same_row_twice_is_a_notice_and_a_contradiction_a_problem(tmp_path):
    rows = many(3)
    write_release(tmp_path, "4차년도", [*rows, rows[0]])
    corpus = read_aihub263(tmp_path)
    assert len(corpus.utterances) == 3
    assert any("kept once" in notice for notice in corpus.notices)
    write_table(tmp_path, "5차년도", [Row(rows[1].id, rows[1].text, "angry")])
    (problem,) = problems_of(tmp_path)
    assert rows[1].id in problem
    assert f"{tmp_path / '4차년도.csv'}, line 3" in problem
    assert f"{tmp_path / '5차년도.csv'}, line 2" in problem


def test_all_problems_are_told_at_once_with_file_and_row_and_the_rest_is_usable(tmp_path):
    rows = many(30)
    bad = [
        Row("../../etc/passwd", "탈출", "anger"),
        Row(wav_id(900), "다른 이름", "joyful"),
    ]
    table = write_release(tmp_path, "4차년도", rows)
    with table.open("a", encoding="cp949") as file:
        for row in bad:
            file.write(",".join(map(str, row.cells())) + "\n")
        file.write(f"{wav_id(901)},쉼표, 없는 인용,anger" + ",x" * 20 + "\n")
    (tmp_path / "4차년도" / f"{rows[5].id}.wav").write_text("<html>404</html>")
    (tmp_path / "5차년도.csv").write_bytes("발화문\n가나다\n".encode("utf-16"))
    write_table(tmp_path, "5차년도_2차", rows[:1], header=[*HEADER[:2], "감정", *HEADER[3:]])

    with pytest.raises(CorpusProblems) as caught:
        read_aihub263(tmp_path)
    problems = "\n".join(caught.value.problems)
    assert len(caught.value.problems) == 6
    assert f"{table}, line 32: wav_id '../../etc/passwd' is not 24 hexadecimal" in problems
    assert f"{table}, line 33: 상황: unknown emotion 'joyful'" in problems
    assert f"{table}, line 34: 24 cells where the header has 15" in problems
    assert f"{rows[5].id}.wav: no readable audio" in problems
    assert f"{tmp_path / '5차년도.csv'}: is neither UTF-8 nor CP949" in problems
    assert "1 column missing (상황); found wav_id, 발화문, 감정," in problems
    assert len(caught.value.usable.utterances) == 29


def test_a_raters_unknown_word_is_a_problem_only_where_raters_decide(tmp_path):
    write_release(tmp_path, "5차년도", [Row(wav_id(1), "가", "fear", ("Contempt",) * 5)])
    corpus = read_aihub263(tmp_path)
    assert corpus.utterances[0].soft_label is None
    assert any("no soft label" in notice for notice in corpus.notices)
    problems = problems_of(tmp_path, target="raters")
    assert "line 2: 1번감정: unknown emotion 'Contempt'" in problems[0]


def test_two_copies_of_a_wav_or_a_table_are_a_problem(tmp_path):
    rows = many(2)
    write_release(tmp_path, "4차년도", rows)
    write_wavs(tmp_path / "copy", [rows[0].id])
    assert "1 wav occurs twice" in problems_of(tmp_path)[0]
    write_table(tmp_path / "copy", "4차년도", rows)
    assert "the table of 4차년도 occurs twice" in problems_of(tmp_path)[0]


def test_a_folder_link_that_leads_back_is_walked_once(tmp_path):
    write_release(tmp_path, "4차년도", many(2))
    (tmp_path / "4차년도" / "again").symlink_to(tmp_path, target_is_directory=True)
    assert len(read_aihub263(tmp_path).utterances) == 2


def test_a_wrong_root_is_told_with_the_layout(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        read_aihub263(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"holds none of 4차년도\.csv.*<wav_id>\.wav"):
        read_aihub263(tmp_path)


def test_what_no_release_names_is_told(tmp_path):
    write_release(tmp_path, "4차년도", many(3))
    write_release(tmp_path, "5차년도", many(3, release=1))
    told = "\n".join(read_aihub263(tmp_path).notices)
    assert "ignored" not in told
    assert "not read" not in told
    table = tmp_path / "5차년도.csv"
    moved = table.rename(tmp_path / "5차년도 (1).csv")
    notices = read_aihub263(tmp_path).notices
    assert f"no tables of a release by their names, ignored: {moved}." in notices
    assert any(n.startswith("3 wavs that no row of a table names, not read: ") for n in notices)
