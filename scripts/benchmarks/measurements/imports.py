"""Starting up: imports and ``--help`` in fresh processes."""

from __future__ import annotations

from statistics import median

from scripts.benchmarks.context import Context
from scripts.benchmarks.processes import ROOT, measured, python
from scripts.benchmarks.rows import Goal, Row

_REPEATS = 3
_COMMANDS = {
    "import graph_er.dialogues": (python("-c", "import graph_er.dialogues"), 0.3),
    "import graph_er.train": (python("-c", "import graph_er.train"), None),
    "import feature_extractor.train": (python("-c", "import feature_extractor.train"), None),
    "graph_er/train.py --help": (python(str(ROOT / "graph_er" / "train.py"), "--help"), 2.0),
}


def measure_imports(context: Context) -> list[Row]:
    """Measure each in fresh processes, after one that leaves compiled modules behind."""
    rows = []
    for title, (command, goal) in _COMMANDS.items():
        measured(command)
        costs = [measured(command) for _ in range(min(_REPEATS, context.sizes.repeats))]
        rows.append(
            Row(
                "imports",
                title,
                "s",
                median(cost.seconds for cost in costs),
                goal=None if goal is None else Goal("ours at most", goal),
                memory_ours=max(cost.peak_bytes for cost in costs),
                note="whole process",
            )
        )
    return rows
