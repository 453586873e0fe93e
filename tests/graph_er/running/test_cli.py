"""Whoever reads what a command prints may stop reading."""

import subprocess
import sys

import pytest

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
