import inspect

import pytest
import torch

from graph_er.checkpoint import ModelSpec
from graph_er.config import ModelConfig, TrainingConfig
from graph_er.errors import InputError
from graph_er.prediction import predict_logits
from graph_er.training import fit
from tests.graph_er.dialogue_factory import EMOTIONS, make_file

SPEC = ModelSpec(modalities="at", widths=(4, 6), emotions=EMOTIONS, num_speakers=2)
CONFIG = ModelConfig(hidden_size=16, context_feedforward=16, dropout=0.1)
FILE = make_file()


def graphs(side):
    return [SPEC.graph(dialogue, CONFIG) for dialogue in FILE.side(side)]


def train(seed=1, **options):
    config = TrainingConfig(
        **{"epochs": 12, "batch_size": 1, "learning_rate": 1e-2, "ema": 0.8, **options}
    )
    build = lambda: SPEC.build(CONFIG)  # noqa: E731
    return fit(build, graphs("train"), graphs("dev"), EMOTIONS, config, seed=seed)


@pytest.mark.parametrize("schedule", ["one_cycle", "plateau"])
@pytest.mark.parametrize("ema", [0.0, 0.8])
def test_a_learnable_file_is_learned(schedule, ema):
    result = train(schedule=schedule, ema=ema)
    assert result.best.dev["weighted_f1"] > 0.9
    assert len(result.history) == 12


def test_the_same_seed_gives_the_same_weights_and_another_seed_others():
    first, again, other = train(1), train(1), train(2)
    assert first.history == again.history
    assert all(torch.equal(first.weights[name], again.weights[name]) for name in first.weights)
    assert any(not torch.equal(first.weights[name], other.weights[name]) for name in first.weights)


def test_the_kept_weights_are_those_of_the_best_dev_epoch():
    result = train(learning_rate=0.05)
    best = max(report.dev["weighted_f1"] for report in result.history)
    assert result.best.dev["weighted_f1"] == best
    model = SPEC.build(CONFIG)
    model.load_state_dict(result.weights)
    gold = torch.cat([graph.y for graph in graphs("dev")])
    accuracy = (predict_logits(model, graphs("dev")).argmax(-1) == gold).double().mean().item()
    assert accuracy == pytest.approx(result.best.dev["accuracy"])


def test_the_scaler_holds_train_statistics_only():
    weights = train(epochs=1).weights
    features = torch.cat([graph.x for graph in graphs("train")])
    torch.testing.assert_close(weights["scaler.mean"], features.mean(0))


def test_fit_has_no_door_for_test_data():
    assert set(inspect.signature(fit).parameters) == {
        "build", "train", "dev", "emotions", "config", "seed", "device", "on_epoch",
    }  # fmt: skip


def test_a_loss_that_is_not_finite_is_named():
    with pytest.raises(InputError, match="training loss became"):
        train(learning_rate=1e20, clip_norm=0.0, ema=0.0, schedule="plateau")
