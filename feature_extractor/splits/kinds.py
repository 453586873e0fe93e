"""The kinds of splits by name: each divides the dialogues of a corpus; see `splitting`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from feature_extractor.corpora.problems import shorten
from feature_extractor.splits.ids import read_split_ids
from feature_extractor.splits.units import (
    Units,
    fold_units,
    matching_session,
    sentence_units,
    session_units,
    speaker_units,
)
from feature_extractor.utterance import Corpus
from graph_er.errors import InputError
from graph_er.schema.splits import fold_groups, last_ninth, split_sessions

SPECS = (
    "official, session5, sessions:19,20, folds:K, speakers:K, sentences:K, crossed:K, ids:FILE, "
    "inner:K, inner:K@SPEC"
)
FOLDED = re.compile(r"(folds|speakers|sentences|crossed):([0-9]{1,6})")
INNER = re.compile(r"inner:([0-9]{1,6})(?:@(.+))?")
_WHOLE = re.compile(r"official|session[0-9]{1,6}|(?:sessions|ids):.+")

# Dialogue ids of train, dev and test.
Sides = tuple[Sequence[str], Sequence[str], Sequence[str]]

_UNITS = {"folds": fold_units, "speakers": speaker_units, "sentences": sentence_units}
# What the training side of a split is grouped by, where not by sessions.
_INNER_KINDS = {"speakers": "speakers", "crossed": "speakers", "sentences": "sentences"}
_NAMES = {"folds": "sessions", "speakers": "groups of speakers", "sentences": "sentences"}


def is_known(name: str) -> bool:
    """Tell whether a specification without folds has a known form."""
    return _WHOLE.fullmatch(name) is not None


def divide(corpus: Corpus, name: str) -> Sides:
    """Divide by a specification without folds.

    Raises:
        InputError: it is unknown, names what the corpus lacks, or leaves no train or dev.
    """
    kind, _, argument = name.partition(":")
    if name == "official":
        return _official(corpus)
    if session := re.fullmatch(r"session([0-9]{1,6})", name):
        return _by_test_sessions(corpus, name, [session[1]])
    if kind == "sessions" and argument:
        return _by_test_sessions(corpus, name, argument.split(","))
    if kind == "ids" and argument:
        known = {utterance.dialogue for utterance in corpus.utterances}
        return _with_dev(corpus, name, read_split_ids(Path(argument), known))
    shown = name if len(name) <= 60 else f"{name[:60]}…"
    raise InputError(f"--split {shown!r} is unknown; known are {SPECS}")


def divide_into_folds(corpus: Corpus, kind: str, count: int, index: int) -> Sides:
    """Divide so that fold `index` is test.

    Args:
        corpus: what to divide.
        kind: ``folds``, ``speakers``, ``sentences`` or ``crossed``.
        count: how many folds; for ``crossed`` its square root.
        index: number of the fold from 0.

    Raises:
        InputError: the corpus lacks what the kind divides by, or has too little of it.
    """
    if kind == "crossed":
        return _crossed(corpus, count, index)
    name, what = f"{kind}:{count}", _NAMES[kind]
    units = _enough_units(corpus, kind, count, name)
    test = fold_groups(list(units), count)[index]
    rest = [unit for unit in units if unit not in test]
    return *_train_and_dev(units, rest, name, what), _dialogues(units, test)


def outer_choice(spec: str | None) -> tuple[str | None, int | None]:
    """Return specification and fold of the split inside of which another is made.

    Args:
        spec: what stands after the ``@``: a specification, one of folds with ``/`` and the fold's
            number; None is the corpus's default.
    """
    name, _, fold = (spec or "").rpartition("/")
    if FOLDED.fullmatch(name) and re.fullmatch("[0-9]{1,6}", fold):
        return name, int(fold)
    return spec, None


def hold_out_group(
    corpus: Corpus, name: str, train: Collection[str], count: int, index: int
) -> tuple[list[str], list[str]]:
    """Divide a training side into what is left of it and the group `index` of `count`.

    The groups are neighbouring sessions, or speakers or sentences where the split inside of which
    this happens keeps these apart.

    Args:
        corpus: what it is of.
        name: of the split, ``inner:K@SPEC``.
        train: dialogue ids.
        count: how many groups.
        index: number of this one from 0.

    Raises:
        InputError: the training side has fewer sessions than groups.
    """
    outer = name.partition("@")[2].partition(":")[0]
    kind = _INNER_KINDS.get(outer, "folds")
    units = _within(_UNITS[kind](corpus), train)
    if len(units) < count:
        raise InputError(
            f"--split {name} needs at least {count} {_NAMES[kind]} to train on; there are "
            f"{len(units)}: {shorten(list(units))}"
        )
    group = fold_groups(list(units), count)[index]
    rest = [unit for unit in units if unit not in group]
    return _dialogues(units, rest), _dialogues(units, group)


def _official(corpus: Corpus) -> Sides:
    if corpus.official is None:
        units = fold_units(corpus)
        train, dev, test = (_dialogues(units, side) for side in split_sessions(list(units)))
        return train, dev, test
    sides: dict[str, list[str]] = {"train": [], "dev": [], "test": []}
    for dialogue, side in corpus.official.items():
        sides[side].append(dialogue)
    return _with_dev(corpus, "official", sides)


def _with_dev(corpus: Corpus, name: str, sides: dict[str, list[str]]) -> Sides:
    """Return the sides; where none is dev, take it from train by whole sessions."""
    train, dev, test = sides["train"], sides["dev"], sides["test"]
    if dev or not train:
        return train, dev, test
    units = _within(fold_units(corpus), train)
    return *_train_and_dev(units, list(units), name, "sessions"), test


def _by_test_sessions(corpus: Corpus, name: str, wanted: Iterable[str]) -> Sides:
    units = session_units(corpus)
    try:
        found = {matching_session(session.strip(), list(units)) for session in wanted}
    except InputError as error:
        raise InputError(f"--split {name}: {error}") from None
    test = [session for session in units if session in found]
    rest = [session for session in units if session not in found]
    return *_train_and_dev(units, rest, name, "sessions"), _dialogues(units, test)


def _crossed(corpus: Corpus, count: int, index: int) -> Sides:
    """Cross groups of speakers and sentences: test is one cell, dev the next down and right."""
    name = f"crossed:{count}"
    if count < 3:
        raise InputError(f"--split {name} leaves nothing to train on; take crossed:3 or more")
    speakers = _group_numbers(corpus, "speakers", count, name)
    sentences = _group_numbers(corpus, "sentences", count, name)
    cells = {dialogue: (speakers[dialogue], sentences[dialogue]) for dialogue in speakers}
    row, column = divmod(index, count)
    next_row, next_column = (row + 1) % count, (column + 1) % count
    train = [
        dialogue
        for dialogue, (r, c) in cells.items()
        if r not in (row, next_row) and c not in (column, next_column)
    ]
    dev = [dialogue for dialogue, cell in cells.items() if cell == (next_row, next_column)]
    return train, dev, [dialogue for dialogue, cell in cells.items() if cell == (row, column)]


def _group_numbers(corpus: Corpus, kind: str, count: int, name: str) -> dict[str, int]:
    """Return the number of the group that each dialogue is in."""
    units = _enough_units(corpus, kind, count, name)
    groups = enumerate(fold_groups(list(units), count))
    return {dialogue: number for number, group in groups for dialogue in _dialogues(units, group)}


def _enough_units(corpus: Corpus, kind: str, count: int, name: str) -> Units:
    units = _UNITS[kind](corpus)
    if len(units) < count:
        raise InputError(
            f"--split {name} needs at least {count} {_NAMES[kind]}; there are {len(units)}: "
            f"{shorten(list(units))}"
        )
    return units


def _train_and_dev(
    units: Units, rest: Sequence[str], name: str, what: str
) -> tuple[list[str], list[str]]:
    if len(rest) < 2:
        raise InputError(
            f"--split {name} leaves {len(rest)} of {len(units)} {what} beside test; train and dev "
            "need at least two"
        )
    train, dev = last_ninth(rest)
    return _dialogues(units, train), _dialogues(units, dev)


def _within(units: Units, train: Iterable[str]) -> Units:
    """Return the units that have dialogues of a training side, with those alone."""
    chosen = set(train)
    kept = {
        unit: tuple(dialogue for dialogue in dialogues if dialogue in chosen)
        for unit, dialogues in units.items()
    }
    return {unit: dialogues for unit, dialogues in kept.items() if dialogues}


def _dialogues(units: Units, names: Iterable[str]) -> list[str]:
    return [dialogue for name in names for dialogue in units[name]]
