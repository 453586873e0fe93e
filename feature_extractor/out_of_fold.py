"""Stage 2 with vectors of the training side from extractors that have not seen it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from feature_extractor.alignment import fit_alignment
from feature_extractor.execution import Execution
from feature_extractor.extraction import (
    Extractor,
    Shard,
    audio_info,
    dialogue_file,
    fill_parts,
    part_store,
)
from feature_extractor.fold_checkpoints import Fold
from feature_extractor.splitting import Split
from feature_extractor.store import CHUNK_SIZE, PartStore, Vectors
from feature_extractor.utterance import Corpus, Utterance
from graph_er.dialogues import write_dialogues


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
) -> bool:
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
        True if the file was written, False if parts of other shards are still missing.

    Raises:
        InputError: an utterance's audio is bad, or its vector is not finite.
    """
    dev = [u for u in corpus.utterances if u.dialogue in split.dev] if out_of_fold.align else []
    stores: list[PartStore] = []
    sources: list[dict[str, Any]] = []
    complete = True
    for name, extractor, utterances in _work(full, out_of_fold, corpus, split, dev):
        place = out.with_name(f"{out.name}.{name}")
        store = part_store(extractor, corpus, utterances, place, execution, chunk_size)
        complete &= fill_parts(store, extractor, corpus, execution, shard)
        stores.append(store)
        sources.append(extractor.info)
    if not complete:
        return False
    vectors, likeness = _joined(stores, corpus, dev)
    record = _record(out_of_fold.folds, sources[1:], likeness)
    info = {**full.info, "out_of_fold": record, **audio_info(full, corpus)}
    write_dialogues(out, dialogue_file(corpus, split, vectors, info))
    for store in stores:
        store.remove()
    return True


def _work(
    full: Extractor,
    out_of_fold: OutOfFold,
    corpus: Corpus,
    split: Split,
    dev: Sequence[Utterance],
) -> Iterator[tuple[str, Extractor, list[Utterance]]]:
    """Yield the name of a part of the work, its extractor and its utterances, one by one."""
    train = set(split.train)
    yield "full", full, [u for u in corpus.utterances if u.dialogue not in train]
    for number, fold in enumerate(out_of_fold.folds, start=1):
        group = [u for u in corpus.utterances if u.dialogue in fold.group]
        yield f"fold{number}", out_of_fold.load(fold.folder), [*group, *dev]


def _joined(
    stores: Sequence[PartStore], corpus: Corpus, dev: Sequence[Utterance]
) -> tuple[Vectors, list[dict[str, float]]]:
    """Return ``{name: [N, D]}`` of a corpus, and how like each aligned fold is to the first store.

    Args:
        stores: of the whole extractor, then of each fold.
        corpus: ``N`` utterances.
        dev: what all of the stores hold, to align by; empty for no alignment.
    """
    rows = {utterance.id: row for row, utterance in enumerate(corpus.utterances)}
    dev_rows = [rows[utterance.id] for utterance in dev]
    vectors: Vectors = {}
    for name, values in stores[0].read().items():
        vectors[name] = np.empty((len(rows), values.shape[1]), dtype=np.float32)
        vectors[name][[rows[identifier] for identifier in stores[0].ids]] = values
    likeness: list[dict[str, float]] = []
    for store in stores[1:]:
        group = [rows[identifier] for identifier in store.ids[: len(store.ids) - len(dev)]]
        alike = {}
        for name, values in store.read().items():
            if dev:
                alignment = fit_alignment(values[len(group) :], vectors[name][dev_rows])
                values = alignment(values)
                alike[name] = round(alignment.likeness, 4)
            vectors[name][group] = values[: len(group)]
        likeness += [alike] if dev else []
    return vectors, likeness


def _record(
    folds: Sequence[Fold],
    sources: Sequence[dict[str, Any]],
    likeness: Sequence[dict[str, float]],
) -> dict[str, Any]:
    """Return what the dialogue file says of the folds; ``fold_of`` counts them from 1."""
    return {
        "folds": [fold.folder.name for fold in folds],
        "sha256s": [source["checkpoint_sha256"] for source in sources],
        "fold_of": {d: number for number, fold in enumerate(folds, 1) for d in sorted(fold.group)},
        "aligned": bool(likeness),
        "likeness": list(likeness),
    }
