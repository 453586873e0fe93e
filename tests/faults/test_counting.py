"""The counts of ``--reliability``: alike in one process and in several."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CASES = """
import pytest

@pytest.mark.parametrize("number", range(4))
def test_cases(number, records):
    assert number != 3
    records.add("cases", tried=10, survived=10)

@pytest.mark.parametrize("number", range(3))
def test_told_before(number, records):
    records.add("told before", tried=1, survived=0)
    assert number != 2
    records.add("told before", tried=0, survived=1)

@pytest.fixture
def not_cleared():
    yield
    raise OSError

def test_others(records, not_cleared):
    records.add("{name}", tried=1, survived=1)
"""


@pytest.mark.parametrize("processes", [0, 2])
def test_what_was_tried_and_came_through_is_added_up(processes, tmp_path):
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path)
    for name in ("one", "another"):
        (tmp_path / f"test_{name}.py").write_text(CASES.replace("{name}", name), "utf-8")
    written = tmp_path / "reliability.json"
    written.write_text('{"before": {"tried": 2, "survived": 1}}', "utf-8")
    command = [sys.executable, "-m", "pytest", "-n", str(processes), "--reliability", written]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", "."], cwd=tmp_path, capture_output=True, check=False
    )
    assert done.returncode == 1, done.stdout  # two tests of each file fail
    assert json.loads(written.read_text("utf-8")) == {
        "another": {"tried": 1, "survived": 1},
        "before": {"tried": 2, "survived": 1},
        "cases": {"tried": 62, "survived": 60},
        "one": {"tried": 1, "survived": 1},
        "told before": {"tried": 6, "survived": 4},
    }
