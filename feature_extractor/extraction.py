"""Stage 2: vectors of every utterance of a corpus, and the dialogue file made of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn
from tqdm import tqdm

from feature_extractor.chunking import is_too_long
from feature_extractor.dataset import UtteranceDataset
from feature_extractor.execution import Execution
from feature_extractor.prediction import predict
from feature_extractor.sources import audio_digest, corpus_digest, is_synthetic
from feature_extractor.split_record import split_name
from feature_extractor.splitting import SIDES, Split
from feature_extractor.store import CHUNK_SIZE, PartStore, Vectors
from feature_extractor.transcript import TRANSCRIPT_VERSION
from feature_extractor.utterance import Corpus, Utterance
from graph_er.dialogues import Dialogue, DialogueFile, write_dialogues
from graph_er.errors import InputError
from graph_er.flags import require


@dataclass(frozen=True)
class Extractor:
    """What gives vectors.

    Attributes:
        model: trained or frozen; its `UtteranceOutput` holds the vectors.
        collate: pads examples for it.
        sampling_rate: Hz of the audio, or None if it hears none.
        identity: SHA-256 of all that its vectors depend on: weights, configuration and what
            prepares the input; see `stage2.extractor_digest`.
        info: plain values that tell in the dialogue file where the vectors come from.
        clip_length: seconds; longer clips are heard in chunks, see `chunking`.
        context: how many earlier utterances are read along with each.
        heard_context: 0, or as many that are heard, too.
    """

    model: nn.Module
    collate: Callable[..., dict[str, Any]]
    sampling_rate: int | None
    identity: str
    info: dict[str, Any]
    clip_length: float = 25.0
    context: int = 0
    heard_context: int = 0


@dataclass(frozen=True)
class Shard:
    """The chunks that one of several processes makes: those of number `index` modulo `count`."""

    index: int = 0
    count: int = 1

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            InputError: there are no shards, or not this one.
        """
        require("num_shards", self.count, self.count >= 1, "1 or more")
        last = self.count - 1
        require("shard", self.index, 0 <= self.index <= last, f"0 to --num_shards - 1, here {last}")


def extract_corpus(
    extractor: Extractor,
    corpus: Corpus,
    split: Split,
    out: Path,
    execution: Execution,
    shard: Shard = Shard(),
    chunk_size: int = CHUNK_SIZE,
) -> bool:
    """Make this shard's parts and, once no shard's parts are missing, the dialogue file.

    Returns:
        True if the file was written, False if parts of other shards are still missing.

    Raises:
        InputError: an utterance's audio is bad, or its vector is not finite.
    """
    store = part_store(extractor, corpus, corpus.utterances, out, execution, chunk_size)
    if not fill_parts(store, extractor, corpus, execution, shard):
        return False
    info = {**extractor.info, **audio_info(extractor, corpus)}
    write_dialogues(out, dialogue_file(corpus, split, store.read(), info))
    store.remove()
    return True


def part_store(
    extractor: Extractor,
    corpus: Corpus,
    utterances: Sequence[Utterance],
    out: Path,
    execution: Execution,
    chunk_size: int = CHUNK_SIZE,
) -> PartStore:
    """Return the parts, made or not, of what an extractor makes of `utterances` of a corpus."""
    ids = [utterance.id for utterance in utterances]
    return PartStore(out, ids, _fingerprint(extractor, corpus, execution), chunk_size)


def fill_parts(
    store: PartStore, extractor: Extractor, corpus: Corpus, execution: Execution, shard: Shard
) -> bool:
    """Make this shard's parts of `store`; return whether no part is missing any more.

    Raises:
        InputError: as `extract_corpus`.
    """
    by_id = {utterance.id: utterance for utterance in corpus.utterances}
    own = [chunk for chunk in store.missing() if chunk % shard.count == shard.index]
    with tqdm(total=sum(len(store.chunks[c]) for c in own), desc="extraction", unit="utt") as bar:
        for chunk in own:
            utterances = [by_id[store.ids[index]] for index in store.chunks[chunk]]
            store.write(chunk, _vectors(extractor, corpus, utterances, execution, bar))
    return not store.missing()


def dialogue_file(
    corpus: Corpus, split: Split, vectors: Vectors, info: dict[str, Any]
) -> DialogueFile:
    """Group vectors by dialogue.

    Args:
        corpus: ``N`` utterances.
        split: its sides; a dialogue that is on none is in the file all the same.
        vectors: ``text`` and ``audio`` ``[N, D]`` in the order of the corpus, or one of them.
        info: where they come from.
    """
    rows = {utterance.id: row for row, utterance in enumerate(corpus.utterances)}
    dialogues = []
    for dialogue_id, utterances in corpus.dialogues().items():
        picked = [rows[utterance.id] for utterance in utterances]
        dialogues.append(
            Dialogue(
                id=dialogue_id,
                utterance_ids=tuple(u.id for u in utterances),
                speakers=tuple(u.speaker for u in utterances),
                labels=np.array([corpus.label(u) for u in utterances], dtype=np.int64),
                sentences=tuple(u.text for u in utterances),
                **{name: values[picked] for name, values in vectors.items()},
            )
        )
    side_of = split.by_dialogue()
    sides = (tuple(d.id for d in dialogues if side_of.get(d.id) == side) for side in SIDES)
    info = {
        "corpus": corpus.name,
        "synthetic": is_synthetic(corpus.name),
        "transcript_version": TRANSCRIPT_VERSION,
        "split": split_name(split),
        "sessions": {u.dialogue: u.session for u in corpus.utterances},
        "parts": {u.dialogue: u.part for u in corpus.utterances if u.part is not None},
        **info,
    }
    return DialogueFile(tuple(dialogues), *sides, emotions=tuple(corpus.emotions), info=info)


def _vectors(
    extractor: Extractor,
    corpus: Corpus,
    utterances: list[Utterance],
    execution: Execution,
    bar: tqdm,
) -> Vectors:
    dataset = UtteranceDataset(
        corpus,
        utterances,
        sampling_rate=extractor.sampling_rate,
        context=extractor.context,
        heard_context=extractor.heard_context,
    )
    output = predict(
        extractor.model, extractor.collate, dataset, execution, extractor.clip_length, bar
    )
    vectors = {name: rows for name, rows in output.items() if name != "logits"}
    for name, rows in vectors.items():
        bad = ~np.isfinite(rows).all(axis=1)
        if bad.any():
            utterance = utterances[int(np.flatnonzero(bad)[0])]
            raise InputError(
                f"utterance {utterance.id}: its {name} vector is not finite ({utterance.wav}); "
                "try --dtype float32, or train stage 1 again with a lower --lr"
            )
    return vectors


def _fingerprint(extractor: Extractor, corpus: Corpus, execution: Execution) -> str:
    """Return a digest of what the vectors depend on: extractor, transcripts, audio and precision.

    The batch size is not among it: after running out of memory one goes on with a smaller one.
    """
    parts = (
        extractor.identity,
        corpus_digest(corpus),
        audio_digest(corpus),
        str(TRANSCRIPT_VERSION),
        str(execution.dtype),
        str(extractor.clip_length),
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def audio_info(extractor: Extractor, corpus: Corpus) -> dict[str, Any]:
    """Return what the audio vectors of single utterances are, where they are not as usual."""
    if extractor.sampling_rate is None:
        return {}
    limit = extractor.clip_length
    return {
        "clip_length": limit,
        "chunked": [u.id for u in corpus.utterances if is_too_long(u, limit)],
        "without_audio": [u.id for u in corpus.utterances if u.wav is None],
    }
