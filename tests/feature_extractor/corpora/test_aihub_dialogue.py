import json
import random
import shutil
import zipfile

import numpy as np
import pytest
import soundfile

from feature_extractor.corpora.aihub_dialogue import read_aihub_dialogue
from feature_extractor.corpora.aihub_dialogue_labels import DEFAULT_MAP, read_emotion_map
from feature_extractor.corpora.problems import CorpusProblems
from feature_extractor.utterance import Utterance
from graph_er.errors import InputError
from tests.feature_extractor.aihub_dialogue_writer import (
    HEADER,
    item,
    write_json,
    write_xlsx,
    xlsx_row,
)

DIGITS = {"1": "angry", "2": "sad", "3": "fear", "4": "sad", "5": "surprise", "6": "happy"}


def turn(talk, number, text, emotion, **fields):
    fixed = {"session": talk, "dialogue": talk, "speaker": "human", "wav": None, "duration": 0.0}
    times = {"start": number - 1.0, "end": number - 1.0}
    return Utterance(
        f"{talk}_HS{number:02}", **{**fixed, **times, **fields}, text=text, emotion=emotion
    )


def write_both(root, train=(), test=()):
    write_json(root, "Training", train or [item(1, "E18", "화가 나.")])
    write_json(root, "Validation", test or [item(2, "E60", "기뻐.")])
    return root


def problems_of(root, **policies):
    with pytest.raises(CorpusProblems) as caught:
        read_aihub_dialogue(root, **policies)
    return caught.value.problems


def write_wav(path, seconds=0.1):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros(round(48_000 * seconds)), 48_000, subtype="PCM_16")


def test_json_gives_exactly_the_human_turns_as_dialogues(tmp_path):
    train = [
        item(10, "E29", "슬퍼.", "", "정말  슬퍼.\n"),
        item(9, "E18", "일은\t 왜 늘까?", "화나."),
    ]
    corpus = read_aihub_dialogue(write_both(tmp_path, train, [item(2, "E37", "걱정돼.")]))
    assert corpus.utterances == (
        turn("Pro_00002_00002", 1, "걱정돼.", "fear"),
        turn("Pro_00009_00009", 1, "일은 왜 늘까?", "angry"),
        turn("Pro_00009_00009", 2, "화나.", "angry"),
        turn("Pro_00010_00010", 1, "슬퍼.", "sad"),
        turn("Pro_00010_00010", 3, "정말 슬퍼.", "sad"),
    )
    assert corpus.name == "aihub_dialogue"
    assert corpus.official["Pro_00002_00002"] == "test"
    assert {corpus.official[f"Pro_{i:05}_{i:05}"] for i in (9, 10)} <= {"train", "dev"}
    for told in ("approximately", "system's turns", "one person may be on several sides"):
        assert any(told in notice for notice in corpus.notices), told


def test_dev_is_about_a_ninth_of_training_and_fixed_by_the_talk_id(tmp_path):
    items = [item(number, "E10", f"{number}번이야.") for number in range(900)]
    whole = read_aihub_dialogue(write_both(tmp_path / "whole", items[1:], items[:1])).official
    some = read_aihub_dialogue(write_both(tmp_path / "some", items[500:], items[:1])).official
    assert list(whole.values()).count("dev") == pytest.approx(100, abs=30)
    assert list(whole.values()).count("test") == 1
    assert all(whole[talk] == side for talk, side in some.items())


def test_order_of_items_and_spelling_of_names_change_nothing(tmp_path):
    items = [item(number, f"E{10 + number}", f"{number}번이야.", "응.") for number in range(50)]
    one = read_aihub_dialogue(write_both(tmp_path / "a", items[5:], items[:5]))
    random.Random(3).shuffle(rest := items[5:])
    for part, some in (("Validation", items[4::-1]), ("Training", rest)):
        write_json(tmp_path / "b", part, some, form="NFD")
    assert read_aihub_dialogue(tmp_path / "b") == one


