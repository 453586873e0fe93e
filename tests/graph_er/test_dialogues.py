import argparse
import pickle
import re
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from graph_er.data_option import add_data_options, read_data
from graph_er.dialogues import (
    Dialogue,
    DialogueFile,
    read_dialogues,
    require_side,
    write_dialogues,
)
from graph_er.errors import InputError
from graph_er.schema.splits import session_of
from tests.graph_er.dialogue_factory import EMOTIONS, make_dialogue, make_file

IDS = ["A_1", "B_1", "C_1"]
NAN = float("nan")


def raw_file(elements=11, **replaced):
    """A hand-made list in COGMEN's format: three dialogues of two utterances."""
    raw = [
        IDS,
        {i: ["F", "M"] for i in IDS},
        {i: [0, 1] for i in IDS},
        {i: [np.ones(3), np.zeros(3)] for i in IDS},
        {i: np.ones((2, 5)) for i in IDS},
        {i: [] for i in IDS},
        {i: ["안녕", "응"] for i in IDS},
        ["A_1", "B_1"],
        ["C_1"],
        {i: [f"{i}_F001", f"{i}_M001"] for i in IDS},
        {"dev_ids": ["B_1"], "emotions": ["x", "y"], "corpus": "hand"},
    ]
    for position, value in replaced.items():
        raw[int(position[1:])] = value
    return raw[:elements]


def write_raw(tmp_path, raw):
    path = tmp_path / "raw.pkl"
    path.write_bytes(pickle.dumps(raw))
    return path


def assert_equal(left, right):
    for field in ("train_ids", "dev_ids", "test_ids", "emotions", "info"):
        assert getattr(left, field) == getattr(right, field)
    for a, b in zip(left.dialogues, right.dialogues, strict=True):
        for field in Dialogue.__dataclass_fields__:
            np.testing.assert_array_equal(getattr(a, field), getattr(b, field))


def test_write_then_read_is_identity(tmp_path):
    file = make_file()
    write_dialogues(tmp_path / "x.pkl", file)
    assert_equal(read_dialogues(tmp_path / "x.pkl"), file)


def test_writing_twice_gives_the_same_bytes(tmp_path):
    for name in ("x", "y"):
        write_dialogues(tmp_path / name, make_file())
    assert (tmp_path / "x").read_bytes() == (tmp_path / "y").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x", "y"]


def test_the_position_of_every_field(tmp_path):
    file = make_file()
    write_dialogues(tmp_path / "x.pkl", file)
    raw = pickle.loads((tmp_path / "x.pkl").read_bytes())
    first = file.dialogues[0]
    assert type(raw) is list
    assert len(raw) == 11
    assert raw[0] == [dialogue.id for dialogue in file.dialogues]
    assert raw[1][first.id] == list(first.speakers)
    assert raw[2][first.id] == first.labels.tolist()
    assert all(type(label) is int for label in raw[2][first.id])
    np.testing.assert_array_equal(raw[3][first.id][0], first.text[0])
    assert raw[3][first.id][0].dtype == np.float32
    np.testing.assert_array_equal(raw[4][first.id][0], first.audio[0])
    assert raw[5][first.id] == []
    assert raw[6][first.id] == list(first.sentences)
    assert raw[7] == list(file.train_ids)
    assert raw[8] == list(file.test_ids)
    assert raw[9][first.id] == list(first.utterance_ids)
    assert raw[10]["dev_ids"] == list(file.dev_ids)
    assert raw[10]["emotions"] == list(EMOTIONS)


def test_arrays_of_two_dimensions_stand_for_lists_of_vectors(tmp_path):
    file = read_dialogues(write_raw(tmp_path, raw_file()))
    assert file.modalities == "at"
    assert file.dialogues[0].audio.shape == (2, 5)
    assert file.dialogues[0].text.dtype == np.float32
    assert file.info == {"corpus": "hand"}


@pytest.mark.parametrize("elements", [9, 10])
def test_files_of_nine_and_ten_elements_take_dev_by_whole_sessions(tmp_path, elements):
    file = read_dialogues(write_raw(tmp_path, raw_file(elements)))
    assert (file.train_ids, file.dev_ids, file.test_ids) == (("A_1",), ("B_1",), ("C_1",))
    assert file.emotions == ("0", "1")
    expected = "A_1_000" if elements == 9 else "A_1_F001"
    assert file.dialogues[0].utterance_ids[0] == expected


