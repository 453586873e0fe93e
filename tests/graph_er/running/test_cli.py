"""Who reads what a command prints may stop reading; who sends SIGTERM finds nothing left."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from graph_er.dialogues import write_dialogues
from graph_er.running.cli import run_command
from graph_er.running.side_by_side import CAN_FORK
from tests.graph_er.dialogue_factory import make_file

COMMAND = """
import sys
from graph_er.running.cli import run_command
sys.exit(run_command(lambda argv: print("\\n" * int(sys.argv[1]))))
"""


@pytest.mark.parametrize("lines", [1, 1_000_000])
def test_a_reader_that_has_seen_enough_is_no_defect(lines):
    with subprocess.Popen(
        [sys.executable, "-c", COMMAND, str(lines)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 1


ENDLESS = ("--seeds", "2", "--epochs", "100000", "--members", "1", "--hidden_size", "8")


@pytest.mark.skipif(not CAN_FORK, reason="needs Linux")
@pytest.mark.parametrize(
    ("command", "jobs", "times"), [("train", "1", 1), ("train", "2", 2), ("crossval", "2", 1)]
)
def test_a_command_that_is_terminated_leaves_nothing_behind(tmp_path, command, jobs, times):
    data, out = tmp_path / "data.pkl", tmp_path / "new" / "out"
    write_dialogues(data, make_file(num_sessions=4, length=5))
    where = ("--data_dir", str(data), "--out", str(out), "--jobs", jobs)
    words = [sys.executable, "-m", f"graph_er.{command}", *ENDLESS, *where]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, process_group=0) as process:
        told = ""
        while "epoch" not in told:  # training has begun, in every process that there is to be
            told += process.stderr.read(50)
        assert out.is_dir()
        for _ in range(times):  # the processes side by side hear it as well
            os.killpg(process.pid, signal.SIGTERM)
        told += process.stderr.read()
        assert process.wait(timeout=60) == 143
    assert "stopped by SIGTERM; the same command" in told
    assert "Traceback" not in told
    assert [path.name for path in tmp_path.iterdir()] == ["data.pkl"]


def waits(_argv):
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.05)


def test_what_sigterm_does_is_settled_for_the_command_alone(monkeypatch):
    before = signal.getsignal(signal.SIGTERM)
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        assert run_command(waits) == 143
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        monkeypatch.setenv("LOCAL_RANK", "0")
        monkeypatch.setenv("WORLD_SIZE", "2")
        seen = []
        run_command(lambda argv: seen.append(signal.getsignal(signal.SIGTERM)))
        assert seen == [signal.SIG_DFL]  # that a launcher ends its processes with
    finally:
        signal.signal(signal.SIGTERM, before)


def test_who_has_settled_what_sigterm_does_keeps_it():
    heard = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
    try:
        assert run_command(waits) == 0
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == [signal.SIGTERM]


def test_a_command_may_run_in_a_thread():  # where no signal can be listened for
    status = []
    thread = threading.Thread(target=lambda: status.append(run_command(lambda argv: None)))
    thread.start()
    thread.join()
    assert status == [0]
