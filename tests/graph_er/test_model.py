from dataclasses import fields, replace

import pytest
import torch
import torch.nn.functional as F
from torch_geometric import seed_everything
from torch_geometric.data import Batch

from graph_er.checkpoint import ModelSpec
from graph_er.config import PRESETS, ModelConfig
from graph_er.model import FeatureScaler, attention_heads, sinusoids
from tests.graph_er.dialogue_factory import EMOTIONS, make_dialogue

COGMEN = ModelConfig(
    **{
        f.name: PRESETS["cogmen"][f.name]
        for f in fields(ModelConfig)
        if f.name in PRESETS["cogmen"]
    }
)
CONFIGS = {"default": ModelConfig(), "cogmen": COGMEN}
SPEC = ModelSpec(modalities="at", widths=(4, 6), emotions=EMOTIONS, num_speakers=2)


@pytest.fixture(params=["default", "cogmen"])
def config(request):
    return CONFIGS[request.param]


def build(config, spec=SPEC):
    seed_everything(0)
    return spec.build(config).eval()


def graphs(config, lengths, spec=SPEC):
    return [spec.graph(make_dialogue(f"S1_{n}", n), config) for n in lengths]


def run(model, graphs):
    b = Batch.from_data_list(graphs)
    return model(b.x, b.edge_index, b.edge_type, b.speaker, b.batch)


@pytest.mark.parametrize(("widths", "expected"), [((768, 768), 31_784_231), ((768,), 11_246_375)])
def test_cogmen_has_the_published_number_of_parameters(widths, expected):
    spec = ModelSpec("at"[: len(widths)], widths, tuple("abcdefg"), num_speakers=2)
    with torch.device("meta"):
        model = spec.build(COGMEN)
    assert sum(parameter.numel() for parameter in model.parameters()) == expected


def test_a_dialogue_alone_and_in_a_padded_batch_gives_the_same_logits(config):
    model, dialogues = build(config), graphs(config, [3, 17, 1, 8])
    together = run(model, dialogues).split([3, 17, 1, 8])
    for graph, expected in zip(dialogues, together, strict=True):
        torch.testing.assert_close(run(model, [graph]), expected, atol=1e-5, rtol=1e-4)