def test_dev_is_taken_by_the_sessions_that_the_file_names(tmp_path):
    info = {"sessions": {"A_1": "s2", "B_1": "s1"}}
    file = read_dialogues(write_raw(tmp_path, raw_file(_10=info)))
    assert (file.train_ids, file.dev_ids) == (("B_1",), ("A_1",))


@pytest.mark.parametrize("named", [True, False], ids=["dev ids", "sessions"])
def test_sides_of_many_dialogues_are_divided_in_linear_time(tmp_path, named):
    listed = [f"{number:06d}_x" for number in range(30_000)]
    info = {"dev_ids": listed[15_000:]} if named else {}
    path = write_raw(tmp_path, raw_file(_7=listed, _10=info))
    began = time.process_time()
    # The sides are divided before it is found that these dialogues are not there.
    with pytest.raises(InputError, match="000000_x is in a split but not in the file"):
        read_dialogues(path)
    assert time.process_time() - began < 5  # with a set for each dialogue, a minute


def test_a_data_set_of_the_emotions_that_the_file_names_is_welcome(tmp_path):
    names = ["happy", "sad", "neutral", "angry"]
    path = write_raw(tmp_path, raw_file(_10={"dev_ids": ["B_1"], "emotions": names}))
    assert read_dialogues(path, "iemocap_4").emotions == tuple(names)


def test_a_file_that_names_its_emotions_itself_is_not_renamed(tmp_path, caplog):
    names = ["sad", "happy", "neutral", "angry"]
    path = write_raw(tmp_path, raw_file(_10={"dev_ids": ["B_1"], "emotions": names}))
    options = ["--data_dir", str(path), "--dataset", "iemocap_4"]
    parser = argparse.ArgumentParser()
    add_data_options(parser)
    assert read_data(parser.parse_args(options)).emotions == tuple(names)
    assert "sad, happy, neutral, angry): --dataset iemocap_4 is not used" in caplog.text


def test_another_data_set_is_the_remedy_only_where_the_file_names_no_emotions(tmp_path):
    labels = {i: [0, 5] for i in IDS}
    with pytest.raises(InputError, match=r"A_1_M001: label 5 .*name the right .* with --dataset"):
        read_dialogues(write_raw(tmp_path, raw_file(10, _2=labels)), "iemocap_4")
    with pytest.raises(InputError, match=r"label 5 .*; .*in the file's 'emotions'") as error:
        read_dialogues(write_raw(tmp_path, raw_file(_2=labels)))
    assert "--dataset" not in str(error.value)


def test_a_session_may_be_numbered_from_nought(tmp_path):
    info = {"emotions": ["x", "y"], "sessions": {"A_1": 0, "B_1": 1}}
    read = read_dialogues(write_raw(tmp_path, raw_file(_10=info)))
    assert [session_of(i, read.info) for i in ("A_1", "B_1", "C_1")] == ["0", "1", "C"]


@pytest.mark.parametrize("key", ["sessions", "parts"])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"A_1": ["s"] * 100}, "of dialogue 'A_1' is ['s', 's', "),
        ({"A_1": "s", "B_1": 0.5}, "of dialogue 'B_1' is 0.5; let it give"),
        ({"A_1": "s", "B_1": True}, "of dialogue 'B_1' is True; let it give"),
    ],
)
def test_names_by_dialogue_that_are_none_are_refused(tmp_path, key, value, message):
    info = {"dev_ids": ["B_1"], "emotions": ["x", "y"], key: value}
    expected = f"element 10: {key!r} {message}"
    with pytest.raises(InputError, match=re.escape(expected)) as error:
        read_dialogues(write_raw(tmp_path, raw_file(_10=info)))
    assert "raw.pkl" in str(error.value)
    assert str(error.value).endswith(f"or leave {key!r} out")
    assert len(str(error.value)) < 400


@pytest.mark.parametrize("key", ["sessions", "parts"])
@pytest.mark.parametrize("name", ["\x1b[31mred", "s" * 10_000])
def test_names_by_dialogue_that_cannot_be_shown_are_refused(tmp_path, key, name):
    info = {"dev_ids": ["B_1"], "emotions": ["x", "y"], key: {"B_1": name}}
    with pytest.raises(InputError, match=f"element 10: '{key}' of dialogue 'B_1'") as error:
        read_dialogues(write_raw(tmp_path, raw_file(_10=info)))
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 400


