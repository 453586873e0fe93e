"""One run at a time writes to a folder."""

import subprocess
import sys

import pytest

from graph_er.errors import InputError
from graph_er.running import sole_writer as module
from graph_er.running.sole_writer import sole_writer

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


def test_a_folder_that_is_removed_meanwhile_is_no_error(tmp_path):
    with sole_writer(tmp_path / "out"):
        (tmp_path / "out").rmdir()
    assert not (tmp_path / "out").exists()


def test_where_nothing_can_be_locked_nobody_is_kept_off(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(module.errno.ENOTSUP, "not supported")

    monkeypatch.setattr(module.fcntl, "flock", refuse)
    with sole_writer(tmp_path / "out"):
        pass
    monkeypatch.setattr(module, "fcntl", None)
    with sole_writer(tmp_path / "out"):
        pass


def test_a_file_is_refused(tmp_path):
    (tmp_path / "out").touch()
    with pytest.raises(InputError, match="out is a file"), sole_writer(tmp_path / "out"):
        pass
