"""``--reliability FILE.json``: write down what the fault tests tried and what came through.

Of tests in several processes (``-n 2``) the first adds up what the others counted.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


class Records:
    """Rows of ``docs/reliability.json`` by kind."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, int]] = {}
        self.failed: Counter[str] = Counter()
        self.lost = False
        self._test = ""
        self._open = 0
        self._kinds: dict[str, str] = {}

    def begin(self, test: str) -> None:
        """Take what is added from now on as of this test."""
        self._test, self._open = test, 0

    def add(self, kind: str, *, tried: int, survived: int) -> None:
        """Add cases of a kind; a case survives if all that the tests ask of it holds.

        A case may be added as tried first, and as survived when it has.
        """
        self._kinds[self._test] = kind
        self._open += tried - survived
        row = self.rows.setdefault(kind, {"tried": 0, "survived": 0})
        row["tried"] += tried
        row["survived"] += survived

    def fail(self) -> None:
        """Note that the test failed: a case of its own, unless one is tried and did not survive."""
        if not self._open:
            self.failed[self._test] += 1

    def all_rows(self) -> dict[str, dict[str, int]]:
        """Return the rows; a test that failed before it could add is one case that was tried."""
        rows = {kind: dict(row) for kind, row in self.rows.items()}
        for test, failures in self.failed.items():
            row = rows.setdefault(self._kinds.get(test, test), {"tried": 0, "survived": 0})
            row["tried"] += failures
        return rows


_RECORDS = Records()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--reliability", type=Path, help="write the fault tests' counts there")


@pytest.fixture(scope="session")
def records() -> Records:
    return _RECORDS


def pytest_runtest_setup(item: pytest.Item) -> None:
    _RECORDS.begin(item.originalname if isinstance(item, pytest.Function) else item.name)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    counted = "records" in getattr(item, "fixturenames", ())
    # What fails in clearing up is no case that was tried.
    if report.failed and counted and report.when != "teardown":
        _RECORDS.fail()
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    rows = _RECORDS.all_rows()
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output["reliability"] = rows
        return
    path = session.config.getoption("--reliability")
    if path is not None and rows:
        if _RECORDS.lost:
            raise pytest.UsageError(f"a process of the tests died: {path} is not written")
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        text = json.dumps({**known, **rows}, indent=2, ensure_ascii=False, sort_keys=True)
        path.write_text(text + "\n", encoding="utf-8")


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist, in the process that tells the results
def pytest_testnodedown(node: Any, error: object) -> None:
    output = getattr(node, "workeroutput", {})
    _RECORDS.lost |= "reliability" not in output
    for kind, row in output.get("reliability", {}).items():
        _RECORDS.add(kind, **row)