@pytest.mark.parametrize("blank", ["", " ", "\t"])
def test_a_blank_session_is_none(tmp_path, blank):
    info = {"dev_ids": ["B_1"], "emotions": ["x", "y"], "sessions": {"A_1": blank, "B_1": "s"}}
    read = read_dialogues(write_raw(tmp_path, raw_file(_10=info)))
    assert [session_of(i, read.info) for i in ("A_1", "B_1")] == ["A", "s"]


def test_names_by_dialogue_may_be_absent_or_nothing(tmp_path):
    info = {"dev_ids": ["B_1"], "emotions": ["x", "y"], "sessions": None, "parts": {}}
    assert read_dialogues(write_raw(tmp_path, raw_file(_10=info))).dev_ids == ("B_1",)


def test_a_data_set_names_the_labels_that_the_file_does_not(tmp_path):
    path = write_raw(tmp_path, raw_file(10))
    assert read_dialogues(path, "iemocap_4").emotions == ("happy", "sad", "neutral", "angry")


@pytest.mark.parametrize(
    ("replaced", "message"),
    [
        ({"_2": {i: [0, 5] for i in IDS}}, r"A_1_M001.*label 5 has no name"),
        ({"_2": {i: [0, -1] for i in IDS}}, "label -1 has no name"),
        ({"_2": {i: [0, 0.5] for i in IDS}}, "whole numbers"),
        ({"_2": {i: [0, 1, 1] for i in IDS}}, "unequal length"),
        ({"_3": {i: [np.ones(3), np.full(3, np.nan)] for i in IDS}}, "text feature is not finite"),
        ({"_3": {i: [np.ones(3), np.ones(2)] for i in IDS}}, "unequal widths"),
        ({"_1": {"A_1": ["F", "M"]}}, "B_1 is missing in element 1"),
        ({"_8": ["D_1"]}, "D_1 is in a split but not in the file"),
        ({"_8": ["A_1"]}, "A_1.*occurs twice"),
        ({"_9": {i: ["u", "u"] for i in IDS}}, "dialogue A_1: utterance id 'u' occurs twice"),
        ({"_3": 7, "_2": 7}, "not a dialogue file"),
        ({"_2": {i: ["x", "y"] for i in IDS}}, "A_1: labels: a str where numbers belong"),
        ({"_1": {i: [["F"], ["M"]] for i in IDS}}, "cannot be speaker labels"),
        (
            {"_1": {i: ["F", NAN] for i in IDS}},
            "A_1: these cannot be speaker labels: nan, a",
        ),
        ({"_1": {i: ["F", ("M", (1, NAN))] for i in IDS}}, "speaker labels: nan, a missing cell"),
        ({"_1": {i: np.array([NAN, 1]) for i in IDS}}, "A_1: .* nan, a missing cell; name the"),
        ({"_0": [*IDS, ""]}, r"element 0: entry \d \(from 0\) is empty; give it a name"),
        ({"_9": {i: ["u", ""] for i in IDS}}, r"A_1: utterance ids: entry 1 \(from 0\) is empty"),
        ({"_10": {"dev_ids": ["B_1"], "emotions": ["", "x"]}}, "'emotions': entry 0 .* is empty"),
        ({"_8": "C_1"}, "element 8: a str where a list belongs"),
        ({"_8": b"C_1"}, "element 8: a bytes where a list belongs"),
        ({"_10": {"dev_ids": "B_1", "emotions": ["x", "y"]}}, "'dev_ids': a str where a list"),
        ({"_9": {i: "uv" for i in IDS}}, "A_1: utterance ids: a str where a list belongs"),
        ({"_3": {i: np.array([[1], [2]], dtype=object) for i in IDS}}, r"object.*\.tolist\(\)"),
        ({"_3": {i: [np.ones(3) * 1j] * 2 for i in IDS}}, "complex"),
        ({"_10": {"dev_ids": ["B_1"], "emotions": "xy"}}, "list of different names"),
        ({"_10": {"dev_ids": ["B_1"], "emotions": ["x", "x"]}}, "list of different names"),
    ],
)
def test_malformed_files_are_refused_with_file_and_place(tmp_path, replaced, message):
    with pytest.raises(InputError, match=message) as error:
        read_dialogues(write_raw(tmp_path, raw_file(**replaced)))
    assert "raw.pkl" in str(error.value)


