"""Reading a corpus by its name on the command line, with the policies that its reader takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import numpy as np

from feature_extractor.corpora import CORPORA
from feature_extractor.corpora.counts import Count, compare_counts, counts_line
from feature_extractor.corpora.policies import policy_record
from feature_extractor.corpora.problems import CorpusProblems, raise_problems
from feature_extractor.utterance import Corpus
from graph_er.errors import InputError
from graph_er.schema.dialogue import Dialogue
from graph_er.schema.dialogue_limits import require_readable


@dataclass(frozen=True)
class Reader:
    """A corpus's reader.

    Attributes:
        read: takes the root, and the policies by name.
        policies: each policy and its default.
        counts: as `KnownCorpus.counts`; empty where they are not known.
    """

    read: Callable[..., Corpus]
    policies: Mapping[str, Any]
    counts: Mapping[str, int] | Mapping[Any, Mapping[str, int]]


def reader_of(name: str) -> Reader:
    """Return the reader of a corpus.

    Imported here, not above: some readers bring libraries that nothing else needs.

    Raises:
        InputError: unknown name.
    """
    if name not in CORPORA:
        raise InputError(f"unknown corpus {name!r}; known are {', '.join(CORPORA)}")
    known = CORPORA[name]
    read = resolve_name(known.reader)
    parameters = inspect.signature(read).parameters
    defaults = {policy: parameters[policy].default for policy in known.policies}
    return Reader(read, defaults, resolve_name(known.counts) if known.counts else {})


def effective_policies(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the policies that a corpus is read with: what was given, else the reader's defaults.

    Args:
        name: corpus name.
        given: policies by name; None stands for one that was not given.

    Raises:
        InputError: unknown corpus, or a policy that it does not know.
    """
    defaults = reader_of(name).policies
    chosen = {policy: value for policy, value in given.items() if value is not None}
    for policy in chosen:
        if policy not in defaults:
            known = ", ".join(f"--{known}" for known in defaults) or "none"
            raise InputError(f"--corpus {name} does not know --{policy}; it knows {known}")
    return {**defaults, **chosen}


def read_corpus(name: str, root: Path, **policies: Any) -> Corpus:
    """Read a corpus by name.

    Where a complete copy's counts are known, the last notice puts the found ones beside them.

    Args:
        name: corpus name.
        root: where it lies.
        policies: see the reader; None stands for one that was not given.

    Raises:
        InputError: unknown name or policy, or bad input as the corpus's reader describes it.
        CorpusProblems: what stage 2 could not write, such as an id that is too long.
    """
    policies = effective_policies(name, policies)
    root = Path(root)
    if name == "demo" and not (root / "annotation").is_dir():
        raise InputError(
            f"{root}: no demo corpus there; make it with "
            f"`python -m feature_extractor.demo --out {root}`"
        )
    reader = reader_of(name)
    try:
        corpus = replace(reader.read(root, **policies), name=name, policies=policy_record(policies))
    except CorpusProblems as error:
        if error.usable is not None:
            error.usable = replace(error.usable, name=name)
        raise
    _refuse_unwritable(corpus, root)
    if not reader.counts:
        return corpus
    line = counts_line(expected_counts(corpus, **policies))
    return replace(corpus, notices=(*corpus.notices, line))


def _refuse_unwritable(corpus: Corpus, root: Path) -> None:
    """Refuse what no dialogue file may hold now, not in stage 2, which is hours later.

    Raises:
        CorpusProblems: a dialogue of the corpus cannot be written.
    """
    problems, wrong = [], set()
    for name, utterances in corpus.dialogues().items():
        dialogue = Dialogue(
            id=name,
            utterance_ids=tuple(utterance.id for utterance in utterances),
            speakers=tuple(utterance.speaker for utterance in utterances),
            labels=np.zeros(len(utterances), dtype=np.int64),
            sentences=tuple(utterance.text for utterance in utterances),
        )
        try:
            require_readable([dialogue], {"sessions": {name: utterances[0].session}})
        except InputError as error:
            wrong.add(name)
            problems.append(f"{error}; shorten or correct what names it in the corpus")
    if problems:
        kept = tuple(u for u in corpus.utterances if u.dialogue not in wrong)
        sides = corpus.official and {d: s for d, s in corpus.official.items() if d not in wrong}
        usable = replace(corpus, utterances=kept, official=sides) if kept else None
        raise_problems(problems, str(root), usable)


def expected_counts(corpus: Corpus, **policies: Any) -> list[Count]:
    """Return (name, found, expected) for sessions, dialogues, utterances and each emotion.

    Expected is None where it is not known: for most corpora under other policies than the default.

    Args:
        corpus: as `read_corpus` returns it.
        policies: those that it was read with.
    """
    counts: Mapping[Any, Any] = reader_of(corpus.name).counts
    policies = effective_policies(corpus.name, policies)
    by_policy = [counts[value] for value in policies.values() if _is_table(counts, value)]
    if by_policy:
        return compare_counts(corpus, by_policy[0])
    if policies != reader_of(corpus.name).policies:
        # Policies choose utterances. Only where these form dialogues do all dialogues remain.
        layout = {name: counts[name] for name in ("sessions", "dialogues") if name in counts}
        counts = {k: v for k, v in layout.items() if v != counts.get("utterances")}
    return compare_counts(corpus, counts)


def _is_table(counts: Mapping[Any, Any], value: Any) -> bool:
    return isinstance(value, Hashable) and isinstance(counts.get(value), Mapping)
