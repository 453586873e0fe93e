"""Runs a command and writes what it cost: ``python launch.py COST.json COMMAND...``.

A process of its own between the benchmark and what it measures: the peak memory that Linux tells
of a child is at least that of its parent at the fork, and this parent is small. Standard library
only, so that it stays so.
"""

import json
import os
import sys
import time

start = time.perf_counter()
pid = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(pid, 0)
cost = {
    "seconds": time.perf_counter() - start,
    # Kilobytes on Linux, bytes on macOS.
    "peak_bytes": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
    "status": os.waitstatus_to_exitcode(status),
}
with open(sys.argv[1], "w", encoding="utf-8") as file:
    json.dump(cost, file)