def test_a_speaker_without_a_name_is_one_person(tmp_path):
    raw = raw_file(_1={i: ["", ""] for i in IDS})
    assert read_dialogues(write_raw(tmp_path, raw)).dialogues[0].speakers == ("", "")


def test_a_stray_label_does_not_become_a_billion_names(tmp_path):
    raw = raw_file(10, _2={i: [0, 10**15] for i in IDS})
    with pytest.raises(InputError, match="names no emotions"):
        read_dialogues(write_raw(tmp_path, raw))


@pytest.mark.parametrize("sentences", [None, {}, {name: [] for name in IDS}])
def test_sentences_may_be_absent(tmp_path, sentences):
    file = read_dialogues(write_raw(tmp_path, raw_file(_6=sentences)))
    assert {d.sentences for d in file.dialogues} == {("", "")}


@pytest.mark.parametrize(("place", "found"), [(6, ["a", "b"]), (9, ["u1", "u2"])])
def test_what_is_there_under_another_dialogue_s_name_is_not_passed_over(tmp_path, place, found):
    named = {name.lower() if name == IDS[1] else name: found for name in IDS}
    with pytest.raises(InputError, match=f"dialogue {IDS[1]} is missing in element {place}"):
        read_dialogues(write_raw(tmp_path, raw_file(10, **{f"_{place}": named})))


@pytest.mark.parametrize("raw", [{"a": 1}, [1, 2], "text"])
def test_other_pickles_are_refused(tmp_path, raw):
    with pytest.raises(InputError, match="expected a list"):
        read_dialogues(write_raw(tmp_path, raw))


@pytest.mark.parametrize("train", [[], ["A_1"]])
def test_of_less_than_two_training_sessions_none_is_dev_and_that_is_told(tmp_path, train):
    """Test can be scored all the same."""
    test = [i for i in IDS if i not in train]
    file = read_dialogues(write_raw(tmp_path, raw_file(10, _7=train, _8=test)))
    assert (file.train_ids, file.dev_ids, file.test_ids) == (tuple(train), (), tuple(test))
    with pytest.raises(InputError, match="by whole sessions, of which there must be two or more"):
        require_side(file, "dev")


def test_utterance_ids_may_begin_anew_in_each_dialogue(tmp_path):
    file = read_dialogues(write_raw(tmp_path, raw_file(_9={i: [0, 1] for i in IDS})))
    assert [d.utterance_ids for d in file.dialogues] == [("0", "1")] * 3


@pytest.mark.parametrize("value", [4, ["script", "impro"], {"A_1": None}])
@pytest.mark.parametrize("key", ["sessions", "parts"])
def test_what_others_keep_under_names_of_ours_is_carried_and_names_nothing(tmp_path, key, value):
    read = read_dialogues(write_raw(tmp_path, raw_file(_10={"dev_ids": ["B_1"], key: value})))
    assert read.info[key] == value
    assert [session_of(i, read.info) for i in IDS] == ["A", "B", "C"]
    assert read.dialogues[0].session in (None, "A")
    write_dialogues(tmp_path / "again.pkl", read)
    assert read_dialogues(tmp_path / "again.pkl").info[key] == value


@pytest.mark.parametrize(
    "replaced",
    [
        {"_9": None},
        {"_9": {i: [] for i in IDS}},
        {"_10": None},
        {"_5": {i: [[], []] for i in IDS}},
        {"_5": {i: np.zeros((2, 0)) for i in IDS}},
    ],
)
def test_what_is_empty_is_absent(tmp_path, replaced):
    file = read_dialogues(write_raw(tmp_path, raw_file(**replaced)))
    assert file.modalities == "at"
    if "_9" in replaced:
        assert file.dialogues[0].utterance_ids == ("A_1_000", "A_1_001")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_rows_of_no_features_are_no_features_in_any_protocol(tmp_path, protocol):
    path = tmp_path / "raw.pkl"
    raw = raw_file(_5={i: np.zeros((2, 0), dtype=np.float32) for i in IDS})
    path.write_bytes(pickle.dumps(raw, protocol=protocol))
    assert read_dialogues(path).modalities == "at"


