from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch_geometric.data import Batch

from graph_er.errors import InputError
from graph_er.networks.cogmen import attention_heads
from graph_er.networks.config import CogmenConfig
from graph_er.networks.spec import ModelSpec
from tests.graph_er.dialogue_factory import EMOTIONS
from tests.graph_er.tiny_models import COGMEN, build, logits, make_graphs, moved, with_noise


@pytest.mark.parametrize(("widths", "expected"), [((768, 768), 31_784_231), ((768,), 11_246_375)])
def test_the_preset_has_the_published_number_of_parameters(widths, expected):
    spec = ModelSpec("at"[: len(widths)], widths, tuple("abcdefg"), num_speakers=2)
    with torch.device("meta"):
        model = spec.build(CogmenConfig())
    assert sum(parameter.numel() for parameter in model.parameters()) == expected


@pytest.mark.parametrize("positions", [True, False])
def test_a_dialogue_alone_in_a_batch_and_in_any_order_gives_the_same_logits(positions):
    config = replace(COGMEN, positions=positions)
    lengths = [3, 17, 1, 8]
    model, graphs = build(config), make_graphs(config, lengths)
    together = logits(model, graphs).split(lengths, dim=1)
    backward = logits(model, graphs[::-1]).split(lengths[::-1], dim=1)[::-1]
    for graph, in_batch, in_other in zip(graphs, together, backward, strict=True):
        alone = logits(model, [graph])
        torch.testing.assert_close(in_batch, alone, atol=1e-5, rtol=0)
        torch.testing.assert_close(in_other, alone, atol=1e-5, rtol=0)


def test_the_order_of_edges_does_not_matter():
    model, (graph,) = build(COGMEN), make_graphs(COGMEN, [12])
    order = torch.randperm(graph.edge_index.size(1))
    shuffled = {"edge_index": graph.edge_index[:, order], "edge_type": graph.edge_type[order]}
    assert not any(moved(model, graph, **shuffled))


@pytest.mark.parametrize("modalities", ["a", "t", "at"])
@pytest.mark.parametrize("num_speakers", [1, 2, 5])
def test_every_parameter_gets_a_gradient(modalities, num_speakers):
    widths = tuple({"a": 4, "t": 6}[modality] for modality in modalities)
    spec = ModelSpec(modalities, widths, EMOTIONS, num_speakers)
    model = build(COGMEN, spec).train()
    speakers = tuple(f"S{i}" for i in range(num_speakers))
    batch = Batch.from_data_list(make_graphs(COGMEN, [9, 14], spec, speakers=speakers))
    F.cross_entropy(model(batch).logits[0], batch.y).backward()
    without = [name for name, value in model.named_parameters() if not value.grad.any()]
    # Softmax cannot tell when all keys move alike; and ReLU may be shut.
    assert [name for name in without if not name.endswith("lin_key.bias")] == []


@pytest.mark.parametrize("part", ["relational", "attention"])
def test_each_graph_layer_reads_the_edges(part):
    model, (graph,) = build(COGMEN), make_graphs(COGMEN, [6])
    # The other layer is silenced: its messages become zero, its skip or root part stays.
    other = model.graph.attention if part == "relational" else model.graph.relational
    for name, value in other.named_parameters():
        if name == "weight" or name.startswith("lin_value"):
            value.data.zero_()
    alone = graph.edge_index[0] == graph.edge_index[1]
    changes = {"edge_index": graph.edge_index[:, alone], "edge_type": graph.edge_type[alone]}
    assert all(moved(model, graph, **changes))


def test_relations_are_told_apart():
    model, (graph,) = build(COGMEN), make_graphs(COGMEN, [6])
    assert all(moved(model, graph, edge_type=graph.edge_type.flip(0)))


@pytest.mark.parametrize("positions", [True, False])
def test_order_reaches_the_context_encoder_by_positions_alone(positions):
    config = replace(COGMEN, wp=0, wf=0, positions=positions)
    # `wf=0` is causal; the last utterance hears the first two, whose order is exchanged.
    model, (graph,) = build(config), make_graphs(config, [5])
    order = torch.tensor([1, 0, 2, 3, 4])
    assert moved(model, graph, x=graph.x[order])[4] is positions


@pytest.mark.parametrize("past", [-1, 0, 3])
@pytest.mark.parametrize("context_layers", [0, 2])
def test_without_a_future_window_the_whole_model_is_causal(past, context_layers):
    config = replace(COGMEN, wf=0, wp=past, context_layers=context_layers)
    model, (graph,) = build(config), make_graphs(config, [12])
    hears = moved(model, graph, x=with_noise(graph, 8), speaker=graph.speaker.flip(0))
    assert not any(hears[:8])
    assert hears[8]


def test_with_a_future_window_an_utterance_hears_what_follows():
    model, (graph,) = build(COGMEN), make_graphs(COGMEN, [12])
    assert all(moved(model, graph, x=with_noise(graph, 11)))


def test_the_graph_alone_hears_exactly_its_window():
    config = replace(COGMEN, context_layers=0, wp=1, wf=0)
    model, (graph,) = build(config), make_graphs(config, [8])
    # Two graph layers, each one step from the past: 2 reaches 3 and, through it, 4.
    hears = moved(model, graph, x=with_noise(graph, 2, 3))
    assert hears == [False, False, True, True, True, False, False, False]


def test_eval_is_deterministic_and_training_drops_out():
    model, graphs = build(COGMEN), make_graphs(COGMEN, [4, 7])
    first = logits(model, graphs)
    assert first.shape == (1, 11, len(EMOTIONS))
    assert torch.equal(first, logits(model, graphs))
    model.train()
    assert not torch.equal(logits(model, graphs), logits(model, graphs))


def test_a_dialogue_of_one_utterance_trains():
    model = build(COGMEN).train()
    out = logits(model, make_graphs(COGMEN, [1]))
    out.sum().backward()
    assert torch.isfinite(out).all()
    assert model.head.output.weight.grad.isfinite().all()


@pytest.mark.parametrize(("width", "heads"), [(768, 8), (1536, 8), (868, 7), (394, 2), (13, 13)])
def test_heads_are_chosen_as_cogmen_does(width, heads):
    assert attention_heads(width) == heads


def test_heads_that_do_not_divide_the_width_are_refused():
    with pytest.raises(InputError, match=r"--context_heads is 3.*width 10"):
        build(replace(COGMEN, context_heads=3))
