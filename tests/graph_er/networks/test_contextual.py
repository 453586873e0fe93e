import math
from dataclasses import replace
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch_geometric import seed_everything
from torch_geometric.data import Batch
from torch_geometric.nn import RGCNConv

from graph_er.graphs import blocks as blocks_module
from graph_er.graphs.graph import relation_types, window_edges
from graph_er.networks import contextual
from graph_er.networks.contextual import GatedInput
from graph_er.networks.relational import RelationalAttention, RelationalMean
from graph_er.networks.spec import ModelSpec
from graph_er.training.losses import Objective
from tests.graph_er.dialogue_factory import EMOTIONS
from tests.graph_er.graphs.whole_blocks import dialogue_blocks
from tests.graph_er.tiny_models import (
    CONTEXTUAL,
    SPEC,
    TRAINING,
    build,
    logits,
    make_graphs,
    moved,
    with_noise,
)

DEEP = replace(CONTEXTUAL, context_layers=1, relational_layers=2, attention_layers=2)
VARIANTS = {
    "plain": CONTEXTUAL,
    "deep": DEEP,
    "causal": replace(DEEP, wf=0),
    "unlimited": replace(CONTEXTUAL, wp=-1, wf=-1, decay=0.0),
    "utterance alone": replace(
        CONTEXTUAL, relational_layers=0, attention_layers=0, relative_audio=False, gate=False
    ),
}
LENGTHS = [3, 17, 1, 8]


@pytest.fixture(params=VARIANTS)
def config(request):
    return VARIANTS[request.param]


# The whole network ------------------------------------------------------------------------------


def test_a_dialogue_alone_in_a_batch_and_in_any_order_gives_the_same_logits(config):
    model, graphs = build(config), make_graphs(config, LENGTHS)
    together = logits(model, graphs).split(LENGTHS, dim=1)
    backward = logits(model, graphs[::-1]).split(LENGTHS[::-1], dim=1)[::-1]
    for graph, in_batch, in_other in zip(graphs, together, backward, strict=True):
        alone = logits(model, [graph])
        torch.testing.assert_close(in_batch, alone, atol=1e-5, rtol=0)
        torch.testing.assert_close(in_other, alone, atol=1e-5, rtol=0)


@pytest.mark.parametrize("block", [1, 5, 16])
def test_dialogues_cut_into_small_blocks_give_the_same_logits(config, block, monkeypatch):
    model, graphs = build(config), make_graphs(config, LENGTHS)
    whole = logits(model, graphs)
    monkeypatch.setattr(contextual, "graph_blocks", partial(dialogue_blocks, block=block))
    torch.testing.assert_close(logits(model, graphs), whole, atol=1e-5, rtol=0)


def test_what_is_computed_in_chunks_is_the_same_gradients_included(config, monkeypatch):
    config = replace(config, dropout=0.0, input_dropout=0.0, audio_offset=0.0)
    model, graphs = build(config).train(), make_graphs(config, [40, *LENGTHS])
    batch = Batch.from_data_list(graphs)
    found = []
    for kept in (2**21, 0):
        monkeypatch.setattr(blocks_module, "_KEPT_PAIRS", kept)
        monkeypatch.setattr(blocks_module, "_PAIRS_AT_A_TIME", 300)
        out = model(batch).logits
        loss = F.cross_entropy(out.flatten(0, 1), batch.y.repeat(len(out)))
        found.append((out, *torch.autograd.grad(loss, list(model.parameters()))))
    for at_once, in_chunks in zip(*found, strict=True):
        torch.testing.assert_close(in_chunks, at_once, atol=1e-5, rtol=1e-4)


def test_the_span_of_context_layers_is_as_far_as_they_hear():
    spans = {"context_layers": 2, "relational_layers": 0, "attention_layers": 0}
    config = replace(CONTEXTUAL, relative_audio=False, **spans)
    (graph,) = make_graphs(config, [40])
    unlimited, far = (build(replace(config, context_span=span)) for span in (-1, 39))
    torch.testing.assert_close(logits(far, [graph]), logits(unlimited, [graph]))
    hears = moved(build(replace(config, context_span=4)), graph, x=with_noise(graph, 20, 21))
    assert hears == [12 <= i <= 28 for i in range(40)]


def test_a_dialogue_of_one_utterance_trains(config):
    model = build(config).train()
    out = logits(model, make_graphs(config, [1]))
    out.sum().backward()
    assert out.isfinite().all()
    assert model.output.weight.grad.isfinite().all()


