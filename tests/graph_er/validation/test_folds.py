import argparse
import time
from dataclasses import replace

import numpy as np
import pytest

from graph_er.dialogues import Dialogue, DialogueFile
from graph_er.errors import InputError
from graph_er.schema.splits import fold_groups
from graph_er.validation.folds import (
    dev_fold,
    extractor_trained_on,
    session_folds,
    sessions_of,
    without_test,
)
from graph_er.validation.folds_option import add_folds_option
from tests.graph_er.dialogue_factory import make_file

FILE = make_file(num_sessions=6, dialogues_per_session=2, length=2)


def ids(dialogues):
    return [dialogue.id for dialogue in dialogues]


def sessions(file, dialogues):
    return {sessions_of(file)[dialogue.id] for dialogue in dialogues}


@pytest.mark.parametrize("count", [None, 0, 2, 3, 4, 6])
def test_each_dialogue_is_predicted_once_by_what_shares_no_session_with_it(count):
    folds = session_folds(FILE, count)
    assert len(folds) == (count or 6)
    assert sorted(i for fold in folds for i in ids(fold.test)) == sorted(ids(FILE.dialogues))
    for fold in folds:
        sides = [sessions(FILE, side) for side in (fold.train, fold.dev, fold.test)]
        assert sum(map(len, sides)) == 6
        assert set.union(*sides) == set(sessions_of(FILE).values())
        assert all(sides)


def test_of_two_sessions_left_one_is_dev():
    (first, *_) = session_folds(make_file(num_sessions=3), 0)
    assert ids(first.train) == ["Sess02_script01", "Sess02_script02"]
    assert ids(first.dev) == ["Sess03_script01", "Sess03_script02"]


def test_groups_are_neighbours_and_named_by_their_ends():
    assert [fold.name for fold in session_folds(FILE, 2)] == [
        "Sess01 to Sess03",
        "Sess04 to Sess06",
    ]
    assert session_folds(FILE, 0)[1].name == "Sess02"
    assert fold_groups("abcdefg", 3) == [tuple("abc"), tuple("de"), tuple("fg")]


def test_more_than_ten_sessions_are_ten_groups_unless_all_are_asked_for():
    many = make_file(num_sessions=13, dialogues_per_session=1, length=2)
    assert len(session_folds(many, None)) == 10
    assert len(session_folds(many, 0)) == 13


def test_a_corpus_of_single_utterances_is_divided_in_linear_time():
    ids_of = tuple(f"{number:05d}_a" for number in range(6_000))
    dialogues = tuple(Dialogue(i, (i,), ("F",), np.zeros(1, int), ("",)) for i in ids_of)
    file = DialogueFile(dialogues, ids_of, (), (), ("neutral",))
    began = time.process_time()
    folds = session_folds(file, None)
    assert time.process_time() - began < 5  # where tuples are searched, 18 seconds
    assert [len(fold.test) for fold in folds] == [600] * 10
    assert {len(fold.train) + len(fold.dev) for fold in folds} == {5400}


def test_the_file_may_name_its_sessions():
    names = {dialogue.id: f"room {i // 3}" for i, dialogue in enumerate(FILE.dialogues)}
    file = replace(FILE, info={"sessions": names})
    assert [fold.name for fold in session_folds(file, 0)] == [f"room {i}" for i in range(4)]


def test_without_test_nothing_of_test_is_left():
    blind = without_test(FILE)
    assert blind.test_ids == ()
    assert set(ids(blind.dialogues)) == {*FILE.train_ids, *FILE.dev_ids}
    predicted = {i for fold in session_folds(blind, 0) for i in ids(fold.test)}
    assert predicted.isdisjoint(FILE.test_ids)


def test_dialogues_on_no_side_are_in_no_fold():
    folds = session_folds(replace(FILE, train_ids=FILE.train_ids[1:]), 0)
    everywhere = {i for f in folds for side in (f.train, f.dev, f.test) for i in ids(side)}
    assert FILE.train_ids[0] not in everywhere


def test_too_few_sessions_are_refused_with_the_remedy():
    one = replace(FILE, info={"sessions": dict.fromkeys(ids(FILE.dialogues), "all")})
    with pytest.raises(InputError, match=r"1 session \(all\).*train\.py and graph_er/eval\.py"):
        session_folds(one, None)
    with pytest.raises(InputError, match=r"--folds 7: with 6 sessions"):
        session_folds(FILE, 7)
    with pytest.raises(InputError, match=r"--folds -1: with 6 sessions"):
        session_folds(FILE, -1)
    with pytest.raises(InputError, match=r"--folds 2: with 3 sessions"):
        session_folds(make_file(num_sessions=3), 2)


def test_a_file_without_sessions_is_scored_on_dev_which_the_fold_has_not_seen():
    fold = dev_fold(FILE)
    assert ids(fold.test) == list(FILE.dev_ids)
    assert ids([*fold.train, *fold.dev]) == list(FILE.train_ids)
    assert ids(fold.dev) == list(FILE.train_ids[-1:])
    with pytest.raises(InputError, match="0 dev dialogues"):
        dev_fold(replace(FILE, dev_ids=()))


@pytest.fixture
def parser():
    parser = argparse.ArgumentParser()
    add_folds_option(parser)
    return parser


@pytest.mark.parametrize(
    ("argv", "folds"), [((), None), (("--folds", "sessions"), 0), (("--folds", "10"), 10)]
)
def test_the_option_takes_a_number_of_groups_or_sessions(parser, argv, folds):
    assert parser.parse_args(argv).folds == folds


@pytest.mark.parametrize("value", ["0", "1", "-2", "2.5", "Sessions", "²", ""])
def test_the_option_refuses_all_else(parser, value, capsys):
    with pytest.raises(SystemExit):
        parser.parse_args(["--folds", value])
    assert f"{value!r} is neither 'sessions' nor a number above 1" in capsys.readouterr().err


FINE_TUNED = {"frozen": False, "checkpoint_sha256": "0"}
OUT_OF_FOLD = {"fold_of": dict.fromkeys(FILE.train_ids[2:], 1)}


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        ({}, []),
        ({"frozen": True}, []),
        ({"frozen": "no"}, []),
        ({"frozen": True, "tuned_encoders": []}, []),
        ({"frozen": True, "tuned_encoders": ["x"]}, ["Sess01", "Sess02", "Sess03", "Sess04"]),
        (FINE_TUNED, ["Sess01", "Sess02", "Sess03", "Sess04"]),
        ({**FINE_TUNED, "out_of_fold": OUT_OF_FOLD}, ["Sess01"]),
        ({**FINE_TUNED, "out_of_fold": {"fold_of": dict.fromkeys(FILE.train_ids, 1)}}, []),
        ({**FINE_TUNED, "out_of_fold": [1]}, ["Sess01", "Sess02", "Sess03", "Sess04"]),
        ({**FINE_TUNED, "sessions": dict.fromkeys(FILE.train_ids, "all")}, ["all"]),
    ],
)
def test_the_file_tells_which_sessions_its_extractor_was_trained_on(info, expected):
    file = replace(FILE, info=info)
    assert extractor_trained_on(file, file.dialogues) == expected
    assert extractor_trained_on(without_test(file), file.dialogues) == expected
    assert extractor_trained_on(file, (*file.side("dev"), *file.side("test"))) == []
