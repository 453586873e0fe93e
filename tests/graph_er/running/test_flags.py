import argparse
from dataclasses import dataclass, fields

import pytest

from graph_er.errors import InputError
from graph_er.networks.config import CogmenConfig, ContextualConfig, TrainingConfig
from graph_er.running.flags import add_flags, from_flags, given_flags, option, require
from graph_er.train import build_parser


@dataclass(frozen=True)
class Config:
    size: int = option(3, "a size")
    rate: float = option(0.5, "a rate")
    name: str | None = option(None, "a name")
    deep: bool = option(True, "deep or not")
    kind: str = option("x", "a kind", choices=("x", "y"))


@dataclass(frozen=True)
class Other:
    """Shares a field with `Config`, of another default."""

    size: int = option(9, "a size")
    width: int = option(2, "a width")


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


def parse_both(*argv):
    parser = argparse.ArgumentParser()
    add_flags(parser, Config, title="first")
    add_flags(parser, Other, title="second")
    return parser.parse_args(argv)


def test_a_flag_that_two_configurations_share_serves_both():
    arguments = parse_both("--size", "5")
    assert from_flags(Config, arguments) == Config(size=5)
    assert from_flags(Other, arguments) == Other(size=5)


def test_a_shared_flag_that_is_not_given_leaves_each_its_own_default():
    arguments = parse_both("--width", "4")
    assert from_flags(Config, arguments) == Config()
    assert from_flags(Other, arguments) == Other(size=9, width=4)


def test_help_tells_a_default_where_there_is_one():
    parser = argparse.ArgumentParser()
    add_flags(parser, Config, title="test")
    told = parser.format_help()
    assert "a size (default: 3)" in told
    assert "(default: None)" not in told


def test_a_metavar_stands_in_the_place_of_choices_that_the_help_names():
    @dataclass(frozen=True)
    class Long:
        kind: str = option("x", "x or y", choices=("x", "y"), metavar="KIND")

    parser = argparse.ArgumentParser()
    add_flags(parser, Long, title="test")
    assert "--kind KIND  x or y (default: x)" in " ".join(parser.format_help().split("\n"))
    with pytest.raises(SystemExit):
        parser.parse_args(["--kind", "z"])


def test_only_what_was_given_is_given():
    arguments = parse_both("--width", "4", "--no-deep")
    assert given_flags(Config, arguments) == {"deep": False}
    assert given_flags(Other, arguments) == {"width": 4}
    assert given_flags(Other, parse_both()) == {}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 2])
def test_a_value_out_of_range_is_named_and_no_range_holds_what_is_not_finite(value):
    require("rate", 0.5, True, "at most 1")
    must = "at most 1" if value == 2 else "finite and at most 1"
    with pytest.raises(InputError, match=rf"--rate is {value}; it must be {must}"):
        require("rate", value, value != 2, "at most 1")


def test_every_field_of_every_configuration_is_a_documented_flag():
    help_text = build_parser().format_help()
    for config in (ContextualConfig, CogmenConfig, TrainingConfig):
        for field in fields(config):
            assert f"--{field.name}" in help_text