@pytest.mark.parametrize("modalities", ["a", "t", "at"])
@pytest.mark.parametrize("num_speakers", [1, 2, 5])
def test_every_parameter_gets_a_gradient(modalities, num_speakers):
    widths = tuple({"a": 4, "t": 6}[modality] for modality in modalities)
    spec = ModelSpec(modalities, widths, EMOTIONS, num_speakers, cues="t" in modalities)
    model = build(DEEP, spec).train()
    training = replace(TRAINING, contrastive=0.5, shift=0.5, label_smoothing=0.1)
    objective = Objective(training, torch.ones(3), model.members, model.hidden_size)
    speakers = tuple(f"S{i}" for i in range(num_speakers))
    batch = Batch.from_data_list(make_graphs(DEEP, [15, 14], spec, speakers=speakers))
    objective(model(batch), batch).backward()
    both = (*model.named_parameters(), *objective.named_parameters())
    silent = [
        name
        for name, value in both
        for gradient in value.grad  # of each member
        if not gradient.any() or not gradient.isfinite().all()
    ]
    assert silent == []


def test_eval_is_deterministic_and_of_shape_k_by_n_by_c(config):
    model, graphs = build(config), make_graphs(config, LENGTHS)
    out = model(Batch.from_data_list(graphs))
    assert out.logits.shape == (config.members, sum(LENGTHS), len(EMOTIONS))
    assert out.hidden.shape == (config.members, sum(LENGTHS), model.hidden_size)
    assert torch.equal(out.logits, logits(model, graphs))


@pytest.mark.parametrize("noise", ["dropout", "input_dropout", "audio_offset"])
def test_each_kind_of_noise_is_there_in_training_alone(noise):
    quiet = replace(CONTEXTUAL, dropout=0.0, input_dropout=0.0, audio_offset=0.0)
    noisy = replace(quiet, **{noise: 0.5})
    graphs = make_graphs(quiet, LENGTHS)
    for config, varies in ((quiet, False), (noisy, True)):
        model = build(config)
        in_eval = logits(model, graphs)
        model.train()
        first, second = logits(model, graphs), logits(model, graphs)
        assert torch.equal(first, second) is not varies
        assert torch.allclose(first, in_eval, atol=1e-6) is not varies
        assert torch.equal(logits(model.eval(), graphs), in_eval)


def test_members_are_trained_under_noise_of_their_own():
    spec = ModelSpec("a", (4,), EMOTIONS, 2)
    for noise in ("dropout", "input_dropout", "audio_offset"):
        quiet = replace(CONTEXTUAL, dropout=0.0, input_dropout=0.0, audio_offset=0.0)
        config = replace(quiet, **{noise: 0.5})
        model, graphs = build(config, spec), make_graphs(config, [9], spec)
        for parameter in model.parameters():
            parameter.data[1] = parameter.data[0]
        first, second = logits(model, graphs)
        torch.testing.assert_close(first, second, atol=1e-6, rtol=0)
        first, second = logits(model.train(), graphs)
        assert not torch.allclose(first, second, atol=1e-4), noise


# Members are networks of their own --------------------------------------------------------------


def test_a_members_weights_move_its_own_logits_alone(config):
    config = replace(config, members=3)
    model, graphs = build(config), make_graphs(config, LENGTHS)
    before = logits(model, graphs)
    for parameter in model.parameters():
        parameter.data[1] += 0.3 * torch.randn_like(parameter[1])
    after = logits(model, graphs)
    torch.testing.assert_close(after[[0, 2]], before[[0, 2]], atol=1e-6, rtol=0)
    assert not torch.allclose(after[1], before[1], atol=1e-3)


def test_a_members_loss_has_no_gradient_in_the_others(config):
    config = replace(config, members=3)
    model, batch = build(config).train(), Batch.from_data_list(make_graphs(config, LENGTHS))
    F.cross_entropy(model(batch).logits[2], batch.y).backward()
    for name, parameter in model.named_parameters():
        assert not parameter.grad[:2].any(), name
    assert model.output.weight.grad[2].any()


def test_members_exchanged_exchange_their_logits(config):
    config, order = replace(config, members=3), [2, 0, 1]
    model, graphs = build(config), make_graphs(config, LENGTHS)
    before = logits(model, graphs)
    for parameter in model.parameters():
        parameter.data = parameter.data[order]
    torch.testing.assert_close(logits(model, graphs), before[order], atol=1e-6, rtol=0)


def test_a_committee_of_one_is_that_member_of_a_larger_one(config):
    two, one = build(config), build(replace(config, members=1))
    weights = {name: value[1:] for name, value in two.named_parameters()}
    one.load_state_dict({**dict(one.named_buffers()), **weights})
    graphs = make_graphs(config, LENGTHS)
    torch.testing.assert_close(logits(one, graphs), logits(two, graphs)[1:], atol=1e-6, rtol=0)


# What is heard ----------------------------------------------------------------------------------


