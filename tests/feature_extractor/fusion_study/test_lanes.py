"""Processes beside each other: how they end, and which results are taken up."""

import errno
import multiprocessing
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from feature_extractor.fusion_study import lanes
from feature_extractor.fusion_study.budget import Budget
from feature_extractor.fusion_study.plan import Condition, Trial
from graph_er.errors import InputError
from tests.feature_extractor.fusion_study.launched_lane import open_nothing, wait_for, work

LAUNCHED = Path(__file__).with_name("launched_lane.py")


def test_an_error_ends_those_at_work_and_what_is_queued(monkeypatch, tmp_path):
    monkeypatch.setattr(lanes, "_open_ground", open_nothing)
    before = multiprocessing.active_children()
    with pytest.raises(InputError, match="bad"), lanes.lanes(None, 1) as pool:  # noqa: PT012
        for number in range(4):
            pool.submit(work, tmp_path / str(number))
        wait_for(tmp_path / "0")
        raise InputError("bad")
    until = time.monotonic() + 20
    # Asked again and again: while the pool's own thread takes note of an end, a process that is
    # gone still counts as alive here.
    while any(lane not in before for lane in multiprocessing.active_children()):
        assert time.monotonic() < until, "a lane is at work still"
        time.sleep(0.05)
    assert [path.name for path in tmp_path.iterdir()] == ["0"]


def test_where_processes_cannot_share_anything_the_user_is_told(monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.ENOENT, "No such file or directory")  # as without /dev/shm

    monkeypatch.setattr(lanes, "ProcessPoolExecutor", refuse)
    with pytest.raises(InputError, match="/dev/shm"), lanes.lanes(None, 1):
        pass


def test_a_lane_whose_parent_was_killed_before_it_looked_ends(tmp_path):
    command = [sys.executable, LAUNCHED, tmp_path]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        wait_for(tmp_path / "started")
        parent.kill()
        parent.wait()
        (tmp_path / "go").touch()
        parent.communicate(timeout=200)  # its end is that of all who hold the pipe


def test_a_result_that_a_failed_disk_cut_short_is_not_finished(tmp_path):
    results, trial = lanes.Results(tmp_path, "x"), Trial(Condition("concat", "at"), 1e-2, 3)
    results.save(trial, {"dev": 0.5}, np.full((4, 3), 1 / 3))
    assert results.load(trial) is not None
    for path in (tmp_path / f"{trial.key}{suffix}" for suffix in (".npy", ".json")):
        whole = path.read_bytes()
        header = whole.replace(b"{", b"[", 1)
        parts = [whole[:size] for size in range(0, len(whole) - 1, 3)]
        for damaged in (*parts, header, bytes(len(whole)), b"PK\x03\x04", b"[]", b"null"):
            path.write_bytes(damaged)
            assert results.load(trial) is None, damaged
        path.write_bytes(whole)
    assert results.load(trial) is not None


def test_other_code_of_either_package_makes_trials_anew_but_for_what_draws(monkeypatch, tmp_path):
    monkeypatch.setattr(lanes, "project_root", lambda: tmp_path)

    def identity(path, text):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
        return lanes.results_identity(SimpleNamespace(identity="x"), Budget())

    for path in ("feature_extractor/fusion/a.py", "graph_er/scoring/scores.py"):
        assert identity(path, "1") != identity(path, "2")
    assert identity("graph_er/report/page.py", "1") == identity("graph_er/report/page.py", "2")
