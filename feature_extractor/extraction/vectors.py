"""Stage 2: vectors of every utterance of a corpus, and the dialogue file made of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn
from torch.nn.utils import parametrize
from tqdm import tqdm

from feature_extractor.batches.chunking import is_too_long
from feature_extractor.batches.dataset import States, UtteranceDataset
from feature_extractor.corpora.policies import named_policies
from feature_extractor.execution import Execution
from feature_extractor.extraction.assembly import finish, parts_folder
from feature_extractor.extraction.parts_plan import PartsPlan, Source
from feature_extractor.extraction.prediction import predict_groups
from feature_extractor.extraction.shard import WHOLE, Shard
from feature_extractor.extraction.speaker_states import speaker_scaled_states
from feature_extractor.extraction.store import CHUNK_SIZE, PartStore, Vectors
from feature_extractor.fusion.context import Context
from feature_extractor.sources import audio_digest, corpus_digest, is_synthetic
from feature_extractor.splits.record import split_name
from feature_extractor.splits.splitting import SIDES, Split
from feature_extractor.transcript import TRANSCRIPT_VERSION
from feature_extractor.utterance import Corpus, Utterance
from graph_er.errors import InputError
from graph_er.schema.dialogue import Dialogue, DialogueFile


@dataclass(frozen=True)
class Extractor:
    """What gives vectors.

    Attributes:
        model: trained or frozen; its `UtteranceOutput` holds the vectors.
        collate: pads examples for it.
        sampling_rate: Hz of the audio, or None if it hears none.
        identity: SHA-256 of all that its vectors depend on: weights, configuration and what
            prepares the input; see `identity.extractor_digest`.
        info: plain values that tell in the dialogue file where the vectors come from.
        clip_length: seconds; longer clips are heard in chunks, see `chunking`.
        context: how many earlier texts are joined to each; vectors owe nothing to others.
        speaker_scaling: whether acoustic features are scaled by speaker, see `speaker_scaling`.
    """

    model: nn.Module
    collate: Callable[..., dict[str, Any]]
    sampling_rate: int | None
    identity: str
    info: dict[str, Any]
    clip_length: float = 25.0
    context: int = 0
    speaker_scaling: bool = False


def extract_corpus(
    extractor: Extractor,
    corpus: Corpus,
    split: Split,
    out: Path,
    execution: Execution,
    shard: Shard = WHOLE,
    chunk_size: int = CHUNK_SIZE,
) -> bool | None:
    """Make this shard's parts and, once no shard's parts are missing, the dialogue file.

    Returns:
        True if the file was written, False if parts of other shards are still missing, None if
        none of the parts is this shard's.

    Raises:
        InputError: an utterance's audio is bad, or its vector is not finite.
    """
    folder = parts_folder(out)
    store = part_store(extractor, corpus, corpus.utterances, folder, execution, chunk_size)
    fill_parts(store, extractor, corpus, execution, shard)
    info = {**extractor.info, **vectors_info(extractor, corpus)}
    file = dialogue_file(corpus, split, info)
    source = Source("", store.fingerprint, tuple(dialogue.id for dialogue in file.dialogues))
    return finish(PartsPlan(file, (source,), chunk_size=chunk_size), out, shard)


def part_store(
    extractor: Extractor,
    corpus: Corpus,
    utterances: Sequence[Utterance],
    folder: Path,
    execution: Execution,
    chunk_size: int = CHUNK_SIZE,
) -> PartStore:
    """Return the parts, made or not, of what an extractor makes of `utterances` of a corpus."""
    ids = [utterance.id for utterance in utterances]
    return PartStore([folder], ids, _fingerprint(extractor, corpus, execution), chunk_size)


def fill_parts(
    store: PartStore, extractor: Extractor, corpus: Corpus, execution: Execution, shard: Shard
) -> None:
    """Make this shard's parts of `store`, each written as soon as its last vector is there.

    Raises:
        InputError: as `extract_corpus`.
    """
    by_id = {utterance.id: utterance for utterance in corpus.utterances}
    mine = range(shard.index, len(store.chunks), shard.count)
    if mine:  # else nothing would ever be in the folder; made early, for it may not be allowed
        store.folders[0].mkdir(parents=True, exist_ok=True)
    own = [chunk for chunk in mine if store.problem(chunk)]
    chunks = [[by_id[store.ids[index]] for index in store.chunks[chunk]] for chunk in own]
    states = _states(extractor, corpus, execution) if own else {}
    dataset = UtteranceDataset(
        corpus,
        [utterance for chunk in chunks for utterance in chunk],
        sampling_rate=extractor.sampling_rate,
        context=Context(extractor.context),
        states=states,
    )
    ends = list(accumulate(map(len, chunks)))
    groups = [range(end - len(chunk), end) for end, chunk in zip(ends, chunks, strict=True)]
    # wav2vec 2.0 gives the weights of a convolution as norm and direction: joined once, not often.
    with tqdm(total=len(dataset), desc="extraction", unit="utt") as bar, parametrize.cached():
        rows = predict_groups(
            extractor.model,
            extractor.collate,
            dataset,
            groups,
            execution,
            extractor.clip_length,
            progress=bar,
        )
        for chunk, utterances, output in zip(own, chunks, rows, strict=True):
            vectors = {name: values for name, values in output.items() if name != "logits"}
            _refuse_not_finite(vectors, utterances)
            store.write(chunk, vectors)


def _states(extractor: Extractor, corpus: Corpus, execution: Execution) -> dict[str, States]:
    """Return what stands in place of audio, of the whole corpus whichever parts are made."""
    if not extractor.speaker_scaling:
        return {}
    scaled = speaker_scaled_states(
        extractor.model, extractor.collate, corpus, extractor.sampling_rate, execution
    )
    return {"audio": scaled}


def dialogue_file(corpus: Corpus, split: Split, info: dict[str, Any]) -> DialogueFile:
    """Group utterances by dialogue, without vectors.

    Args:
        corpus: the utterances.
        split: its sides; a dialogue that is on none is in the file all the same.
        info: where the vectors come from.
    """
    dialogues = [
        Dialogue(
            id=dialogue_id,
            utterance_ids=tuple(u.id for u in utterances),
            speakers=tuple(u.speaker for u in utterances),
            labels=np.array([corpus.label(u) for u in utterances], dtype=np.int64),
            sentences=tuple(u.text for u in utterances),
        )
        for dialogue_id, utterances in corpus.dialogues().items()
    ]
    side_of = split.by_dialogue()
    train, dev, test = (
        tuple(d.id for d in dialogues if side_of.get(d.id) == side) for side in SIDES
    )
    info = {
        "corpus": corpus.name,
        "synthetic": is_synthetic(corpus.name),
        "transcript_version": TRANSCRIPT_VERSION,
        "split": split_name(split),
        "policies": named_policies(corpus.policies),
        "sessions": {u.dialogue: u.session for u in corpus.utterances},
        "parts": {u.dialogue: u.part for u in corpus.utterances if u.part is not None},
        **info,
    }
    return DialogueFile(tuple(dialogues), train, dev, test, tuple(corpus.emotions), info)


def _refuse_not_finite(vectors: Vectors, utterances: Sequence[Utterance]) -> None:
    for name, rows in vectors.items():
        bad = ~np.isfinite(rows).all(axis=1)
        if bad.any():
            utterance = utterances[int(np.flatnonzero(bad)[0])]
            raise InputError(
                f"utterance {utterance.id}: its {name} vector is not finite ({utterance.wav}); "
                "try --dtype float32, or train stage 1 again with a lower --lr"
            )


def _fingerprint(extractor: Extractor, corpus: Corpus, execution: Execution) -> str:
    """Return a digest of what the vectors depend on: extractor, transcripts, audio and precision.

    The size of batches is not among it: out of memory, one goes on with a smaller one.
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


def vectors_info(extractor: Extractor, corpus: Corpus) -> dict[str, Any]:
    """Return what the vectors of single utterances are, where they are not as usual."""
    mute = [u.id for u in corpus.utterances if not u.text]
    text = {"without_text": mute} if mute and "text" in extractor.info.get("encoders", ()) else {}
    if extractor.sampling_rate is None:
        return text
    limit = extractor.clip_length
    return {
        **text,
        "clip_length": limit,
        "chunked": [u.id for u in corpus.utterances if is_too_long(u, limit)],
        "without_audio": [u.id for u in corpus.utterances if u.wav is None],
    }
