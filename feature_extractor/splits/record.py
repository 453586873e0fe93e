"""The split that a checkpoint was trained under: kept in its configuration, taken up again later.

A record is ``{"name", "fold", "unit", "sides"}``; `sides` lists session ids (`unit` is
``session``) where every session lies wholly on one side, else dialogue ids (``dialogue``). Of a
user's own table with ids it is always dialogue ids: its sessions may be named anew, and other
tables have sessions of the same names.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from feature_extractor.configuration import UtteranceConfig
from feature_extractor.corpora.problems import shorten
from feature_extractor.corpora.text_files import plain_name
from feature_extractor.splits.splitting import SIDES, Split, split_corpus
from feature_extractor.utterance import Corpus, Utterance
from graph_er.errors import InputError
from graph_er.schema.splits import natural_key

# What a checkpoint may not have seen: test at all, dev in training.
HELD_OUT = ("test", "dev")
_SHOWN = 5
_OWN = "leave --split out to take the checkpoint's own, or train stage 1 under this one"
_OTHER = "choose a --split under which that is train, or train stage 1 under this one"


@dataclass(frozen=True)
class Tuned:
    """What a checkpoint was trained on.

    Attributes:
        name: its folder, of which records keep the last part alone.
        corpus: the corpus's name, or None where that is not known.
        split: how it was split, a record of `split_record`, or None likewise.
    """

    name: str
    corpus: str | None
    split: dict[str, Any] | None

    def record(self) -> dict[str, Any]:
        """Return it as plain values for ``config.json``, without a path of this machine."""
        name = Path(self.name).resolve().name
        return {"name": name, "corpus": self.corpus, "split": self.split}


def split_record(split: Split, corpus: Corpus) -> dict[str, Any]:
    """Return a split as plain values for ``config.json``."""
    side_of = split.by_dialogue()
    sides_of: dict[str, set[str | None]] = {}
    for utterance in corpus.utterances:
        sides_of.setdefault(utterance.session, set()).add(side_of.get(utterance.dialogue))
    whole = all(len(sides) == 1 for sides in sides_of.values()) and corpus.own_names != "dialogue"
    if whole:
        ids = {s: [name for name, sides in sides_of.items() if sides == {s}] for s in SIDES}
    else:
        ids = {side: list(getattr(split, side)) for side in SIDES}
    return {
        **split_name(split),
        "unit": "session" if whole else "dialogue",
        "sides": {side: sorted(names, key=natural_key) for side, names in ids.items()},
    }


def split_name(split: Split) -> dict[str, Any]:
    """Return ``name`` and ``fold`` for records; of a file of ids without the folder it lay in."""
    inner, at, outer = split.name.partition("@") if split.is_inner else ("", "", split.name)
    kind, _, argument = outer.partition(":")
    name = f"ids:{Path(argument).name}" if kind == "ids" else outer
    return {"name": inner + at + name, "fold": split.fold}


def split_digest(split: Split) -> str:
    """Return the SHA-256 of the dialogue ids of all sides."""
    ids = [getattr(split, side) for side in SIDES]
    return hashlib.sha256(json.dumps(ids).encode()).hexdigest()


def is_split_record(value: Any) -> bool:
    """Tell whether `value` has the form of a record."""
    sides = value.get("sides") if isinstance(value, dict) else None
    return (
        isinstance(sides, dict)
        and all(isinstance(sides.get(side), list) for side in SIDES)
        and isinstance(value.get("name"), str)
        and value.get("unit") in ("session", "dialogue")
    )


def is_tuned_record(value: Any) -> bool:
    """Tell whether `value` has the form of a record of `Tuned`."""
    return (
        isinstance(value, dict)
        and set(value) == {"name", "corpus", "split"}
        and isinstance(value["name"], str)
        and isinstance(value["corpus"], str | None)
        and (value["split"] is None or is_split_record(value["split"]))
    )


def choose_split(
    corpus: Corpus,
    spec: str | None,
    fold: int | None,
    trained: UtteranceConfig | None = None,
    folder: Path = Path(),
    held_out: Sequence[str] = HELD_OUT,
) -> Split:
    """Return the split that is asked for, else the one that a checkpoint was trained under.

    Args:
        corpus: what to split.
        spec: see `splitting.split_corpus`; with `fold`, None leaves the choice.
        fold: likewise.
        trained: the checkpoint's configuration, or None without one. It counts where it records a
            split of a corpus of the same name.
        folder: where the checkpoint lies, for messages.
        held_out: as `refuse_seen` takes it.

    Raises:
        InputError: as `splitting.split_corpus` and `refuse_seen`; also no test dialogue of there in
            this corpus.
    """
    if trained is None or trained.split is None or trained.corpus != corpus.name:
        return split_corpus(corpus, spec, fold)
    if spec is None and fold is None:
        return _doubted(_recorded_split(corpus, trained.split, folder), corpus, trained.split)
    split = split_corpus(corpus, spec, fold)
    has_own = "test" in recorded_sides(corpus, trained.split).values()
    refuse_seen(corpus, split, trained, folder, _OWN if has_own else _OTHER, held_out)
    return _doubted(split, corpus, trained.split)


def refuse_seen(
    corpus: Corpus,
    split: Split,
    trained: UtteranceConfig | Tuned,
    who: Path | str,
    remedy: str = _OTHER,
    held_out: Sequence[str] = HELD_OUT,
) -> None:
    """Refuse a split that makes test what a checkpoint was trained with, or dev what it was fit to.

    Args:
        corpus: what is split.
        split: its sides.
        trained: says what the checkpoint was trained on; one of another corpus, or without a
            record of its split, is not refused.
        who: where the checkpoint lies, or what it is, for the message.
        remedy: what to do, for the message.
        held_out: the sides that matter: dev does not where test alone is scored.

    Raises:
        InputError: the split is such a one.
    """
    if trained.split is None or trained.corpus != corpus.name:
        return
    for side in held_out:
        known = ("train", "dev") if side == "test" else ("train",)
        seen = _seen_in_training(corpus, getattr(split, side), trained.split, known)
        if seen:
            raise InputError(
                f"{who} was trained with {shorten(seen, shown=_SHOWN)} of corpus {corpus.name}, "
                f"which --split {split.name} makes {side}; {remedy}"
                f"{_if_others(corpus, trained.split)}"
            )


def recorded_sides(corpus: Corpus, record: dict[str, Any]) -> dict[str, str | None]:
    """Return the side of each dialogue of a corpus under a recorded split; None is no side."""
    side_of = _side_of(record, SIDES)
    return {u.dialogue: side_of.get(_unit(u, record)) for u in corpus.utterances}


def _recorded_split(corpus: Corpus, record: dict[str, Any], folder: Path) -> Split:
    dialogues = recorded_sides(corpus, record)
    ids = {
        side: tuple(sorted((d for d, on in dialogues.items() if on == side), key=natural_key))
        for side in (*SIDES, None)
    }
    if not ids["test"]:
        unknown = f", or give a --split whose test is among the {len(ids[None])} unknown to it"
        has_seen = bool(ids["train"] or ids["dev"])
        raise InputError(
            f"no dialogue of corpus {corpus.name} here is a test dialogue of {folder} (split "
            f"{record['name']}); name the --root that it was trained on"
            f"{unknown if ids[None] else ''}{_if_others(corpus, record) if has_seen else ''}"
        )
    train, dev, test = (ids[side] for side in SIDES)
    return Split(record["name"], train, dev, test, left_out=ids[None], fold=record.get("fold"))


def _doubted(split: Split, corpus: Corpus, record: dict[str, Any]) -> Split:
    """Return the split with a warning where a record's names do not tell what was trained with."""
    warning = {
        ("dialogue", "session"): "the checkpoint records names of sessions alone: whether what is "
        "test here was trained with is sure only if this table's sessions are those it was "
        "trained with; train stage 1 again to record dialogues.",
        ("session", "dialogue"): "this table has no ids, and the checkpoint records numbers of "
        "rows: whether what is test here was trained with is sure only if its rows are those it "
        "was trained with; add a column utterance and train stage 1 again.",
    }.get((corpus.own_names or "", record["unit"]))
    if warning is None:
        return split
    return replace(split, warnings=(*split.warnings, warning))


