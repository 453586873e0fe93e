"""Running a trained or frozen extractor over utterances, in batches of like length."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Subset
from tqdm import tqdm

from feature_extractor.batching import Example, UtteranceDataset, length_batches
from feature_extractor.chunking import (
    batches_of,
    cut_clip,
    frame_counts,
    is_too_long,
    join_chunks,
)
from feature_extractor.execution import Execution
from feature_extractor.model import UtteranceOutput

# Bounds the memory of a batch where clips are long.
MAX_BATCH_SECONDS = 200.0


def predict(
    model: torch.nn.Module,
    collate: Any,
    dataset: UtteranceDataset,
    execution: Execution,
    clip_length: float,
    progress: tqdm | None = None,
) -> dict[str, np.ndarray]:
    """Run `model` in eval mode over `dataset`.

    Args:
        model: gives a `model.UtteranceOutput` for a batch; left in eval mode on the device.
        collate: pads examples to such a batch.
        dataset: ``N`` utterances.
        execution: how to run.
        clip_length: seconds; longer clips are heard in chunks, see `chunking`.
        progress: advanced by one per utterance.

    Returns:
        ``logits`` ``[N, C]``, ``text`` and ``audio`` ``[N, D]`` in float32 and in the order of
        `dataset`, without those that the model lacks.
    """
    apart, whole = [], []
    for index, utterance in enumerate(dataset.utterances):
        missing = utterance.wav is None or is_too_long(utterance, clip_length)
        (apart if dataset.sampling_rate is not None and missing else whole).append(index)
    durations = [dataset.utterances[index].duration for index in whole]
    batches = [
        [whole[position] for position in batch]
        for batch in length_batches(durations, execution.batch_size, MAX_BATCH_SECONDS)
    ]
    model.to(execution.device).eval()
    outputs = chain(
        _whole_outputs(model, collate, dataset, batches, execution),
        _chunked_outputs(model, collate, dataset, apart, execution, clip_length),
    )
    rows: dict[str, list[np.ndarray]] = {}
    for output in outputs:
        named = _arrays(output)
        for name, values in named.items():
            rows.setdefault(name, []).append(values)
        if progress is not None:
            progress.update(len(next(iter(named.values()))))
    order = np.argsort([*chain.from_iterable(batches), *apart])
    return {name: np.concatenate(parts)[order] for name, parts in rows.items()}


def _whole_outputs(
    model: torch.nn.Module,
    collate: Any,
    dataset: UtteranceDataset,
    batches: list[list[int]],
    execution: Execution,
) -> Iterator[UtteranceOutput]:
    loader = DataLoader(
        dataset, batch_sampler=batches, collate_fn=collate, num_workers=execution.num_workers
    )
    for batch in loader:
        yield _run(model, batch, execution)


def _chunked_outputs(
    model: torch.nn.Module,
    collate: Any,
    dataset: UtteranceDataset,
    indices: list[int],
    execution: Execution,
    clip_length: float,
) -> Iterator[UtteranceOutput]:
    """Yield the output of one utterance after another."""
    max_samples = max(1, int(clip_length * (dataset.sampling_rate or 1)))
    size = max(1, min(execution.batch_size, int(MAX_BATCH_SECONDS / clip_length)))
    loader = DataLoader(
        Subset(dataset, indices), collate_fn=_only, num_workers=execution.num_workers
    )
    for example in loader:
        outputs, frames = [], []
        for chunks in batches_of(cut_clip(example, max_samples), size):
            batch = collate(chunks)
            outputs.append(_run(model, batch, execution))
            mask = batch["audio_mask"].to(execution.device)
            frames.append(frame_counts(model.audio_encoder, chunks, mask))
        # Left before the yield: a generator suspends within what it has entered.
        with torch.inference_mode(), _precision(execution):
            output = join_chunks(model, outputs, frames)
        yield output


def _only(examples: list[Example]) -> Example:
    """Return the one example of a batch; at this level, so that other processes can import it."""
    return examples[0]


def _run(model: torch.nn.Module, batch: dict[str, Any], execution: Execution) -> UtteranceOutput:
    inputs = {
        name: value.to(execution.device) if isinstance(value, torch.Tensor) else value
        for name, value in batch.items()
        if name != "labels"
    }
    with torch.inference_mode(), _precision(execution):
        return model(**inputs)


def _precision(execution: Execution) -> torch.autocast:
    kind, dtype = execution.device.type, execution.dtype
    return torch.autocast(kind, dtype=dtype, enabled=dtype != torch.float32)


def _arrays(output: UtteranceOutput) -> dict[str, np.ndarray]:
    named = {
        "logits": output.logits,
        "text": output.text_vector,
        "audio": output.audio_vector,
    }
    return {name: v.float().cpu().numpy() for name, v in named.items() if v is not None}
