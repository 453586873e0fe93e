"""Who reads what a command prints may stop; who sends SIGTERM or SIGHUP finds nothing left."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
import torch

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


NEVER = """
import sys
from graph_er.running.cli import run_command
sys.exit(run_command(lambda argv: 1 / 0))
"""


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are Unicode there")
@pytest.mark.parametrize(
    ("name", "environment", "told"),
    [
        (b"runs/\xff", {}, b"error: runs/\\udcff: its bytes are no UTF-8; rename the file"),
        (
            "실행".encode(),
            {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
            b"this locale's encoding, ascii, lacks some of its signs; set LC_ALL=C.UTF-8",
        ),
    ],
)
def test_a_path_that_is_no_text_is_refused_before_the_work(name, environment, told):
    done = subprocess.run(
        [sys.executable, "-c", NEVER, "--out", name],
        env={**os.environ, **environment},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_python_without_docstrings_is_refused():
    command = [sys.executable, "-m", "graph_er.compare", "--help"]
    told = []
    for level in ("1", "2"):
        environment = {**os.environ, "PYTHONOPTIMIZE": level, "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        told.append((done.returncode, done.stderr))
    refused = "error: Python runs with -OO; unset PYTHONOPTIMIZE, or leave -OO out\n"
    assert told == [(0, ""), (2, refused)]


def test_a_gpu_that_is_full_is_told_with_the_remedy(capsys):
    def main(argv):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB. GPU 0 has ...")

    assert run_command(main) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: CUDA out of memory; take less at once (a smaller --batch_size")
    assert len(told.splitlines()) == 1


def test_other_runtime_errors_are_defects():
    def main(argv):
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        run_command(main)


ENDLESS = ("--seeds", "2", "--epochs", "100000", "--members", "1", "--hidden_size", "8")


@pytest.mark.skipif(not CAN_FORK, reason="needs Linux")
@pytest.mark.parametrize(
    ("command", "jobs", "times", "name"),
    [
        ("train", "1", 1, "SIGTERM"),
        ("train", "2", 2, "SIGHUP"),  # of a terminal that is closed
        ("crossval", "2", 1, "SIGTERM"),
    ],
)
def test_a_command_that_is_ended_leaves_nothing_behind(tmp_path, command, jobs, times, name):
    data, out = tmp_path / "data.pkl", tmp_path / "new" / "out"
    write_dialogues(data, make_file(num_sessions=4, length=5))
    where = ("--data_dir", str(data), "--out", str(out), "--jobs", jobs)
    words = [sys.executable, "-m", f"graph_er.{command}", *ENDLESS, *where]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, process_group=0) as process:
        told = ""
        while "epoch" not in told:  # training has begun, in every process that there is to be
            piece = process.stderr.read(50)
            assert piece, told
            told += piece
        assert out.is_dir()
        for _ in range(times):  # the processes side by side hear it as well
            os.killpg(process.pid, getattr(signal, name))
        told += process.stderr.read()
        assert process.wait(timeout=60) == 128 + getattr(signal, name)
    assert f"stopped by {name}; the same command" in told
    assert "Traceback" not in told
    assert [path.name for path in tmp_path.iterdir()] == ["data.pkl"]


@pytest.fixture(params=["SIGTERM", "SIGHUP"])
def ending(request):
    """A signal that asks a command to end; what it does is as before in the end."""
    number = getattr(signal, request.param, None)
    if number is None:
        pytest.skip("no such signal on Windows")
    before = signal.getsignal(number)
    yield number
    signal.signal(number, before)


def waits(number):
    os.kill(os.getpid(), number)
    time.sleep(0.05)


def test_what_a_signal_does_is_settled_for_the_command_alone(ending, monkeypatch, capsys):
    signal.signal(ending, signal.SIG_DFL)
    assert run_command(lambda argv: waits(ending)) == 128 + ending
    assert f"stopped by {ending.name}; the same command" in capsys.readouterr().err
    assert signal.getsignal(ending) is signal.SIG_DFL
    monkeypatch.setenv("LOCAL_RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    seen = []
    run_command(lambda argv: seen.append(signal.getsignal(ending)))
    assert seen == [signal.SIG_DFL]  # that a launcher ends its processes with


@pytest.mark.parametrize("where", ["a finalizer", "a hook of fork"])
def test_a_signal_is_heard_where_python_drops_what_is_raised(where, ending):
    program = (
        "import os, signal, sys, time\n"
        "from graph_er.running.cli import run_command\n"
        "def stop():\n"
        "    os.kill(os.getpid(), int(sys.argv[2]))\n"
        "    time.sleep(0.05)\n"
        "class Late:\n"
        "    def __del__(self):\n"
        "        stop()\n"
        "def main(argv):\n"
        "    if sys.argv[1] == 'a finalizer':\n"
        "        Late()\n"
        "    else:\n"
        "        os.register_at_fork(before=stop)\n"
        "        os.fork() or os._exit(0)\n"
        "    time.sleep(30)\n"
        "sys.exit(run_command(main))\n"
    )
    # From Python 3.12 on a fork beside threads is warned of.
    command = [sys.executable, "-W", "ignore", "-c", program, where, str(int(ending))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=25, check=False)
    assert done.returncode == 128 + ending, done.stderr
    assert done.stderr.startswith(f"stopped by {ending.name}")


LOADS = """
import sys, time
from graph_er.running.cli import run_command
from torch.utils.data import DataLoader
def main(argv):
    try:
        while True:
            for batch in DataLoader(range(8), batch_size=2, num_workers=2):
                print("read", file=sys.stderr, flush=True)
                time.sleep(0.01)
    finally:
        time.sleep(0.2)  # something to clear up
