from __future__ import annotations

import random

import pytest

from graph_er.errors import InputError
from graph_er.running.counted import counted
from graph_er.schema.splits import natural_key, session_of, split_dev, split_sessions

TWENTY = [f"Sess{number:02}" for number in range(1, 21)]


def test_kemdy19s_twenty_sessions():
    train, dev, test = split_sessions(TWENTY)
    assert test == ("Sess19", "Sess20")
    assert dev == ("Sess17", "Sess18")
    assert train == tuple(TWENTY[:16])


@pytest.mark.parametrize("count", range(4, 41))
def test_sides_are_disjoint_complete_and_never_empty(count):
    names = [f"S{number}" for number in range(count)]
    train, dev, test = split_sessions(names)
    assert sorted(train + dev + test) == sorted(names)
    assert min(len(train), len(dev)) >= 1
    assert len(test) == 2


def test_order_and_repetition_of_the_input_do_not_matter():
    shuffled = random.Random(0).sample(TWENTY * 3, 60)
    assert split_sessions(shuffled) == split_sessions(TWENTY)


def test_numbers_count_as_numbers():
    assert split_sessions(["s10", "s9", "s1", "s2"])[2] == ("s9", "s10")
    assert sorted(["a10", "a", "b1", "a9b", "a9", "7"], key=natural_key) == [
        "7",
        "a",
        "a9",
        "a9b",
        "a10",
        "b1",
    ]


def test_names_that_differ_in_zeros_only_have_one_order():
    names = ["s1", "s01", "s001"]
    orders = {tuple(sorted(random.sample(names, 3), key=natural_key)) for _ in range(20)}
    assert orders == {("s001", "s01", "s1")}


@pytest.mark.parametrize("name", ["", "²", "세션٣", "s-1.5"])
def test_any_name_has_a_key(name):
    assert sorted([name, "s1"], key=natural_key)


@pytest.mark.parametrize(("count", "num_dev"), [(2, 1), (9, 1), (10, 2), (18, 2), (19, 3)])
def test_dev_is_the_last_ninth_at_least_one(count, num_dev):
    train, dev = split_dev(TWENTY[:count])
    assert train + dev == tuple(TWENTY[:count])
    assert len(dev) == num_dev


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_too_few_sessions_are_counted_in_the_message(count):
    with pytest.raises(InputError, match=f"found {counted(count, 'session')}"):
        split_sessions(TWENTY[:count])


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_training_sessions_are_refused(count):
    with pytest.raises(InputError, match=f"has {counted(count, 'session')}"):
        split_dev(TWENTY[:count])


def test_session_is_what_stands_before_the_first_underscore():
    assert session_of("Sess01_script01") == "Sess01"
    assert session_of("dia7") == "dia7"


def test_who_wore_the_markers_makes_no_session_of_iemocap():
    assert {session_of(name) for name in ("Ses05F_impro01", "Ses05M_script01_1")} == {"Ses05"}
    assert session_of("Sess05F_x") == "Sess05F"
