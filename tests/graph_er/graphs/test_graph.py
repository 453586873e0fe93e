import re

import numpy as np
import pytest
import torch

from graph_er.graphs.graph import (
    SAME_OTHER_RELATIONS,
    add_edges,
    dialogue_to_data,
    num_relations,
    relation_types,
    speaker_ids,
    window_edges,
)
from tests.graph_er.dialogue_factory import make_dialogue


def edge_set(edge_index):
    return set(map(tuple, edge_index.t().tolist()))


def naive_edges(length, past, future):
    """Who hears whom, said by loops."""
    return {
        (source, target)
        for target in range(length)
        for source in range(length)
        if (past < 0 or target - source <= past) and (future < 0 or source - target <= future)
    }


def test_one_from_the_past_and_none_from_the_future_by_hand():
    edges = window_edges(3, past=1, future=0)
    assert edges.t().tolist() == [[0, 0], [0, 1], [1, 1], [1, 2], [2, 2]]


def test_none_from_the_past_and_one_from_the_future_by_hand():
    edges = window_edges(3, past=0, future=1)
    assert edges.t().tolist() == [[0, 0], [1, 0], [1, 1], [2, 1], [2, 2]]


@pytest.mark.parametrize("length", [5, 6, 11, 50])
def test_published_edge_count(length):
    assert window_edges(length, 5, 5).size(1) == 11 * length - 30


@pytest.mark.parametrize("length", [1, 2, 7, 12])
@pytest.mark.parametrize("past", [-1, 0, 1, 5, 99])
@pytest.mark.parametrize("future", [-1, 0, 2, 5])
def test_edges_equal_those_of_the_plain_definition(length, past, future):
    edges = window_edges(length, past, future)
    assert edge_set(edges) == naive_edges(length, past, future)
    assert edges.size(1) == len(edge_set(edges))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        *(("length", (bad, 1, 1)) for bad in (-1, 2.5, None, "3", [3, -1], [], [True], np.ones(2))),
        *(("past", (3, bad, 1)) for bad in (-2, 1.5, None, "1", np.float64(1), [1, 2])),
        *(("future", (3, 1, bad)) for bad in (-2, 1.5, None, np.int64(-3), torch.tensor(1.0))),
    ],
)
def test_what_is_no_length_or_window_is_told(name, values):
    given = values[("length", "past", "future").index(name)]
    with pytest.raises(ValueError, match=rf"^{name} is {re.escape(repr(given))}; give "):
        window_edges(*values)


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint8, torch.tensor])
def test_whole_numbers_of_any_kind_are_lengths_and_windows(kind):
    expected = window_edges(7, 2, 1)
    assert torch.equal(window_edges(kind(7), kind(2), kind(1)), expected)
    assert torch.equal(window_edges(np.array([7], np.uint8), 2, kind(1)), expected)


def test_a_dialogue_without_utterances_has_no_edges():
    assert window_edges(0, 1, 1).shape == (2, 0)
    assert torch.equal(window_edges([2, 0, 3], 1, 1), window_edges([2, 3], 1, 1))


def test_speakers_are_numbered_by_appearance():
    assert speaker_ids(["M", "F", "M"]).tolist() == [0, 1, 0]
    assert speaker_ids([("any", 1), 7, "x", 7]).tolist() == [0, 1, 2, 1]


def test_speakers_past_the_training_maximum_stay_apart_from_each_other():
    dialogue = make_dialogue("S1_a", 3, speakers=("A", "B", "C"))
    graph = dialogue_to_data(dialogue, [dialogue.audio])
    options = {"past": 1, "future": 0, "num_speakers": 2}
    apart = graph.clone()
    add_edges([apart], scheme="same_other", **options)
    assert apart.edge_type.tolist() == [0, 3, 0, 3, 0]
    assert apart.speaker.tolist() == [0, 1, 2]
    pairs = graph.clone()
    add_edges([pairs], scheme="speaker_pairs", **options)
    assert pairs.edge_type.max() < num_relations("speaker_pairs", 2)


