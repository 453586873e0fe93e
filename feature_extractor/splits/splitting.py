"""Which dialogues of a corpus are train, dev and test: named splits, the same every time.

============== ===================================================================================
official       as published with the corpus; else its last two sessions are test
session5       the session of that number is test; ``sessions:19,20`` names several
folds:K        K folds of neighbouring sessions; ``--fold`` 1 to K is test; where nobody is named
               and each utterance is a session, readings of a sentence stay together
speakers:K     likewise folds of speakers, those who meet in a dialogue together
sentences:K    likewise folds of the sentences that are read
crossed:K      folds 1 to K*K of K speaker groups by K sentence groups: neither the speakers nor
               the sentences of dev and test are in training; what shares just one is left out
ids:FILE       as a file says; see `splits.ids`
inner:K@SPEC   for features of what an extractor has not seen: the training side of another split
               in K groups of neighbouring sessions; group ``--fold`` is test, dev is that split's,
               its test is left out. A SPEC of folds ends in ``/`` and the fold's number, as in
               ``inner:3@folds:5/2``; without it is the corpus's own
============== ===================================================================================

Where a split does not name dev, it is the last ninth of what is left beside test.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from feature_extractor.corpora.problems import shorten
from feature_extractor.splits.kinds import (
    FOLDED,
    INNER,
    Sides,
    divide,
    divide_into_folds,
    hold_out_group,
    is_known,
    outer_choice,
)
from feature_extractor.splits.overlaps import shared_between_sides, warnings_about
from feature_extractor.utterance import Corpus
from graph_er.errors import InputError
from graph_er.running.counted import counted
from graph_er.schema.splits import natural_key

SIDES = ("train", "dev", "test")


@dataclass(frozen=True)
class Split:
    """Dialogue ids per side, in natural order; no dialogue is on two sides.

    Attributes:
        name: the specification, e.g. ``folds:5``.
        train, dev, test: dialogue ids.
        left_out: those on no side.
        warnings: what the sides share or may share, one readable line each.
        fold: its number from 1, or None.
    """

    name: str
    train: tuple[str, ...]
    dev: tuple[str, ...]
    test: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    fold: int | None = None

    @property
    def is_inner(self) -> bool:
        """Whether it divides the training side of another split."""
        return INNER.fullmatch(self.name) is not None

    def by_dialogue(self) -> dict[str, str]:
        """Return the side of each dialogue that is on one."""
        return {dialogue: side for side in SIDES for dialogue in getattr(self, side)}

    def describe(self) -> str:
        """Return the split as one readable line."""
        fold = "" if self.fold is None else f", fold {self.fold}"
        sizes = ", ".join(f"{side} {len(getattr(self, side))}" for side in SIDES)
        rest = f", {len(self.left_out)} left out" if self.left_out else ""
        return f"split {self.name}{fold}: {sizes} dialogues{rest}"


def split_corpus(corpus: Corpus, spec: str | None = None, fold: int | None = None) -> Split:
    """Split a corpus; the order of its utterances does not matter.

    Args:
        corpus: what to split.
        spec: see the module; None is the corpus's own default.
        fold: which of the folds is test, from 1. A default split of folds takes the first.

    Raises:
        InputError: an unknown specification, fold or session, too little for all sides, or a
            speaker on two of them (where neither ``official`` nor ``sentences`` allows it).
    """
    name = corpus.default_split if spec is None else spec
    if inner := INNER.fullmatch(name):
        return _inner_split(corpus, int(inner[1]), inner[2], fold)
    if folded := FOLDED.fullmatch(name):
        kind, count = folded[1], int(folded[2])
        if spec is None and fold is None:
            fold = 1
        index = _fold_index(name, fold, count**2 if kind == "crossed" else count)
        sides = divide_into_folds(corpus, kind, count, index)
    elif fold is not None and is_known(name):
        raise InputError(
            f"--fold {fold}: split {name} has no folds; leave it out or give --split folds:K"
        )
    else:
        sides = divide(corpus, name)
    return checked_split(corpus, name, fold, sides)


def checked_split(corpus: Corpus, name: str, fold: int | None, sides: Sides) -> Split:
    """Return the split of these sides, all other dialogues left out.

    Raises:
        InputError: a side is empty, or a speaker is on two where that is not allowed.
        ValueError: a dialogue is on two sides or is none of the corpus.
    """
    train, dev, test = (tuple(sorted(ids, key=natural_key)) for ids in sides)
    split = Split(name, train, dev, test, fold=fold)
    by_dialogue = split.by_dialogue()
    known = {utterance.dialogue for utterance in corpus.utterances}
    if len(by_dialogue) < sum(map(len, sides)) or not known.issuperset(by_dialogue):
        raise ValueError(f"split {name} of {corpus.name} has dialogues that are unknown or twice")
    if empty := [side for side in SIDES if not getattr(split, side)]:
        raise InputError(
            f"--split {name} leaves no {' and no '.join(empty)} dialogue of corpus {corpus.name}; "
            "is the copy complete? else give another --split"
        )
    shared = shared_between_sides(corpus, by_dialogue, "speaker_id")
    outer = name.partition("@")[2] if INNER.fullmatch(name) else name
    if shared and outer != "official" and not outer.startswith("sentences:"):
        raise InputError(
            f"--split {name} puts {counted(len(shared), 'speaker')} of corpus {corpus.name} on two "
            f"sides ({shorten(shared, shown=5)}); --split speakers:K keeps speakers apart"
        )
    left_out = tuple(sorted(known.difference(by_dialogue), key=natural_key))
    warnings = warnings_about(corpus, by_dialogue)
    if left_out and name.startswith("ids:"):
        listed = shorten(left_out, shown=5)
        warnings = (
            *warnings,
            f"{counted(len(left_out), 'dialogue is', 'dialogues are')} on no side: {listed}.",
        )
    return replace(split, left_out=left_out, warnings=warnings)


def _inner_split(corpus: Corpus, count: int, spec: str | None, fold: int | None) -> Split:
    """Return the split of the training side of another one, whose name it bears in full."""
    outer = split_corpus(corpus, *outer_choice(spec))
    name = f"inner:{count}@{outer.name}" + ("" if outer.fold is None else f"/{outer.fold}")
    index = _fold_index(name, fold, count)
    train, group = hold_out_group(corpus, name, outer.train, count, index)
    return checked_split(corpus, name, fold, (train, outer.dev, group))


def _fold_index(name: str, fold: int | None, count: int) -> int:
    """Return the number of a fold from 0."""
    if count < 2:
        raise InputError(f"--split {name}: there must be at least two folds")
    if fold is None:
        raise InputError(f"--split {name} needs --fold, a number from 1 to {count}")
    if not 1 <= fold <= count:
        raise InputError(f"--fold is {fold}; --split {name} has folds 1 to {count}")
    return fold - 1
