import argparse
import json

import pytest

from graph_er.errors import InputError
from graph_er.networks.config import PRESETS
from graph_er.training.config_file import read_config_file
from graph_er.training.recipe import GivenSettings, make_recipe, recipe_of
from graph_er.training.recipe_options import add_recipe_options, read_recipe


@pytest.fixture
def config(tmp_path):
    def write(content):
        path = tmp_path / "settings.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


def recipe(*argv):
    parser = argparse.ArgumentParser()
    add_recipe_options(parser)
    return read_recipe(parser.parse_args([str(value) for value in argv]))


def test_a_file_changes_what_it_names_and_nothing_else(config):
    path = config({"model": {"wp": 3}, "training": {"learning_rate": 1}})
    assert recipe("--config", path) == recipe("--wp", 3, "--learning_rate", 1)
    assert recipe("--config", config({})) == recipe()


def test_flags_win_over_the_file(config):
    content = {"modalities": "t", "model": {"wp": 3, "gate": False}, "training": {"epochs": 7}}
    found = recipe("--config", config(content), "--wp", 5, "--gate", "--modalities", "a")
    assert (found.model.wp, found.model.gate, found.modalities) == (5, True, "a")
    assert found.training.epochs == 7


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_the_record_of_a_recipe_gives_it_back(config, preset):
    first = make_recipe(preset, "t", {"dropout": 0.25}, {"epochs": 3})
    notes = {"score": 0.5, "trials": 3, "data": {"name": "x"}}
    assert recipe("--config", config({**first.plain(), **notes})) == first


@pytest.mark.parametrize("modalities", ["a", "at"])
def test_settings_of_an_earlier_search_are_those_that_it_scored(config, modalities, caplog):
    searched = make_recipe("default", modalities, {"audio_level": "dialogue"}, {})
    content = {**searched.plain(), "score": 0.5}
    del content["model"]["audio_level"], content["model"]["deviation_terms"]
    assert recipe("--config", config(content)) == searched
    assert "takes --audio_level dialogue" in caplog.text
    assert "takes --no-deviation_terms" in caplog.text
    del content["score"]  # settings that somebody wrote take today's defaults
    today = make_recipe("default", modalities, {"dropout": 0.4}, {})
    assert recipe("--config", config(content)) == today


def test_audio_alone_is_heard_against_its_speakers_unless_told_otherwise():
    levels = {m: recipe("--modalities", m).model.audio_level for m in ("a", "t", "at", "av")}
    assert levels == {"a": "speaker", "t": "dialogue", "at": "dialogue", "av": "speaker"}
    told = recipe("--modalities", "a", "--audio_level", "dialogue")
    assert told.model == recipe("--modalities", "at").model
    assert recipe("--modalities", "a", "--preset", "cogmen").plain()["preset"] == "cogmen"
    for unheard in (["--wf", "0"], ["--no-relative_audio"]):  # a record names what is heard
        beside_text = recipe("--modalities", "at", *unheard).model
        assert recipe("--modalities", "a", *unheard).model == beside_text


def test_what_is_taken_without_text_gives_way_to_what_is_given():
    def taken(*flags):
        model = recipe("--modalities", *flags).model
        return model.deviation_terms, model.dropout

    assert taken("a") == taken("av") == taken("v") == (True, 0.2)
    assert taken("at") == taken("t") == (False, 0.4)
    assert taken("a", "--no-deviation_terms") == (False, 0.2)
    assert taken("a", "--dropout", "0.4") == (True, 0.4)
    assert taken("at", "--deviation_terms", "--audio_level", "speaker") == (True, 0.4)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ({"models": {}}, "'models' is not known"),
        ({"model": {"wpp": 3}}, "'model.wpp' is not known"),
        ({"training": {"wp": 3}}, "'training.wp' is not known"),
        ({"preset": "cogmen", "model": {"gate": True}}, "'model.gate' is not known"),
        ({"preset": "large"}, "'preset' is 'large'"),
        ({"modalities": "x"}, "'modalities' is 'x'"),
        ({"modalities": ["a"]}, "'modalities' is"),
        ({"modalities": "ta"}, "'modalities' is 'ta'"),
        ({"modalities": "aa"}, "'modalities' is 'aa'"),
        ({"model": {"wp": "3"}}, "'model.wp' is '3'; it must be of type int"),
        ({"model": {"wp": True}}, "'model.wp' is True"),
        ({"model": {"gate": 1}}, "'model.gate' is 1; it must be of type bool"),
        ({"training": {"schedule": "none"}}, "one of one_cycle, plateau"),
        ({"training": {"epochs": 0}}, "epochs is 0"),
        ('{"training": {"ema": NaN}}', "ema is nan; it must be finite and from 0 to below 1"),
        ('{"model": {"decay": Infinity}}', "decay is inf; it must be finite and at least 0"),
        ('{"training": {"emma": NaN}}', "'training.emma' is not known"),
        ('{"model": {"wp": 3, "wf": 0, "wp": 30}}', "settings.json: key 'wp' stands twice"),
        ({"model": {"hidden_size": 9}}, "divisor of hidden_size 9"),
        ({"model": [1]}, "'model' must be an object"),
        ([], "the file must be an object"),
        ("{", "cannot be read as JSON"),
    ],
)
def test_what_is_wrong_is_named_with_the_file(config, content, named):
    with pytest.raises(InputError) as error:
        read_config_file(config(content))
    assert "settings.json" in str(error.value)
    assert named in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"absent\.json"):
        read_config_file(tmp_path / "absent.json")


def test_settings_of_one_preset_are_not_taken_for_another(config):
    path = config({"model": {"wp": 3}})
    assert recipe("--config", path, "--preset", "default").model.wp == 3
    with pytest.raises(InputError, match="--preset is cogmen"):
        recipe("--config", path, "--preset", "cogmen")
    named = config({"preset": "default", "training": {"epochs": 3}})
    with pytest.raises(InputError, match="--preset is cogmen"):
        recipe("--config", named, "--preset", "cogmen")
    training_only = config({"training": {"epochs": 3}})
    assert recipe("--config", training_only, "--preset", "cogmen").training.epochs == 3


def test_an_empty_file_names_nothing(config):
    assert read_config_file(config({})) == GivenSettings()


@pytest.mark.parametrize(
    ("preset", "model", "training", "message"),
    [
        ("defualt", {}, {}, "--preset is defualt; it must be one of default, cogmen"),
        ("default", {}, {"epoch": 3}, "--epoch is 3; it must be left out, since training has no"),
        ("default", {}, {"epochs": "3"}, "--epochs is 3; it must be of type int"),
        ("default", {}, {"refit": 1}, "--refit is 1; it must be of type bool"),
        ("cogmen", {"gate": True}, {}, "--gate is True; it must be left out with --preset cogmen"),
        ("cogmen", {}, {"ema": 1.0}, "--ema is 1.0; it must be from 0 to below 1"),
    ],
)
def test_values_of_python_that_are_no_settings_are_refused(preset, model, training, message):
    with pytest.raises(InputError, match=message):
        make_recipe(preset, "at", model, training)
    if not model:
        with pytest.raises(InputError, match=message):
            recipe_of(GivenSettings(preset, "at", training=training), {})
