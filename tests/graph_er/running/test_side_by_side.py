"""Processes side by side: results in order, failures told once, nobody left behind."""

import errno
import inspect
import multiprocessing
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from graph_er.errors import InputError
from graph_er.running.side_by_side import CAN_FORK, side_by_side, usable_cores

pytestmark = pytest.mark.skipif(not CAN_FORK, reason="needs Linux")


def ignore(message):
    pass


@pytest.fixture(autouse=True)
def nobody_is_left_behind():
    before = {*multiprocessing.active_children()}  # loaders of earlier tests, say
    yield
    assert {*multiprocessing.active_children()} <= before


@pytest.mark.parametrize("jobs", [1, 2, 4])
def test_results_come_in_order_whoever_is_done_first(jobs):
    table = np.arange(12).reshape(4, 3)  # reaches the processes as it lies in memory

    def work(item, tell):
        time.sleep(0.02 * (3 - item))
        tell((item, os.getpid()))
        return table[item] * 2

    told = []
    results = side_by_side(work, range(4), jobs=jobs, on_message=told.append)
    np.testing.assert_array_equal(results, table * 2)
    assert sorted(item for item, _ in told) == [0, 1, 2, 3]
    assert os.getpid() not in {process for _, process in told}


def test_no_more_than_the_wanted_number_run_at_a_time():
    moments = []

    def work(item, tell):
        tell(+1)
        time.sleep(0.02)
        tell(-1)

    side_by_side(work, range(6), jobs=2, on_message=moments.append)
    assert max(np.cumsum(moments)) <= 2


def fails(error):
    def work(item, tell):
        if item == 1:
            raise error
        time.sleep(60)  # ended with the one that failed

    return work


def killed(item, tell):
    if item == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


@pytest.mark.parametrize(
    ("work", "kind", "message"),
    [
        (fails(InputError("no such emotion")), InputError, "^no such emotion$"),
        (
            fails(ValueError("a defect")),
            RuntimeError,
            "of 1 failed:\n.*\n.*ValueError: a defect",
        ),
        (killed, InputError, r"process of 1 was ended from outside \(exit code -9\).*--jobs 1"),
    ],
)
def test_whatever_ends_one_ends_all(work, kind, message):
    begin = time.monotonic()
    with pytest.raises(kind, match=f"(?s){message}"):
        side_by_side(work, range(3), jobs=2, on_message=ignore)
    assert time.monotonic() - begin < 20


def test_an_interrupt_of_the_parent_ends_all():
    def work(item, tell):
        tell(None)
        time.sleep(60)

    def interrupt(message):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        side_by_side(work, range(2), jobs=2, on_message=interrupt)


@pytest.fixture
def interrupts_heard():  # which a shell's background ignores
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interrupts_heard")
def test_an_interrupt_while_a_process_is_being_started_ends_all(monkeypatch):
    fork, forked = os.fork, []

    def interrupted():
        process = fork()
        if process:  # before the parent knows of the other
            forked.append(process)
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.05)
        return process

    monkeypatch.setattr(os, "fork", interrupted)
    with pytest.raises(KeyboardInterrupt):
        side_by_side(lambda item, tell: time.sleep(60), range(2), jobs=2, on_message=ignore)
    assert [child for child in forked if is_alive(child)] == []


def test_work_may_be_begun_in_a_thread():  # which no signal reaches
    results = []

    def begin():
        results.extend(side_by_side(lambda item, tell: -item, range(3), jobs=2, on_message=ignore))

    thread = threading.Thread(target=begin)
    thread.start()
    thread.join(30)
    assert results == [0, -1, -2]


def test_a_process_that_is_killed_while_it_sends_is_told():
    def half_sent(item, tell):
        if item == 1:
            pipe = inspect.currentframe().f_back.f_locals["to"]
            os.write(pipe.fileno(), struct.pack("!i", 1000) + b"half")
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)

    with pytest.raises(InputError, match="process of 1 was ended from outside"):
        side_by_side(half_sent, range(2), jobs=2, on_message=ignore)


def test_a_process_that_cannot_be_started_is_told_and_ends_the_others(monkeypatch):
    fork, forked = os.fork, []

    def limited():
        if forked:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        forked.append(True)
        return fork()

    monkeypatch.setattr(os, "fork", limited)
    with pytest.raises(InputError, match=r"can be started .*--jobs 1"):
        side_by_side(lambda item, tell: time.sleep(60), range(2), jobs=2, on_message=ignore)
    assert forked


PARENT = """
import os, time
from graph_er.running.side_by_side import side_by_side
def work(item, tell):
    tell(os.getpid())
    time.sleep(60)
side_by_side(work, range(3), jobs=3, on_message=lambda pid: print(pid, flush=True))
"""


def test_nobody_outlives_a_parent_that_is_killed():
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE) as parent:
        children = [int(parent.stdout.readline()) for _ in range(3)]
        parent.kill()
    deadline = time.monotonic() + 10
    while any(map(is_alive, children)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [child for child in children if is_alive(child)] == []


def is_alive(process):
    """Whether a process runs; one that is dead may wait to be looked after."""
    try:
        state = Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_cores_are_those_that_this_process_may_use():
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert usable_cores() == 1
    finally:
        os.sched_setaffinity(0, allowed)
    assert usable_cores() == len(allowed)
