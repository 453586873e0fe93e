"""``run.json``: what a run was, so that its numbers can be traced and repeated."""

from __future__ import annotations

import logging
import platform
import subprocess
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from graph_er.errors import InputError
from graph_er.running.files import sha256, write_json
from graph_er.running.paths import project_root
from graph_er.running.regular_files import read_json_file

logger = logging.getLogger(__name__)

RECORD_NAME = "run.json"
# By this key the data of a run holds a digest of the dialogues that its model was fitted to.
TRAINED_DIGEST = "trained_dialogues_sha256"
_MADE_BY = {"checkpoint": str, "checkpoint_sha256": str, "frozen": bool, "weights_sha256": str}
_PACKAGES = (
    *("accelerate", "comet-ml", "librosa", "numpy", "optuna", "pandas", "safetensors"),
    *("scikit-learn", "sentence-transformers", "soundfile", "torch", "torch-geometric"),
    "transformers",
)


def write_run_record(
    folder: Path,
    *,
    config: dict[str, Any],
    seed: int | list[int] | None,
    metrics: dict[str, Any],
    data: dict[str, Any] | None,
    started: float,
    device: str,
) -> None:
    """Write ``run.json`` into `folder`; written last, it marks a finished run.

    Args:
        folder: the checkpoint folder.
        config: the full configuration, plain values.
        seed: the seed, or one per member of a run of several seeds.
        metrics: scores by side, ``{"dev": {...}}``.
        data: the data file of the run, from `describe_data` when it was read: it may be another
            one by now.
        started: ``time.monotonic()`` at the start of the run.
        device: what it ran on.
    """
    record = {
        "config": config,
        "seed": seed,
        "metrics": metrics,
        "data": data,
        **environment(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "wall_time_s": round(time.monotonic() - started, 2),
        "device": device,
    }
    write_json(folder / RECORD_NAME, record)


def describe_data(path: Path, info: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return a data file's name and SHA-256, and of its `info` what made its features.

    That is, as stage 2 names it, a checkpoint of stage 1, or encoders as pretrained (``frozen``).
    It is absent for features of another program.
    """
    made_by = {key: (info or {}).get(key) for key in _MADE_BY}
    known = {key: value for key, value in made_by.items() if type(value) is _MADE_BY[key]}
    return {"name": path.name, "sha256": sha256(path), **known}


def read_run_record(folder: Path) -> dict[str, Any]:
    """Read the ``run.json`` of a checkpoint folder.

    Raises:
        InputError: there is none (the run did not finish) or it is not JSON.
    """
    path = folder / RECORD_NAME
    if not path.exists():
        raise InputError(f"{path}: no such file; was the run finished?")
    try:
        record = read_json_file(path)
    except InputError as error:
        raise InputError(f"not a run record: {error}") from error
    if not isinstance(record, dict) or not isinstance(record.get("metrics"), dict):
        raise InputError(f"{path}: not a run record (not an object with 'metrics')")
    return record


def add_metrics(
    folder: Path, side: str, scores: dict[str, Any], *, data_sha256: str | None = None
) -> None:
    """Add the scores of one side to the ``run.json`` of a checkpoint folder, if it has one.

    A folder that cannot be written to keeps its record as it is, and the log says so; so does the
    record of a run on another file than the scores are of, where `data_sha256` names that.
    """
    if not (folder / RECORD_NAME).exists():
        return
    record = read_run_record(folder)
    if data_sha256 is not None and (record.get("data") or {}).get("sha256") != data_sha256:
        logger.warning(
            "%s was left as it is: the run was made with another data file", folder / RECORD_NAME
        )
        return
    record["metrics"][side] = scores
    try:
        write_json(folder / RECORD_NAME, record)
    except OSError as error:
        logger.warning("%s: the scores were not added (%s)", folder / RECORD_NAME, error.strerror)


def environment() -> dict[str, Any]:
    """Return package versions, Python, platform, and the commit with whether its tree is clean."""
    commit, changes = _git("rev-parse", "HEAD"), _git("status", "--porcelain")
    return {
        "versions": {name: _version(name) for name in ("graph-er", *_PACKAGES)},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "commit": commit,
        "tree_clean": None if commit is None or changes is None else not changes,
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _git(*arguments: str) -> str | None:
    """Return git's answer about the checkout, or None: an installed copy, no git, or it failed."""
    if not (project_root() / ".git").exists():
        return None
    try:
        answer = subprocess.run(
            ["git", *arguments],
            cwd=project_root(),
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()
