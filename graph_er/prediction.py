"""Probabilities from trained models, for every utterance and independent of batching."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader

from graph_er.dialogues import Dialogue
from graph_er.evaluation import EvaluatedUtterances

_DIALOGUES_PER_BATCH = 32


@torch.no_grad()
def predict_logits(model: nn.Module, graphs: Sequence[Data], device: str = "cpu") -> torch.Tensor:
    """Return the logits ``[N, C]`` of all utterances, dialogue after dialogue, on the CPU.

    The model is put into eval mode and left in the mode in which it was.
    """
    was_training = model.training
    model.to(device).eval()
    logits = []
    for batch in DataLoader(list(graphs), batch_size=_DIALOGUES_PER_BATCH):
        batch = batch.to(device)
        output = model(batch.x, batch.edge_index, batch.edge_type, batch.speaker, batch.batch)
        logits.append(output.cpu())
    model.train(was_training)
    return torch.cat(logits)


def predict_probabilities(
    models: Sequence[nn.Module], graphs: Sequence[Data], device: str = "cpu"
) -> np.ndarray:
    """Return each model's probabilities ``[S, N, C]``."""
    return np.stack([predict_logits(m, graphs, device).softmax(dim=-1).numpy() for m in models])


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
