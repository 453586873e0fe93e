"""``--reliability FILE.json``: write down what the fault tests tried and what came through."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest


class Records:
    """Rows of ``docs/reliability.json`` by kind."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, int]] = {}

    def add(self, kind: str, *, tried: int, survived: int) -> None:
        """Add cases of a kind; a case survives if all that the tests ask of it holds."""
        row = self.rows.setdefault(kind, {"tried": 0, "survived": 0})
        row["tried"] += tried
        row["survived"] += survived


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--reliability", type=Path, help="write the fault tests' counts there")


@pytest.fixture(scope="session")
def records(request: pytest.FixtureRequest) -> Iterator[Records]:
    found = Records()
    yield found
    path = request.config.getoption("--reliability")
    if path is not None:
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        text = json.dumps({**known, **found.rows}, indent=2, ensure_ascii=False)
        path.write_text(text + "\n", encoding="utf-8")
