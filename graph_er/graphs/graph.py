"""Who hears whom: a dialogue as a graph of utterances with typed edges.

An edge runs from the utterance that is heard (source) to the one that hears it (target), as
PyTorch Geometric passes messages. With three utterances, one heard from the past and none from
the future (``past=1, future=0``), the edges are 0->0, 0->1, 1->1, 1->2 and 2->2::

    u0 ──► u1 ──► u2        and every utterance hears itself
"""

from __future__ import annotations

import operator
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data

from graph_er.dialogues import Dialogue

SAME_OTHER_RELATIONS = ("self", "same past", "same future", "other past", "other future")
_SCHEMES = ("same_other", "speaker_pairs")
# Fields of a graph that name it in messages; a batch is made without them.
NAMES = ("dialogue_id", "utterance_ids")
# In work at a time: windows without limit have edges by the square of a dialogue's length.
_DIALOGUES_AT_ONCE = 32


def window_edges(length: int | Sequence[int] | Tensor, past: int, future: int) -> Tensor:
    """Return the edges of the windowed graph of one dialogue or of several, self-loops included.

    Utterance ``i`` hears ``i - past`` to ``i + future`` inside the dialogue. With both windows 5
    and at least 5 utterances there are ``11 * length - 30`` edges.

    Args:
        length: number of utterances, a whole number of 0 or more; of several dialogues ``[B]``,
            whose utterances are numbered on and on.
        past: how many earlier utterances one hears, a whole number; -1 is unlimited.
        future: how many later ones, likewise.

    Returns:
        ``edge_index`` ``[2, E]``, int64: heard utterance, hearing utterance; ordered by the latter.

    Raises:
        ValueError: one of them is no whole number, or is too small.
    """
    lengths, farthest = _lengths(length)
    past, future = _window("past", past), _window("future", future)
    past = farthest if past < 0 else min(past, farthest)
    future = farthest if future < 0 else min(future, farthest)
    end = lengths.cumsum(0)
    first, last = torch.stack([end - lengths, end - 1]).repeat_interleave(lengths, dim=1)  # [N]
    hearing = torch.arange(len(first))
    first = torch.maximum(hearing - past, first)  # that each hears
    counts = torch.minimum(hearing + future, last) - first + 1
    target = hearing.repeat_interleave(counts)
    # Among the edges of one that hears, the one heard is the edge's own number but for a shift.
    shift = first - counts.cumsum(0) + counts
    return torch.stack([torch.arange(len(target)).add_(shift.index_select(0, target)), target])


def _lengths(given: Any) -> tuple[Tensor, int]:
    """Return the lengths of dialogues, ``[B]``, int64, and how far the longest one reaches."""
    try:
        lengths = torch.as_tensor(given).reshape(-1)
        if not (lengths.is_floating_point() or lengths.is_complex() or lengths.dtype is torch.bool):
            lengths = lengths.long()
            least, most = (int(end) for end in lengths.aminmax())
            if least >= 0:
                return lengths, most - 1
    except (TypeError, ValueError, RuntimeError):  # no numbers, or none at all
        pass
    raise ValueError(f"length is {given!r:.80}; give whole numbers of 0 or more")


def _window(name: str, given: Any) -> int:
    try:
        size = operator.index(given)
    except TypeError:
        size = -2
    if size < -1:
        raise ValueError(f"{name} is {given!r:.80}; give -1 (unlimited) or a whole number above it")
    return size


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

    Raises:
        ValueError: the scheme is not known.
    """
    _require_known(scheme)
    source, target = edge_index
    if scheme == "speaker_pairs":
        speakers = speakers.clamp(max=num_speakers - 1)
        pair = speakers.index_select(0, source).mul_(num_speakers)
        return pair.add_(speakers.index_select(0, target)).mul_(2).add_(source >= target)
    return same_other(source - target, speakers[source] == speakers[target])


def same_other(offset: Tensor, same_speaker: Tensor) -> Tensor:
    """Return the place in `SAME_OTHER_RELATIONS` of one utterance heard by another.

    Args:
        offset: position of the heard one less that of the hearing one, any shape.
        same_speaker: whether one speaker says both, same shape.
    """
    return torch.where(offset == 0, 0, 1 + 2 * (~same_speaker).long() + (offset > 0).long())


def num_relations(scheme: str, num_speakers: int) -> int:
    """Return how many relations `relation_types` may give.

    Raises:
        ValueError: the scheme is not known.
    """
    _require_known(scheme)
    return len(SAME_OTHER_RELATIONS) if scheme == "same_other" else 2 * num_speakers**2


def _require_known(scheme: str) -> None:
    if scheme not in _SCHEMES:
        raise ValueError(f"relation scheme {scheme!r} is not known; {', '.join(_SCHEMES)} are")


def dialogue_to_data(dialogue: Dialogue, features: Sequence[np.ndarray]) -> Data:
    """Turn a dialogue into nodes; edges are `add_edges`', batching is PyTorch Geometric's.

    Args:
        dialogue: ``U`` utterances.
        features: ``[U, D_i]`` each, put side by side in this order.

    Returns:
        ``Data`` with ``x`` ``[U, D]``, ``speaker`` ``[U]`` (see `speaker_ids`) and ``y`` ``[U]``,
        and for messages ``dialogue_id`` and ``utterance_ids``.
    """
    return Data(
        x=torch.from_numpy(np.concatenate(features, axis=1)),
        speaker=speaker_ids(dialogue.speakers),
        y=torch.tensor(dialogue.labels),  # a copy: the dialogue's own labels are never written to
        dialogue_id=dialogue.id,
        utterance_ids=dialogue.utterance_ids,
    )


def add_edges(
    graphs: Sequence[Data], *, past: int, future: int, scheme: str, num_speakers: int
) -> None:
    """Add ``edge_index`` ``[2, E]`` and ``edge_type`` ``[E]`` to dialogues, many in one go."""
    for start in range(0, len(graphs), _DIALOGUES_AT_ONCE):
        some = graphs[start : start + _DIALOGUES_AT_ONCE]
        lengths = torch.tensor([len(graph.speaker) for graph in some])
        edge_index = window_edges(lengths, past, future)
        speakers = torch.cat([graph.speaker for graph in some])
        edge_type = relation_types(edge_index, speakers, scheme, num_speakers)
        ends = lengths.cumsum(0)
        # Ordered by the hearing utterance, so that each dialogue's edges stand together.
        counts = torch.searchsorted(edge_index[1], ends).diff(prepend=ends.new_zeros(1)).tolist()
        begins = (ends - lengths).tolist()
        parts = zip(some, edge_index.split(counts, 1), edge_type.split(counts), begins, strict=True)
        for graph, index, relation, begin in parts:
            graph.edge_index, graph.edge_type = index - begin, relation
