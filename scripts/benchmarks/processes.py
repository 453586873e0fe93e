"""Measurements in processes of their own: seconds, peak memory, and what they print."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_LAUNCHER = Path(__file__).with_name("launch.py")
_SHOWN = 2000  # characters of a failed command's last words


@dataclass(frozen=True)
class Cost:
    """What a process cost.

    Attributes:
        seconds: from its start to its end.
        peak_bytes: most memory that it, or the largest of the processes it started, held at once.
        output: its standard output.
    """

    seconds: float
    peak_bytes: int
    output: str


def measured(command: Sequence[str]) -> Cost:
    """Run a command in the repository root.

    Raises:
        RuntimeError: it failed; the message holds the end of its standard error.
    """
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "cost.json"
        launcher = [sys.executable, "-I", "-S", str(_LAUNCHER), str(told)]
        done = subprocess.run(
            [*launcher, *command], cwd=ROOT, capture_output=True, text=True, check=False
        )
        cost: dict[str, Any] = {"status": "?"}
        if told.exists():
            cost = json.loads(told.read_text(encoding="utf-8"))
    if cost["status"] != 0:
        raise RuntimeError(
            f"{' '.join(command)} ended with status {cost['status']}:\n{done.stderr[-_SHOWN:]}"
        )
    return Cost(cost["seconds"], cost["peak_bytes"], done.stdout)


def python(*arguments: str) -> list[str]:
    """Return a command of this very interpreter."""
    return [sys.executable, *arguments]


def task(name: str, **arguments: Any) -> tuple[dict[str, Any], Cost]:
    """Run a task of `scripts.benchmarks.tasks` in a process of its own.

    Args:
        name: of the function.
        arguments: its arguments, plain values.

    Returns:
        What the task returned, and what its process cost.
    """
    command = python("-m", "scripts.benchmarks.tasks", name, json.dumps(arguments))
    cost = measured(command)
    return json.loads(cost.output.strip().splitlines()[-1]), cost