def trained_among(
    corpus: Corpus, dialogues: Iterable[str], trained: UtteranceConfig | Tuned
) -> set[str]:
    """Return those of a corpus's dialogues whose ids are of ones that a checkpoint was fit to.

    None where that is not known, or was another corpus.
    """
    if trained.corpus != corpus.name or trained.split is None:
        return set()
    side_of = recorded_sides(corpus, trained.split)
    return {dialogue for dialogue in dialogues if side_of[dialogue] == "train"}


def _seen_in_training(
    corpus: Corpus, dialogues: Sequence[str], record: dict[str, Any], known: Sequence[str]
) -> list[str]:
    """Return the sessions or dialogues of some dialogues that are on a `known` side there."""
    trained_on = _side_of(record, known)
    wanted = set(dialogues)
    units = dict.fromkeys(_unit(u, record) for u in corpus.utterances if u.dialogue in wanted)
    return [f"{name} ({trained_on[name]})" for name in units if name in trained_on]


def _side_of(record: dict[str, Any], sides: Sequence[str]) -> dict[str, str]:
    """Return the side of each name that is on one of `sides`.

    Each as it was recorded, and without the signs that nobody sees, with which earlier releases
    recorded the names of tables.
    """
    recorded = {name: side for side in sides for name in record["sides"][side]}
    return {plain_name(name): side for name, side in recorded.items()} | recorded


def _if_others(corpus: Corpus, record: dict[str, Any]) -> str:
    """Return what helps where a table only shares names with the one that was trained on."""
    if corpus.own_names is None:
        return ""
    return (
        f"; if these are other {record['unit']}s than the checkpoint's of the same names, give "
        "them names of their own in this table"
    )


def _unit(utterance: Utterance, record: dict[str, Any]) -> str:
    return utterance.session if record["unit"] == "session" else utterance.dialogue
