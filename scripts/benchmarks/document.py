"""``benchmark.json``, the one source of table, picture and plan."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graph_er.errors import InputError
from graph_er.running.files import write_json, write_text
from scripts.benchmarks.picture import write_picture
from scripts.benchmarks.rows import Row, failed_checks, row_from
from scripts.benchmarks.tables import render_markdown

SCHEMA_VERSION = 1
_OF_A_SITTING = {"date", "commit", "tree_clean"}
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


def joined(documents: Sequence[Document]) -> Document:
    """Return results of several sittings as one; of a stage measured twice, the latter's.

    Raises:
        InputError: they are of different sizes, data or machines.
    """
    if len(documents) == 1:
        return documents[0]
    for name in ("size", "data"):
        found = {getattr(document, name) for document in documents}
        if len(found) > 1:
            raise InputError(f"results of different {name} ({', '.join(sorted(found))})")
    machines = [document.machine for document in documents]
    for name in machines[0].keys() - _OF_A_SITTING:
        if any(machine[name] != machines[0][name] for machine in machines):
            raise InputError(f"results of machines that differ in {name}")
    commits = dict.fromkeys(str(machine["commit"])[:12] for machine in machines)
    dates = dict.fromkeys(machine["date"] for machine in machines)
    clean = {machine["tree_clean"] for machine in machines}
    machine = {
        **machines[-1],
        "date": " and ".join(dates),
        "commit": " and ".join(commits),
        # One tree with changes is enough; of trees that nobody knows no more can be told.
        "tree_clean": False if False in clean else None if None in clean else True,
    }
    by_stage: dict[str, list[Row]] = {}
    for document in documents:
        stages = dict.fromkeys(row.stage for row in document.rows)
        by_stage |= {stage: [r for r in document.rows if r.stage == stage] for stage in stages}
    rows = [row for some in by_stage.values() for row in some]
    costs = {name: cost for document in documents for name, cost in document.unit_costs.items()}
    return Document(documents[0].size, machine, rows, costs, documents[0].data)


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
