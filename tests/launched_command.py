"""Run by a launcher: a command, which must leave no thread of the joined processes behind.

A thread of gloo that lets go of a tensor while Python ends takes the whole process down (SIGABRT),
after everything was written. Linux tells the threads of a process.
"""

import sys
from importlib import import_module
from pathlib import Path


def main(module, *arguments):
    """Run the command in `module`; return its exit status."""
    sys.argv[1:] = arguments
    status = import_module(module).cli()
    names = [(task / "comm").read_text("utf-8") for task in Path("/proc/self/task").glob("*")]
    left = [name.strip() for name in names if "gloo" in name]
    assert not left, left
    return status


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    sys.exit(main(*sys.argv[1:]))
