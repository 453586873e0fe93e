"""Graph building: vectorised against edge by edge."""

from __future__ import annotations

from functools import partial
from statistics import median

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Batch, Data

from graph_er.graphs.graph import add_edges, relation_types, window_edges
from scripts.benchmarks.context import Context
from scripts.benchmarks.reference.graph import batch_edges
from scripts.benchmarks.rows import Check, Goal, Row, at_most
from scripts.benchmarks.synthetic_dialogues import dialogue_lengths
from scripts.benchmarks.timing import alternate, seconds

_WINDOW = 5
_LONG_REPEATS = 5


def measure_graph(context: Context) -> list[Row]:
    """Measure both on a batch of dialogues, and ours on one very long dialogue."""
    rng = np.random.default_rng(0)
    lengths = dialogue_lengths(context.sizes.graph_dialogues, 50, rng).tolist()
    speakers = [torch.arange(length) % 2 for length in lengths]
    edges = _ours(speakers)[0].shape[1]
    what = f"{len(lengths)} dialogues, {sum(lengths)} turns, windows {_WINDOW}/{_WINDOW}"
    check = same_edges(speakers)
    ours, reference = alternate(
        lambda: _ours(speakers),
        lambda: batch_edges(speakers, _WINDOW, _WINDOW),
        context.sizes.repeats,
    )
    built = Row(
        "graph",
        f"edges and relations, {what}",
        "s",
        ours,
        reference,
        items=edges,
        item="edges",
        goal=Goal("ratio at least", 200),
        check=check,
        note="ours: one call for all; reference: one small tensor per edge",
    )
    return [
        built,
        _preparing(speakers, reference, context.sizes.repeats),
        _batching(speakers, context.sizes.repeats),
        _long(context.sizes.long_dialogue),
    ]


def _ours(
    speakers: list[Tensor], past: int = _WINDOW, future: int = _WINDOW
) -> tuple[Tensor, Tensor]:
    edge_index = window_edges([len(dialogue) for dialogue in speakers], past, future)
    return edge_index, relation_types(edge_index, torch.cat(speakers), "speaker_pairs", 2)


def same_edges(speakers: list[Tensor], past: int = _WINDOW, future: int = _WINDOW) -> Check:
    """Compare the edges with their relations as sets; the windows must be of one size.

    The reference names windows by what an utterance sends, ours by what it hears: with windows of
    one size the edges are the same.
    """
    ours = _edge_set(*_ours(speakers, past, future))
    different = len(ours ^ _edge_set(*batch_edges(speakers, past, future)))
    return at_most("edges with relations that only one of both has", different, 0)


def _edge_set(edge_index: Tensor, edge_type: Tensor) -> set[tuple[int, int, int]]:
    return set(zip(*edge_index.tolist(), edge_type.tolist(), strict=True))


def _prepared(speakers: list[Tensor]) -> list[Data]:
    """Return the graphs as training prepares them, once per run, each dialogue by itself."""
    graphs = [
        Data(x=torch.zeros(len(rows), 1), y=torch.zeros(len(rows)), speaker=rows)
        for rows in speakers
    ]
    windows = {"past": _WINDOW, "future": _WINDOW}
    add_edges(graphs, **windows, scheme="speaker_pairs", num_speakers=2)
    return graphs


def _preparing(speakers: list[Tensor], reference: float, repeats: int) -> Row:
    spent = median(seconds(lambda: _prepared(speakers)) for _ in range(repeats))
    title = f"the same as training does it, as {len(speakers)} graphs, once per run"
    note = "reference: in every step; its time is that of the row above, not run in turn with this"
    return Row("graph", title, "s", spent, reference, note=note)


def _batching(speakers: list[Tensor], repeats: int) -> Row:
    graphs = _prepared(speakers)
    Batch.from_data_list(graphs)
    spent = median(seconds(lambda: Batch.from_data_list(graphs)) for _ in range(repeats))
    title = f"{len(graphs)} prepared graphs put into one batch by PyTorch Geometric"
    edges = sum(graph.num_edges for graph in graphs)
    return Row("graph", title, "s", spent, items=edges, item="edges", note="once per step")


def _long(turns: int) -> Row:
    """Return how much longer a turn of a dialogue takes that is ten times as long."""
    spent = {}
    for length in (turns // 10, turns):
        speakers = torch.arange(length) % 2
        _ours([speakers])
        runs = (seconds(partial(_ours, [speakers])) for _ in range(_LONG_REPEATS))
        spent[length] = median(runs)
    grown = (spent[turns] / turns) / (spent[turns // 10] / (turns // 10))
    return Row(
        "graph",
        f"time per turn, a dialogue of {turns:,} turns against {turns // 10:,}",
        "times",
        grown,
        goal=Goal("ours at most", 2.0),
        note=f"{1000 * spent[turns]:.1f} ms for all of {turns:,}; constant per turn is linear",
    )