@pytest.mark.parametrize("past", [-1, 0, 3])
@pytest.mark.parametrize("context_layers", [0, 1])
def test_without_a_future_window_the_whole_model_is_causal(past, context_layers):
    config = replace(CONTEXTUAL, wf=0, wp=past, context_layers=context_layers, relative_audio=True)
    model, (graph,) = build(config), make_graphs(config, [12])
    later_speakers = torch.cat([graph.speaker[:8], 7 - graph.speaker[8:]])
    hears = moved(model, graph, x=with_noise(graph, 8), speaker=later_speakers)
    assert hears == [False] * 8 + [True] * 4
    beginning = make_graphs(config, [12])[0].subgraph(torch.arange(8))
    torch.testing.assert_close(
        logits(model, [beginning]), logits(model, [graph])[:, :8], atol=1e-5, rtol=0
    )


@pytest.mark.parametrize("option", ["context_layers", "relative_audio"])
def test_with_a_future_window_the_whole_dialogue_can_be_heard(option):
    config = replace(CONTEXTUAL, wp=1, wf=1, context_layers=0, audio_level="dialogue")
    config = replace(config, relative_audio=False)
    config = replace(config, **{option: 1 if option == "context_layers" else True})
    model, (graph,) = build(config), make_graphs(config, [40])
    assert moved(model, graph, x=with_noise(graph, 39))[0]


def test_the_graph_hears_exactly_its_window():
    config = replace(CONTEXTUAL, wp=2, wf=1, relative_audio=False)
    for layers in ({"relational_layers": 0}, {"attention_layers": 0}):
        one_layer = replace(config, **layers)
        model, (graph,) = build(one_layer), make_graphs(one_layer, [9])
        hears = moved(model, graph, x=with_noise(graph, 4, 5))
        assert hears == [False] * 3 + [True] * 4 + [False] * 2


def test_without_layers_an_utterance_hears_itself_alone():
    config = VARIANTS["utterance alone"]
    model, (graph,) = build(config), make_graphs(config, [5])
    hears = moved(model, graph, x=with_noise(graph, 2, 3), speaker=1 - graph.speaker)
    assert hears == [False, False, True, False, False]


@pytest.mark.parametrize("layer", ["context_layers", "attention_layers"])
def test_the_order_of_what_was_said_is_heard_by_the_context_layers_alone(layer):
    # One layer only: through two, the last hears that the second heard the first.
    config = replace(VARIANTS["utterance alone"], wf=0, wp=-1, **{layer: 1})
    model, (graph,) = build(config), make_graphs(config, [5], speakers=("A",))
    order = torch.tensor([1, 0, 2, 3, 4])
    assert moved(model, graph, x=graph.x[order])[4] is (layer == "context_layers")


@pytest.mark.parametrize("layers", ["relational_layers", "attention_layers", "context_layers"])
def test_every_kind_of_layer_tells_speakers_apart(layers):
    config = replace(CONTEXTUAL, relational_layers=0, attention_layers=0, relative_audio=False)
    config = replace(config, **{layers: 1})
    model, (graph,) = build(config), make_graphs(config, [6])
    assert any(moved(model, graph, speaker=torch.zeros_like(graph.speaker)))


def test_speakers_are_told_apart_but_have_no_identity():
    config = replace(CONTEXTUAL, audio_level="dialogue")  # a voice is looked up by the number
    model, (graph,) = build(config), make_graphs(config, [12], speakers=("A", "B", "C"))
    assert graph.speaker.max() == 2
    assert not any(moved(model, graph, speaker=(graph.speaker + 1) % 3 + 4))
    assert any(moved(model, graph, speaker=graph.speaker.clamp(max=1)))


def test_relative_audio_is_heard_beside_the_level_and_of_audio_alone():
    config = replace(VARIANTS["utterance alone"], relative_audio=True, audio_level="dialogue")
    spec = replace(SPEC, modalities="a", widths=(4,))
    model, (graph,) = build(config, spec), make_graphs(config, [7], spec)
    weight = model.input.projections[0].weight
    assert weight.shape[1] == 8  # four features and their deviations
    assert all(moved(model, graph, x=graph.x + 1))
    weight.data[:, :4] = 0  # deaf to the level
    assert not any(moved(model, graph, x=graph.x + 1))
    text = replace(SPEC, modalities="t", widths=(6,))
    assert build(config, text).input.projections[0].weight.shape[1] == 6


@pytest.mark.parametrize("future", [0, 3])
def test_deviations_are_from_the_mean_of_the_dialogue_or_of_what_was_said_so_far(future):
    config = replace(CONTEXTUAL, wf=future, audio_level="speaker" if future == 0 else "dialogue")
    spec = replace(SPEC, modalities="a", widths=(4,))
    model, graphs = build(config, spec), make_graphs(config, [5, 1, 9], spec)
    (heard,) = model._modalities(Batch.from_data_list(graphs))
    for graph, part in zip(graphs, heard[0].split([5, 1, 9]), strict=True):
        for i, row in enumerate(part):
            known = graph.x[: i + 1] if future == 0 else graph.x
            torch.testing.assert_close(row[:4], graph.x[i])
            torch.testing.assert_close(row[4:], graph.x[i] - known.mean(dim=0))


