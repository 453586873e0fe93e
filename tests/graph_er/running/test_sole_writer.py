"""One run at a time writes to a folder."""

import errno
import os
import subprocess
import sys
import threading
from importlib import import_module

import pytest

from graph_er.dialogues import write_dialogues
from graph_er.errors import InputError
from graph_er.running import locks
from graph_er.running import sole_writer as module
from graph_er.running.cli import run_command
from graph_er.running.sole_writer import sole_writer
from tests.graph_er.dialogue_factory import make_file

HOLDER = """
import sys, time
from pathlib import Path
from graph_er.running.sole_writer import sole_writer
with sole_writer(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(300)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that writes to ``out``."""
    command = [sys.executable, "-c", HOLDER, tmp_path / "out"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_another_run_is_kept_off_until_the_first_is_gone(holder, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", 0.2)
    refused = pytest.raises(InputError, match=r"another run is writing to .*out; wait for its end")
    with refused, sole_writer(tmp_path / "out"):
        pass
    with sole_writer(tmp_path / "another"):
        pass
    holder.kill()
    holder.wait()
    with sole_writer(tmp_path / "out"):
        (tmp_path / "out" / "model.pt").touch()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["model.pt"]


def test_a_folder_that_stays_empty_is_not_left_behind(tmp_path):
    (tmp_path / "there").mkdir()
    for name in ("new/folder", "there"):
        with pytest.raises(ZeroDivisionError), sole_writer(tmp_path / name):
            1 / 0  # noqa: B018
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_who_waits_for_a_folder_that_is_removed_holds_the_one_that_is_there(tmp_path):
    inside = threading.Event()

    def wait_and_hold():
        with sole_writer(tmp_path / "out"):
            inside.set()
            ended.wait(30)

    ended = threading.Event()
    waiting = threading.Thread(target=wait_and_hold)
    with sole_writer(tmp_path / "out"):
        waiting.start()
        assert not inside.wait(0.5)
    try:
        assert inside.wait(30)
        assert (tmp_path / "out").is_dir()
        handle = os.open(tmp_path / "out", os.O_RDONLY)
        assert locks.try_lock(handle) is False
        os.close(handle)
    finally:
        ended.set()
        waiting.join()


def test_a_folder_that_is_removed_meanwhile_is_no_error(tmp_path):
    with sole_writer(tmp_path / "out"):
        (tmp_path / "out").rmdir()
    assert not (tmp_path / "out").exists()


def test_where_nothing_can_be_locked_nobody_is_kept_off(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOTSUP, "not supported")

    monkeypatch.setattr(locks.fcntl, "flock", refuse)
    with sole_writer(tmp_path / "out"):
        pass
    monkeypatch.setattr(module, "CAN_LOCK", False)
    with sole_writer(tmp_path / "out"):
        pass


def test_a_file_is_refused(tmp_path):
    (tmp_path / "out").touch()
    with pytest.raises(InputError, match="out is a file"), sole_writer(tmp_path / "out"):
        pass


@pytest.mark.parametrize("command", ["train", "tune", "crossval"])
def test_a_command_does_not_write_where_another_run_does(command, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", 0.0)
    data, out = tmp_path / "data.pkl", tmp_path / "out"
    write_dialogues(data, make_file(num_sessions=4, length=5))
    main = import_module(f"graph_er.{command}").main
    with sole_writer(out):
        (out / "run.json").write_text("of the other run", "utf-8")
        assert run_command(main, ["--data_dir", str(data), "--out", str(out), "--epochs", "1"]) == 2
        assert "another run is writing to" in capsys.readouterr().err
        assert [path.read_text("utf-8") for path in out.iterdir()] == ["of the other run"]
