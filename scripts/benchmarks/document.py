"""``benchmark.json``, the one source of table, picture and plan."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graph_er.errors import InputError
from graph_er.files import write_json, write_text
from scripts.benchmarks.picture import write_picture
from scripts.benchmarks.rows import Row, failed_checks, row_from
from scripts.benchmarks.tables import render_markdown

SCHEMA_VERSION = 1
NAME = "benchmark"


@dataclass(frozen=True)
class Document:
    """A benchmark's results.

    Attributes:
        size: ``tiny``, ``quick`` or ``full``.
        machine: what it ran on; see `machine.describe_machine`.
        rows: what was measured.
        unit_costs: seconds and bytes per unit of work, for `plan`.
        data: name of the dialogue file of stage 3, or that it was synthetic.
    """

    size: str
    machine: dict[str, Any]
    rows: list[Row]
    unit_costs: dict[str, Any]
    data: str = "a synthetic file"

    @property
    def failed(self) -> list[Row]:
        """The rows whose results are not the reference's."""
        return failed_checks(self.rows)

    def plain(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "schema_version": SCHEMA_VERSION,
            "size": self.size,
            "data": self.data,
            "machine": self.machine,
            "rows": [row.plain() for row in self.rows],
            "unit_costs": self.unit_costs,
        }

    def write(self, folder: Path) -> None:
        """Write ``benchmark.json``, ``benchmark.md`` and ``benchmark.png`` into `folder`."""
        write_json(folder / f"{NAME}.json", self.plain())
        self.render(folder)

    def render(self, folder: Path) -> None:
        """Write table and picture alone."""
        write_text(folder / f"{NAME}.md", self.markdown())
        write_picture(folder / f"{NAME}.png", self.rows)

    def markdown(self) -> str:
        """Return the table as Markdown, with what it ran on."""
        return render_markdown(self.size, self.data, self.machine, self.rows)


def read_document(path: Path) -> Document:
    """Read a ``benchmark.json``.

    Raises:
        InputError: there is none, or it is something else.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values["schema_version"] != SCHEMA_VERSION:
            raise InputError(
                f"{path}: schema version {values['schema_version']!r}; this release reads "
                f"{SCHEMA_VERSION}; run the benchmark again"
            )
        rows = [row_from(row) for row in values["rows"]]
        parts = {name: values[name] for name in ("size", "machine", "unit_costs", "data")}
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; make it with scripts/benchmark.py") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not a benchmark.json ({error!r})") from error
    return Document(rows=rows, **parts)
