"""Where files lie: defaults in the checkout, else in the working directory; their names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from graph_er.errors import InputError

CHECKPOINT_NAME = "model.pt"


def project_root() -> Path:
    """Return the folder that default paths such as ``data/`` and ``model_checkpoints/`` refer to.

    In a checkout that is its top folder, whatever the working directory; an installed package
    has no such folder beside it and uses the working directory.
    """
    checkout = Path(__file__).resolve().parents[2]
    return checkout if (checkout / "pyproject.toml").is_file() else Path.cwd()


def checkpoint_file(path: Path) -> Path:
    """Return the checkpoint that is named by its folder or by itself.

    Raises:
        InputError: it is not there.
    """
    path = path / CHECKPOINT_NAME if path.is_dir() else path
    if not path.exists():
        raise InputError(f"{path}: no such checkpoint; train one with `python graph_er/train.py`")
    return path


def require_suffix(option: str, path: Path, suffixes: Sequence[str]) -> None:
    """Refuse an output whose suffix tells none of the formats that can be written.

    Args:
        option: its name, e.g. ``--plot``.
        path: what it names.
        suffixes: in small letters, with their dots.

    Raises:
        InputError: the suffix is none of them.
    """
    if path.suffix.lower() not in suffixes:
        raise InputError(f"{option} {path}: unknown suffix; write to {' or '.join(suffixes)}")
