"""Killing commands at random moments, starting them again, and looking at what they leave."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from safetensors import safe_open

from graph_er.dialogues import read_dialogues
from graph_er.networks.checkpoint import load_checkpoint

ROOT = Path(__file__).resolve().parents[2]
KILLS_PER_ROUND = 3


@dataclass(frozen=True)
class Command:
    """A command of the project: its words, and where it is run."""

    words: Sequence[str | Path]
    cwd: Path = ROOT

    def start(self, log: Path) -> subprocess.Popen:
        """Start it as the leader of a group of its own, so that its children die with it."""
        environment = {**os.environ, "HF_HUB_OFFLINE": "1", "GRAPH_ER_PYTHON": sys.executable}
        with log.open("ab") as file:
            return subprocess.Popen(
                [str(word) for word in self.words],
                cwd=self.cwd,
                env=environment,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )

    def run(self, log: Path) -> float:
        """Run it to its end, which must be a good one; return the seconds it took."""
        started = time.monotonic()
        status = self.start(log).wait()
        assert status == 0, log.read_text(errors="replace")[-3000:]
        return time.monotonic() - started


def python(script: str, *options: str | Path, cwd: Path = ROOT) -> Command:
    """Return the command that runs a script of the project."""
    return Command([sys.executable, cwd / script, *options], cwd)


def kill_and_resume(
    command: Command, folder: Path, longest: float, kills: int, rng: random.Random
) -> int:
    """Kill `command` that many times, each at a random moment; then let it run to its end.

    Args:
        command: resumes, or starts over, when it is started again.
        folder: all that it writes is in here.
        longest: seconds; each life is at most that long.
        kills: how many.
        rng: of the moments.

    Returns:
        How many kills met a living process; a life that came to its end before is none.
    """
    log = folder.with_name(folder.name + ".log")
    met = 0
    for _ in range(kills):
        process = command.start(log)
        try:
            process.wait(timeout=rng.uniform(0, longest))
        except subprocess.TimeoutExpired:
            met += 1
        finally:
            kill_group(process)
        assert process.returncode in (0, -signal.SIGKILL), log.read_text(errors="replace")[-3000:]
        assert_nothing_is_half_written(folder)
    command.run(log)
    assert_nothing_is_half_written(folder)
    assert leftovers(folder) == []
    return met


def kill_group(process: subprocess.Popen) -> None:
    """Kill a command and all its children."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def rounds(
    make: Callable[[Path], Command], root: Path, longest: float, kills: int, rng: random.Random
) -> tuple[int, list[Path]]:
    """Run `make`'s command in fresh folders, `KILLS_PER_ROUND` kills in each.

    Returns:
        How many kills met a living process, `kills` at least, and the folders, all finished.
    """
    met, folders = 0, []
    while met < kills:
        folder = root / f"round{len(folders)}"
        folder.mkdir()
        met += kill_and_resume(make(folder), folder, longest, KILLS_PER_ROUND, rng)
        folders.append(folder)
    return met, folders


def leftovers(folder: Path) -> list[str]:
    """Return the temporary files and folders below `folder`, and what bears no name of its own."""
    hidden = (path for path in folder.rglob("*") if path.name.startswith("."))
    marks = (".partial", ".tmp", ".before", ".parts")
    return sorted(
        {str(path.relative_to(folder)) for path in hidden if ".partial" in path.name}
        | {str(path.relative_to(folder)) for path in folder.rglob("*") if path.name.endswith(marks)}
    )


def assert_nothing_is_half_written(folder: Path) -> None:
    """Read every file that bears a final name: each must be whole."""
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        unfinished = any(".partial" in part or part.startswith("tmp") for part in parts)
        # Trainer's own checkpoints are whole once their last file is there; ours check that.
        if unfinished or not path.is_file() or "checkpoints" in parts:
            continue
        if path.suffix == ".json":
            json.loads(path.read_text(encoding="utf-8"))
        elif path.suffix == ".safetensors":
            with safe_open(path, framework="np") as file:
                assert list(file.keys())
        elif path.suffix == ".pkl":
            read_dialogues(path)
        elif path.name == "model.pt":
            load_checkpoint(path)