def test_the_packaged_map_covers_60_codes_and_6_categories():
    labels = read_emotion_map(None)
    codes = {name: emotion for name, emotion in labels.items() if name.startswith("E")}
    assert codes == {f"E{code}": DIGITS[str(code)[0]] for code in range(10, 70)}
    assert len(labels) == 66
    assert "pproximate" in json.loads(DEFAULT_MAP.read_text(encoding="utf-8"))["about"]


def test_another_map_replaces_the_packaged_one(tmp_path):
    root = write_both(
        tmp_path / "c", [item(1, "E18", "하나"), item(3, "E40", "셋"), item(4, "E57", "넷")]
    )
    path = tmp_path / "map.json"
    path.write_text('{"categories": {}, "codes": {"E18": "disgust", "E60": "행복", "E40": null}}')
    (problem,) = problems_of(root, emotion_map=path)
    assert "item 3: emotion 'E57' (1 talk) is not in the emotion map" in problem
    path.write_text(
        '{"categories": {}, "codes": {"E18": "disgust", "E60": "행복", "E40": null, "E57": "sad"}}'
    )
    corpus = read_aihub_dialogue(root, emotion_map=path)
    assert [u.emotion for u in corpus.utterances] == ["disgust", "happy", "sad"]
    assert any("1 talk left out" in notice for notice in corpus.notices)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]", "an emotion map is a JSON object with the objects categories and codes"),
        (
            '{"categories": {"분노": "bored"}, "codes": {"E99": "sad", "E10": 3}}',
            "'E99' is no code",
        ),
        ('{"categories": {"분노": "bored"}, "codes": {}}', "분노: unknown emotion 'bored'"),
    ],
)
def test_a_wrong_map_is_named_with_what_is_wrong(tmp_path, text, told):
    path = tmp_path / "map.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_emotion_map(path)
    assert str(path) in str(caught.value)
    assert told in str(caught.value)


def test_all_problems_are_told_at_once_with_file_and_item(tmp_path):
    broken = item(4, "E18", "하나")
    broken["profile"]["emotion"]["emotion-id"] = "S06_D02_E19"
    number = item(5, "E18", "하나")
    number["talk"]["content"]["HS02"] = 7
    nameless = item(6, "E18", "하나")
    del nameless["talk"]["id"]["talk-id"]
    contradiction = item(1, "E20", "화가 나.")
    train = [item(1, "E18", "화가 나."), broken, number, nameless, "text", item(7, "E71", "일곱")]
    root = write_both(tmp_path, [*train, contradiction])
    (tmp_path / "Training_more.json").write_text("{")
    (tmp_path / "Training_cp949.json").write_bytes("[감성]".encode("cp949"))
    twice = '[{"talk": {"content": {"HS01": "가", "HS01": "나"}}}, {"other": {"a": 1, "a": 2}}]'
    (tmp_path / "Training_twice.json").write_text(twice, encoding="utf-8")

    with pytest.raises(CorpusProblems) as caught:
        read_aihub_dialogue(root)
    problems = "\n".join(caught.value.problems)
    assert len(caught.value.problems) == 10
    assert "Training_twice.json, item 1: key 'HS01' stands twice in one object" in problems
    assert "Training_twice.json, item 2: talk.id.profile-id is missing" in problems
    assert "item 2: talk Pro_00004_00004: emotion type 'E18' is not that of emotion-id" in problems
    assert "item 3: talk Pro_00005_00005: a sentence is no string" in problems
    assert "item 4: talk.id.talk-id is missing" in problems
    assert "item 5: talk.id.profile-id is missing" in problems
    assert "item 6: emotion 'E71' (1 talk) is not in the emotion map" in problems
    assert "talk Pro_00001_00001 has different contents" in problems
    assert "item 1;" in problems
    assert "Training_more.json: no JSON" in problems
    assert "Training_cp949.json: no JSON in UTF-8" in problems
    assert [u.text for u in caught.value.usable.utterances] == ["기뻐."]