def test_the_order_of_edges_does_not_matter(config):
    model, (graph,) = build(config), graphs(config, [12])
    shuffled = graph.clone()
    order = torch.randperm(graph.edge_index.size(1))
    shuffled.edge_index, shuffled.edge_type = graph.edge_index[:, order], graph.edge_type[order]
    torch.testing.assert_close(run(model, [shuffled]), run(model, [graph]), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("modalities", ["a", "t", "at"])
@pytest.mark.parametrize("num_speakers", [1, 2, 5])
def test_every_parameter_gets_a_gradient(config, modalities, num_speakers):
    widths = tuple({"a": 4, "t": 6}[modality] for modality in modalities)
    spec = ModelSpec(modalities, widths, EMOTIONS, num_speakers)
    model = build(config, spec).train()
    speakers = [f"S{i}" for i in range(num_speakers)]
    dialogues = [make_dialogue(f"S1_{n}", n, speakers=speakers) for n in (9, 14)]
    b = Batch.from_data_list([spec.graph(dialogue, config) for dialogue in dialogues])
    logits = model(b.x, b.edge_index, b.edge_type, b.speaker, b.batch)
    F.cross_entropy(logits, b.y).backward()
    without = [name for name, parameter in model.named_parameters() if parameter.grad is None]
    assert without == []


def moved(model, graph, **changes):
    """Which utterances' logits move when fields of a graph are replaced."""
    changed = graph.clone()
    for name, value in changes.items():
        changed[name] = value
    return ((run(model, [changed]) - run(model, [graph])).abs().sum(dim=1) > 1e-6).tolist()


@pytest.mark.parametrize("part", ["relational", "attention"])
def test_each_graph_layer_reads_the_edges(config, part):
    model, (graph,) = build(config), graphs(config, [6])
    # The other layer is silenced: its messages become zero, its skip or root part stays.
    other = model.graph.attention if part == "relational" else model.graph.relational
    for name, value in other.named_parameters():
        if name == "weight" or name.startswith(("lin_value", "lin_edge")):
            value.data.zero_()
    alone = graph.edge_index[0] == graph.edge_index[1]
    changes = {"edge_index": graph.edge_index[:, alone], "edge_type": graph.edge_type[alone]}
    assert all(moved(model, graph, **changes))


def test_relations_are_told_apart(config):
    model, (graph,) = build(config), graphs(config, [6])
    assert all(moved(model, graph, edge_type=graph.edge_type.flip(0)))
    if config.residual:  # the default's attention reads relations as well
        model.graph.relational.weight.data.zero_()
        assert all(moved(model, graph, edge_type=graph.edge_type.flip(0)))


def test_the_default_hears_who_speaks():
    model, (graph,) = build(ModelConfig()), graphs(ModelConfig(), [6])
    assert any(moved(model, graph, speaker=1 - graph.speaker))


@pytest.mark.parametrize("positions", [True, False])
def test_order_reaches_the_context_encoder_by_positions_alone(positions):
    config = ModelConfig(wp=0, wf=0, positions=positions)
    # `wf=0` is causal; the last utterance hears the first two, whose order is exchanged.
    model, (graph,) = build(config), graphs(config, [5])
    order = torch.tensor([1, 0, 2, 3, 4])
    swapped = moved(model, graph, x=graph.x[order], speaker=graph.speaker[order])
    assert swapped[4] is positions


def test_eval_is_deterministic_and_logits_are_of_shape_n_by_c(config):
    model, dialogues = build(config), graphs(config, [4, 7])
    first = run(model, dialogues)
    assert first.shape == (11, len(EMOTIONS))
    assert torch.equal(first, run(model, dialogues))


@pytest.mark.parametrize("past", [-1, 0, 3])
def test_without_a_future_window_the_whole_model_is_causal(config, past):
    config = replace(config, wf=0, wp=past)
    model, (graph,) = build(config), graphs(config, [12])
    changed = graph.clone()
    changed.x = graph.x.clone()
    changed.x[8:] += 5.0
    before, after = run(model, [graph]), run(model, [changed])
    torch.testing.assert_close(after[:8], before[:8], atol=1e-5, rtol=1e-4)
    assert not torch.allclose(after[8:], before[8:])


def test_with_a_future_window_an_utterance_hears_what_follows(config):
    model, (graph,) = build(config), graphs(config, [12])
    changed = graph.clone()
    changed.x = graph.x.clone()
    changed.x[11] += 5.0
    assert not torch.allclose(run(model, [changed])[6:11], run(model, [graph])[6:11])


def test_the_graph_alone_hears_exactly_its_window():
    config = ModelConfig(context_layers=0, wp=1, wf=0)
    model, (graph,) = build(config), graphs(config, [8])
    changed = graph.clone()
    changed.x = graph.x.clone()
    changed.x[2] += 5.0
    moved = (run(model, [changed]) - run(model, [graph])).abs().sum(dim=1) > 1e-6
    # Two graph layers, each one step from the past: 2 reaches 3 and, through it, 4.
    assert moved.tolist() == [False, False, True, True, True, False, False, False]


def test_the_scaler_standardises_by_what_it_was_fitted_on_and_zeroes_constants():
    scaler = FeatureScaler(2)
    scaler.fit(torch.tensor([[1.0, 5.0], [3.0, 5.0]]))
    scaled = scaler(torch.tensor([[1.0, 5.0], [5.0, 9.0]]))
    assert scaled.tolist() == [[-1.0, 0.0], [3.0, 0.0]]


def test_a_dialogue_of_one_utterance_trains(config):
    model = build(config).train()
    assert torch.isfinite(run(model, graphs(config, [1]))).all()


@pytest.mark.parametrize("width", [1, 2, 7, 100])
def test_positions_of_any_width_differ_and_stay_bounded(width):
    positions = sinusoids(50, width)
    assert positions.shape == (50, width)
    assert positions.abs().max() <= 1
    assert len(positions.unique(dim=0)) == 50


@pytest.mark.parametrize(("width", "heads"), [(768, 8), (1536, 8), (868, 7), (394, 2), (13, 13)])
def test_heads_are_chosen_as_cogmen_does(width, heads):
    assert attention_heads(width) == heads
