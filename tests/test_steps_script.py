"""``scripts/steps.sh``: lanes and their commands end together, also where there is no ``pkill``."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ("bash", "cat", "env", "grep", "mv", "nproc", "rm", "sh", "sleep", "tr")
LONG = """'echo $$ >"$0"; exec sleep 60'"""


@pytest.fixture
def start(tmp_path):
    """Start lines of bash behind steps.sh, as a group of processes with few tools in its PATH."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in TOOLS:
        if found := shutil.which(name):
            (tools / name).symlink_to(found)
    (tmp_path / "steps").mkdir()
    started = []

    def start(lines):
        script = f"set -euo pipefail\nruns={tmp_path} inputs=x\nsource scripts/steps.sh\n{lines}"
        process = subprocess.Popen(
            ["bash", "-c", script],
            cwd=ROOT,
            env={**os.environ, "PATH": str(tools)},
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=_hear_interrupts,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if runs(-process.pid):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def _hear_interrupts():
    """As in a terminal: tests that run in the background of a shell have them ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def runs(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for(path):
    until = time.monotonic() + 30
    while not (path.exists() and path.read_text("utf-8")):
        assert time.monotonic() < until, f"{path.name} was not written"
        time.sleep(0.02)


def lanes(folder, second):
    return f"""
one() {{ step one {folder}/one sh -c {LONG} {folder}/pid1; }}
two() {{ step two {folder}/two sh -c {second} {folder}/pid2; }}
lane one one
lane two two
wait_for_lanes
"""


def test_a_lane_that_fails_ends_the_other_and_its_command(start, tmp_path):
    failing = f"""'while [ ! -s {tmp_path}/pid1 ]; do sleep 0.1; done; exit 7'"""
    process = start(lanes(tmp_path, failing))
    assert process.wait(timeout=30) == 7
    assert not runs(-process.pid)


def test_why_a_lane_failed_is_told_last(start, tmp_path):
    program = tmp_path / "program.sh"
    program.write_text(
        "trap 'echo stopped >&2; kill $!; exit 143' TERM\nsleep 60 &\necho $$ >$1\nwait\n"
    )
    script = f"""
one() {{ step one {tmp_path}/one sh {program} {tmp_path}/pid1; }}
two() {{ step two {tmp_path}/two sh -c 'while [ ! -s {tmp_path}/pid1 ]; do sleep 0.1; done
    echo the cause >&2; exit 2'; }}
lane one one
lane two two
wait_for_lanes
"""
    process = start(script)
    assert process.wait(timeout=30) == 2
    told = process.stderr.read()
    assert told.index("stopped") < told.index("the cause")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("in_lanes", [True, False])
def test_a_script_that_is_ended_leaves_no_process(start, tmp_path, number, in_lanes):
    alone = f"step two {tmp_path}/two sh -c {LONG} {tmp_path}/pid2"
    process = start(lanes(tmp_path, LONG) if in_lanes else alone)
    for name in ("pid1", "pid2") if in_lanes else ("pid2",):
        wait_for(tmp_path / name)
    if number == signal.SIGINT:  # as Ctrl-C does
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    assert process.wait(timeout=30) == -number
    assert not runs(-process.pid)
    assert (tmp_path / "steps" / "two.begun").exists()


@pytest.mark.parametrize("in_lane", [True, False])
def test_commands_hear_ctrl_c_and_may_clear_up(start, tmp_path, in_lane):
    """With a process of their own, which ends by Ctrl-C itself."""
    program = tmp_path / "program.py"
    program.write_text(
        "import pathlib, subprocess, sys, time\n"
        "pid, cleared = map(pathlib.Path, sys.argv[1:])\n"
        "try:\n"
        "    with subprocess.Popen(['sleep', '60']) as process:\n"
        "        pid.write_text(str(process.pid))\n"
        "        process.wait()\n"
        "finally:\n"
        "    time.sleep(0.5)\n"
        "    cleared.touch()\n"
    )
    command = f"{sys.executable} {program} {tmp_path}/pid {tmp_path}/cleared"
    step = f"step one {tmp_path}/one {command}"
    process = start(f"one() {{ {step}; }}\nlane one one\nwait_for_lanes" if in_lane else step)
    wait_for(tmp_path / "pid")
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(timeout=30) == -signal.SIGINT
    assert (tmp_path / "cleared").exists()
    assert not runs(-process.pid)


def test_steps_keep_the_status_of_their_commands(start, tmp_path):
    steps = "".join(
        f"(step {name} {tmp_path}/{name} {command}) || echo {name} $? >&2\n"
        for name, command in (
            ("good", f"sh -c ': >{tmp_path}/good'"),
            ("wrong", "sh -c 'exit 2'"),
            ("killed", "sh -c 'kill -9 $$'"),
            ("function", "made"),
        )
    )
    process = start("made() { return 5; }\n" + steps)
    said = process.communicate(timeout=30)[1].splitlines()
    assert process.returncode == 0
    assert [line for line in said if line in ("wrong 2", "killed 137", "function 5")] == [
        "wrong 2", "killed 137", "function 5",
    ]  # fmt: skip
    assert [path.name for path in (tmp_path / "steps").glob("*.done")] == ["good.done"]


@pytest.mark.parametrize(
    ("tool", "threads"),
    [("nproc", 3), ("getconf", 3), (None, 1)],
    ids=["Linux", "macOS", "neither"],
)
def test_a_lane_takes_half_of_the_cores(start, tmp_path, tool, threads):
    (tmp_path / "tools" / "nproc").unlink(missing_ok=True)
    if tool:
        path = tmp_path / "tools" / tool
        path.write_text("#!/bin/sh\necho 6\n", "utf-8")
        path.chmod(0o755)
    process = start(
        "unset OMP_NUM_THREADS\none() { echo threads $OMP_NUM_THREADS >&2; }\n"
        "lane one one\nwait_for_lanes"
    )
    assert f"threads {threads}\n" in process.communicate(timeout=30)[1]
    assert process.returncode == 0
