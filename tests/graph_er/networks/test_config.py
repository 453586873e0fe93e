from dataclasses import asdict, fields, replace

import pytest

from graph_er.errors import InputError
from graph_er.networks.config import (
    PRESETS,
    CogmenConfig,
    ContextualConfig,
    TrainingConfig,
    model_config,
    preset_of,
    training_config,
)
from tests.graph_er.tiny_models import COGMEN, CONFIGS, CONTEXTUAL, TRAINING

NAN, INF = float("nan"), float("inf")


def test_presets_change_training_options_that_exist():
    names = {field.name for field in fields(TrainingConfig)}
    for preset in PRESETS.values():
        assert set(preset.training) <= names
        TrainingConfig(**preset.training)
        preset.model()


@pytest.mark.parametrize("preset", CONFIGS)
def test_a_configuration_comes_back_from_its_preset_and_plain_values(preset):
    config = CONFIGS[preset]
    assert preset_of(config) == preset
    assert model_config(preset, asdict(config)) == config


@pytest.mark.parametrize(
    ("preset", "option", "value"),
    [("default", "positions", True), ("default", "relations", "same_other"),
     ("cogmen", "members", 2), ("cogmen", "gate", False), ("cogmen", "unheard_of", 1)],
)  # fmt: skip
def test_an_option_of_another_architecture_is_named(preset, option, value):
    with pytest.raises(InputError, match=rf"--{option} is .*--preset {preset}"):
        model_config(preset, {option: value})


@pytest.mark.parametrize(
    ("preset", "option", "value"),
    [("default", "hidden_size", "8"), ("default", "wp", 2.5), ("default", "gate", 1),
     ("default", "members", True), ("default", "decay", None), ("cogmen", "relations", 1)],
)  # fmt: skip
def test_a_value_of_another_type_is_named(preset, option, value):
    with pytest.raises(InputError, match=f"--{option} is .*of type"):
        model_config(preset, {option: value})


def test_a_whole_number_serves_where_any_number_does():
    assert model_config("default", {"decay": 4}).decay == 4


@pytest.mark.parametrize(
    ("config", "option", "values"),
    [
        *((CONTEXTUAL, name, (0, -1)) for name in ("members", "hidden_size", "graph_heads")),
        *((CONTEXTUAL, f"{part}_layers", (-1,)) for part in ("context", "relational", "attention")),
        *((CONTEXTUAL, name, (-2,)) for name in ("wp", "wf")),
        *((CONTEXTUAL, name, (-0.1, NAN, INF)) for name in ("decay", "audio_offset")),
        *((CONTEXTUAL, name, (-0.1, 1.0, NAN)) for name in ("dropout", "input_dropout")),
        (CONTEXTUAL, "graph_heads", (3,)),
        *((COGMEN, name, (0,)) for name in ("hidden_size", "context_feedforward", "graph_heads")),
        *((COGMEN, name, (-1,)) for name in ("context_layers", "context_heads")),
        *((COGMEN, name, (-2,)) for name in ("wp", "wf")),
        (COGMEN, "dropout", (1.0, NAN)),
        (COGMEN, "relations", ("unknown",)),
        (TRAINING, "epochs", (0,)),
        (TRAINING, "learning_rate", (0.0, -1.0, NAN, INF)),
        *((TRAINING, name, (-1, NAN, INF)) for name in ("weight_decay", "contrastive", "shift")),
        *((TRAINING, name, (-1, NAN, INF)) for name in ("logit_adjustment", "clip_norm")),
        (TRAINING, "batch_size", (-1,)),
        *((TRAINING, name, (-0.1, 1.0, NAN)) for name in ("ema", "label_smoothing")),
        (TRAINING, "schedule", ("unknown",)),
        (TRAINING, "select", ("unknown",)),
    ],
)
def test_values_out_of_range_are_named(config, option, values):
    for value in values:
        with pytest.raises(InputError, match=f"--{option} is"):
            replace(config, **{option: value})


@pytest.mark.parametrize("value", [NAN, INF, -INF])
@pytest.mark.parametrize("preset", PRESETS)
def test_of_a_number_that_is_not_finite_the_range_is_told(preset, value):
    for config, build in ((PRESETS[preset].model, model_config), (TrainingConfig, training_config)):
        for field in fields(config):
            if isinstance(field.default, float):
                with pytest.raises(InputError) as error:
                    build(preset, {field.name: value})
                told = f"--{field.name} is {value}; it must be finite and "
                assert str(error.value).removeprefix(told).startswith(("at least", "above", "from"))
    with pytest.raises(InputError, match=r"--unheard_of is .*left out"):
        training_config(preset, {"unheard_of": value})


def test_a_model_without_a_future_window_is_causal():
    for config in (ContextualConfig, CogmenConfig):
        assert config(wf=0).causal
        assert not config(wf=1).causal
        assert not config(wf=-1).causal
