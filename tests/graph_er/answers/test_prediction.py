"""From dialogues to probabilities: the whole of what a checkpoint does, decoding included."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from graph_er.answers import prediction
from graph_er.answers.prediction import evaluated_utterances, predict_logits, predict_probabilities
from graph_er.errors import InputError
from graph_er.networks.checkpoint import Checkpoint
from graph_er.probabilities.finish import Finish
from tests.graph_er.dialogue_factory import EMOTIONS, make_dialogue
from tests.graph_er.tiny_models import CONFIGS, CONTEXTUAL, SPEC, build, make_graphs

TRANSITIONS = np.log([[4.0, 1.0, 0.5], [1.0, 4.0, 0.5], [0.5, 0.5, 3.0]])
HEARING = replace(SPEC, cues=True)
SPEAKERS = ("A", "B", "C")


def checkpoint(config, seeds=(1, 2)):
    spec = HEARING if config.__class__ is CONTEXTUAL.__class__ else SPEC
    members = []
    for seed in seeds:
        model = build(config, spec)
        for parameter in model.parameters():
            parameter.data += 0.1 * seed * torch.randn_like(parameter)
        members.append({"seed": seed, "weights": model.state_dict()})
    finish = Finish(1.3, 0.5, TRANSITIONS, causal=config.causal)
    return Checkpoint(config, spec, tuple(members), finish)


def beginning(dialogue, count):
    return replace(
        dialogue,
        **{
            name: getattr(dialogue, name)[:count]
            for name in ("utterance_ids", "speakers", "labels", "sentences", "text", "audio")
        },
    )


def with_other_end(dialogue, begin):
    """Another end: features, speakers and sentences from `begin` on."""
    other = make_dialogue("other", len(dialogue), seed=9)
    return replace(
        dialogue,
        speakers=(*dialogue.speakers[:begin], *("Z" for _ in dialogue.speakers[begin:])),
        sentences=(*dialogue.sentences[:begin], *("!!! ㅋㅋ" for _ in dialogue.sentences[begin:])),
        text=np.concatenate([dialogue.text[:begin], 5 * other.text[begin:]]),
        audio=np.concatenate([dialogue.audio[:begin], 5 * other.audio[begin:]]),
    )


@pytest.mark.parametrize("preset", CONFIGS)
@pytest.mark.parametrize("context_layers", [0, 1])
@pytest.mark.parametrize("past", [-1, 3])
def test_a_causal_model_hears_nothing_of_what_comes(preset, context_layers, past):
    config = replace(CONFIGS[preset], wf=0, wp=past, context_layers=context_layers)
    run, dialogue = checkpoint(config), make_dialogue("S1_a", 14, speakers=SPEAKERS)
    whole = predict_probabilities(run, [dialogue])
    for changed in (with_other_end(dialogue, 9), beginning(dialogue, 9)):
        found = predict_probabilities(run, [changed])
        np.testing.assert_allclose(found[:, :9], whole[:, :9], atol=1e-5)
    assert not np.allclose(
        predict_probabilities(run, [with_other_end(dialogue, 9)])[:, 9:], whole[:, 9:], atol=1e-2
    )


@pytest.mark.parametrize("preset", CONFIGS)
def test_a_model_with_a_future_window_does_hear_it(preset):
    run, dialogue = checkpoint(CONFIGS[preset]), make_dialogue("S1_a", 14, speakers=SPEAKERS)
    whole, changed = (
        predict_probabilities(run, [d]) for d in (dialogue, with_other_end(dialogue, 9))
    )
    assert not np.allclose(whole[:, :9], changed[:, :9], atol=1e-3)


@pytest.mark.parametrize("preset", CONFIGS)
@pytest.mark.parametrize("future", [0, 4])
def test_companions_their_order_and_the_batch_size_change_nothing(preset, future, monkeypatch):
    run = checkpoint(replace(CONFIGS[preset], wf=future))
    lengths = [3, 17, 1, 8, 30]
    dialogues = [make_dialogue(f"S{n}_a", n, speakers=SPEAKERS) for n in lengths]
    alone = [predict_probabilities(run, [dialogue]) for dialogue in dialogues]
    expected = np.concatenate(alone, axis=1)
    np.testing.assert_allclose(predict_probabilities(run, dialogues), expected, atol=1e-5)
    backward = np.concatenate(alone[::-1], axis=1)
    np.testing.assert_allclose(predict_probabilities(run, dialogues[::-1]), backward, atol=1e-5)
    monkeypatch.setattr(prediction, "_UTTERANCES_PER_BATCH", 20)
    np.testing.assert_allclose(predict_probabilities(run, dialogues), expected, atol=1e-5)


@pytest.mark.parametrize("preset", CONFIGS)
def test_every_seed_gives_probabilities_of_its_own_and_the_same_each_time(preset):
    run = checkpoint(CONFIGS[preset])
    dialogues = [make_dialogue("S1_a", 5), make_dialogue("S1_b", 1)]
    found = predict_probabilities(run, dialogues)
    assert found.shape == (2, 6, 3)
    np.testing.assert_allclose(found.sum(axis=-1), 1)
    assert not np.allclose(found[0], found[1])
    np.testing.assert_array_equal(found, predict_probabilities(run, dialogues))


@pytest.mark.parametrize("cells", [1, 200, 4_000_000])
def test_batches_hold_every_dialogue_once_and_few_of_long_ones(cells, monkeypatch):
    monkeypatch.setattr(prediction, "_CELLS_PER_BATCH", cells)
    lengths = [9, 2, 30, 2, 1, 9, 9]
    batches = prediction._batches(lengths, lambda length: length**2)
    assert sorted(i for batch in batches for i in batch) == [*range(7)]
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) ** 2 <= cells
    assert len(batches) == {1: 7, 200: 4, 4_000_000: 1}[cells]


def test_batches_hold_so_many_utterances_and_what_costs_nothing_else_is_together(monkeypatch):
    monkeypatch.setattr(prediction, "_UTTERANCES_PER_BATCH", 20)
    lengths = [30, 5, 5, 5, 5, 10, 10, 1]
    batches = prediction._batches(lengths, lambda length: 0)
    assert [[lengths[i] for i in batch] for batch in batches] == [[1, 5, 5, 5], [5, 10], [10], [30]]


@pytest.mark.parametrize("preset", CONFIGS)
def test_the_cost_of_long_dialogues_is_linear_where_hearing_is_limited(preset):
    config = replace(CONFIGS[preset], context_layers=1, context_span=100)
    cells = build(config).cells
    assert cells(40_000) == pytest.approx(2 * cells(20_000), rel=0.01)
    assert cells(60) >= 60**2
    unlimited = build(replace(config, wp=-1)).cells
    assert unlimited(40_000) == pytest.approx(4 * unlimited(20_000), rel=0.1)


@pytest.mark.parametrize("training", [True, False])
def test_the_mode_of_a_model_is_left_as_it_was_and_nothing_drops_out(training):
    model, graphs = build(CONTEXTUAL), make_graphs(CONTEXTUAL, [7])
    expected = predict_logits(model, graphs)
    model.train(training)
    assert torch.equal(predict_logits(model, graphs), expected)
    assert model.training is training


def test_features_too_extreme_for_the_network_are_named():
    (graph,) = make_graphs(CONTEXTUAL, [3])
    graph.x = graph.x * 1e38
    with pytest.raises(InputError, match=r"not finite.*extreme feature"):
        predict_logits(build(CONTEXTUAL), [graph])


def test_utterances_are_listed_in_the_order_of_predictions():
    dialogues = [make_dialogue("S1_b", 2), make_dialogue("S1_a", 1)]
    listed = evaluated_utterances(dialogues, EMOTIONS)
    assert listed.dialogues == ["S1_b", "S1_b", "S1_a"]
    assert listed.utterances == ["S1_b_000", "S1_b_001", "S1_a_000"]
    assert listed.speakers == ["F", "M", "F"]
    assert listed.gold.tolist() == [*dialogues[0].labels, *dialogues[1].labels]


def test_dialogues_that_can_be_read_only_once_are_decoded_as_well():
    run, dialogues = checkpoint(CONTEXTUAL), [make_dialogue("S1_a", 5), make_dialogue("S1_b", 4)]
    found = predict_probabilities(run, (dialogue for dialogue in dialogues))
    np.testing.assert_array_equal(found, predict_probabilities(run, dialogues))


def test_without_dialogues_it_is_told_that_there_are_none():
    with pytest.raises(ValueError, match="no dialogue to predict"):
        predict_logits(build(CONTEXTUAL), [])
    with pytest.raises(ValueError, match="no dialogue to predict"):
        predict_probabilities(checkpoint(CONTEXTUAL), [])


@pytest.mark.parametrize("fails", [False, True])
def test_each_part_of_a_model_is_left_in_its_own_mode(fails):
    model, graphs = build(CONTEXTUAL).train(), make_graphs(CONTEXTUAL, [7])
    frozen = next(iter(model.children()))
    frozen.eval()
    modes = [module.training for module in model.modules()]
    assert len({*modes}) == 2
    if fails:
        model.forward = None
        with pytest.raises(TypeError):
            predict_logits(model, graphs)
    else:
        predict_logits(model, graphs)
    assert [module.training for module in model.modules()] == modes
