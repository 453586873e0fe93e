import math

import pytest
import torch

from graph_er.graphs.blocks import context_blocks
from graph_er.graphs.graph import relation_types, window_edges
from tests.graph_er.graphs.whole_blocks import dialogue_blocks

WINDOWS = [(0, 0), (3, 0), (0, 3), (2, 5), (-1, -1), (-1, 0), (0, -1), (5, -1), (5, 5), (20, 20)]


def speakers_of(lengths, number=3):
    generator = torch.Generator().manual_seed(sum(lengths))
    return torch.cat([torch.randint(number, (n,), generator=generator) for n in lengths])


def blocks_of(lengths, window, *, decay=8.0, **options):
    ptr = torch.tensor([0, *lengths]).cumsum(0)
    past, future = window
    speakers = speakers_of(lengths)
    return dialogue_blocks(speakers, ptr, past=past, future=future, decay=decay, **options)


def plain_graph(lengths, window):
    """Edges and relations of a batch by `graph_er.graphs.graph`, ordered."""
    edges, relations, start = [], [], 0
    for length, speakers in zip(lengths, speakers_of(lengths).split(lengths), strict=True):
        found = window_edges(length, *window)
        edges.append(found + start)
        relations.append(relation_types(found, speakers))
        start += length
    return ordered(torch.cat(edges, dim=1), torch.cat(relations))


def ordered(edges, relations):
    order = (edges[1] * 10_000 + edges[0]).argsort()
    return edges[:, order], relations[order]


def graph_of(blocks):
    """The same, read from blocks."""
    group, hearing, heard = blocks.edge.nonzero(as_tuple=True)
    edges = torch.stack([blocks.heard[group, heard], blocks.hearing[group, hearing]])
    return ordered(edges, blocks.relation[group, hearing, heard])


def assert_same_graph(lengths, window, **options):
    edges, relations = graph_of(blocks_of(lengths, window, **options))
    expected_edges, expected_relations = plain_graph(lengths, window)
    assert torch.equal(edges, expected_edges), (lengths, window, options)
    assert torch.equal(relations, expected_relations), (lengths, window, options)


@pytest.mark.parametrize("window", [(0, 0), (3, 0), (-1, -1), (5, 5), (20, 20)])
def test_blocks_hold_the_edges_of_dialogues_of_any_length(window):
    for length in range(1, 151):
        assert_same_graph([length], window)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("block", [1, 2, 5, 64])
def test_blocks_hold_the_edges_of_mixed_batches(window, block):
    for lengths in ([1, 1, 1], [1, 7, 2, 30], [30, 2, 7, 1], [5, 10, 11], [64, 65, 129]):
        assert_same_graph(lengths, window, block=block)


def test_every_utterance_hears_in_one_place():
    for block in (1, 3, 64):
        blocks = blocks_of([4, 1, 70, 9], (5, 5), block=block)
        assert blocks.hearing.flatten()[blocks.place].tolist() == list(range(84))


@pytest.mark.parametrize("decay", [0.0, 0.5, 8.0])
@pytest.mark.parametrize("block", [4, 64])
def test_means_are_over_the_edges_of_a_relation_and_sum_to_one_or_to_zero(decay, block):
    blocks = blocks_of([1, 50, 12], (20, 20), decay=decay, block=block)
    of_relation = blocks.relation[:, None] == torch.arange(5)[None, :, None, None]
    edges = of_relation & blocks.edge[:, None]  # [G, R, T, S]
    assert not blocks.mean[~edges].any()
    assert blocks.mean.min() >= 0
    torch.testing.assert_close(blocks.mean.sum(-1), edges.any(-1).float())


def test_without_decay_all_that_are_heard_weigh_alike():
    blocks = blocks_of([9], (-1, -1), decay=0.0)
    for row in blocks.mean.reshape(-1, 9):
        weights = row[row > 0]
        torch.testing.assert_close(weights, torch.full_like(weights, 1 / max(len(weights), 1)))


def test_decay_by_hand():
    # One speaker, the last of five utterances: it hears four of its own, 1 to 4 apart.
    blocks = dialogue_blocks(
        torch.zeros(5, dtype=torch.long), torch.tensor([0, 5]), past=-1, future=-1, decay=2.0
    )
    weights = [math.exp(-(apart - 1) / 2) for apart in (4, 3, 2, 1)]
    expected = [weight / sum(weights) for weight in weights]
    assert blocks.mean[0, 1, 4].tolist() == pytest.approx([*expected, 0.0])
    assert blocks.mean[0, 0, 4].tolist() == [0, 0, 0, 0, 1]


def test_who_is_heard_from_afar_alone_does_not_vanish():
    # The first and the last of 200 are one speaker; exp(-199 / 2) is no float32 number.
    speakers = torch.tensor([0, *[1] * 198, 0])
    ptr = torch.tensor([0, 200])
    blocks = dialogue_blocks(speakers, ptr, past=-1, future=-1, decay=2.0, block=200)
    assert blocks.mean[0, 1, 199, 0] == 1


def test_work_grows_linearly_with_the_length_where_the_windows_are_limited():
    short, long = (blocks_of([length], (20, 20)).mean.numel() for length in (640, 6400))
    assert long == 10 * short


def test_blocks_of_a_far_context_grow_linearly_and_few_exist_at_once():
    pairs, largest = [], []
    for length in (20_000, 40_000):
        ptr, speaker = torch.tensor([0, length]), torch.zeros(length, dtype=torch.long)
        later = context_blocks(speaker, ptr, past=512, future=512)
        sizes = [chunk.windows.sizes() for chunk in later.chunks]
        pairs.append(sum(hearing * heard for chunk in sizes for hearing, heard in chunk))
        largest.append(max(later.lay_out(chunk).edge.numel() for chunk in later.chunks[:6]))
    assert pairs[1] == pytest.approx(2 * pairs[0], rel=0.03)
    assert largest[0] == largest[1] <= 128 * (2 * 512 + 128)
