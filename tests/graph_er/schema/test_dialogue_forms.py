"""Files in the forms in which COGMEN and its relatives publish them."""

import pickle

import numpy as np
import pytest

from graph_er.dialogues import read_dialogues
from graph_er.errors import InputError

IDS = [f"Ses0{session}{letter}_impro01" for session in (1, 2, 3) for letter in "FM"]


def published(ids=IDS, **replaced):
    """Nine elements as of IEMOCAP: utterance ids in element 0, sides as sets."""
    raw = {
        "utterances": {i: [f"{i}_F000", f"{i}_M000"] for i in ids},
        "speakers": {i: ["F", "M"] for i in ids},
        "labels": {i: [0, 1] for i in ids},
        "text": {i: [np.ones(3), np.zeros(3)] for i in ids},
        "audio": {i: [np.ones(2), np.zeros(2)] for i in ids},
        "visual": {i: [np.ones(4), np.zeros(4)] for i in ids},
        "sentences": {i: ["hello", "hi"] for i in ids},
        "train": set(ids[:4]),
        "test": set(ids[4:]),
    }
    return tuple({**raw, **replaced}.values())


def read(tmp_path, raw, protocol=4):
    path = tmp_path / "published.pkl"
    path.write_bytes(pickle.dumps(raw, protocol=protocol))
    return read_dialogues(path)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_utterance_ids_in_element_0_and_sides_as_sets(tmp_path, protocol):
    file = read(tmp_path, published(), protocol)
    assert [dialogue.id for dialogue in file.dialogues] == IDS
    assert file.dialogues[1].utterance_ids == ("Ses01M_impro01_F000", "Ses01M_impro01_M000")
    assert (file.train_ids, file.dev_ids, file.test_ids) == (
        ("Ses01F_impro01", "Ses01M_impro01"),
        ("Ses02F_impro01", "Ses02M_impro01"),  # whole sessions: both actors of the second
        ("Ses03F_impro01", "Ses03M_impro01"),
    )
    assert file.modalities == "atv"


def test_what_stands_in_element_0_is_no_utterance_id_unless_there_is_one_for_each(tmp_path):
    for other in (dict.fromkeys(IDS, 2), {i: ["one"] for i in IDS}, dict.fromkeys(IDS)):
        file = read(tmp_path, published(utterances=other))
        assert file.dialogues[0].utterance_ids == ("Ses01F_impro01_000", "Ses01F_impro01_001")


def test_a_later_element_names_the_utterances_before_element_0(tmp_path):
    file = read(tmp_path, (*published(), {i: [f"{i}_a", f"{i}_b"] for i in IDS}))
    assert file.dialogues[0].utterance_ids == ("Ses01F_impro01_a", "Ses01F_impro01_b")


@pytest.mark.parametrize("kind", [int, np.int64])
def test_dialogues_may_be_numbers(tmp_path, kind):
    ids = [kind(number) for number in (10, 2, 30)]
    raw = published(ids, train={*ids[:2]}, test={*ids[2:]})
    file = read(tmp_path, raw)
    assert [dialogue.id for dialogue in file.dialogues] == ["10", "2", "30"]
    assert (file.train_ids, file.dev_ids, file.test_ids) == (("2",), ("10",), ("30",))


def test_two_dialogues_of_one_name_are_refused(tmp_path):
    raw = published(speakers={1: ["F", "M"], "1": ["F", "M"]})
    with pytest.raises(InputError, match="element 1 names a dialogue twice"):
        read(tmp_path, raw)


def test_a_side_that_names_an_unknown_dialogue_is_refused_by_name(tmp_path):
    with pytest.raises(InputError, match="dialogue Ses09F is in a split but not in the file"):
        read(tmp_path, published(test={"Ses09F", *IDS[4:]}))


def test_speakers_may_be_any_hashable_label(tmp_path):
    pair = [("F", 1), ("M", 1)]
    file = read(tmp_path, published(speakers=dict.fromkeys(IDS, pair)))
    assert file.dialogues[0].speakers == tuple(pair)


@pytest.mark.parametrize("label", [("F\x1b",), ((((("F",),),),),), b"\xff", ["F"], {"F"}])
def test_other_speaker_labels_are_refused(tmp_path, label):
    with pytest.raises(InputError, match="cannot be speaker labels"):
        read(tmp_path, published(speakers={i: [label, "M"] for i in IDS}))


def test_a_sentence_that_is_none_is_empty(tmp_path):
    file = read(tmp_path, published(sentences={i: [None, float("nan")] for i in IDS}))
    assert file.dialogues[0].sentences == ("", "")


def test_a_side_of_other_things_is_refused(tmp_path):
    with pytest.raises(InputError, match="element 8: a tuple where a text or number belongs"):
        read(tmp_path, published(test={("Ses03F", "impro01")}))
