import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from graph_er.running.tracking import CometTracker, require_tracking

OFFLINE_RUN = """
import socket, sys
from pathlib import Path

def refuse(*arguments, **options):
    raise AssertionError("the network was used")

socket.socket.connect = refuse
socket.getaddrinfo = refuse
from graph_er.running.tracking import start_tracking
tracker = start_tracking("offline", name="run", folder=Path(sys.argv[1]))
tracker.log_parameters({"size": 3})
for epoch in (1, 2):
    tracker.log_metrics({"dev_weighted_f1": 0.25 * epoch}, step=epoch)
tracker.log_confusion_matrix([0, 1, 1], [0, 1, 0], ["neutral", "angry"], "dev")
tracker.end()
"""


def run(code, *arguments, **options):
    """Run code in a process of its own, since comet_ml changes its process for good."""
    root = Path(__file__).resolve().parents[3]
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, **options)


def test_off_imports_nothing():
    code = (
        "import sys; from pathlib import Path;"
        "from graph_er.running.tracking import start_tracking;"
        "tracker = start_tracking('off', name='x', folder=Path('nowhere'));"
        "tracker.log_metrics({'x': 1.0}, step=1); tracker.end();"
        "sys.exit('comet_ml' in sys.modules)"
    )
    assert run(code).returncode == 0


def test_offline_writes_parameters_metrics_and_confusion_matrix_without_network(tmp_path):
    done = run(OFFLINE_RUN, str(tmp_path))
    assert done.returncode == 0, done.stderr
    (archive,) = tmp_path.glob("*.zip")
    with zipfile.ZipFile(archive) as file:
        messages = [json.loads(line) for line in file.read("messages.json").splitlines()]
        (upload,) = [m["payload"] for m in messages if m["type"] == "file_upload"]
        matrix = json.loads(file.read(upload["file_path"]))
    assert upload["upload_type"] == "confusion-matrix"
    assert matrix["labels"] == ["neutral", "angry"]
    assert matrix["matrix"] == [[1, 0], [1, 1]]
    metrics = [m["payload"]["metric"] for m in messages if m["type"] == "metric_msg"]
    values = {(m["metricName"], m["step"]): m["metricValue"] for m in metrics}
    assert values["dev_weighted_f1", 2] == 0.5
    parameters = [m["payload"]["param"] for m in messages if m["type"] == "parameter_msg"]
    assert ("size", 3) in {(p["paramName"], p["paramValue"]) for p in parameters}


TWO_RUNS = """
import sys, time
from pathlib import Path
from comet_ml.streamer.handlers.offline_handler import OfflineMessageHandler
from graph_er.running.tracking import start_tracking
handle = OfflineMessageHandler.handle
def on_a_slow_disk(*arguments):
    time.sleep(0.2)
    handle(*arguments)
OfflineMessageHandler.handle = on_a_slow_disk
for seed in (1, 7):  # the first is never ended, as that of a run which was broken off
    tracker = start_tracking("offline", name="run", folder=Path(sys.argv[1]))
    tracker.log_parameters({"seed": seed})
    tracker.log_metrics({"loss": float(seed)}, step=1)
tracker.end()
tracker.end()
"""


def test_a_run_is_not_recorded_into_one_that_was_broken_off_nor_does_it_cut_that_short(tmp_path):
    done = run(TWO_RUNS, str(tmp_path))
    assert done.returncode == 0, done.stderr
    seeds = []
    for archive in tmp_path.glob("*.zip"):
        with zipfile.ZipFile(archive) as file:
            messages = [json.loads(line) for line in file.read("messages.json").splitlines()]
        parameters = [m["payload"]["param"] for m in messages if m["type"] == "parameter_msg"]
        (seed,) = [p["paramValue"] for p in parameters if p["paramName"] == "seed"]
        metrics = [m["payload"]["metric"] for m in messages if m["type"] == "metric_msg"]
        assert [m["metricValue"] for m in metrics if m["metricName"] == "loss"] == [seed]
        seeds.append(seed)
    assert sorted(seeds) == [1, 7]


