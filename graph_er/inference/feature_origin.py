"""Whether a graph model was trained on the features of an extractor: the dialogue file tells.

Widths and emotions of another extractor may be the same, and its features still mean other things.
"""

from __future__ import annotations

from pathlib import Path

from feature_extractor.networks.checkpoint import WEIGHTS
from graph_er.dialogues import read_dialogues
from graph_er.errors import InputError
from graph_er.networks.checkpoint import Checkpoint
from graph_er.running.files import sha256


def check_origin(data: Path, graph: Checkpoint, extractor: Path) -> None:
    """Check that `graph` was trained on `data`, and that `extractor` made it.

    Args:
        data: the dialogue file.
        graph: a graph model.
        extractor: folder of stage 1.

    Raises:
        InputError: it was not, or it did not.
    """
    if sha256(data) != graph.data_sha256:
        raise InputError(f"{data}: is not the file that the graph model was trained on")
    made_by = read_dialogues(data).info.get("checkpoint_sha256")
    if made_by != sha256(extractor / WEIGHTS):
        raise InputError(
            f"{data}: its features are not of {extractor}; name the extractor that made it, or "
            "extract again and train the graph model on that"
        )
