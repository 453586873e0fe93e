import hashlib
import json
import os
import time

import pytest

from graph_er.errors import InputError
from graph_er.running import run_record
from graph_er.running.run_record import (
    add_metrics,
    describe_data,
    environment,
    read_run_record,
    write_run_record,
)


def write(folder, data=None):
    write_run_record(
        folder,
        config={"epochs": 3},
        seed=[1, 2],
        metrics={"dev": {"weighted_f1": 0.5}},
        data=data,
        started=time.monotonic() - 5,
        device="cpu",
    )


def test_a_record_holds_what_the_run_was(tmp_path):
    data = tmp_path / "x.pkl"
    data.write_bytes(b"content")
    described = describe_data(data)
    data.write_bytes(b"another file by now")
    write(tmp_path, described)
    record = read_run_record(tmp_path)
    assert record["config"] == {"epochs": 3}
    assert record["seed"] == [1, 2]
    assert record["data"] == {"name": "x.pkl", "sha256": hashlib.sha256(b"content").hexdigest()}
    assert record["versions"]["torch"].startswith("2.")
    assert 5 <= record["wall_time_s"] < 60
    assert {"commit", "tree_clean", "device", "python", "platform", "created"} <= set(record)


@pytest.mark.parametrize(
    ("info", "made_by"),
    [
        (
            {"checkpoint": "at", "checkpoint_sha256": "ab" * 32, "frozen": False, "fusion": "x"},
            {"checkpoint": "at", "checkpoint_sha256": "ab" * 32, "frozen": False},
        ),
        (
            {"frozen": True, "weights_sha256": "ab" * 32, "encoders": {}},
            {"frozen": True, "weights_sha256": "ab" * 32},
        ),
        ({"checkpoint": ["at"], "checkpoint_sha256": 5, "frozen": 1, "weights_sha256": b""}, {}),
        ({}, {}),
    ],
)
def test_data_is_described_with_what_made_it_where_that_is_known(tmp_path, info, made_by):
    data = tmp_path / "x.pkl"
    data.write_bytes(b"content")
    assert describe_data(data, info) == {**describe_data(data), **made_by}


def test_test_scores_are_added_beside_dev_scores(tmp_path):
    write(tmp_path)
    add_metrics(tmp_path, "test", {"weighted_f1": 0.25})
    assert read_run_record(tmp_path)["metrics"] == {
        "dev": {"weighted_f1": 0.5},
        "test": {"weighted_f1": 0.25},
    }


def test_scores_of_another_data_file_are_not_added(tmp_path, caplog):
    data = tmp_path / "x.pkl"
    data.write_bytes(b"content")
    described = describe_data(data)
    data.write_bytes(b"another file by now")
    write(tmp_path, described)
    add_metrics(tmp_path, "test", {}, data_sha256=hashlib.sha256(b"other").hexdigest())
    assert "another data file" in caplog.text
    assert "test" not in read_run_record(tmp_path)["metrics"]
    add_metrics(tmp_path, "test", {}, data_sha256=hashlib.sha256(b"content").hexdigest())
    assert "test" in read_run_record(tmp_path)["metrics"]


def test_without_a_record_nothing_is_added_and_reading_names_the_file(tmp_path):
    add_metrics(tmp_path, "test", {})
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match=r"run\.json: no such file"):
        read_run_record(tmp_path)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(InputError, match="not a run record"):
        read_run_record(tmp_path)


def test_a_record_is_plain_json(tmp_path):
    write(tmp_path)
    assert json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))["data"] is None


def test_an_installed_copy_has_no_commit_though_a_checkout_lies_around_it(tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    installed = tmp_path / "site-packages"
    installed.mkdir()
    monkeypatch.setattr(run_record, "project_root", lambda: installed)
    found = environment()
    assert (found["commit"], found["tree_clean"]) == (None, None)
    assert found["versions"]["torch"].startswith("2.")


@pytest.mark.parametrize(
    ("status", "clean"), [("echo", True), ("echo ' M a.py'", False), ("exit 128", None)]
)
def test_a_tree_is_clean_when_git_says_so_alone(tmp_path, monkeypatch, status, clean):
    (tmp_path / ".git").mkdir()
    git = tmp_path / "bin" / "git"
    git.parent.mkdir()
    git.write_text(f"#!/bin/sh\n[ $1 = status ] || exec echo abc\n{status}\n")
    git.chmod(0o755)
    monkeypatch.setenv("PATH", str(git.parent), prepend=os.pathsep)
    monkeypatch.setattr(run_record, "project_root", lambda: tmp_path)
    found = environment()
    assert (found["commit"], found["tree_clean"]) == ("abc", clean)