@pytest.mark.parametrize("level", [1e6, 1e17])
def test_running_means_stay_exact_beside_a_long_loud_companion(level):
    config = replace(CONTEXTUAL, wf=0)
    model, (loud, graph) = build(config), make_graphs(config, [500, 6])
    loud.x = loud.x + level
    beside = logits(model, [loud, graph])[:, 500:]
    torch.testing.assert_close(beside, logits(model, [graph]), atol=1e-5, rtol=0)


# Layers -----------------------------------------------------------------------------------------


def random_batch(lengths, *, members=2, size=8, past=4, future=2, decay=0.0, block=64):
    seed_everything(3)
    ptr = torch.tensor([0, *lengths]).cumsum(0)
    speakers = torch.randint(3, (sum(lengths),))
    blocks = dialogue_blocks(speakers, ptr, past=past, future=future, decay=decay, block=block)
    edges = torch.cat(
        [
            window_edges(n, past, future) + start
            for n, start in zip(lengths, ptr.tolist(), strict=False)
        ],
        dim=1,
    )
    types = relation_types(edges, speakers)
    return torch.randn(members, sum(lengths), size), blocks, edges, types


@pytest.mark.parametrize("block", [3, 64])
def test_relational_means_without_decay_are_the_messages_of_rgcn(block):
    x, blocks, edges, types = random_batch([9, 1, 14], block=block)
    layer = RelationalMean(members=2, size=8, dropout=0.0)
    out = layer(x, blocks)
    for k in range(2):
        rgcn = RGCNConv(8, 8, num_relations=5, root_weight=False)
        rgcn.weight.data = layer.linear.weight[k].view(5, 8, 8)
        rgcn.bias.data = layer.linear.bias[k, 0]
        expected = F.layer_norm(x[k] + F.gelu(rgcn(x[k], edges, types)), [8])
        torch.testing.assert_close(out[k], expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("block", [3, 64])
def test_attention_is_a_masked_softmax_with_a_bias_per_relation_and_head(block):
    x, blocks, edges, types = random_batch([9, 1, 14], block=block)
    layer = RelationalAttention(members=2, size=8, heads=2, dropout=0.0)
    layer.relation_bias.data.normal_()
    relation = torch.full((24, 24), -1)
    relation[edges[1], edges[0]] = types  # [hearing, heard]
    out = layer(x, blocks)
    for k in range(2):
        linear = layer.query_key_value
        query, key, value = (x[k] @ linear.weight[k] + linear.bias[k]).split(8, dim=-1)
        heads = []
        for h, part in enumerate((slice(0, 4), slice(4, 8))):
            scores = query[:, part] @ key[:, part].t() / math.sqrt(4)
            scores = scores + layer.relation_bias[k, relation, h]
            scores[relation < 0] = float("-inf")
            heads.append(scores.softmax(dim=-1) @ value[:, part])
        attended = torch.cat(heads, dim=-1) @ layer.output.weight[k] + layer.output.bias[k]
        expected = F.layer_norm(x[k] + attended, [8])
        torch.testing.assert_close(out[k], expected, atol=1e-5, rtol=1e-5)


def test_the_gate_weighs_modalities_per_utterance_and_can_silence_one():
    audio, text = torch.randn(2, 5, 4), torch.randn(2, 5, 6)
    gated = GatedInput(2, [4, 6], 8, gate=True)
    gated.gate.weight.data.zero_()
    gated.gate.bias.data.zero_()  # all gates one half, and twice that is one
    plain = F.gelu(gated.projections[0](audio) + gated.projections[1](text))
    torch.testing.assert_close(gated([audio, text]), plain)
    gated.gate.bias.data[..., :8] = -100.0
    torch.testing.assert_close(gated([audio, text]), gated([torch.randn_like(audio), text]))
    gated.gate.bias.data.zero_()
    gated.gate.weight.data.normal_()
    assert not torch.allclose(gated([audio, text]), plain)


@pytest.mark.parametrize(("gate", "widths"), [(False, [4, 6]), (True, [4])])
def test_there_is_no_gate_where_none_is_wanted_or_one_modality_is_alone(gate, widths):
    layer = GatedInput(2, widths, 8, gate=gate)
    assert not any(name.startswith("gate") for name, _ in layer.named_parameters())
    parts = [torch.randn(2, 5, width) for width in widths]
    summed = sum(project(part) for project, part in zip(layer.projections, parts, strict=True))
    torch.testing.assert_close(layer(parts), F.gelu(summed))
