"""Dialogues of a file: what tells that those of another file are the same ones."""

from dataclasses import replace

import numpy as np
import pytest

from graph_er.dialogues import read_dialogues, write_dialogues
from graph_er.errors import InputError
from tests.graph_er.dialogue_factory import make_dialogue, make_file

FILE = make_file()
IDS = FILE.train_ids


def changed(**fields):
    first, *rest = FILE.dialogues
    return replace(FILE, dialogues=(replace(first, **fields), *rest))


def test_the_same_dialogues_are_known_in_another_order_with_other_sides_and_features():
    dialogues = tuple(replace(d, text=d.text + 1) for d in FILE.dialogues[::-1])
    other = replace(FILE, dialogues=dialogues, train_ids=FILE.test_ids, test_ids=FILE.train_ids)
    assert other.content_sha256(IDS[::-1]) == FILE.content_sha256(IDS)


@pytest.mark.parametrize(
    "fields",
    [
        {"labels": (FILE.dialogues[0].labels + 1) % 3},
        {"speakers": ("F",) * len(FILE.dialogues[0])},
        {"sentences": ("말",) * len(FILE.dialogues[0])},
        {"utterance_ids": tuple(f"x{i}" for i in range(len(FILE.dialogues[0])))},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_others_under_their_ids_are_not(fields):
    assert changed(**fields).content_sha256(IDS) != FILE.content_sha256(IDS)


def test_without_all_of_them_nothing_is_told():
    assert FILE.content_sha256([]) is None
    assert FILE.content_sha256([*IDS, "Sess99_script01"]) is None


def test_values_of_numpy_change_neither_the_digest_nor_the_file(tmp_path):
    first = FILE.dialogues[0]
    numbered = tuple((name, number % 2) for number, name in enumerate(first.speakers))
    plain = changed(speakers=numbered)
    boxed = changed(
        id=np.str_(first.id),
        utterance_ids=np.array(first.utterance_ids),
        speakers=tuple((np.str_(name), np.int64(number)) for name, number in numbered),
        labels=first.labels.astype(float),
        sentences=list(map(np.str_, first.sentences)),
    )
    assert boxed.content_sha256(IDS) == plain.content_sha256(IDS)
    for name, file in (("plain", plain), ("boxed", boxed)):
        write_dialogues(tmp_path / name, file)
    assert (tmp_path / "boxed").read_bytes() == (tmp_path / "plain").read_bytes()
    assert read_dialogues(tmp_path / "boxed").dialogues[0].speakers == numbered


def test_the_digest_of_ordinary_dialogues_is_the_one_that_runs_have_recorded():
    recorded = "2827f466b46ae9fe355ebc3e46366e1872fab2dd2db807d129260eced45c8c4a"
    assert FILE.content_sha256(IDS) == recorded


@pytest.mark.parametrize("kind", [list, np.float64, np.float16, ">f4"])
def test_labels_and_features_of_other_types_are_cast(kind):
    given = make_dialogue("S1_a", 4)
    text, labels = np.round(given.text), given.labels.tolist()
    other = text.tolist() if kind is list else text.astype(kind)
    cast = replace(given, text=other, labels=labels)
    assert (cast.text.dtype, cast.labels.dtype) == (np.dtype("float32"), np.dtype("int64"))
    np.testing.assert_array_equal(cast.text, text)
    np.testing.assert_array_equal(cast.labels, labels)


def test_arrays_of_the_right_types_are_not_copied():
    given = make_dialogue("S1_a", 4)
    again = replace(given)
    assert again.text is given.text
    assert again.labels is given.labels


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"labels": [0, 0.5]}, "labels must be a list of whole numbers"),
        ({"labels": [0, float("nan")]}, "labels must be a list of whole numbers"),
        ({"labels": ["a", "b"]}, "labels must be a list of whole numbers"),
        ({"labels": [[0], [1]]}, "labels must be a list of whole numbers"),
        ({"text": [[1.0], [1.0, 2.0]]}, "text features are no array of numbers"),
        ({"audio": [["a"], ["b"]]}, "audio features are no array of numbers, but of <U1"),
        ({"visual": np.ones((2, 3), complex)}, "visual features are no array of numbers"),
    ],
)
def test_what_is_no_label_or_number_is_refused_by_name(fields, message):
    with pytest.raises(InputError, match=f"dialogue S1_a: {message}"):
        replace(make_dialogue("S1_a", 2), **fields)


def test_dialogues_and_files_can_be_looked_for_and_put_into_sets():
    first, second = FILE.dialogues[:2]
    assert first in [second, first]
    assert replace(second) not in [first, second]
    assert len({first, second, first}) == 2
    assert replace(FILE) != FILE
    assert len({FILE, FILE}) == 1


def test_a_side_that_is_none_is_refused_by_name():
    with pytest.raises(ValueError, match="no side 'valid'; the sides are train, dev, test"):
        FILE.side("valid")
