"""What people write is read, just below each limit on what a file may claim."""

import pickle
import unicodedata

import numpy as np
import pytest

from graph_er.dialogues import read_dialogues, write_dialogues
from graph_er.errors import InputError
from graph_er.schema import dialogue_limits, pickle_scan
from graph_er.schema.dialogue_pickle import read_plain_pickle
from tests.graph_er.dialogue_factory import make_file

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
WIDTH = 40


def raw(rows):
    """Return a file of one dialogue, in COGMEN's order, that has these rows as text features."""
    ids = [f"u{i}" for i in range(len(rows))]
    columns = (["M"] * len(rows), [0] * len(rows), rows)
    no_sentences = {"1_a": [""] * len(rows)}
    fields = [{"1_a": column} for column in columns]
    return [["1_a"], *fields, {}, {}, no_sentences, [], ["1_a"], {"1_a": ids}, {"dev_ids": []}]


def read(path, content, protocol):
    path.write_bytes(pickle.dumps(content, protocol))
    return read_dialogues(path)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "row",
    [
        [0, 1] * (WIDTH // 2),
        [0.0] * WIDTH,
        [1.5e30, -2] * (WIDTH // 2),
        np.zeros(WIDTH, np.float32),
        np.arange(WIDTH, dtype=np.float16),
        [np.float32(1 / 3)] * WIDTH,
    ],
    ids=["ones", "zeros", "mixed", "array", "half", "scalars"],
)
def test_features_in_any_form_are_read_without_room_to_spare(tmp_path, monkeypatch, row, protocol):
    monkeypatch.setattr(dialogue_limits, "_SHARED_NUMBERS", 4 * 40)
    monkeypatch.setattr(pickle_scan, "_MOST_REPEATED", 0)
    own = [[type(x)(x) for x in row] if isinstance(row, list) else row.copy() for _ in range(200)]
    file = read(tmp_path / "file.pkl", raw(own), protocol)
    assert np.array_equal(file.dialogues[0].text[-1], np.asarray(row, np.float32))


def test_one_row_in_many_places_is_read_up_to_the_limit(tmp_path, monkeypatch):
    shared = [np.zeros(WIDTH)] * 3_000
    assert read(tmp_path / "file.pkl", raw(shared), 4).dialogues[0].text.shape == (3_000, WIDTH)
    monkeypatch.setattr(dialogue_limits, "_SHARED_NUMBERS", 0)
    with pytest.raises(InputError, match="more numbers than the file has room for"):
        read(tmp_path / "file.pkl", raw(shared), 4)


def test_our_own_files_are_read_whatever_their_length(tmp_path, monkeypatch):
    path = tmp_path / "file.pkl"
    written = make_file()
    write_dialogues(path, written)
    monkeypatch.setattr(pickle_scan, "_MOST_REPEATED", 0)
    monkeypatch.setattr(dialogue_limits, "_SHARED_NUMBERS", 0)
    assert [d.id for d in read_dialogues(path).dialogues] == [d.id for d in written.dialogues]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("sign", [1, -1])
def test_integers_of_64_bits_are_read_and_longer_ones_refused(tmp_path, sign, protocol):
    path = tmp_path / "numbers.pkl"
    honest = [sign * (2**63 - 1), sign * 2**31, sign]
    path.write_bytes(pickle.dumps(honest, protocol))
    assert read_plain_pickle(path) == honest
    path.write_bytes(pickle.dumps([sign * 2**80], protocol))
    with pytest.raises(InputError, match="more than 64 bits"):
        read_plain_pickle(path)


def test_a_modality_that_is_none_is_absent(tmp_path):
    content = raw([[1.0, 2.0]] * 3)
    content[4] = {"1_a": None}
    assert read(tmp_path / "file.pkl", content, 2).dialogues[0].audio is None


def named(speaker="M", identifier="u"):
    content = raw([[1.0, 2.0]] * 2)
    content[1], content[9] = {"1_a": [speaker, "F"]}, {"1_a": [identifier, "v"]}
    return content


@pytest.mark.parametrize(
    "name", ["한" * 250, unicodedata.normalize("NFD", "한" * 250), "u 1 (a)/b"]
)
def test_ids_of_250_letters_are_read_taken_apart_or_not(tmp_path, name):
    dialogue = read(tmp_path / "file.pkl", named(identifier=name), 4).dialogues[0]
    assert dialogue.utterance_ids[0] == name


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"identifier": "한" * 251}, "250 are the most"),
        ({"identifier": "\x1b]0;own\x07"}, "control characters"),
        ({"speaker": "\x1b[31m"}, "control characters"),
        ({"speaker": "\udc80"}, "half of a letter"),
    ],
)
def test_names_that_cannot_be_shown_are_refused(tmp_path, changes, message):
    path = tmp_path / "file.pkl"
    content = named()
    for key, place in (("identifier", 9), ("speaker", 1)):
        if key in changes:
            content[place]["1_a"][0] = changes[key]
    path.write_bytes(pickle.dumps(content, 4))
    with pytest.raises(InputError, match=message):
        read_dialogues(path)
