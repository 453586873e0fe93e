"""Corpus names on the command line, the readers behind them and the policies that these take."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from feature_extractor.corpora.counts import Count, compare_counts, counts_line
from feature_extractor.corpora.policies import policy_record
from feature_extractor.corpora.problems import CorpusProblems
from feature_extractor.utterance import Corpus
from graph_er.errors import InputError

# The policies that each reader takes, by corpus.
POLICIES: dict[str, tuple[str, ...]] = {
    "demo": ("labels_of", "multi_label"),
    "kemdy19": ("labels_of", "multi_label"),
    "kemdy20": ("multi_label",),
    "aihub263": ("target",),
    "aihub_dialogue": ("emotion_map",),
    "vat": (),
    "iemocap": ("classes",),
    "meld": (),
    "table": (),
}


@dataclass(frozen=True)
class Reader:
    """A corpus's reader.

    Attributes:
        read: takes the root, and the policies by name.
        policies: each policy and its default.
        counts: what a complete copy holds when read with the defaults; or, where a policy's value
            decides it, that by value. Empty where it is not known.
    """

    read: Callable[..., Corpus]
    policies: Mapping[str, Any]
    counts: Mapping[str, int] | Mapping[Any, Mapping[str, int]]


def reader_of(name: str) -> Reader:
    """Return the reader of a corpus, ``read_<name>`` in the module of that name.

    Imported here, not above: some readers bring libraries that nothing else needs. The demo corpus
    is written in KEMDy19's layout and read by the same reader.

    Raises:
        InputError: unknown name.
    """
    if name not in POLICIES:
        raise InputError(f"unknown corpus {name!r}; known are {', '.join(POLICIES)}")
    source = "kemdy19" if name == "demo" else name
    module = import_module(f"feature_extractor.corpora.{source}")
    read = getattr(module, f"read_{source}")
    parameters = inspect.signature(read).parameters
    defaults = {policy: parameters[policy].default for policy in POLICIES[name]}
    counts = {} if name == "demo" else getattr(module, f"{source.upper()}_COUNTS", {})
    return Reader(read, defaults, counts)


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
    if not reader.counts:
        return corpus
    line = counts_line(expected_counts(corpus, **policies))
    return replace(corpus, notices=(*corpus.notices, line))


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
