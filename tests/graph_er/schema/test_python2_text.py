"""Texts of Python 2's files: which files those may be, and that hostile ones cost nothing."""

from __future__ import annotations

import pickle

import pytest

from graph_er.schema.python2_text import decoded, may_be_of_python2


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_python2_has_no_protocol_beyond_2(tmp_path, protocol):
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps(["x"], protocol=protocol))
    assert may_be_of_python2(path) == (protocol <= 2)


def wrong(text):
    return text.encode().decode("latin-1")


def test_texts_are_mended_in_keys_and_values_and_nothing_else_changes():
    value = [{wrong("가"): [wrong("나"), ("다", wrong("라")), 1.5, None]}, {wrong("마")}, "é", "x"]
    assert decoded(value) == [{"가": ["나", ("다", "라"), 1.5, None]}, {"마"}, "é", "x"]


def test_a_list_of_numbers_is_not_copied():
    numbers = [0.5] * 1000
    assert decoded([numbers])[0] is numbers


def test_containers_that_hold_themselves_or_one_another_many_times_take_no_time():
    loop = []
    loop += [loop] * 1000
    assert decoded(loop)[0] is loop
    wide = ["x"]
    for _ in range(20):
        wide = [wide] * 1000
    assert len(decoded(wide)) == 1000


def test_a_text_that_stands_in_many_places_is_decoded_once():
    """Else a file of two megabytes could take up a gigabyte."""
    text = wrong("가" * 1000)
    first, second = decoded([[text], [text]])
    assert first == ["가" * 1000]
    assert first[0] is second[0]


def test_speakers_that_are_tuples_of_tuples_of_tuples_are_reached():
    rows = {"d": [((wrong("가"),),)]}
    assert decoded([rows]) == [{"d": [(("가",),)]}]
    assert decoded([{"d": [(((wrong("가"),),),)]}]) == [{"d": [((("가",),),)]}]
