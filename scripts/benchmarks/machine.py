"""What a benchmark ran on and with."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from graph_er.running.run_record import environment
from graph_er.running.side_by_side import usable_cores


def describe_machine() -> dict[str, Any]:
    """Return processor, memory, threads, versions, date, commit and whether the tree is clean."""
    known = environment()
    return {
        "cpu": _cpu_name(),
        "cores": usable_cores(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "torch": torch.__version__,
        "torch_geometric": known["versions"]["torch-geometric"],
        "transformers": known["versions"]["transformers"],
        "threads": torch.get_num_threads(),
        "python": known["python"],
        "platform": known["platform"],
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "commit": known["commit"],
        "tree_clean": known["tree_clean"],
    }


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
