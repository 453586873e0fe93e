"""What a split must not divide: dialogues bound together by a session, speakers or sentences."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence

from feature_extractor.corpora.problems import shorten
from feature_extractor.utterance import Corpus, Utterance
from graph_er.errors import InputError
from graph_er.schema.splits import natural_key

# Names of units in order; and which dialogues each holds.
Units = dict[str, tuple[str, ...]]


def session_units(corpus: Corpus) -> Units:
    """Return the dialogues by session, in natural order.

    Raises:
        InputError: a dialogue lies in several sessions.
    """
    sessions: dict[str, str] = {}
    for utterance in corpus.utterances:
        session = sessions.setdefault(utterance.dialogue, utterance.session)
        if session != utterance.session:
            raise InputError(
                f"dialogue {utterance.dialogue} of corpus {corpus.name} lies in sessions {session} "
                f"and {utterance.session}; it must lie in one"
            )
    return _linked(corpus, lambda utterance: utterance.session)


def fold_units(corpus: Corpus) -> Units:
    """Return what folds and dev are made of: the sessions, in natural order.

    Where nobody is named and every utterance is a session of its own, those of one read sentence
    are one unit, which bears the name of the first.

    Raises:
        InputError: a dialogue lies in several sessions.
    """
    units = session_units(corpus)
    if len(units) < len(corpus.utterances) or any(u.speaker_id for u in corpus.utterances):
        return units
    by_sentence: dict[str, list[str]] = {}
    for utterance in sorted(corpus.utterances, key=lambda u: natural_key(u.session)):
        key = f"session {utterance.session}" if utterance.sentence is None else utterance.sentence
        by_sentence.setdefault(key, []).append(utterance.session)
    return {
        sessions[0]: tuple(dialogue for session in sessions for dialogue in units[session])
        for sessions in by_sentence.values()
    }


def speaker_units(corpus: Corpus) -> Units:
    """Return the dialogues by speaker, or by speakers who meet in a dialogue, in shuffled order.

    Raises:
        InputError: an utterance does not tell who speaks.
    """
    unnamed = [u.id for u in corpus.utterances if u.speaker_id is None]
    if unnamed:
        raise InputError(
            f"corpus {corpus.name} does not tell who speaks in {len(unnamed)} of "
            f"{len(corpus.utterances)} utterances ({unnamed[0]} the first), so that it cannot be "
            "split by speakers; take --split folds:K or sentences:K"
        )
    return _shuffled(_linked(corpus, lambda utterance: utterance.person))


def sentence_units(corpus: Corpus) -> Units:
    """Return the dialogues by read sentence, in shuffled order; one without is its own unit.

    Raises:
        InputError: the corpus has no read sentences at all.
    """
    if all(u.sentence is None for u in corpus.utterances):
        raise InputError(
            f"corpus {corpus.name} has no sentences that several speakers read, so that it cannot "
            "be split by them; take --split folds:K or speakers:K"
        )
    return _shuffled(
        _linked(corpus, lambda u: f"dialogue {u.dialogue}" if u.sentence is None else u.sentence)
    )


def matching_session(name: str, sessions: Sequence[str]) -> str:
    """Return the session of that name, else the one whose name ends in that number.

    Raises:
        InputError: there is none, or several end so; the message lists the sessions.
    """
    if name in sessions:
        return name
    found = []
    if name.isdecimal():
        numbers = {session: re.search(r"[0-9]+$", session) for session in sessions}
        found = [s for s, number in numbers.items() if number and int(number[0]) == int(name)]
    if len(found) == 1:
        return found[0]
    problem = f"{name!r} may be {', '.join(found)}" if found else f"there is no session {name!r}"
    raise InputError(f"{problem}; the sessions are {shorten(sessions)}")


def _linked(corpus: Corpus, key: Callable[[Utterance], str]) -> Units:
    """Return the dialogues by what they share, directly or through others.

    A unit bears the first name, in natural order, of those that it joins.
    """
    names: dict[str, list[str]] = {}
    for utterance in corpus.utterances:
        names.setdefault(utterance.dialogue, []).append(key(utterance))
    parent = {name: name for shared in names.values() for name in shared}

    def root(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for shared in names.values():
        roots = sorted({root(name) for name in shared}, key=natural_key)
        parent.update(dict.fromkeys(roots, roots[0]))
    units: dict[str, list[str]] = {}
    for dialogue in sorted(names, key=natural_key):
        units.setdefault(root(names[dialogue][0]), []).append(dialogue)
    return {name: tuple(units[name]) for name in sorted(units, key=natural_key)}


def _shuffled(units: Units) -> Units:
    """Return the units in an order that their names alone decide, but at random.

    In natural order neighbours are often alike: sentences of one emotion, speakers of one sex.
    """
    order = sorted(units, key=lambda name: hashlib.sha256(name.encode()).digest())
    return {name: units[name] for name in order}
