"""Dialogue files and pickled frames made to harm whoever reads them."""

import os
import pickle
import time

import numpy as np
import pytest

from feature_extractor.corpora.frame_pickle_columns import read_frame_pickle
from graph_er.dialogues import read_dialogues
from graph_er.errors import InputError
from tests.faults import hostile_pickles
from tests.faults.hostile import Limits, outcome, refused

VALID = pickle.dumps(hostile_pickles.valid_list(), protocol=4)
PROGRAMS = {
    **hostile_pickles.naming(),
    **hostile_pickles.calling(),
    **hostile_pickles.arrays(),
    **hostile_pickles.bombs(),
    **hostile_pickles.wrecks(VALID),
}
LISTS = hostile_pickles.lists()
READERS = {"dialogues": read_dialogues, "frame": read_frame_pickle}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_hostile_pickle_is_refused_by_both_readers(tmp_path, records, name):
    path = tmp_path / "hostile.pkl"
    path.write_bytes(PROGRAMS[name])
    for read in READERS.values():
        records.add("Hostile dialogue files", tried=1, survived=0)
        refused(read, path, naming=path)
        records.add("Hostile dialogue files", tried=0, survived=1)
    assert os.listdir(tmp_path) == ["hostile.pkl"]


@pytest.mark.parametrize("name", LISTS)
def test_plain_values_that_are_no_dialogue_file_are_refused(tmp_path, records, name):
    path = tmp_path / "hostile.pkl"
    path.write_bytes(LISTS[name])
    records.add("Hostile dialogue files", tried=1, survived=0)
    refused(read_dialogues, path, naming=path)
    records.add("Hostile dialogue files", tried=0, survived=1)


def place(folder, kind):
    """Make something at a path that is no file one can read."""
    path = folder / "hostile.pkl"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "link to itself":
        path.symlink_to(path)
    elif kind == "link to nothing":
        path.symlink_to(folder / "nothing")
    elif kind == "link in a long circle":
        (folder / "a").symlink_to(path)
        path.symlink_to(folder / "a")
    elif kind == "name that is too long":
        return folder / ("x" * 5000)
    elif kind == "name with a zero":
        return folder / "a\0b.pkl"
    elif kind.startswith("/dev/"):
        path.symlink_to(kind)
    elif kind == "terabyte of holes":
        with path.open("wb") as file:
            file.truncate(1 << 40)
    return path


PLACES = (
    *("folder", "pipe", "link to itself", "link to nothing", "link in a long circle", "no file"),
    *("name that is too long", "name with a zero", "/dev/zero", "/dev/random", "/dev/tty"),
    "terabyte of holes",
)


@pytest.mark.parametrize("kind", PLACES)
def test_what_is_no_file_is_refused_at_once(tmp_path, records, kind):
    path = place(tmp_path, kind)
    name = "a\\x00b" if "zero" in kind and "\0" in str(path) else path
    for read in READERS.values():
        records.add("Hostile dialogue files", tried=1, survived=0)
        refused(read, path, naming="b.pkl" if "\0" in str(name) else path)
        records.add("Hostile dialogue files", tried=0, survived=1)


def run_a_command():
    os.system("true")


def read_another_file():
    open("/etc/passwd").close()


def write_a_file(path):
    path.write_text("x")


def fail():
    raise InputError("x\n" * 1000)


def test_the_judge_sees_what_a_reader_must_not_do(tmp_path):
    limits = Limits(seconds=1, megabytes=200)
    assert outcome(run_a_command, limits=limits).acts
    assert outcome(read_another_file, limits=limits).acts
    assert outcome(write_a_file, tmp_path / "canary", limits=limits).acts
    assert outcome(time.sleep, 5, limits=limits).kind == "late"
    assert outcome(np.ones, 10**8, limits=limits).kind == "raised"
    assert outcome(os.abort, limits=limits).kind == "died"
    with pytest.raises(AssertionError):
        refused(fail, naming="x")
    found = outcome(read_dialogues, tmp_path / "none", limits=Limits(inside=(tmp_path,)))
    assert (found.kind, found.acts) == ("refused", [])


def test_an_honest_file_is_read_as_ever(tmp_path):
    path = tmp_path / "honest.pkl"
    path.write_bytes(VALID + b"what follows the end is not looked at")
    found = outcome(read_dialogues, path, limits=Limits(inside=(tmp_path,)))
    assert (found.kind, found.acts) == ("value", [])
