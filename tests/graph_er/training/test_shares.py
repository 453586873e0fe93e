"""Shares of a batch make up the whole."""

import pytest
from torch_geometric.data import Batch

from graph_er.training.losses import previous_turns
from graph_er.training.shares import Shares
from tests.graph_er.tiny_models import CONFIGS, make_graphs


@pytest.mark.parametrize("processes", [1, 2, 3, 5])
def test_shares_hold_every_dialogue_once_and_their_weights_average_to_one(processes):
    graphs = make_graphs(CONFIGS["default"], [3, 1, 7, 4], speakers=("A", "B", "C"))
    shares = [Shares(graphs, processes, index).of([2, 0, 3]) for index in range(processes)]
    counted = [share for share in shares if share.counted]
    assert sorted(i for share in counted for i in share.dialogues) == [0, 2, 3]
    # Whoever is left over runs a dialogue all the same, and it counts for nothing.
    assert all(share.dialogues for share in shares)
    assert len(counted) == min(processes, 3)
    for weights in (
        [share.weights.utterances for share in shares],
        [share.weights.pairs for share in shares],
    ):
        assert sum(weights) / processes == pytest.approx(1)
    for share in counted:
        size = sum(len(graphs[i].y) for i in share.dialogues)
        assert share.weights.utterances == pytest.approx(processes * size / 14)


def test_pairs_are_counted_as_the_shift_term_finds_them():
    graphs = make_graphs(CONFIGS["default"], [3, 1, 7], speakers=("A", "B", "C"))
    shares = Shares(graphs, 2, 0)
    for graph, pairs in zip(graphs, shares.pairs, strict=True):
        assert len(previous_turns(Batch.from_data_list([graph]))[0]) == pairs


def test_long_dialogues_are_shared_out_evenly():
    graphs = make_graphs(CONFIGS["default"], [8, 1, 1, 7, 2, 1])
    for index in range(2):
        shares = Shares(graphs, 2, index)
        assert shares.utterances(shares.of(range(6)).dialogues) == 10
