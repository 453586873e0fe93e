"""Where files lie: defaults in the checkout, else in the working directory; their names.

Also which outputs are refused.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from graph_er.errors import InputError
from graph_er.running.regular_files import read_json_file

CHECKPOINT_NAME = "model.pt"
# The `model_type` in a stage 1 checkpoint's config.json.
STAGE1_TYPE = "utterance_classifier"
STAGE1_WEIGHTS = "model.safetensors"


def project_root() -> Path:
    """Return the folder that default paths such as ``data/`` and ``model_checkpoints/`` refer to.

    In a checkout that is its top folder, whatever the working directory; an installed package
    has no such folder beside it and uses the working directory.
    """
    checkout = Path(__file__).resolve().parents[2]
    return checkout if (checkout / "pyproject.toml").is_file() else Path.cwd()


def demo_models() -> Path:
    """Return the folder in which the study leaves the demo's models."""
    return project_root() / "model_checkpoints" / "demo"


def checkpoint_file(path: Path) -> Path:
    """Return the checkpoint that is named by its folder or by itself.

    Raises:
        InputError: it is not there, or a model of stage 1 is.
    """
    folder, path = path, path / CHECKPOINT_NAME if path.is_dir() else path
    if path.exists():
        return path
    if _is_stage1(folder):
        raise InputError(
            f"{folder}: is a model of stage 1, which `python feature_extractor/eval.py "
            f"--checkpoint {folder}` evaluates; name a graph model, of stage 3, here"
        )
    raise InputError(f"{path}: no such checkpoint; train one with `python graph_er/train.py`")


def refuse_graph_model(path: Path) -> None:
    """Tell whoever names a graph model where one of stage 1 is wanted.

    Raises:
        InputError: `path` is a graph model, or its folder.
    """
    if (path if path.name == CHECKPOINT_NAME else path / CHECKPOINT_NAME).is_file():
        raise InputError(
            f"{path}: is a model of stage 3, which `python graph_er/eval.py --pt_dir {path}` "
            "evaluates; name a stage 1 checkpoint here"
        )


def _is_stage1(folder: Path) -> bool:
    path = folder / "config.json"
    if not path.is_file():
        return False
    try:
        content = read_json_file(path)
    except InputError:
        return False
    return isinstance(content, dict) and content.get("model_type") == STAGE1_TYPE


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


def keep_inputs(
    option: str, named: Path, written: Iterable[Path], inputs: Iterable[tuple[str, Path | None]]
) -> None:
    """Refuse an output that would replace what the same command reads, also through a link.

    Where both exist, the disk tells whether they are one: there are disks on which ``data.pkl`` is
    ``Data.pkl`` as well. A second name (hard link) of what is read cannot be told from that and is
    refused, though to replace it would leave the other name as it is.

    Args:
        option: that of the output, e.g. ``--out``.
        named: what it names, a file or a folder.
        written: what is written or deleted because of it: `named` where that is a file, and others
            beside or in it.
        inputs: what is read, each with its option; None where nothing is named.

    Raises:
        InputError: an output is an input.
    """
    # Of links that lead in a circle it is the reader that tells.
    read = {key: name for name, path in inputs if path is not None for key in _identities(path)}
    for path in written:
        other = next((read[key] for key in _identities(path) if key in read), None)
        if other is not None:
            if path == named:
                raise InputError(f"{option} {named}: is {other} as well; name another file")
            raise InputError(
                f"{option} {named}: {path} would be replaced, which is {other}; name another folder"
            )


def _identities(path: Path) -> list[str | tuple[int, int]]:
    """Return where a path leads and, if that exists, which file of which disk it is."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return [os.path.realpath(path)]
    known = status.st_ino != 0  # some network disks of Windows do not tell
    return [os.path.realpath(path), *([(status.st_dev, status.st_ino)] if known else [])]
