"""Runs commands of the project one after the other, in one process that imports torch but once.

Started in a copy of the project; takes ``[module, [word, ...]]`` as JSON in each line of standard
input, answers each with the command's exit status, and passes on what it says on standard error.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback


def main() -> None:
    """Run commands until standard input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    sys.path[0] = os.getcwd()  # the copy's packages, not those beside this file
    from graph_er.running.cli import run_command

    for line in sys.stdin:
        module, words = json.loads(line)
        sys.argv[1:] = words
        try:
            status = run_command(importlib.import_module(module).main, words)
        except SystemExit as stopped:
            status = stopped.code or 0
        except Exception:
            traceback.print_exc()
            status = 1
        sys.stdout.flush()
        print(status, file=answers, flush=True)


if __name__ == "__main__":
    main()
