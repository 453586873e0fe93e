"""One document on a corpus: found and expected counts, figures, problems; plain values only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from feature_extractor.corpora.counts import Count, counts_line
from feature_extractor.corpora.problems import CorpusProblems
from feature_extractor.corpora.registry import expected_counts, read_corpus
from feature_extractor.sources import audio_digest, corpus_digest
from feature_extractor.splits.record import split_digest
from feature_extractor.splits.splitting import SIDES, Split, split_corpus
from feature_extractor.survey.recordings import audio_figures
from feature_extractor.survey.sides import (
    divide,
    modalities,
    shared_speakers,
    shared_texts,
    side_figures,
)
from feature_extractor.utterance import Corpus
from graph_er.errors import InputError

_FIGURES = (
    *("counts", "turns", "split", "sides", "shared_speakers", "shared_texts", "audio"),
    *("empty_texts", "modalities", "sha256"),
)


def survey(
    name: str,
    root: Path,
    policies: Mapping[str, Any],
    *,
    split: str | None = None,
    fold: int | None = None,
    listen: bool = False,
) -> dict[str, Any]:
    """Read a corpus, whatever is wrong with it, and describe what was found.

    Args:
        name: corpus name.
        root: where it lies.
        policies: see `corpora.registry.read_corpus`.
        split: see `splitting.split_corpus`; None is the corpus's own.
        fold: likewise.
        listen: decode all audio instead of reading its headers only.

    Returns:
        ``corpus``, ``root``, ``policies``, ``usable``, ``whole`` (whether all counts are as
        expected; None where none is known), ``problems`` and ``notices``; and, of what
        can be used, ``counts``, ``turns`` (per dialogue), ``split``, ``sides``,
        ``shared_speakers``, ``shared_texts``, ``audio``, ``empty_texts``, ``modalities`` (see
        `survey.sides.modalities`) and ``sha256`` (of ``corpus``, ``split`` and ``audio``; the
        last changes with the files' times), all None where nothing can be used.
    """
    corpus, problems = _read(name, root, policies)
    notices: list[str] = []
    figures: dict[str, Any] = dict.fromkeys(_FIGURES)
    if corpus is not None:
        counts = expected_counts(corpus, **policies)
        notices += (notice for notice in corpus.notices if notice != counts_line(counts))
        made = _split(corpus, split, fold, problems, notices)
        figures |= {
            "counts": [_count(count) for count in counts],
            "turns": _turns(corpus),
            **_split_figures(corpus, made),
            "audio": audio_figures(corpus.utterances, problems, listen=listen),
            "empty_texts": [u.id for u in corpus.utterances if not u.text],
            "sha256": _digests(corpus, made),
        }
    return {
        "corpus": name,
        "root": str(root),
        "policies": {key: None if value is None else str(value) for key, value in policies.items()},
        "usable": not problems,
        "whole": _is_whole(figures["counts"]),
        **figures,
        "problems": list(dict.fromkeys(problems)),
        "notices": notices,
    }


def _read(name: str, root: Path, policies: Mapping[str, Any]) -> tuple[Corpus | None, list[str]]:
    try:
        return read_corpus(name, root, **policies), []
    except CorpusProblems as error:
        return error.usable, list(error.problems)
    except InputError as error:
        return None, [str(error)]


def _count(count: Count) -> dict[str, Any]:
    name, found, expected = count
    return {"name": name, "found": found, "expected": expected}


def _is_whole(counts: Sequence[Mapping[str, Any]] | None) -> bool | None:
    known = [count for count in counts or () if count["expected"] is not None]
    return all(count["found"] == count["expected"] for count in known) if known else None


def _turns(corpus: Corpus) -> dict[str, float]:
    """Return the least, median and most utterances of a dialogue."""
    lengths = [len(utterances) for utterances in corpus.dialogues().values()]
    return {"min": min(lengths), "median": median(lengths), "max": max(lengths)}


def _split(
    corpus: Corpus, spec: str | None, fold: int | None, problems: list[str], notices: list[str]
) -> Split | None:
    try:
        split = split_corpus(corpus, spec, fold)
    except InputError as error:
        problems.append(f"split: {error}")
        return None
    notices += split.warnings
    for side, part in divide(corpus, split).items():
        labels = {utterance.emotion for utterance in part}
        absent = [emotion for emotion in corpus.emotions if emotion not in labels]
        if absent and side in SIDES:
            notices.append(f"{side} has no utterance of {', '.join(absent)}.")
    return split


def _split_figures(corpus: Corpus, split: Split | None) -> dict[str, Any]:
    parts = divide(corpus, split)
    return {
        "split": None if split is None else {"name": split.name, "fold": split.fold},
        "sides": {side: side_figures(part, corpus.emotions) for side, part in parts.items()},
        "shared_speakers": shared_speakers(parts),
        "shared_texts": shared_texts(parts),
        "modalities": modalities(parts),
    }


def _digests(corpus: Corpus, split: Split | None) -> dict[str, str | None]:
    return {
        "corpus": corpus_digest(corpus),
        "split": None if split is None else split_digest(split),
        "audio": audio_digest(corpus),
    }
