"""Who hears whom: a dialogue as a graph of utterances with typed edges.

An edge runs from the utterance that is heard (source) to the one that hears it (target), as
PyTorch Geometric passes messages. With three utterances, one heard from the past and none from
the future (``past=1, future=0``), the edges are 0->0, 0->1, 1->1, 1->2 and 2->2::

    u0 ──► u1 ──► u2        and every utterance hears itself
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data

from graph_er.dialogues import Dialogue
from graph_er.errors import InputError

SAME_OTHER_RELATIONS = ("self", "same past", "same future", "other past", "other future")


def window_edges(length: int, past: int, future: int) -> Tensor:
    """Return the edges of a windowed dialogue graph, self-loops included.

    Utterance ``i`` hears ``i - past`` to ``i + future`` inside the dialogue. With both windows 5
    and at least 5 utterances there are ``11 * length - 30`` edges.

    Args:
        length: number of utterances.
        past: how many earlier utterances one hears; -1 is unlimited.
        future: how many later ones, likewise.

    Returns:
        ``edge_index`` ``[2, E]``, int64: heard utterance, hearing utterance; ordered by the latter.
    """
    past = length - 1 if past < 0 else min(past, length - 1)
    future = length - 1 if future < 0 else min(future, length - 1)
    offsets = torch.arange(-past, future + 1)
    targets = torch.arange(length).repeat_interleave(len(offsets))
    sources = targets + offsets.repeat(length)
    inside = (sources >= 0) & (sources < length)
    return torch.stack([sources[inside], targets[inside]])


def speaker_ids(speakers: Sequence[Hashable]) -> Tensor:
    """Number the speakers of a dialogue in order of first appearance.

    Labels mean nothing beyond the dialogue, so unseen names are no problem.

    Returns:
        ``[U]``, int64, from 0.
    """
    order: dict[Hashable, int] = {}
    return torch.tensor([order.setdefault(speaker, len(order)) for speaker in speakers])


def relation_types(
    edge_index: Tensor, speakers: Tensor, scheme: str = "same_other", num_speakers: int = 2
) -> Tensor:
    """Return the relation of each edge.

    Args:
        edge_index: ``[2, E]``.
        speakers: speaker number of each utterance, ``[U]``, int64.
        scheme: ``same_other``, five relations in the order of `SAME_OTHER_RELATIONS`; or
            ``speaker_pairs``, COGMEN's ``2 * (S * speaker(source) + speaker(target)) + d`` with
            ``d = 0`` where the source is earlier and 1 otherwise (a self-loop counts as 1).
        num_speakers: ``S``, for ``speaker_pairs`` alone; speakers past it count as the last.

    Returns:
        ``edge_type`` ``[E]``, int64.
    """
    source, target = edge_index
    later = (source >= target).long()
    if scheme == "speaker_pairs":
        speakers = speakers.clamp(max=num_speakers - 1)
        return 2 * (num_speakers * speakers[source] + speakers[target]) + later
    other = (speakers[source] != speakers[target]).long()
    return torch.where(source == target, 0, 1 + 2 * other + later)


def num_relations(scheme: str, num_speakers: int) -> int:
    """Return how many relations `relation_types` may give."""
    return len(SAME_OTHER_RELATIONS) if scheme == "same_other" else 2 * num_speakers**2


def dialogue_to_graph(
    dialogue: Dialogue,
    modalities: str,
    *,
    past: int,
    future: int,
    scheme: str,
    num_speakers: int,
) -> Data:
    """Turn a dialogue into a graph; done once, batching is PyTorch Geometric's.

    Returns:
        ``Data`` with ``x`` ``[U, D]`` (the modalities side by side, in the order given),
        ``edge_index`` ``[2, E]``, ``edge_type`` ``[E]``, ``y`` ``[U]``, and ``speaker`` ``[U]``,
        in which speakers past `num_speakers` share the last number.

    Raises:
        InputError: the dialogue lacks one of the modalities.
    """
    parts = [_require(dialogue, modality) for modality in modalities]
    edge_index = window_edges(len(dialogue), past, future)
    speaker = speaker_ids(dialogue.speakers)
    return Data(
        x=torch.from_numpy(np.concatenate(parts, axis=1)),
        edge_index=edge_index,
        edge_type=relation_types(edge_index, speaker, scheme, num_speakers),
        speaker=speaker.clamp(max=num_speakers - 1),
        y=torch.from_numpy(dialogue.labels),
    )


def _require(dialogue: Dialogue, modality: str) -> np.ndarray:
    features = dialogue.features(modality)
    if features is None:
        raise InputError(
            f"dialogue {dialogue.id} has no features of modality {modality!r}; "
            "choose --modalities among those that the file has"
        )
    return features
