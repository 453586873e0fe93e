"""Probabilities from trained models, for every utterance and independent of batching."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch_geometric.data import Batch, Data

from graph_er.dialogues import Dialogue
from graph_er.errors import InputError
from graph_er.evaluation import EvaluatedUtterances
from graph_er.finish import committee_log_probabilities
from graph_er.spec import Model

if TYPE_CHECKING:
    from graph_er.checkpoint import Checkpoint

_DIALOGUES_PER_BATCH = 32


@torch.no_grad()
def predict_logits(model: Model, graphs: Sequence[Data], device: str = "cpu") -> torch.Tensor:
    """Return the logits ``[K, N, C]`` of all utterances, dialogue after dialogue, on the CPU.

    The model is put into eval mode and left in the mode in which it was.

    Raises:
        InputError: a logit is not finite.
    """
    was_training = model.training
    model.to(device).eval()
    logits = []
    # No data loader: each would draw from the random numbers that training goes on with.
    for start in range(0, len(graphs), _DIALOGUES_PER_BATCH):
        batch = Batch.from_data_list(list(graphs[start : start + _DIALOGUES_PER_BATCH]))
        logits.append(model(batch.to(device)).logits.cpu())
    model.train(was_training)
    result = torch.cat(logits, dim=1)
    if not result.isfinite().all():
        raise InputError(
            "the network's outputs are not finite; look for extreme feature values in the "
            "dialogue file, or train with a lower --learning_rate"
        )
    return result


def predict_log_probabilities(
    models: Sequence[Model], graphs: Sequence[Data], device: str = "cpu"
) -> np.ndarray:
    """Return each model's log probabilities ``[S, N, C]``, not yet finished."""
    return np.stack(
        [committee_log_probabilities(predict_logits(m, graphs, device)) for m in models]
    )


def predict_probabilities(
    checkpoint: Checkpoint, dialogues: Sequence[Dialogue], device: str = "cpu"
) -> np.ndarray:
    """Return the probabilities ``[S, N, C]`` of each seed of a run; the mean is the ensemble's."""
    graphs = [checkpoint.spec.graph(dialogue, checkpoint.config) for dialogue in dialogues]
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
