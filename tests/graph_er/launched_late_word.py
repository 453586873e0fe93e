"""Run by a launcher: bad input that all processes know of, and a first one slow to say so."""

import sys
import time
from pathlib import Path

SECONDS = 4  # as a tracker takes that is closed before the message is printed


def refuse():
    """Meet bad input."""
    from graph_er.errors import InputError

    raise InputError("told once")


def main(argv=None):
    """Meet it in the first process, which tells the others and then takes its time."""
    from graph_er.running.processes import agreed, is_first, joined

    with joined("cpu"):
        if not is_first():
            agreed(lambda: None)
        try:
            agreed(refuse)
        finally:
            time.sleep(SECONDS)


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    from graph_er.running.cli import run_command

    sys.exit(run_command(main))
