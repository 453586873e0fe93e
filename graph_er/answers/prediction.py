"""Probabilities from trained models, for every utterance and independent of batching.

They may depend on other dialogues of the session: see `graph_er.graphs.voices`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch_geometric.data import Batch, Data

from graph_er.dialogues import Dialogue
from graph_er.graphs.graph import NAMES
from graph_er.networks.divergence import refuse_outputs
from graph_er.networks.spec import Model
from graph_er.probabilities.finish import committee_log_probabilities
from graph_er.scoring.evaluation import EvaluatedUtterances

if TYPE_CHECKING:
    from graph_er.networks.checkpoint import Checkpoint

_UTTERANCES_PER_BATCH = 2048
# Places of attention: by the square of the length where a model hears whole dialogues.
_CELLS_PER_BATCH = 4_000_000


@torch.no_grad()
def predict_logits(model: Model, graphs: Sequence[Data], device: str = "cpu") -> torch.Tensor:
    """Return the logits ``[K, N, C]`` of all utterances, dialogue after dialogue, on the CPU.

    The model is run in eval mode on `device`, where it stays; each of its modules is left in the
    mode in which it was.

    Args:
        model: as `ModelSpec.build` makes it.
        graphs: of `ModelSpec.graphs`, at least one; features in float32 alone.
        device: ``cpu`` or a CUDA device.

    Raises:
        ValueError: there is no graph.
        InputError: a logit is not finite; the message names the utterance.
    """
    if not graphs:
        raise ValueError("there is no dialogue to predict")
    # Each for itself: a part may be frozen in eval mode while the rest is trained.
    modes = {module: module.training for module in model.modules()}
    try:
        result = _logits(model.to(device).eval(), graphs, device)
    finally:
        for module, training in modes.items():
            module.training = training
    refuse_outputs(result, graphs)
    return result


def _logits(model: Model, graphs: Sequence[Data], device: str) -> torch.Tensor:
    logits: dict[int, torch.Tensor] = {}
    # No data loader: each would draw from the random numbers that training goes on with.
    for chosen in _batches([graph.num_nodes for graph in graphs], model.cells):
        batch = Batch.from_data_list([graphs[index] for index in chosen], exclude_keys=NAMES)
        parts = model(batch.to(device)).logits.cpu().split(batch.ptr.diff().tolist(), dim=1)
        logits |= dict(zip(chosen, parts, strict=True))
    return torch.cat([logits[index] for index in range(len(graphs))], dim=1)


def _batches(lengths: Sequence[int], cells: Callable[[int], int]) -> list[list[int]]:
    """Divide dialogues, by length, into batches that hold few of them where they cost much."""
    batches: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda index: lengths[index]):
        length = lengths[index]  # the longest so far, which sets the cost of all
        most = min(_UTTERANCES_PER_BATCH // length, _CELLS_PER_BATCH // max(cells(length), 1))
        if not batches or len(batches[-1]) >= most:
            batches.append([])
        batches[-1].append(index)
    return batches


def predict_log_probabilities(
    models: Sequence[Model], graphs: Sequence[Data], device: str = "cpu"
) -> np.ndarray:
    """Return each model's log probabilities ``[S, N, C]``, not yet finished."""
    return np.stack(
        [committee_log_probabilities(predict_logits(m, graphs, device)) for m in models]
    )


def predict_probabilities(
    checkpoint: Checkpoint, dialogues: Iterable[Dialogue], device: str = "cpu"
) -> np.ndarray:
    """Return the probabilities ``[S, N, C]`` of each seed of a run; the mean is the ensemble's.

    Args:
        checkpoint: the run.
        dialogues: among them all of their sessions whose speakers' voices are to be known; at
            least one.
        device: ``cpu`` or a CUDA device.

    Raises:
        ValueError: there is no dialogue.
        InputError: a dialogue lacks one of the modalities, or a logit is not finite.
    """
    dialogues = [*dialogues]  # read more than once, which an iterator is not
    graphs = checkpoint.spec.graphs(dialogues, checkpoint.config)
    raw = predict_log_probabilities(checkpoint.models(), graphs, device)
    return checkpoint.finish(raw, dialogues)


def evaluated_utterances(
    dialogues: Sequence[Dialogue], emotions: tuple[str, ...]
) -> EvaluatedUtterances:
    """List the utterances of dialogues in the order in which predictions come."""
    return EvaluatedUtterances(
        dialogues=[dialogue.id for dialogue in dialogues for _ in dialogue.labels],
        utterances=[i for dialogue in dialogues for i in dialogue.utterance_ids],
        speakers=[s for dialogue in dialogues for s in dialogue.speakers],
        gold=np.concatenate([dialogue.labels for dialogue in dialogues]),
        emotions=emotions,
    )