@pytest.mark.parametrize("mode", ["off", "offline"])
def test_nothing_is_required_to_record_here(mode, monkeypatch):
    monkeypatch.setitem(sys.modules, "comet_ml", None)  # its import would fail
    require_tracking(mode)


def test_online_without_a_key_is_refused(tmp_path):
    code = (
        "from pathlib import Path; from graph_er.running.tracking import start_tracking;"
        "start_tracking('online', name='x', folder=Path('nowhere'))"
    )
    done = run(code, env={"PATH": "/usr/bin", "HOME": str(tmp_path)})
    assert "InputError" in done.stderr
    assert "COMET_API_KEY" in done.stderr


BROKEN = """
import logging, sys
from pathlib import Path
from graph_er.running.tracking import start_tracking
logging.basicConfig(format="%(message)s")
tracker = start_tracking("offline", name="run", folder=Path(sys.argv[1]))
tracker.log_parameters({"size": 3})
import comet_ml.offline_utils as utils
class Full(utils.ZipFile):
    def write(self, *arguments, **options):
        raise OSError(28, "No space left on device")
utils.ZipFile = Full
tracker.end()
"""


def test_a_record_that_the_disk_had_no_room_for_is_told(tmp_path):
    done = run(BROKEN, str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "what Comet was to record is lost, perhaps for want of disk" in done.stderr
    assert str(tmp_path) in done.stderr


NOT_WRITABLE = """
import sys
from pathlib import Path
import comet_ml.offline_utils as utils
from graph_er.running.tracking import start_tracking
class Refused(utils.ZipFile):
    def __init__(self, *arguments, **options):
        raise PermissionError(13, "Permission denied")
utils.ZipFile = Refused
start_tracking("offline", name="run", folder=Path(sys.argv[1]))
"""


def test_a_folder_that_cannot_be_written_to_is_refused(tmp_path):
    (tmp_path / "file").touch()
    for folder in (tmp_path, tmp_path / "file"):
        done = run(NOT_WRITABLE, str(folder))
        assert f"InputError: {folder}: Comet cannot write there (" in done.stderr


class Failing:
    """An experiment of which everything fails."""

    id = "run"

    def __init__(self, folder):
        self.offline_directory = str(folder)

    def __getattr__(self, name):
        def fail(*_, **__):
            raise RuntimeError(f"{name} does not work")

        return fail


@pytest.mark.parametrize("offline", [True, False])
def test_what_fails_in_comet_is_told_once_and_ends_no_run(offline, tmp_path, caplog):
    tracker = CometTracker(Failing(tmp_path), offline=offline)
    tracker.log_parameters({"size": 3})
    tracker.log_metrics({"loss": 0.5}, step=1)
    tracker.log_confusion_matrix([0, 1], [1, 1], ["neutral", "angry"], "dev")
    tracker.end()
    told = [message for message in caplog.messages if "Comet failed" in message]
    assert told == [
        "Comet failed (RuntimeError: log_parameters does not work); the run goes on, its record "
        "lacks this and maybe more"
    ]
    assert any("is lost" in message for message in caplog.messages) == offline


AFTER_ONE_THAT_DOES_NOT_END = """
import logging, sys
from pathlib import Path
from graph_er.running.tracking import start_tracking
logging.basicConfig(format="%(message)s")
start_tracking("offline", name="first", folder=Path(sys.argv[1]) / "first")
import comet_ml
def fail():
    raise {error}("no way to end")
comet_ml.get_running_experiment().end = fail
tracker = start_tracking("offline", name="second", folder=Path(sys.argv[1]) / "second")
tracker.log_parameters({{"size": 3}})
tracker.end()
"""


# Comet's own failure, and one that a folder without room gives: not that of this run's folder.
@pytest.mark.parametrize("error", ["RuntimeError", "OSError"])
def test_an_earlier_record_that_does_not_end_is_told_and_hinders_no_run(error, tmp_path):
    done = run(AFTER_ONE_THAT_DOES_NOT_END.format(error=error), str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert (
        f"Comet failed ({error}: no way to end) to end the record of an earlier run" in done.stderr
    )
    (archive,) = (tmp_path / "second").glob("*.zip")
    with zipfile.ZipFile(archive) as file:
        assert '"size"' in file.read("messages.json").decode()