def test_bytes_are_the_texts_that_they_are_in_utf_8(tmp_path):
    said = np.array(["안녕".encode(), b"yes"])
    replaced = {"_6": dict.fromkeys(IDS, said), "_9": dict.fromkeys(IDS, np.array([b"u", b"v"]))}
    first, *_ = read_dialogues(write_raw(tmp_path, raw_file(**replaced))).dialogues
    assert (first.sentences, first.utterance_ids) == (("안녕", "yes"), ("u", "v"))


def test_a_file_without_dialogues_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"raw\.pkl: it holds no dialogue"):
        read_dialogues(write_raw(tmp_path, [[]] * 11))


def test_what_is_read_without_utterance_ids_can_be_written_however_long_its_ids_are(tmp_path):
    ids = [f"{name}_{'x' * 248}" for name in "ABC"]
    raw = [rename(part, ids) for part in raw_file(10)]
    file = read_dialogues(write_raw(tmp_path, raw[:9]))
    write_dialogues(tmp_path / "again.pkl", file)
    again = read_dialogues(tmp_path / "again.pkl")
    assert [d.utterance_ids for d in again.dialogues] == [d.utterance_ids for d in file.dialogues]


def test_who_lacks_audio_is_not_told_by_ids_that_stand_in_several_dialogues(tmp_path):
    info = {"dev_ids": ["B_1"], "without_audio": ["0", "1"]}
    file = read_dialogues(write_raw(tmp_path, raw_file(_9={i: [0, 1] for i in IDS}, _10=info)))
    assert file.absent("test") == ""


def test_sides_and_names_may_be_of_other_containers(tmp_path):
    info = {"dev_ids": {"B_1"}, "emotions": np.array(["x", "y"])}
    file = read_dialogues(write_raw(tmp_path, raw_file(_10=info)))
    assert (file.dev_ids, file.emotions) == (("B_1",), ("x", "y"))


def as_python2(raw, *texts):
    """Return a pickle in which texts are Python 2's: bytes in a string of its own kind."""
    content = pickle.dumps(raw, protocol=2)
    for text in texts:
        coded = len(text.encode()).to_bytes(4, "little") + text.encode()
        assert b"X" + coded in content
        content = content.replace(b"X" + coded, b"T" + coded)
    return content


def test_korean_that_python2_wrote_is_read_as_it_was_written(tmp_path):
    ids = [f"{name}_대화" for name in "ABC"]
    raw = [rename(part, ids) for part in raw_file(_1={i: ["여", ("남", 1)] for i in IDS})]
    path = tmp_path / "old.pkl"
    path.write_bytes(as_python2(raw, *ids, "여", "남", "안녕", "응"))
    file = read_dialogues(path)
    assert [d.id for d in file.dialogues] == ids
    assert file.dialogues[0].speakers == ("여", ("남", 1))
    assert file.dialogues[0].sentences == ("안녕", "응")
    assert (file.train_ids, file.dev_ids, file.test_ids) == ((ids[0],), (ids[1],), (ids[2],))


def rename(part, ids):
    """Return an element of a raw file with its dialogues under other ids."""
    new = dict(zip(IDS, ids, strict=True))
    if isinstance(part, dict):
        return {new.get(key, key): ids[1:2] if key == "dev_ids" else v for key, v in part.items()}
    return [new[name] for name in part]


def test_letters_beyond_ascii_that_python3_wrote_stay(tmp_path):
    path = tmp_path / "raw.pkl"
    said = ["Ã©", "café ß"]
    path.write_bytes(pickle.dumps(raw_file(_6={i: said for i in IDS}), protocol=4))
    assert read_dialogues(path).dialogues[0].sentences == tuple(said)


def test_speakers_that_are_bytes_or_tuples_of_tuples(tmp_path):
    speakers = [b"F", ("M", ("left", 1))]
    file = read_dialogues(write_raw(tmp_path, raw_file(_1={i: speakers for i in IDS})))
    assert file.dialogues[0].speakers == ("F", ("M", ("left", 1)))


def test_a_missing_modality_is_known(tmp_path):
    file = make_file()
    file = replace(file, dialogues=tuple(replace(d, audio=None) for d in file.dialogues))
    write_dialogues(tmp_path / "x.pkl", file)
    read = read_dialogues(tmp_path / "x.pkl")
    assert read.modalities == "t"
    assert read.dialogues[0].audio is None