sys.exit(run_command(main))
"""


@pytest.mark.skipif(not CAN_FORK, reason="needs Linux")
def test_loaders_that_hear_sigterm_as_well_are_no_failure():
    command = [sys.executable, "-c", LOADS]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, process_group=0) as process:
        assert process.stderr.readline() == "read\n"
        os.killpg(process.pid, signal.SIGTERM)
        told = process.stderr.read().replace("read\n", "")
        assert process.wait(timeout=30) == 143, told
    # Python itself may tell that the signal of an ended loader came while handlers were set.
    before, _, told = told.rpartition("ignored due to race condition\n")
    assert told.startswith("stopped by SIGTERM"), before


def test_a_launcher_that_tells_no_number_is_bad_input(monkeypatch, capsys):
    monkeypatch.setenv("LOCAL_RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "")
    assert run_command(lambda argv: None) == 2
    assert "WORLD_SIZE" in capsys.readouterr().err


def test_who_has_settled_what_a_signal_does_keeps_it(ending):
    heard = []
    signal.signal(ending, lambda number, frame: heard.append(number))
    assert run_command(lambda argv: waits(ending)) == 0
    assert heard == [ending]
    signal.signal(ending, signal.SIG_IGN)  # as `nohup` does
    assert run_command(lambda argv: waits(ending)) == 0


def test_a_command_may_run_in_a_thread():  # where no signal can be listened for
    status = []
    thread = threading.Thread(target=lambda: status.append(run_command(lambda argv: None)))
    thread.start()
    thread.join()
    assert status == [0]


PRINTS = """
import os, sys
from graph_er.running.cli import run_command
def main(argv):
    print("왜 그래 😡" * 10_000)
    print("왜 😡", file=sys.stderr)
    assert os.open(os.devnull, os.O_RDONLY) > 2  # no file takes the number of a stream
sys.exit(run_command(main))
"""


def prints(to="", **environment):
    return subprocess.run(
        ["bash", "-c", f'exec "$0" -c "$1" {to}', sys.executable, PRINTS],
        env={**os.environ, **environment},
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize("encoding", ["cp949", "cp1252", "ascii", "utf-8"])
def test_signs_that_the_console_lacks_are_written_otherwise(encoding):
    done = prints(PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr.decode(encoding).count("\\U0001f621")) == (
        0,
        int(encoding != "utf-8"),
    )
    assert done.stdout.rstrip() == ("왜 그래 😡" * 10_000).encode(encoding, "backslashreplace")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed_are_no_failure(closed):
    done = prints(closed)
    assert (done.returncode, b"Error" in done.stderr) == (0, False)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no such device")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_disk_too_full_for_what_is_printed_is_told(unbuffered):
    done = prints(">/dev/full", PYTHONUNBUFFERED=unbuffered)
    assert done.returncode == 2
    assert b"standard output" in done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Exception" not in done.stderr


TELLS = """
import copy, logging, sys
from tqdm import tqdm
from graph_er.errors import InputError
from graph_er.running.cli import run_command
def main(argv):
    for _ in tqdm(range(3)):
        logging.getLogger("a").warning("epoch")
    sys.stderr.writelines(["one\\n", "two\\n"])
    copy.copy(sys.stderr).write("three\\n")
    print("trained", flush=True)
    if sys.argv[1] == "fails":
        raise InputError("no such file")
sys.exit(run_command(main))
"""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no such device")
@pytest.mark.parametrize(("how", "status"), [("ends", 0), ("fails", 2)])
def test_no_work_ends_for_want_of_a_place_for_what_is_told_on_the_way(how, status):
    done = subprocess.run(
        ["bash", "-c", 'exec "$0" -c "$1" "$2" 2>/dev/full', sys.executable, TELLS, how],
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (status, b"trained\n")


def test_at_the_end_nothing_is_searched_for_cycles():
    # Handlers run in the opposite order: this one, after that of the command.
    program = (
        "import atexit, gc\n"
        "atexit.register(lambda: print(gc.get_freeze_count(), len(gc.get_objects())))\n"
        "from graph_er.running.cli import collect_garbage_less_often\n"
        "collect_garbage_less_often()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    frozen, searched = map(int, done.stdout.split())
    assert frozen > 1000 > searched
