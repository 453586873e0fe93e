"""Write ``docs/coverage.md`` from coverage's JSON: what the tests run, and why the rest is not.

``scripts/coverage.sh`` calls it. Reasons stand by file and function in ``coverage_reasons.json``
beside this script, so that they outlive a moved line; a refusal and what follows an error of the
system need none of their own.
"""

from __future__ import annotations

import argparse
import ast
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from graph_er.errors import InputError
from graph_er.running.cli import run_command
from graph_er.running.files import write_text

ROOT = Path(__file__).resolve().parents[1]
REASONS = Path(__file__).with_name("coverage_reasons.json")
PACKAGES = ("graph_er", "feature_extractor")
MODULE = "module"
GOAL = 90.0  # per cent of a package's lines, and of a module's before it is listed apart
REFUSAL = "refuses an input that no test gives"
HANDLER = "after an error of the system or of a library that no test brings about"
NO_REASON = "no test yet"


@dataclass(frozen=True)
class Region:
    """Lines of one function that no test runs, for one reason.

    Attributes:
        file: path below the repository.
        function: its name with those around it, or `MODULE`.
        lines: numbers from 1, in order.
        reason: why they are not run.
    """

    file: str
    function: str
    lines: tuple[int, ...]
    reason: str


class _Places(ast.NodeVisitor):
    """The function of each line, and whether it is part of a refusal or of an error's handler."""

    def __init__(self, tree: ast.Module) -> None:
        self.function: dict[int, str] = {}
        self.kind: dict[int, str] = {}
        self._names: list[str] = []
        self.visit(tree)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._scope(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._scope(node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        self._mark(node, HANDLER)
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        for branch in (node.body, node.orelse):
            if branch and isinstance(branch[-1], ast.Raise):
                for statement in branch:
                    self._mark(statement, REFUSAL)
        self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        self._mark(node, REFUSAL)

    def _scope(self, node: ast.FunctionDef | ast.ClassDef) -> None:
        self._names.append(node.name)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
            self.function[line] = ".".join(self._names)
        self.generic_visit(node)
        self._names.pop()

    def _mark(self, node: ast.stmt | ast.ExceptHandler, kind: str) -> None:
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
            self.kind.setdefault(line, kind)


def regions(
    file: str, source: str, missing: Sequence[int], reasons: Mapping[str, str]
) -> list[Region]:
    """Return the regions of a file in the order of their first lines.

    Args:
        file: path below the repository.
        source: what stands in it.
        missing: lines that no test runs.
        reasons: of this file, by function; ``*`` for all of it.
    """
    places = _Places(ast.parse(source))
    found: dict[tuple[str, str], list[int]] = {}
    for line in sorted(missing):
        function = places.function.get(line, MODULE)
        given = reasons.get(function) or reasons.get("*")
        reason = given or places.kind.get(line, NO_REASON)
        found.setdefault((function, reason), []).append(line)
    return [
        Region(file, function, tuple(lines), reason) for (function, reason), lines in found.items()
    ]


def functions_of(source: str) -> set[str]:
    """Return the names that reasons may stand under for a file."""
    return {MODULE, "*", *_Places(ast.parse(source)).function.values()}


def page(measured: dict[str, Any], reasons: Mapping[str, Mapping[str, str]]) -> str:
    """Return the page of coverage's JSON document and the reasons by file and function."""
    files = {name: found for name, found in measured["files"].items() if found["missing_lines"]}
    listed = [
        region
        for name in sorted(files)
        for region in regions(
            name,
            (ROOT / name).read_text(encoding="utf-8"),
            files[name]["missing_lines"],
            reasons.get(name, {}),
        )
    ]
    low = [
        f"| `{name}` | {found['summary']['percent_covered']:.0f} % |"
        for name, found in sorted(files.items())
        if found["summary"]["percent_covered"] < GOAL
    ]
    open_lines = sum(len(region.lines) for region in listed if region.reason == NO_REASON)
    return "\n".join(
        [
            "# Which lines the tests run",
            "",
            "Made by `bash scripts/coverage.sh`, which runs the default tests, commands and worker "
            "processes included; the `slow` and `fault` tests and those of the installed package "
            f"are not counted. {open_lines:,} lines have no test yet and no other reason.",
            "",
            "| Package | Modules | Lines | Not run | Run |",
            "| --- | --: | --: | --: | --: |",
            *(_package_row(package, measured["files"]) for package in PACKAGES),
            "",
            f"## Modules below {GOAL:.0f} %",
            "",
            *(["| Module | Run |", "| --- | --: |", *low] if low else ["None."]),
            "",
            "## Lines that are not run",
            "",
            "| Module | Function | Lines | Reason |",
            "| --- | --- | --- | --- |",
            *(f"| `{r.file}` | `{r.function}` | {_spans(r.lines)} | {r.reason} |" for r in listed),
            "",
        ]
    )


def _package_row(package: str, files: dict[str, Any]) -> str:
    own = [found["summary"] for name, found in files.items() if name.startswith(f"{package}/")]
    if not own:
        raise InputError(f"nothing of {package} was measured; run `bash scripts/coverage.sh`")
    lines = sum(summary["num_statements"] for summary in own)
    missing = sum(summary["missing_lines"] for summary in own)
    share = 100 * (lines - missing) / lines
    return f"| `{package}` | {len(own)} | {lines:,} | {missing:,} | {share:.1f} % |"


def _spans(lines: Sequence[int]) -> str:
    """Write lines as spans, e.g. ``3-5, 9``."""
    parts = []
    for _, run in groupby(enumerate(lines), key=lambda pair: pair[1] - pair[0]):
        span = [line for _, line in run]
        parts.append(f"{span[0]}-{span[-1]}" if len(span) > 1 else f"{span[0]}")
    return ", ".join(parts)


def main(argv: Sequence[str] | None = None) -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("json", type=Path, help="what `coverage json` wrote")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "coverage.md")
    arguments = parser.parse_args(argv)
    try:
        measured = json.loads(arguments.json.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{arguments.json}: cannot be read ({error}); run `coverage json`"
        ) from error
    reasons = json.loads(REASONS.read_text(encoding="utf-8"))
    write_text(arguments.out, page(measured, reasons))


if __name__ == "__main__":
    sys.exit(run_command(main))