def test_features_may_be_given_one_dialogue_at_a_time(tmp_path):
    file = make_file()
    write_dialogues(tmp_path / "x.pkl", file)
    bare = [replace(d, text=None, audio=None, visual=None) for d in file.dialogues]
    held = {dialogue.id: dialogue for dialogue in file.dialogues}
    asked = []

    def features(dialogue, modality):
        asked.append((modality, dialogue.id))
        return held[dialogue.id].features(modality)

    write_dialogues(tmp_path / "y.pkl", replace(file, dialogues=tuple(bare)), features)
    assert (tmp_path / "y.pkl").read_bytes() == (tmp_path / "x.pkl").read_bytes()
    assert asked == [(modality, dialogue.id) for modality in "tav" for dialogue in bare]


def test_features_of_another_length_are_refused_and_nothing_is_written(tmp_path):
    file = make_file()
    with pytest.raises(InputError, match=f"{file.dialogues[0].id}: 1 text features for"):
        write_dialogues(tmp_path / "x.pkl", file, lambda *_: np.ones((1, 2), np.float32))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"info": {"made_from": Path("x")}},
            r"a \w*Path where plain values belong \('made_from'\)",
        ),
        ({"info": {"sessions": {"A": 1.5}}}, "'sessions' of dialogue 'A' is 1.5"),
        ({"emotions": ("x", "y", "x")}, "'emotions' must be a list of different names"),
        (
            {"utterance_ids": ("a\x1b", "b")},
            r"dialogue S1_a: utterance ids: 'a\\x1b' holds control",
        ),
        ({"speakers": (Path("a"), "b")}, "dialogue S1_a: these cannot be speaker labels: a .*Path"),
        ({"speakers": (NAN, "b")}, "dialogue S1_a: .* nan, a missing cell; name the"),
        ({"utterance_ids": ("a", "")}, "dialogue S1_a: utterance ids: entry 1 .* is empty"),
        ({"id": ""}, "dialogue ids: entry 0 .* is empty"),
        ({"emotions": ("x", "y", "z", "")}, "'emotions': entry 3 .* is empty"),
        ({"sentences": ("\ud800", "b")}, "dialogue S1_a: sentences: .* half of a letter"),
        ({"text": [[1.0], [float("nan")]]}, "dialogue S1_a, utterance S1_a_001: the text feature"),
        ({"audio": [[1e300], [1.0]]}, "dialogue S1_a, utterance S1_a_000: the audio feature"),
        ({"audio": np.ones((2, 0))}, "dialogue S1_a: audio features are no numbers"),
    ],
)
def test_what_readers_refuse_is_not_written(tmp_path, changes, message):
    of_file = {name: changes.pop(name) for name in ("info", "emotions") if name in changes}
    dialogue = replace(make_dialogue("S1_a", 2), **changes)
    file = DialogueFile((dialogue,), (dialogue.id,), (), (), **{"emotions": EMOTIONS, **of_file})
    with pytest.raises(InputError, match=message):
        write_dialogues(tmp_path / "x.pkl", file)
    assert [*tmp_path.iterdir()] == []


def test_features_given_one_at_a_time_are_checked_as_well(tmp_path):
    with pytest.raises(InputError, match=r"utterance .*_000: the text feature is not finite"):
        write_dialogues(tmp_path / "x.pkl", make_file(), lambda d, m: np.full((len(d), 1), 1e39))


def test_an_unknown_data_set_is_told_whatever_the_file_is(tmp_path):
    for path in (write_raw(tmp_path, raw_file()), write_raw(tmp_path, raw_file(9))):
        with pytest.raises(InputError, match=r"^dataset 'nope' is not known; known are kemdy19"):
            read_dialogues(path, "nope")


def test_one_dictionary_may_stand_at_two_positions(tmp_path):
    raw = raw_file()
    raw[4] = raw[5] = raw[3]
    file = read_dialogues(write_raw(tmp_path, raw))
    assert file.modalities == "atv"
    np.testing.assert_array_equal(file.dialogues[2].audio, file.dialogues[2].text)


def test_a_damaged_number_of_an_object_is_refused_before_it_takes_memory(tmp_path):
    path = tmp_path / "x.pkl"
    write_dialogues(path, make_file())
    content = path.read_bytes()
    # LONG_BINPUT, after the whole file but for its STOP.
    path.write_bytes(content[:-1] + b"r" + b"\xff\xff\xff\x7f" + b".")
    with pytest.raises(InputError, match="object number"):
        read_dialogues(path)
