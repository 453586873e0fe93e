"""The results as Markdown: what they ran on, and a row for everything measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graph_er.report.tables import Row as TableRow
from graph_er.report.tables import Table
from scripts.benchmarks.rows import Goal, Row, Unit

_NOTHING = "–"
_HEADER = ("", "Measured", "Ours", "Reference", "Ratio", "Goal", "Met", "Same result")
_DETAILS = ("", "Same result?", "Note", "Ours per second", "Memory, ours", "Memory, reference")
_TREE = {True: "clean tree", False: "with uncommitted changes", None: "tree unknown"}
_STARS = {True: "yes", False: "**no**", None: _NOTHING}


def render_markdown(size: str, data: str, machine: dict[str, Any], rows: Sequence[Row]) -> str:
    """Return the page of a benchmark.

    Args:
        size: ``tiny``, ``quick`` or ``full``.
        data: what stage 3 was trained on.
        machine: from `machine.describe_machine`.
        rows: what was measured.
    """
    return "\n".join(
        [
            f"# Benchmark ({size})",
            "",
            f"Made by `python scripts/benchmark.py --{size}`. {_machine(machine)}",
            "",
            f"Stage 3 is trained on: {data}. Ratio: how many times better ours is than the "
            "reference, a plain version of the published approach written for this comparison. "
            "Both are run in turn, short calls for 0.05 s each, and their medians are shown; "
            "results are compared before anything is timed. Memory: peak of a process of its own, "
            "its libraries included; of a command that starts others, of the largest of them.",
            "",
            results_table(rows),
            details_table(rows),
        ]
    )


def results_table(rows: Sequence[Row]) -> str:
    """Return the table of times, ratios, goals and checks."""
    cells = [
        TableRow(
            (
                str(number),
                row.title,
                quantity(row.ours, row.unit),
                quantity(row.reference, row.unit),
                ratio_text(row.ratio),
                goal_text(row.goal, row.unit),
                _STARS[row.met],
                _verdict(row),
            )
        )
        for number, row in enumerate(rows, start=1)
    ]
    return Table(_HEADER, tuple(cells), num_text=2).markdown()


def details_table(rows: Sequence[Row]) -> str:
    """Return the table of checks, notes, throughput and memory, by the numbers of the first."""
    cells = [
        TableRow(
            (
                str(number),
                _check(row),
                row.note or _NOTHING,
                _throughput(row),
                quantity(row.memory_ours, "bytes"),
                quantity(row.memory_reference, "bytes"),
            )
        )
        for number, row in enumerate(rows, start=1)
    ]
    return Table(_DETAILS, tuple(cells), num_text=3).markdown()


def quantity(value: float | None, unit: Unit) -> str:
    """Return a value with its unit in three significant digits."""
    if value is None:
        return _NOTHING
    if unit == "bytes":
        megabytes = round(value / 1e6)
        return f"{megabytes} MB" if megabytes < 1000 else f"{value / 1e9:.2f} GB"
    if unit == "score":
        return f"{value:.3f}"
    if unit == "times":
        return f"× {value:.2f}"
    milliseconds = f"{1000 * value:.3g}"
    if float(milliseconds) < 1000:
        return f"{milliseconds} ms"
    return f"{value:.3g} s" if value < 100 else f"{value:,.0f} s"


def ratio_text(ratio: float | None) -> str:
    """Return a ratio in three significant digits."""
    if ratio is None:
        return _NOTHING
    return f"× {ratio:,.0f}" if ratio >= 100 else f"× {ratio:.3g}"


def goal_text(goal: Goal | None, unit: Unit) -> str:
    """Return what a row is held to."""
    if goal is None:
        return _NOTHING
    if goal.kind == "ratio at least":
        return f"≥ × {goal.value:g}"
    return f"≤ {quantity(goal.value, unit)}"


def _verdict(row: Row) -> str:
    if row.check is None:
        return _NOTHING
    return "yes" if row.check.passed else "**NO**"


def _check(row: Row) -> str:
    check = row.check
    if check is None:
        return _NOTHING
    return f"{check.what}: {check.difference:.3g}, held to {check.tolerance:g}"


def _throughput(row: Row) -> str:
    if row.throughput is None:
        return _NOTHING
    shown = f"{row.throughput:,.0f}" if row.throughput >= 100 else f"{row.throughput:.3g}"
    return f"{shown} {row.item}"


def _machine(machine: dict[str, Any]) -> str:
    gpu = machine["gpu"] or "no GPU"
    commit = machine["commit"] or "unknown commit"
    commit = commit if " and " in commit else commit[:12]
    return (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_bytes'] / 1e9:.0f} GB, "
        f"{gpu}; {machine['threads']} threads; torch {machine['torch']}, torch-geometric "
        f"{machine['torch_geometric']}, transformers {machine['transformers']}, Python "
        f"{machine['python']}; {machine['date']}, commit {commit} ({_TREE[machine['tree_clean']]})."
    )
