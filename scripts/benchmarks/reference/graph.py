"""Graph building edge by edge, as the published systems do it in every step of every epoch."""

from __future__ import annotations

import torch
from torch import Tensor


def edges_by_loop(speakers: Tensor, past: int, future: int) -> tuple[Tensor, Tensor]:
    """Build the graph of one dialogue with one small tensor per edge.

    An edge runs from every utterance ``j`` to each ``i`` of its window, itself included. The
    relation is that of COGMEN's ordered speaker pairs for two speakers:
    ``4 * speaker(j) + 2 * speaker(i)``, and 1 more unless ``j`` is earlier.

    Args:
        speakers: 0 or 1 for each utterance, ``[U]``.
        past: how many earlier utterances ``i`` a ``j`` is sent to.
        future: how many later ones.

    Returns:
        ``edge_index`` ``[2, E]`` and ``edge_type`` ``[E]``, ordered by the sending utterance.
    """
    length = len(speakers)
    edges, types = [], []
    for source in range(length):
        for target in range(max(0, source - past), min(length, source + future + 1)):
            direction = 0 if source < target else 1
            pair = 4 * speakers[source].item() + 2 * speakers[target].item()
            edges.append(torch.tensor([source, target]))
            types.append(pair + direction)
    return torch.stack(edges).t().contiguous(), torch.tensor(types)


def batch_edges(speakers: list[Tensor], past: int, future: int) -> tuple[Tensor, Tensor]:
    """Build the graphs of several dialogues as one, utterances numbered through.

    Returns:
        ``edge_index`` ``[2, E]`` and ``edge_type`` ``[E]``.
    """
    edges, types, start = [], [], 0
    for dialogue in speakers:
        edge_index, edge_type = edges_by_loop(dialogue, past, future)
        edges.append(edge_index + start)
        types.append(edge_type)
        start += len(dialogue)
    return torch.cat(edges, dim=1), torch.cat(types)
