"""Whether a graph model was trained on the features of an extractor: its records tell.

Widths and emotions of another extractor may be the same, and its features still mean other things.
"""

from __future__ import annotations

from pathlib import Path

from graph_er.dialogues import read_dialogues
from graph_er.errors import InputError
from graph_er.networks.checkpoint import Checkpoint
from graph_er.running.files import sha256
from graph_er.running.run_record import RECORD_NAME, read_run_record

_SHOWN = 12  # digits of a SHA-256 in a message


def check_extractor(path: Path, graph: Checkpoint, extractor: Path, weights: str) -> None:
    """Refuse an extractor with other weights than the one whose features a model was trained on.

    The run record beside the model tells. Where it does not, as those of earlier releases and of
    features that no stage 1 made, any extractor is taken.

    Args:
        path: folder of the graph model, or the file in it.
        graph: the model.
        extractor: folder of stage 1.
        weights: SHA-256 of the weights in it.

    Raises:
        InputError: the weights are others.
    """
    data = _trained_on(path.parent if path.is_file() else path, graph)
    made_by = data.get("checkpoint_sha256")
    if not isinstance(made_by, str) or made_by == weights:
        return
    name = data.get("checkpoint")
    named = f"{name:.80} " if isinstance(name, str) else ""
    raise InputError(
        f"{path}: was trained on features of the extractor {named}({made_by[:_SHOWN]}…), "
        f"{extractor} is another one ({weights[:_SHOWN]}…); name the one it was trained on with "
        "--extractor"
    )


def _trained_on(folder: Path, graph: Checkpoint) -> dict[str, object]:
    """Return what the run record says of the data, if it is of this model; else nothing."""
    if not (folder / RECORD_NAME).is_file():
        return {}
    try:
        data = read_run_record(folder).get("data")
    except InputError:  # a prediction needs no record, and a moved model.pt may lie beside any
        return {}
    if not isinstance(data, dict) or graph.data_sha256 is None:
        return {}
    return data if data.get("sha256") == graph.data_sha256 else {}


def check_origin(data: Path, graph: Checkpoint, extractor: Path, weights: str) -> None:
    """Check that `graph` was trained on `data`, and that `extractor` made it.

    Args:
        data: the dialogue file.
        graph: a graph model.
        extractor: folder of stage 1.
        weights: SHA-256 of the weights in it.

    Raises:
        InputError: it was not, or it did not.
    """
    if sha256(data) != graph.data_sha256:
        raise InputError(f"{data}: is not the file that the graph model was trained on")
    if read_dialogues(data).info.get("checkpoint_sha256") != weights:
        raise InputError(
            f"{data}: its features are not of {extractor}; name the extractor that made it, or "
            "extract again and train the graph model on that"
        )