def test_turns_are_read_in_whatever_way_their_keys_are_numbered(tmp_path):
    other = item(9, "E18")
    other["talk"]["content"] = {
        "HS2": "화나.",
        "hs 10": "끝.",
        "HS1": "왜?",
        "SS1": "네.",
        "HS": "x",
    }
    doubled = item(10, "E29")
    doubled["talk"]["content"] = {"HS01": "슬퍼.", "HS1": "슬퍼."}
    corpus = read_aihub_dialogue(write_both(tmp_path, [other, doubled]))
    assert [u for u in corpus.utterances if corpus.official[u.dialogue] != "test"] == [
        turn("Pro_00009_00009", 1, "왜?", "angry"),
        turn("Pro_00009_00009", 2, "화나.", "angry"),
        turn("Pro_00009_00009", 10, "끝.", "angry"),
        turn("Pro_00010_00010", 1, "슬퍼.", "sad"),
    ]


def test_two_sentences_of_one_number_are_refused(tmp_path):
    doubled = item(9, "E18")
    doubled["talk"]["content"] = {"HS01": "왜?", "HS1": "그래."}
    (problem,) = problems_of(write_both(tmp_path, [item(1, "E18", "하나"), doubled]))
    assert "item 2: talk Pro_00009_00009: 'HS01' is '왜?', 'HS1' is '그래.', and both" in problem
    assert problem.endswith("remove one of them")


def test_a_talk_in_both_parts_is_never_trained_on_and_shared_profiles_are_told(tmp_path):
    again, other = item(3, "E60", "기뻐."), item(4, "E60", "좋아.", profile=3)
    root = write_both(
        tmp_path, [again, other, item(5, "E18", "화나."), item(6, "E18", "")], [again]
    )
    corpus = read_aihub_dialogue(root)
    assert corpus.official["Pro_00003_00003"] == "test"
    assert [u.text for u in corpus.utterances] == ["기뻐.", "좋아.", "화나."]
    for told in (
        "1 talk occurs several times",
        "1 of 3 profiles have talks in both",
        "1 talk without",
    ):
        assert any(told in notice for notice in corpus.notices), told


def test_wavs_are_joined_by_a_field_only(tmp_path):
    train = [item(1, "E18", "화나.", wav="F_000001.wav"), item(3, "E18", "셋", "넷")]
    root = write_both(tmp_path, train)
    for name in ("F_000001", "M_000007"):
        write_wav(root / "speech" / f"{name}.wav")
    corpus = read_aihub_dialogue(root)
    by_text = {utterance.text: utterance for utterance in corpus.utterances}
    assert by_text["화나."].wav == root / "speech" / "F_000001.wav"
    assert (by_text["화나."].duration, by_text["화나."].end) == (0.1, 0.1)
    assert by_text["기뻐."].wav is None
    assert any("1 wav not used: named by no field" in notice for notice in corpus.notices)
    shutil.rmtree(root / "speech")
    corpus = read_aihub_dialogue(root)
    assert all(utterance.wav is None for utterance in corpus.utterances)
    assert any("1 of 1 named wavs are missing" in notice for notice in corpus.notices)


def test_wrong_wavs_are_named(tmp_path):
    train = [
        item(1, "E18", "하나", wav="../F_000001.wav"),
        item(3, "E18", "둘", "셋", wav="F_000002"),
        item(4, "E18", "넷", wav="F_000003.wav"),
        item(5, "E18", "다섯", wav="F_000003.wav"),
        item(6, "E18", "여섯", wav="F_000004.wav"),
    ]
    root = write_both(tmp_path, train)
    write_wav(root / "F_000003.wav")
    write_wav(root / "copy" / "F_000003.wav")
    problems = "\n".join(problems_of(root))
    assert "item 1: wav '../F_000001.wav' is not one name" in problems
    assert "item 2: wav 'F_000002' belongs to 2 sentences" in problems
    assert "wav named by several talks: F_000003.wav" in problems
    assert "2 wavs occur twice" in problems
    assert "named wavs are missing" not in problems
    (root / "F_000003.wav").rename(root / "F_000004.wav")
    shutil.rmtree(root / "copy")
    problems = "\n".join(problems_of(root))
    assert "2 of 3 named wavs are missing: F_000003.wav, F_000003.wav; complete" in problems
    (root / "F_000004.wav").rename(root / "F_000003.wav")
    (root / "F_000003.wav").write_text("<html>404</html>")
    assert any("F_000003.wav: no readable audio" in problem for problem in problems_of(root))


