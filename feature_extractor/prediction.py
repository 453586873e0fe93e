"""Running a trained or frozen extractor over utterances, in batches of like length."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any, Protocol

import numpy as np
import torch
from torch.utils.data import DataLoader, Subset
from tqdm import tqdm

from feature_extractor.batching import length_batches
from feature_extractor.chunking import batches_of, cut_clip
from feature_extractor.dataset import Example, UtteranceDataset
from feature_extractor.execution import Execution
from feature_extractor.fusion.stream import Stream
from feature_extractor.model import UtteranceOutput
from feature_extractor.pooling import Frames, join_frames

# Bounds the memory of a batch where clips are long.
MAX_BATCH_SECONDS = 200.0


class Extracting(Protocol):
    """A model that gives vectors: `model.UtteranceClassifier` or `frozen.FrozenEncoders`."""

    def __call__(self, **batch: Any) -> UtteranceOutput:
        """Return the output of a collated batch."""

    def audio_frames(self, values: torch.Tensor, mask: torch.Tensor) -> Frames:
        """Return the audio encoder's states."""

    def audio_stream(self, frames: Frames) -> Stream:
        """Return what the model reads of them."""

    def text_of(self, **batch: Any) -> Any:
        """Return what the model reads of a batch's text, or None without any."""

    def join(self, text: Any, audio: Stream | None, context_size: int = 0) -> UtteranceOutput:
        """Return the output of both."""


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
        model: an `Extracting` model; left in eval mode on the device.
        collate: pads examples to its batches.
        dataset: ``N`` utterances.
        execution: how to run.
        clip_length: seconds; longer clips are heard in chunks, see `chunking`.
        progress: advanced by one per utterance.

    Returns:
        ``logits`` ``[N, C]``, ``text`` and ``audio`` ``[N, D]`` in float32 and in the order of
        `dataset`, without those that the model lacks.
    """
    long = dataset.needs_chunks(clip_length)
    whole = [index for index in range(len(dataset)) if index not in long]
    apart = sorted(long)
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
        inputs = on_device(batch, execution)
        with torch.inference_mode(), precision(execution):
            output = model(**inputs)
        yield output


def _chunked_outputs(
    model: torch.nn.Module,
    collate: Any,
    dataset: UtteranceDataset,
    indices: list[int],
    execution: Execution,
    clip_length: float,
) -> Iterator[UtteranceOutput]:
    """Yield the output of one utterance after another."""
    loader = DataLoader(
        Subset(dataset, indices), collate_fn=only, num_workers=execution.num_workers
    )
    for example in loader:
        earlier = example.get("earlier_audio", [])
        clips = [example.get("audio"), *earlier, *[None] * (dataset.heard_context - len(earlier))]
        # Left before the yield: a generator suspends within what it has entered.
        with torch.inference_mode(), precision(execution):
            frames = clip_frames(
                model, collate, clips, execution, clip_length, dataset.sampling_rate
            )
            text = model.text_of(**on_device(collate.text_batch([example]), execution))
            output = model.join(text, model.audio_stream(frames), dataset.heard_context)
        yield output


def clip_frames(
    model: Extracting,
    collate: Any,
    clips: list[np.ndarray | None],
    execution: Execution,
    clip_length: float,
    sampling_rate: int,
) -> Frames:
    """Return the states of clips of any length, a row each; none of a clip that is not there."""
    max_samples = max(1, int(clip_length * sampling_rate))
    size = max(1, min(execution.batch_size, int(MAX_BATCH_SECONDS / clip_length)))
    silence = np.zeros(0, dtype=np.float32)
    cut = [cut_clip(silence if clip is None else clip, max_samples) for clip in clips]
    chunks = [chunk for pieces in cut for chunk in pieces]
    parts = []
    for some in batches_of(chunks, size):
        batch = on_device(collate.audio_batch(some), execution)
        frames = model.audio_frames(batch["input_values"], batch["audio_mask"])
        parts.append(frames.without(batch["has_audio"]) if "has_audio" in batch else frames)
    ends = np.cumsum([len(pieces) for pieces in cut]).tolist()
    groups = [range(end - len(pieces), end) for end, pieces in zip(ends, cut, strict=True)]
    return join_frames(parts).in_sequence(groups)


def precision(execution: Execution) -> torch.autocast:
    """Return the context in which models compute as `execution` says."""
    kind, dtype = execution.device.type, execution.dtype
    return torch.autocast(kind, dtype=dtype, enabled=dtype != torch.float32)


def only(examples: list[Example]) -> Example:
    """Return the one example of a batch; at this level, so that other processes can import it."""
    return examples[0]


def on_device(batch: dict[str, Any], execution: Execution) -> dict[str, Any]:
    """Return the arguments of a model's ``forward`` on its device, without what is to be learnt."""
    return {
        name: value.to(execution.device) if isinstance(value, torch.Tensor) else value
        for name, value in batch.items()
        if name not in ("labels", "affect")
    }


def _arrays(output: UtteranceOutput) -> dict[str, np.ndarray]:
    named = {
        "logits": output.logits,
        "text": output.text_vector,
        "audio": output.audio_vector,
    }
    return {name: v.float().cpu().numpy() for name, v in named.items() if v is not None}