def test_cogmen_relations_by_hand():
    # Speakers 0, 1, 0; id = 4 * speaker(source) + 2 * speaker(target) + (source is not earlier).
    speakers = torch.tensor([0, 1, 0])
    edges = window_edges(3, 1, 1)
    expected = {(0, 0): 1, (1, 0): 5, (0, 1): 2, (1, 1): 7, (2, 1): 3, (1, 2): 4, (2, 2): 1}
    types = relation_types(edges, speakers, "speaker_pairs")
    assert dict(zip(map(tuple, edges.t().tolist()), types.tolist(), strict=True)) == expected


def test_same_and_other_relations_by_hand():
    speakers = torch.tensor([0, 1, 0])
    edges = torch.tensor([[1, 0, 2, 0, 2], [1, 2, 0, 1, 1]])
    assert relation_types(edges, speakers).tolist() == [0, 1, 2, 3, 4]
    named = ("self", "same past", "same future", "other past", "other future")
    assert named == SAME_OTHER_RELATIONS


@pytest.mark.parametrize("scheme", ["same_other", "speaker_pairs"])
@pytest.mark.parametrize("num_speakers", [1, 2, 5])
def test_relations_lie_in_range_and_all_occur(scheme, num_speakers):
    speakers = torch.arange(40) % num_speakers
    types = relation_types(window_edges(40, -1, -1), speakers, scheme, num_speakers)
    assert types.min() >= 0
    assert types.max() < num_relations(scheme, num_speakers)
    if num_speakers > 1:
        possible = num_relations(scheme, num_speakers)
        assert len(types.unique()) == possible


def test_a_dialogue_becomes_nodes_with_features_side_by_side_in_the_order_given():
    dialogue = make_dialogue("S1_a", 4)
    graph = dialogue_to_data(dialogue, [dialogue.text, dialogue.audio])
    assert graph.num_nodes == 4
    np.testing.assert_array_equal(graph.x, np.concatenate([dialogue.text, dialogue.audio], axis=1))
    assert graph.x.dtype == torch.float32
    assert graph.y.tolist() == dialogue.labels.tolist()
    assert graph.speaker.tolist() == [0, 1, 0, 1]


def test_edges_and_their_types_are_those_of_the_window():
    dialogue = make_dialogue("S1_a", 6, speakers=("A", "B", "C"))
    graph = dialogue_to_data(dialogue, [dialogue.text])
    add_edges([graph], past=2, future=1, scheme="speaker_pairs", num_speakers=3)
    assert torch.equal(graph.edge_index, window_edges(6, 2, 1))
    expected = relation_types(graph.edge_index, graph.speaker, "speaker_pairs", 3)
    assert torch.equal(graph.edge_type, expected)


@pytest.mark.parametrize(("past", "future"), [(5, 5), (2, 0), (0, 3), (-1, 1), (-1, -1)])
def test_the_edges_of_several_dialogues_are_those_of_each(past, future):
    lengths = [1, 7, 3, 12]
    starts = [0, 1, 8, 11]
    each = [window_edges(n, past, future) + s for n, s in zip(lengths, starts, strict=True)]
    for given in (lengths, torch.tensor(lengths)):
        assert torch.equal(window_edges(given, past, future), torch.cat(each, dim=1))


@pytest.mark.parametrize(("past", "future"), [(5, 5), (2, 0), (-1, 1)])
def test_dialogues_get_the_same_edges_together_as_alone(past, future):
    together = [
        dialogue_to_data(make_dialogue(f"S1_{n}", n), [np.zeros((n, 2))]) for n in range(1, 40)
    ]
    alone = [graph.clone() for graph in together]
    options = {"past": past, "future": future, "scheme": "speaker_pairs", "num_speakers": 2}
    add_edges(together, **options)
    for graph, other in zip(together, alone, strict=True):
        add_edges([other], **options)
        assert torch.equal(graph.edge_index, other.edge_index)
        assert torch.equal(graph.edge_type, other.edge_type)


def test_a_graph_holds_labels_of_its_own():
    dialogue = make_dialogue("S1_a", 3)
    before = dialogue.labels.tolist()
    dialogue_to_data(dialogue, [dialogue.audio]).y += 1
    assert dialogue.labels.tolist() == before


def test_a_scheme_that_is_not_known_is_refused_wherever_it_is_named():
    with pytest.raises(ValueError, match="same_othr"):
        num_relations("same_othr", 2)
    with pytest.raises(ValueError, match="same_othr"):
        relation_types(window_edges(3, 1, 1), torch.zeros(3, dtype=torch.long), "same_othr")
