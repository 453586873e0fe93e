import argparse
from dataclasses import dataclass, fields

import pytest

from graph_er.config import PRESETS, ModelConfig, TrainingConfig
from graph_er.flags import add_flags, from_flags, option
from graph_er.train import build_parser


@dataclass(frozen=True)
class Config:
    size: int = option(3, "a size")
    rate: float = option(0.5, "a rate")
    name: str | None = option(None, "a name")
    deep: bool = option(True, "deep or not")
    kind: str = option("x", "a kind", choices=("x", "y"))


def parse(*argv, **presets):
    parser = argparse.ArgumentParser()
    add_flags(parser, Config, title="test")
    return from_flags(Config, parser.parse_args(argv), **presets)


def test_defaults_round_trip():
    assert parse() == Config()


def test_given_values_win_over_presets_and_presets_over_defaults():
    config = parse("--size", "7", "--no-deep", size=5, rate=0.1)
    assert config == Config(size=7, rate=0.1, deep=False)


def test_text_numbers_and_choices_are_parsed():
    config = parse("--size", "4", "--rate", "1e-3", "--name", "n", "--kind", "y", "--deep")
    assert config == Config(size=4, rate=1e-3, name="n", kind="y")
    with pytest.raises(SystemExit):
        parse("--kind", "z")


def test_every_field_of_the_configuration_is_a_documented_flag():
    help_text = build_parser().format_help()
    for field in (*fields(ModelConfig), *fields(TrainingConfig)):
        assert f"--{field.name}" in help_text


def test_presets_name_existing_fields_and_cogmen_names_them_all():
    names = {field.name for field in (*fields(ModelConfig), *fields(TrainingConfig))}
    assert all(set(preset) <= names for preset in PRESETS.values())
    assert set(PRESETS["cogmen"]) == names
