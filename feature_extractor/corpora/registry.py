"""Corpus names on the command line and the readers behind them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from feature_extractor.corpora import CORPORA
from feature_extractor.corpora.kemdy19 import LabelsOf, MultiLabel, read_kemdy19
from feature_extractor.corpora.kemdy19_counts import counts_line, expected_counts
from feature_extractor.utterance import Corpus
from graph_er.errors import InputError


def read_corpus(
    name: str, root: Path, *, labels_of: LabelsOf = "speaker", multi_label: MultiLabel = "drop"
) -> Corpus:
    """Read a corpus by name; the policies are those of `read_kemdy19`.

    The demo corpus is written in KEMDy19's layout and read by the same reader.
    The last notice of KEMDy19 puts the found counts beside the expected ones.

    Raises:
        InputError: unknown name, or bad input as the corpus's reader describes it.
    """
    if name not in CORPORA:
        raise InputError(f"unknown corpus {name!r}; known are {', '.join(CORPORA)}")
    root = Path(root)
    if name == "demo" and not (root / "annotation").is_dir():
        raise InputError(
            f"{root}: no demo corpus there; make it with "
            f"`python -m feature_extractor.demo --out {root}`"
        )
    corpus = replace(read_kemdy19(root, labels_of=labels_of, multi_label=multi_label), name=name)
    if name == "demo":
        return corpus
    counts = expected_counts(corpus, labels_of=labels_of, multi_label=multi_label)
    return replace(corpus, notices=(*corpus.notices, counts_line(counts)))
