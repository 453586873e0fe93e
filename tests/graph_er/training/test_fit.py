import inspect
from dataclasses import replace

import numpy as np
import pytest
import torch

from graph_er.answers.prediction import predict_logits
from graph_er.errors import InputError
from graph_er.probabilities.finish import committee_log_probabilities
from graph_er.training import optimisation
from graph_er.training.fit import fit
from graph_er.training.optimisation import dialogues_per_step
from tests.graph_er.dialogue_factory import EMOTIONS, make_file
from tests.graph_er.tiny_models import COGMEN, CONFIGS, CONTEXTUAL, SPEC, TRAINING, make_graphs

FILE = make_file()
LEARNING = replace(TRAINING, epochs=12, batch_size=1, learning_rate=2e-2, ema=0.8)


def graphs(side, config=CONTEXTUAL):
    return [SPEC.graph(dialogue, config) for dialogue in FILE.side(side)]


def train(seed=1, config=CONTEXTUAL, *, dev=None, **options):
    dev = graphs("dev", config) if dev is None else dev
    return fit(
        lambda: SPEC.build(config),
        graphs("train", config),
        dev,
        EMOTIONS,
        replace(LEARNING, **options),
        seed=seed,
    )


def equal(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("preset", CONFIGS)
@pytest.mark.parametrize("schedule", ["one_cycle", "plateau"])
@pytest.mark.parametrize("ema", [0.0, 0.8])
def test_a_learnable_file_is_learned(preset, schedule, ema):
    config = replace(CONFIGS[preset], hidden_size=16, dropout=0.1)
    options = {"schedule": schedule, "ema": ema, "learning_rate": 5e-3, "select": "best"}
    result = train(config=config, epochs=20, **options)
    assert result.kept.dev["weighted_f1"] > 0.75  # the majority class: below 0.3
    assert len(result.history) == 20
    assert result.history[-1].train_loss < result.history[0].train_loss


@pytest.mark.parametrize("preset", CONFIGS)
def test_every_auxiliary_term_trains_and_changes_the_result(preset):
    config = CONFIGS[preset]
    plain = train(config=config, epochs=2)
    for term in ("contrastive", "shift", "label_smoothing", "logit_adjustment"):
        result = train(config=config, epochs=2, **{term: 0.3})
        assert not equal(plain.weights, result.weights), term
        assert set(result.weights) == set(plain.weights)  # no auxiliary head is kept


@pytest.mark.parametrize("preset", CONFIGS)
def test_the_same_seed_gives_the_same_weights_and_another_seed_others(preset):
    config = CONFIGS[preset]
    first, again, other = (train(seed, config, epochs=3) for seed in (1, 1, 2))
    assert first.history == again.history
    assert equal(first.weights, again.weights)
    assert not equal(first.weights, other.weights)


def test_members_of_a_committee_become_different_networks():
    weights = train(epochs=2).weights["output.weight"]
    assert not torch.allclose(weights[0], weights[1], atol=1e-3)


@pytest.mark.parametrize("select", ["last", "best"])
def test_the_kept_weights_are_those_of_the_last_or_of_the_best_dev_epoch(select):
    options = {"learning_rate": 0.1, "ema": 0.0, "schedule": "plateau", "epochs": 6}
    for seed in range(1, 20):
        result = train(seed, **options, select=select)
        scores = [report.dev["weighted_f1"] for report in result.history]
        if scores[-1] < max(scores):  # else the choice makes no difference
            break
    kept = result.history[-1] if select == "last" else result.history[scores.index(max(scores))]
    assert scores[-1] < max(scores)
    assert result.kept == kept
    model = SPEC.build(CONTEXTUAL)
    model.load_state_dict(result.weights)
    predicted = committee_log_probabilities(predict_logits(model, graphs("dev"))).argmax(-1)
    gold = torch.cat([graph.y for graph in graphs("dev")]).numpy()
    assert (predicted == gold).mean() == pytest.approx(result.kept.dev["accuracy"])


@pytest.mark.parametrize("select", ["last", "best"])
def test_without_dev_the_last_epoch_is_kept_unscored(select):
    result = train(dev=[], epochs=3, select=select)
    assert result.kept.epoch == 3
    assert result.kept.dev is None
    assert set(result.kept.numbers()) == {"refit_train_loss"}


@pytest.mark.parametrize("schedule", ["one_cycle", "plateau"])
def test_scoring_dev_leaves_no_trace_in_the_weights(schedule):
    # The plateau schedule does look at dev, but not within a few epochs.
    options = {"epochs": 3, "schedule": schedule}
    assert equal(train(**options).weights, train(dev=[], **options).weights)


@pytest.mark.parametrize("epochs", [1, 2, 3])
def test_a_cycle_of_few_steps_learns(epochs):
    options = {"batch_size": 100, "ema": 0.0}
    start, end = (
        train(epochs=epochs, learning_rate=rate, **options).weights["output.weight"]
        for rate in (1e-12, 1e-2)
    )
    # The first step of AdamW moves a weight by about the learning rate.
    assert (end - start).abs().median() > 0.005


def test_a_fit_that_stops_is_the_beginning_of_the_whole_one():
    options = {"epochs": 6, "schedule": "one_cycle"}
    whole = train(dev=[], **options)
    stopped = fit(
        lambda: SPEC.build(CONTEXTUAL),
        graphs("train"),
        [],
        EMOTIONS,
        replace(LEARNING, **options),
        seed=1,
        stop_after=2,
    )
    assert stopped.kept.epoch == 2
    assert stopped.history == whole.history[:2]


def test_without_dev_a_plateau_is_not_looked_for(monkeypatch):
    # The learning rate is too small to get anywhere: some epoch is worse by chance.
    options = {"schedule": "plateau", "learning_rate": 1e-6, "epochs": 8, "ema": 0.0}
    weights = []
    for patience in (0, 100):
        monkeypatch.setattr(optimisation, "_PLATEAU_PATIENCE", patience)
        weights.append(train(dev=[], **options).weights)
    assert equal(*weights)


def test_without_dev_the_rate_falls_where_it_fell_in_a_fit_that_had_one(monkeypatch):
    monkeypatch.setattr(optimisation, "_PLATEAU_PATIENCE", 0)
    options = {"schedule": "plateau", "learning_rate": 0.5, "epochs": 8, "ema": 0.0}
    fitted = train(**options)
    made = lambda: SPEC.build(CONTEXTUAL)  # noqa: E731
    config, seed = replace(LEARNING, **options), {"seed": 1}
    again = fit(made, graphs("train"), [], EMOTIONS, config, **seed, like=fitted)
    unlike = fit(made, graphs("train"), [], EMOTIONS, config, **seed)
    assert equal(again.weights, fitted.weights)
    assert not equal(unlike.weights, fitted.weights)


def test_the_average_moves_less_than_the_weights_it_follows():
    start, raw, averaged = (
        train(epochs=epochs, ema=ema, learning_rate=rate).weights["output.weight"]
        for epochs, ema, rate in ((1, 0.0, 1e-12), (2, 0.0, 1e-2), (2, 0.9, 1e-2))
    )
    assert 0 < (averaged - start).norm() < (raw - start).norm()


def test_statistics_of_batch_norm_are_not_averaged():
    raw, averaged = (train(config=COGMEN, ema=ema, epochs=2).weights for ema in (0.0, 0.9))
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        assert torch.equal(raw[f"graph.norm.{name}"], averaged[f"graph.norm.{name}"])
    assert not torch.equal(raw["graph.norm.weight"], averaged["graph.norm.weight"])


def test_the_gradient_is_clipped_where_wanted():
    free, loose, tight = (train(epochs=2, clip_norm=norm).weights for norm in (0.0, 1e9, 1e-3))
    assert equal(free, loose)
    assert not equal(free, tight)


def test_the_scaler_holds_train_statistics_only():
    weights = train(epochs=1).weights
    features = torch.cat([graph.x for graph in graphs("train")])
    torch.testing.assert_close(weights["scaler.mean"], features.mean(0))
    torch.testing.assert_close(weights["scaler.std"], features.std(0, correction=0))


@pytest.mark.parametrize("preset", CONFIGS)
def test_bfloat16_trains_weights_that_stay_float32(preset):
    config = replace(CONFIGS[preset], dropout=0.0)
    exact, half = (train(config=config, epochs=3, dtype=d) for d in ("float32", "bfloat16"))
    for name, value in half.weights.items():
        assert value.dtype == exact.weights[name].dtype
    assert not equal(exact.weights, half.weights)
    assert half.history[-1].train_loss == pytest.approx(exact.history[-1].train_loss, rel=0.05)


@pytest.mark.parametrize("select", ["last", "best"])
def test_dev_is_scored_by_the_weights_that_are_kept(select):
    result = train(epochs=4, select=select, learning_rate=0.1)
    model = SPEC.build(CONTEXTUAL)
    model.load_state_dict(result.weights)
    again = committee_log_probabilities(predict_logits(model, graphs("dev")))
    np.testing.assert_allclose(result.on_dev, again, atol=1e-6)
    assert train(dev=[], epochs=1).on_dev is None


def test_the_settings_of_determinism_are_put_back():
    before = torch.utils.deterministic.fill_uninitialized_memory
    train(epochs=1)
    assert torch.utils.deterministic.fill_uninitialized_memory is before
    assert not torch.are_deterministic_algorithms_enabled()


def test_weights_are_copies_on_the_cpu_without_gradient():
    for value in train(epochs=1).weights.values():
        assert value.device.type == "cpu"
        assert not value.requires_grad


def test_a_step_holds_as_many_dialogues_as_configured_or_about_400_utterances():
    dialogues = make_graphs(COGMEN, [10, 30])
    assert dialogues_per_step(replace(TRAINING, batch_size=3), dialogues) == 3
    assert dialogues_per_step(replace(TRAINING, batch_size=0), dialogues) == 20
    long = make_graphs(CONTEXTUAL, [1000])
    assert dialogues_per_step(replace(TRAINING, batch_size=0), long) == 1


def test_fit_has_no_door_for_test_data():
    assert set(inspect.signature(fit).parameters) == {
        "build", "train", "dev", "emotions", "config", "seed", "device", "on_epoch", "stop_after",
        "like",
    }  # fmt: skip


@pytest.mark.parametrize("preset", CONFIGS)
def test_a_loss_that_is_not_finite_is_named(preset):
    with pytest.raises(InputError, match="training loss became"):
        train(
            config=CONFIGS[preset],
            learning_rate=1e30,
            clip_norm=0.0,
            ema=0.0,
            schedule="plateau",
            weight_decay=0.0,
        )


@pytest.mark.parametrize("last", [0, -1, 13])
def test_training_stops_after_none_but_an_epoch(last):
    with pytest.raises(ValueError, match=f"stop_after is {last}.*1 to 12"):
        fit(None, [], [], EMOTIONS, LEARNING, seed=1, stop_after=last)
