"""States of wholly frozen encoders: made once per utterance, and kept.

What is kept is checked: states count for the same encoder, tokenizer, clean-up of transcripts and
way of pooling only, as the folder's name says, and for the same text or the same bytes of audio.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from feature_extractor.batches.dataset import UtteranceDataset, earlier_utterances
from feature_extractor.batches.padding import length_batches
from feature_extractor.batches.stream import Batch, load_batches
from feature_extractor.caches.state_store import StateStore
from feature_extractor.execution import Execution
from feature_extractor.extraction.prediction import (
    clip_frames,
    on_device,
    precision,
)
from feature_extractor.fusion.base import needed
from feature_extractor.fusion.context import NO_CONTEXT, Context
from feature_extractor.fusion.registry import views
from feature_extractor.fusion.stream import Stream
from feature_extractor.networks.checkpoint import Checkpoint
from feature_extractor.networks.identity import encoder_digest
from feature_extractor.transcript import TRANSCRIPT_VERSION
from feature_extractor.utterance import Corpus, Utterance
from graph_er.running.files import sha256, write_json
from graph_er.schema.emotions import MODALITY_NAMES

Rows = list[tuple[Utterance, np.ndarray]]


@dataclass(frozen=True)
class Cache:
    """Where states are kept, and how.

    Attributes:
        folder: one folder for each encoder lies in it.
        dtype: see `state_store.DTYPES`.
    """

    folder: Path
    dtype: str = "float32"


def cached_states(
    checkpoint: Checkpoint,
    modalities: str,
    corpus: Corpus,
    utterances: Sequence[Utterance],
    cache: Cache,
    execution: Execution,
) -> dict[str, StateStore]:
    """Return the states of `utterances`, by ``text`` and ``audio``; make those that are missing.

    Args:
        checkpoint: whose encoders are run.
        modalities: those of which the encoder is frozen as a whole, e.g. ``t``.
        corpus: where the utterances are from.
        utterances: whole dialogues, so that each utterance's context is among them.
        cache: where to.
        execution: how to run.

    Raises:
        InputError: bad audio, or states that are not finite.
    """
    return {
        MODALITY_NAMES[modality]: _filled(
            _store(checkpoint, modality, cache, execution),
            checkpoint,
            modality,
            corpus,
            utterances,
            execution,
        )
        for modality in modalities
    }


def _filled(
    store: StateStore,
    checkpoint: Checkpoint,
    modality: str,
    corpus: Corpus,
    utterances: Sequence[Utterance],
    execution: Execution,
) -> StateStore:
    if modality == "t":
        contents = _text_contents(corpus, utterances, checkpoint.model.context.joined)
    else:
        contents = _audio_contents(utterances, store.folder / "files.json")
    with store.locked():
        missing = set(store.missing(contents))
        if not missing:
            return store
        wanted = [utterance for utterance in utterances if utterance.id in missing]
        states = _text_states if modality == "t" else _audio_states
        name = f"{MODALITY_NAMES[modality]} states"
        with tqdm(total=len(wanted), desc=name, unit="utt") as bar:
            for rows in states(checkpoint, corpus, wanted, execution):
                store.append((u.id, contents[u.id], values) for u, values in rows)
                bar.update(len(rows))
    return store


def _store(checkpoint: Checkpoint, modality: str, cache: Cache, execution: Execution) -> StateStore:
    """Return the store of an encoder; its name tells all that the states depend on."""
    model, name = checkpoint.model, MODALITY_NAMES[modality]
    config = model.config
    collate = checkpoint.collator()
    if modality == "t":
        collate = replace(collate, feature_extractor=None, min_samples=0, context=NO_CONTEXT)
    else:
        collate = replace(collate, tokenizer=None, max_tokens=0, context=NO_CONTEXT, prompt=None)
    parts: dict[str, Any] = {
        "encoder": encoder_digest(getattr(model, f"{name}_encoder"), collate),
        "view": views(config.fusion, config.fusion_options)[modality],
        "computed": str(execution.dtype),
        "kept": cache.dtype,
    }
    if modality == "t":
        parts |= {"transcripts": TRANSCRIPT_VERSION, "context": model.context.joined}
        parts |= {"separator": collate.separator} if model.context.joined else {}
    else:
        parts |= {"clip_length": config.clip_length}
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    return StateStore(cache.folder / f"{name}-{digest[:24]}", cache.dtype)


def _text_contents(corpus: Corpus, utterances: Sequence[Utterance], context: int) -> dict[str, str]:
    before = earlier_utterances(corpus, utterances, context)
    return {
        utterance.id: hashlib.sha256(
            json.dumps([utterance.text, *(u.text for u in earlier)]).encode()
        ).hexdigest()
        for utterance, earlier in zip(utterances, before, strict=True)
    }


def _audio_contents(utterances: Sequence[Utterance], memory: Path) -> dict[str, str]:
    """Return the SHA-256 of each utterance's file; one whose size and times are as before is known.

    Args:
        utterances: ``N`` of them.
        memory: file that keeps size, times and SHA-256 by path.
    """
    known = _remembered(memory)
    contents: dict[str, str] = {}
    for utterance in tqdm(utterances, desc="audio files", unit="file", leave=False):
        if utterance.wav is None:
            contents[utterance.id] = "none"
            continue
        path, status = str(utterance.wav.resolve()), utterance.wav.stat()
        # Who replaces a file can keep the time of its change, but not that of its entry's.
        mark = [status.st_size, status.st_mtime_ns, status.st_ctime_ns]
        if path not in known or known[path][:-1] != mark:
            known[path] = [*mark, sha256(utterance.wav)]
        contents[utterance.id] = known[path][-1]
    write_json(memory, known)
    return contents


def _remembered(memory: Path) -> dict[str, list[Any]]:
    """Return size, times and SHA-256 by path, as far as the file holds such."""
    try:
        known = json.loads(memory.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return {
        path: entry
        for path, entry in (known.items() if isinstance(known, dict) else ())
        if isinstance(entry, list) and [type(value) for value in entry] == [int, int, int, str]
    }


def _text_states(
    checkpoint: Checkpoint, corpus: Corpus, utterances: Sequence[Utterance], execution: Execution
) -> Iterator[Rows]:
    # transformers wraps `to` without its types.
    model = checkpoint.model.to(execution.device).eval()  # type: ignore[arg-type]
    # What is kept serves models of text alone as well, which read even an empty text.
    context = Context(model.context.joined)
    collate = replace(checkpoint.collator(), marks_missing_text=False, context=context)
    dataset = UtteranceDataset(corpus, utterances, sampling_rate=None, context=context)
    lengths = [float(dataset.characters(index)) for index in range(len(dataset))]
    for batch in length_batches(lengths, execution.batch_size, execution.batch_characters):
        examples = [dataset[index] for index in batch]
        with torch.inference_mode(), precision(execution):
            stream = model.text_of(**on_device(collate.text_batch(examples), execution))
        yield list(zip([utterances[i] for i in batch], _rows(stream), strict=True))


def _audio_states(
    checkpoint: Checkpoint, corpus: Corpus, utterances: Sequence[Utterance], execution: Execution
) -> Iterator[Rows]:
    # transformers wraps `to` without its types.
    model = checkpoint.model.to(execution.device).eval()  # type: ignore[arg-type]
    collate = checkpoint.collator()
    clip_length = model.config.clip_length
    dataset = UtteranceDataset(corpus, utterances, sampling_rate=checkpoint.sampling_rate)
    durations = [utterance.duration for utterance in utterances]
    divided = length_batches(durations, execution.batch_size, execution.batch_seconds)
    batches = [Batch(0, tuple(indices), tuple(indices)) for indices in divided]
    for batch, examples in load_batches(dataset, list, batches, execution):
        clips = [example.get("audio") for example in examples]
        with torch.inference_mode(), precision(execution):
            frames = clip_frames(
                model,
                collate,
                clips,
                execution,
                clip_length,
                needed(checkpoint.sampling_rate),
            )
            stream = model.unscaled_stream(frames)
        yield list(zip([utterances[i] for i in batch.indices], _rows(stream), strict=True))


def _rows(stream: Stream) -> list[np.ndarray]:
    states, mask = stream.states.float().cpu().numpy(), stream.mask.cpu().numpy()
    return [row[there] for row, there in zip(states, mask, strict=True)]
