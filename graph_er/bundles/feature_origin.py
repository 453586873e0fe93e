"""What a graph model was trained on, as its records tell: which features, which dialogues.

Widths and emotions of another extractor may be the same, and its features still mean other things.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from graph_er.dialogues import DialogueFile, read_dialogues
from graph_er.errors import InputError
from graph_er.networks.checkpoint import Checkpoint
from graph_er.running.files import sha256
from graph_er.running.run_record import RECORD_NAME, TRAINED_DIGEST, read_run_record

_SHOWN = 12  # digits of a SHA-256 in a message


@dataclass(frozen=True)
class Familiarity:
    """What a model has to do with dialogues that it is scored on.

    Attributes:
        trained_on: it was trained on some of them, which is proven.
        ids_trained_on: how many of them bear ids of dialogues that it was trained on; in another
            file those may be other dialogues.
        same_features: whether what made their features made those it was trained on; None where
            that is not known.
    """

    trained_on: bool
    ids_trained_on: int
    same_features: bool | None


def familiarity(
    path: Path, graph: Checkpoint, file: DialogueFile, side: str, file_sha256: str
) -> Familiarity:
    """Tell what a model has to do with one side of a dialogue file.

    Args:
        path: folder of the graph model, or the file in it.
        graph: the model.
        file: the dialogues.
        side: ``train``, ``dev`` or ``test``.
        file_sha256: of the file.
    """
    data, ids = _training_data(path, graph), {dialogue.id for dialogue in file.side(side)}
    known = len(ids.intersection(graph.trained_ids))
    digest = data.get(TRAINED_DIGEST)
    again = digest is not None and digest == file.content_sha256(graph.trained_ids)
    makers = _maker_sha256(data), _maker_sha256(file.info)
    same = None if None in makers else makers[0] == makers[1]
    return Familiarity(
        trained_on=graph.trained_on(ids, file_sha256) or (again and known > 0),
        ids_trained_on=known,
        same_features=True if file_sha256 == graph.data_sha256 else same,
    )


def _maker_sha256(data: Mapping[str, object]) -> str | None:
    """Return the SHA-256 of the weights that made features, if it is known."""
    value = data.get("weights_sha256" if data.get("frozen") is True else "checkpoint_sha256")
    return value if isinstance(value, str) else None


def check_extractor(path: Path, graph: Checkpoint, extractor: Path, weights: str) -> None:
    """Refuse an extractor with other weights than the one whose features a model was trained on.

    The run record beside the model tells. Where it does not, as those of earlier releases and of
    features of another program, any extractor is taken.

    Args:
        path: folder of the graph model, or the file in it.
        graph: the model.
        extractor: folder of stage 1.
        weights: SHA-256 of the weights in it.

    Raises:
        InputError: the weights are others, or it was trained on those of encoders as pretrained.
    """
    data = _training_data(path, graph)
    if data.get("frozen") is True:
        raise InputError(
            f"{path}: was trained on features of encoders as pretrained (extract.py --frozen), "
            f"those of {extractor} mean other things; train a graph model on features of that "
            "extractor (extract.py --checkpoint)"
        )
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


def _training_data(path: Path, graph: Checkpoint) -> dict[str, object]:
    """Return what the run record says of the data, if it is of this model; else nothing."""
    folder = path.parent if path.is_file() else path
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
