"""The files of an evaluation: what they are called, where they lie, and their removal."""

from __future__ import annotations

import re
from pathlib import Path

from graph_er.errors import InputError

EVALUATION_NAME = "eval.json"
PREDICTIONS_NAME = "predictions.csv"
DIAGRAM_NAME = "reliability.png"
# By this key the scores name their predictions: those of every JSON in a folder have one name.
PREDICTIONS_DIGEST = "predictions_sha256"
# Columns of probabilities are called by this and the name of an emotion.
PROBABILITY = "prob_"


def evaluation_path(folder: Path, side: str) -> Path:
    """Return where the scores of a checkpoint on one side stand, unless another file is named.

    Args:
        folder: the checkpoint's.
        side: ``train``, ``dev`` or ``test``.
    """
    return folder / f"eval_{side}" / EVALUATION_NAME


def member_path(path: Path, seed: int) -> Path:
    """Return where the predictions of one seed stand: beside `path`, the run's as a whole."""
    return path.with_name(f"{path.stem}_seed{seed}{path.suffix}")


def names_a_member(path: Path, whole: Path) -> bool:
    """Tell whether a name is one that `member_path` gives for `whole`."""
    ours = rf"{re.escape(whole.stem)}_seed-?[0-9]+{re.escape(whole.suffix)}"
    return re.fullmatch(ours, path.name) is not None


def evaluation_outputs(out: Path) -> list[Path]:
    """Return what an evaluation into a JSON file replaces or removes: that and files beside it.

    Of the predictions of single seeds only those that are there: no others can be lost.

    Raises:
        InputError: it is a folder, or bears the name of a file that is written beside it.
    """
    if out.is_dir():
        raise InputError(f"--out {out}: is a folder; name a file")
    whole = out.with_name(PREDICTIONS_NAME)
    small = out.with_name(out.name.casefold())  # there are disks on which case is nothing
    if small.name in (PREDICTIONS_NAME, DIAGRAM_NAME) or names_a_member(small, whole):
        raise InputError(
            f"--out {out}: predictions or their picture, written beside the scores, go by this "
            f"name; name another file, as {out.with_name(EVALUATION_NAME)}"
        )
    return [out, whole, out.with_name(DIAGRAM_NAME), *_members(whole)]


def remove_members(path: Path) -> None:
    """Delete the predictions of single seeds beside `path`; files of other names are let be."""
    for found in _members(path):
        found.unlink()


def remove_evaluation(folder: Path) -> None:
    """Delete what an evaluation wrote into a folder; files of other names are let be."""
    remove_members(folder / PREDICTIONS_NAME)
    for name in (EVALUATION_NAME, PREDICTIONS_NAME, DIAGRAM_NAME):
        (folder / name).unlink(missing_ok=True)


def _members(whole: Path) -> list[Path]:
    return [p for p in whole.parent.glob(f"*{whole.suffix}") if names_a_member(p, whole)]