def test_a_wrong_root_is_told_and_other_files_are_left_alone(tmp_path):
    (tmp_path / "notes.json").write_text("not even JSON")
    with pytest.raises(InputError, match="Training or Validation"):
        read_aihub_dialogue(tmp_path)
    write_json(tmp_path, "Training", [item(1, "E18", "화나.")])
    notices = read_aihub_dialogue(tmp_path).notices
    assert "Not read, neither Training nor Validation: notes.json." in notices
    assert any("No file of Validation" in notice for notice in notices)


def test_workbooks_of_both_ages_are_read_and_rows_may_be_shuffled(tmp_path):
    pytest.importorskip("openpyxl")
    rows = [
        xlsx_row(1, "분노", "일은 왜\t늘까?", "화나."),
        xlsx_row(2, "상처", "아파."),
        [None] * 13,
    ]
    older = [
        " 연 령 " if name == "연령" else name.replace("시스템문장", "시스템응답") for name in HEADER
    ]
    write_xlsx(tmp_path / "a", "Training", rows)
    write_xlsx(tmp_path / "b", "Training", rows[::-1], [*older, "사람문장4", "시스템응답4"])
    for folder in "ab":
        write_xlsx(tmp_path / folder, "Validation", [xlsx_row(1, "기쁨", "좋아.")])
    one, other = (read_aihub_dialogue(tmp_path / folder) for folder in "ab")
    assert one == other
    found = {(u.text, u.emotion, u.start) for u in one.utterances}
    assert found == {
        ("일은 왜 늘까?", "angry", 0.0),
        ("화나.", "angry", 1.0),
        ("아파.", "sad", 0.0),
        ("좋아.", "happy", 0.0),
    }
    assert len(one.dialogues()) == 3


def test_json_is_preferred_to_the_workbook_beside_it(tmp_path):
    path = write_json(write_both(tmp_path), "Training", [item(1, "E18", "화나.")])
    path.with_suffix(".xlsx").write_text("no workbook")
    corpus = read_aihub_dialogue(tmp_path)
    assert len(corpus.utterances) == 2
    assert any("Training: the JSON is read" in notice for notice in corpus.notices)


def test_wrong_workbooks_are_named(tmp_path):
    pytest.importorskip("openpyxl")
    path = write_xlsx(tmp_path, "Training", [xlsx_row(1, "", "하나"), xlsx_row(2, "지루함", "둘")])
    other = write_xlsx(
        tmp_path, "Validation", [], [name.replace("대분류", "분류") for name in HEADER]
    )
    (tmp_path / "Training.xlsx").write_text("<html>404</html>")
    with zipfile.ZipFile(tmp_path / "Validation.xlsx", "w") as archive:
        archive.writestr("notes.txt", "no sheets")
    (tmp_path / "~$Training.xlsx").write_text("an editor's lock")
    problems = "\n".join(problems_of(tmp_path))
    assert f"{path}, row 2: 감정_대분류 is empty" in problems
    assert f"{path}, row 3: emotion '지루함' (1 talk) is not in the emotion map" in problems
    assert f"{other}: 1 column missing (감정_대분류)" in problems
    assert f"{tmp_path / 'Training.xlsx'}: no readable workbook" in problems
    assert f"{tmp_path / 'Validation.xlsx'}: no readable workbook" in problems
    assert len(problems.splitlines()) == 5
