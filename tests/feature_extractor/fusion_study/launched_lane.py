"""What runs in processes of their own in `test_lanes`: ``python launched_lane.py FOLDER``.

Imports nothing heavy, which each process would do again.
"""

import multiprocessing
import sys
import threading
import time
from pathlib import Path

_LONG = 300


def open_nothing(_):
    """Stand in for the ground of a lane."""


def work(path):
    """Tell that it has begun, and go on for long."""
    path.touch()
    time.sleep(_LONG)


def watch_late(folder):
    """Look for the parent only when told to."""
    (folder / "started").touch()
    wait_for(folder / "go")
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
    from feature_extractor.fusion_study.lanes import _end_with_parent

    threading.Thread(target=_end_with_parent, daemon=True).start()
    time.sleep(_LONG)


def wait_for(path):
    """Wait until there is a file."""
    until = time.monotonic() + _LONG
    while not path.exists():
        assert time.monotonic() < until, f"{path.name} never came"
        time.sleep(0.05)


if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    context.Process(target=watch_late, args=(Path(sys.argv[1]),)).start()
