"""Command-line flags made from a frozen dataclass: no flag can exist that nothing reads."""

from __future__ import annotations

import argparse
import dataclasses
import math
from collections.abc import Sequence
from typing import Any, TypeVar, get_type_hints

from graph_er.errors import InputError

Config = TypeVar("Config")


def option(
    default: Any, help: str, *, choices: Sequence[str] | None = None, metavar: str | None = None
) -> Any:
    """Declare a dataclass field with a default and the help text of its flag.

    Args:
        default: the field's value; where it is None, the text tells what is taken.
        help: the text, without the default otherwise.
        choices: the values that it may have.
        metavar: what stands for the value in the help, which then names the choices itself.
    """
    metadata = {"help": help, "choices": choices, "metavar": metavar}
    return dataclasses.field(default=default, metadata=metadata)


def require(name: str, value: Any, holds: bool, range_: str) -> None:
    """Refuse an option's value that is out of range.

    Args:
        name: the option, without dashes.
        value: what was given; NaN and infinite numbers are in no range.
        holds: whether it is in range.
        range_: the range in words.

    Raises:
        InputError: it is out of range.
    """
    if isinstance(value, float) and not math.isfinite(value):
        raise InputError(f"--{name} is {value}; it must be finite and {range_}")
    if not holds:
        raise InputError(f"--{name} is {value}; it must be {range_}")


def add_flags(parser: argparse.ArgumentParser, config: type, *, title: str) -> None:
    """Add a group with one flag per field of dataclass `config`; flags not given stay absent.

    A ``bool`` field becomes ``--name`` and ``--no-name``. A field whose flag is there already, from
    another dataclass, is served by that one.
    """
    group = parser.add_argument_group(title)
    kinds = get_type_hints(config)
    taken = {action.dest for action in parser._actions}
    for item in dataclasses.fields(config):
        if item.name in taken:
            continue
        told = "" if item.default is None else f" (default: {item.default})"
        settings: dict[str, Any] = {
            "dest": item.name,
            "default": argparse.SUPPRESS,
            "help": item.metadata["help"] + told,
        }
        if kinds[item.name] is bool:
            group.add_argument(f"--{item.name}", action=argparse.BooleanOptionalAction, **settings)
        else:
            settings |= {name: item.metadata[name] for name in ("choices", "metavar")}
            group.add_argument(f"--{item.name}", type=_scalar_kind(kinds[item.name]), **settings)


def given_flags(config: type, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the fields of dataclass `config` that the user gave on the command line."""
    names = {item.name for item in dataclasses.fields(config)}
    return {name: value for name, value in vars(arguments).items() if name in names}


def from_flags(config: type[Config], arguments: argparse.Namespace, **presets: Any) -> Config:
    """Build `config` from its defaults, then `presets`, then what the user gave."""
    return config(**{**presets, **given_flags(config, arguments)})


def _scalar_kind(annotation: Any) -> type:
    """Return the type that parses a field annotated ``int``, ``float``, ``str`` or ``X | None``."""
    alternatives = [kind for kind in getattr(annotation, "__args__", (annotation,)) if kind]
    return next(kind for kind in alternatives if kind in (int, float, str))
