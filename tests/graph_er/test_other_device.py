"""Training and prediction of stage 3 keep every tensor on the device that they run on."""

from dataclasses import replace

import pytest
import torch

from graph_er.answers.prediction import predict_logits
from graph_er.graphs import blocks
from graph_er.networks import packed_encoder
from graph_er.training.fit import fit
from tests.graph_er.tiny_models import COGMEN, CONTEXTUAL, SPEC, TRAINING, make_graphs
from tests.pretended_device import pretended_device

CAUSAL = {"wf": 0, "context_span": 2}
slow = pytest.mark.slow


@pytest.mark.parametrize(
    ("config", "training"),
    [
        (CONTEXTUAL, {"contrastive": 0.1, "shift": 0.1, "logit_adjustment": 0.5}),
        (COGMEN, {}),
        pytest.param(replace(CONTEXTUAL, context_layers=1, **CAUSAL), {}, marks=slow),
        pytest.param(replace(CONTEXTUAL, wp=-1, wf=-1, decay=0.0, gate=False), {}, marks=slow),
        pytest.param(replace(COGMEN, positions=True), {}, marks=slow),
        pytest.param(replace(COGMEN, relations="same_other", **CAUSAL), {}, marks=slow),
    ],
)
def test_training_and_prediction_keep_to_one_device(config, training):
    graphs = make_graphs(config, (3, 2, 4))
    settings = replace(TRAINING, epochs=1, **training)
    what = (lambda: SPEC.build(config), graphs, graphs, SPEC.emotions, settings)
    with pretended_device() as device:
        weights = fit(*what, seed=0, device=device).weights
        model = SPEC.build(config)
        model.load_state_dict(weights)
        here = predict_logits(model, graphs)
        there = predict_logits(model, graphs, device)
    assert all(type(value) is torch.Tensor for value in weights.values())
    torch.testing.assert_close(there, here, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("config", [replace(CONTEXTUAL, context_layers=1), COGMEN])
def test_parts_of_long_dialogues_keep_to_one_device(monkeypatch, config):
    for module, kept, at_a_time in (
        (blocks, "_KEPT_PAIRS", "_PAIRS_AT_A_TIME"),
        (packed_encoder, "_KEPT_CELLS", "_GROUP_CELLS"),
    ):
        monkeypatch.setattr(module, kept, 4)
        monkeypatch.setattr(module, at_a_time, 12)
    test_training_and_prediction_keep_to_one_device(config, {"shift": 0.1})
