"""A full disk, a folder that cannot be written to or vanishes, two runs at once, a wrong clock."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time

import pytest

from graph_er.running.run_record import RECORD_NAME
from tests.faults.killing import (
    assert_nothing_is_half_written,
    kill_group,
    leftovers,
    python,
)

pytestmark = pytest.mark.fault


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    """A small corpus, and of it a stage-1 checkpoint and a dialogue file."""
    root = tmp_path_factory.mktemp("ground")
    small = ("--sessions", "6", "--dialogues", "1", "--utterances", "16")
    python("feature_extractor/demo.py", "--out", root / "demo", *small).run(root / "log")
    for command in commands(root, root).values():
        command.run(root / "log")
    return root


def commands(ground, out):
    """Return each stage's command, writing below `out`."""
    corpus = ("--root", ground / "demo")
    return {
        "stage 1": python(
            "feature_extractor/train.py", *corpus, "--epochs", "2", "--out", out / "stage1",
            "--resume",
        ),
        "stage 2": python(
            "feature_extractor/extract.py", *corpus, "--checkpoint", ground / "stage1",
            "--out", out / "features.pkl",
        ),
        "stage 3": python(
            "graph_er/train.py", "--data_dir", ground / "features.pkl", "--epochs", "4",
            "--out", out / "graph",
        ),
    }  # fmt: skip


STAGES = ("stage 1", "stage 2", "stage 3")


def ended(command, tmp_path, prefix=()):
    """Run a command that will fail; return its status and what it said."""
    log = tmp_path / "log"
    words = [*prefix, *command.words]
    status = type(command)(words, command.cwd).start(log).wait(timeout=300)
    return status, log.read_text(errors="replace")


def mounted(folder, options):
    """Return what a command is put after to see a small disk in a folder; lists it at the end."""
    if subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode:
        pytest.skip("no mount namespaces here")
    script = f'mount -t tmpfs -o {options} tmpfs {folder} && "$@"; status=$?;'
    script += f" ls -AR {folder}; exit $status"
    return ("unshare", "-m", "bash", "-c", script, "mounted")


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("kilobytes", [1, 8, 40])
def test_a_file_may_not_grow_beyond_a_limit(ground, tmp_path, stage, kilobytes, records):
    out = tmp_path / "out"
    out.mkdir()
    # Through a pipe, since what is said would count as a file, too.
    script = f'(ulimit -f {kilobytes}; exec "$@") 2>&1 | cat; exit "${{PIPESTATUS[0]}}"'
    limit = ("bash", "-c", script, "limited")
    status, said = ended(commands(ground, out)[stage], tmp_path, limit)
    assert status == 2, said[-3000:]
    assert "Traceback" not in said
    assert "too large" in said.lower()
    assert_nothing_is_half_written(out)
    assert leftovers(out) in ([], ["features.pkl.parts"])
    commands(ground, out)[stage].run(tmp_path / "log")  # with room it goes on
    assert leftovers(out) == []
    records.add("File size limit", tried=1, survived=1)


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("kilobytes", [16, 96])
def test_the_disk_is_full(ground, tmp_path, stage, kilobytes, records):
    out = tmp_path / "out"
    out.mkdir()
    prefix = mounted(out, f"size={kilobytes}k")
    status, said = ended(commands(ground, out)[stage], tmp_path, prefix)
    assert status == 2, said[-3000:]
    assert "Traceback" not in said
    assert "No space left on device" in said
    assert ".partial" not in said
    records.add("Disk full", tried=1, survived=1)


@pytest.mark.parametrize("stage", STAGES)
def test_a_folder_that_cannot_be_written_to(ground, tmp_path, stage, records):
    out = tmp_path / "out"
    out.mkdir()
    prefix = ()
    if os.geteuid():
        out.chmod(0o555)
    else:  # root writes where it likes, but for a file system that is read-only
        prefix = mounted(out, "ro")
    status, said = ended(commands(ground, out)[stage], tmp_path, prefix)
    out.chmod(0o755)
    assert status == 2, said[-3000:]
    assert "Traceback" not in said
    assert str(out) in said
    assert list(out.iterdir()) == []
    records.add("Read-only output", tried=1, survived=1)


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("after", [0.0, 1.0])
def test_the_output_folder_is_removed_meanwhile(ground, tmp_path, stage, after, records):
    out = tmp_path / "out"
    out.mkdir()
    command = commands(ground, out)[stage]
    process = command.start(tmp_path / "log")
    stop = threading.Event()

    def remove_once_it_is_used():
        while not stop.is_set():
            if any(out.iterdir()):
                time.sleep(after)
                shutil.rmtree(out, ignore_errors=True)
                return
            time.sleep(0.01)

    thread = threading.Thread(target=remove_once_it_is_used)
    thread.start()
    status = process.wait(timeout=300)
    stop.set()
    thread.join()
    said = (tmp_path / "log").read_text(errors="replace")
    assert status in (0, 2), said[-3000:]
    assert "Traceback" not in said
    if out.exists():
        assert_nothing_is_half_written(out)
    out.mkdir(exist_ok=True)
    command.run(tmp_path / "log")
    assert leftovers(out) == []
    records.add("Output folder removed", tried=1, survived=1)


@pytest.mark.parametrize("stage", STAGES)
def test_two_runs_write_to_one_folder(ground, tmp_path, stage, records):
    out = tmp_path / "out"
    out.mkdir()
    command = commands(ground, out)[stage]
    both = [command.start(tmp_path / f"log{number}") for number in range(2)]
    try:
        statuses = [process.wait(timeout=300) for process in both]
    finally:
        for process in both:
            kill_group(process)
    said = "".join((tmp_path / f"log{n}").read_text(errors="replace") for n in range(2))
    assert 0 in statuses, said[-3000:]
    assert set(statuses) <= {0, 2}, said[-3000:]
    assert "Traceback" not in said
    assert_nothing_is_half_written(out)
    assert leftovers(out) == []
    if stage == "stage 2":
        assert (out / "features.pkl").read_bytes() == (ground / "features.pkl").read_bytes()
    else:
        name = {"stage 1": "stage1", "stage 3": "graph"}[stage]
        found, alone = (
            json.loads((root / name / RECORD_NAME).read_text(encoding="utf-8"))["metrics"]["dev"]
            for root in (out, ground)
        )
        assert found["weighted_f1"] == pytest.approx(alone["weighted_f1"], abs=1e-4)
    records.add("Two runs in one folder", tried=1, survived=1)


@pytest.mark.parametrize("stage", STAGES)
def test_the_clock_goes_backwards(ground, tmp_path, stage, records):
    out = tmp_path / "out"
    out.mkdir()
    command = commands(ground, out)[stage]
    script, *options = command.words[1:]
    # Each look at the clock finds it an hour earlier than the one before.
    code = (
        "import itertools, runpy, sys, time\n"
        "real, hours = time.time, itertools.count()\n"
        "time.time = lambda: real() - 3600 * next(hours)\n"
        "sys.argv = sys.argv[1:]\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    words = [sys.executable, "-c", code, script, *options]
    type(command)(words, command.cwd).run(tmp_path / "log")
    assert_nothing_is_half_written(out)
    assert leftovers(out) == []
    if stage != "stage 2":
        name = {"stage 1": "stage1", "stage 3": "graph"}[stage]
        record = json.loads((out / name / RECORD_NAME).read_text(encoding="utf-8"))
        assert record["wall_time_s"] >= 0
    records.add("Clock going backwards", tried=1, survived=1)
