"""The dialogue-file options that stage 3's commands share."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from graph_er.dialogues import DialogueFile, read_dialogues
from graph_er.errors import InputError
from graph_er.running.paths import project_root
from graph_er.schema.emotions import DATASET_EMOTIONS

logger = logging.getLogger(__name__)


def default_data() -> Path:
    """Return where the study leaves the demo's dialogue file."""
    return project_root() / "data" / "demo_features.pkl"


def add_data_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--data_dir`` and ``--dataset``."""
    parser.add_argument(
        "--data_dir",
        "--preprocessed_feature",
        type=Path,
        default=default_data(),
        metavar="FILE.pkl",
        help="the dialogue file of stage 2 (default: the demo's, %(default)s)",
    )
    parser.add_argument(
        "--dataset",
        choices=sorted(DATASET_EMOTIONS),
        help="names the labels of a file that does not name them itself",
    )


def read_data(arguments: argparse.Namespace) -> DialogueFile:
    """Read the dialogue file that the options name.

    Raises:
        InputError: it is missing (the message names the command that makes it) or malformed.
    """
    path = arguments.data_dir
    if path.exists():
        file = read_dialogues(path, arguments.dataset)
        named = arguments.dataset and DATASET_EMOTIONS[arguments.dataset]
        if named and named != file.emotions:
            logger.warning(
                "%s names its emotions itself (%s): --dataset %s is not used",
                path,
                ", ".join(file.emotions),
                arguments.dataset,
            )
        return file
    remedy = (
        "bash scripts/run_all.sh"
        if path == default_data()
        else f"python feature_extractor/extract.py --checkpoint DIR --corpus NAME --out {path}"
    )
    raise InputError(f"{path}: no such file; make it with `{remedy}`")
