"""Stage 2 with vectors of the training side from extractors that have not seen it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from feature_extractor.execution import Execution
from feature_extractor.extraction.assembly import finish, parts_folder
from feature_extractor.extraction.fold_checkpoints import Fold
from feature_extractor.extraction.parts_plan import PartsPlan, Source
from feature_extractor.extraction.shard import Shard
from feature_extractor.extraction.store import CHUNK_SIZE
from feature_extractor.extraction.vectors import (
    Extractor,
    dialogue_file,
    fill_parts,
    part_store,
    vectors_info,
)
from feature_extractor.splits.splitting import Split
from feature_extractor.utterance import Corpus, Utterance


@dataclass(frozen=True)
class OutOfFold:
    """Where the vectors of the training side come from.

    Attributes:
        folds: give the vectors of their groups.
        load: returns the extractor of a fold's folder.
        align: bring each fold's vectors into the basis of the whole extractor, by what both make
            of dev, which neither was trained on.
    """

    folds: Sequence[Fold]
    load: Callable[[Path], Extractor]
    align: bool


def extract_out_of_fold(
    full: Extractor,
    out_of_fold: OutOfFold,
    corpus: Corpus,
    split: Split,
    out: Path,
    execution: Execution,
    shard: Shard,
    chunk_size: int = CHUNK_SIZE,
) -> bool | None:
    """Make this shard's parts and, once no shard's parts are missing, the dialogue file.

    Args:
        full: gives the vectors of all but the training side.
        out_of_fold: gives those of the training side.
        corpus: what is extracted.
        split: its sides.
        out: the dialogue file.
        execution: how to run.
        shard: which of the parts to make.
        chunk_size: utterances per part.

    Returns:
        True if the file was written, False if parts of other shards are still missing, None if
        none of the parts is this shard's.

    Raises:
        InputError: an utterance's audio is bad, or its vector is not finite.
    """
    on_dev = set(split.dev) if out_of_fold.align else set()
    dev = [u for u in corpus.utterances if u.dialogue in on_dev]
    folder = parts_folder(out)
    sources: list[Source] = []
    origins: list[dict[str, Any]] = []
    for name, extractor, own in _work(full, out_of_fold, corpus, split):
        utterances = [*own, *dev] if sources else own
        store = part_store(extractor, corpus, utterances, folder / name, execution, chunk_size)
        fill_parts(store, extractor, corpus, execution, shard)
        sources.append(Source(name, store.fingerprint, tuple({u.dialogue: None for u in own})))
        origins.append(extractor.info)
    record = _record(out_of_fold.folds, origins[1:], aligned=bool(dev))
    info = {**full.info, "out_of_fold": record, **vectors_info(full, corpus)}
    file = dialogue_file(corpus, split, info)
    return finish(PartsPlan(file, tuple(sources), bool(dev), chunk_size), out, shard)


def _work(
    full: Extractor, out_of_fold: OutOfFold, corpus: Corpus, split: Split
) -> Iterator[tuple[str, Extractor, list[Utterance]]]:
    """Yield the name of a part of the work, its extractor and its utterances, one by one."""
    train = set(split.train)
    yield "full", full, [u for u in corpus.utterances if u.dialogue not in train]
    for number, fold in enumerate(out_of_fold.folds, start=1):
        group = [u for u in corpus.utterances if u.dialogue in fold.group]
        yield f"fold{number}", out_of_fold.load(fold.folder), group


def _record(
    folds: Sequence[Fold], origins: Sequence[dict[str, Any]], aligned: bool
) -> dict[str, Any]:
    """Return what the dialogue file says of the folds; ``fold_of`` counts them from 1."""
    return {
        "folds": [fold.folder.name for fold in folds],
        "sha256s": [origin["checkpoint_sha256"] for origin in origins],
        "fold_of": {d: number for number, fold in enumerate(folds, 1) for d in sorted(fold.group)},
        "aligned": aligned,
        "likeness": [],
    }
