"""Running a trained or frozen extractor over utterances, in batches of like length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, Protocol

import numpy as np
import torch
from tqdm import tqdm

from feature_extractor.batches.chunking import batches_of, cut_clip
from feature_extractor.batches.dataset import Example, UtteranceDataset
from feature_extractor.batches.stream import load_batches, plan_batches
from feature_extractor.execution import Execution
from feature_extractor.extraction.store import Vectors
from feature_extractor.fusion.base import needed
from feature_extractor.fusion.pooling import Frames, join_frames
from feature_extractor.fusion.stream import Stream
from feature_extractor.networks.model import UtteranceOutput


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

    def join(
        self, text: Any, audio: Stream | None, earlier_speakers: torch.Tensor | None = None
    ) -> UtteranceOutput:
        """Return the output of both."""


def predict(
    model: torch.nn.Module,
    collate: Any,
    dataset: UtteranceDataset,
    execution: Execution,
    clip_length: float,
    progress: tqdm | None = None,
) -> Vectors:
    """Run `model` in eval mode over `dataset`; arguments as of `predict_groups`.

    Returns:
        ``logits`` ``[N, C]``, ``text`` and ``audio`` ``[N, D]`` in float32 and in the order of
        `dataset`, without those that the model lacks.
    """
    groups = [range(len(dataset))]
    rows = predict_groups(model, collate, dataset, groups, execution, clip_length, progress)
    return next(rows, {})


def predict_groups(
    model: torch.nn.Module,
    collate: Any,
    dataset: UtteranceDataset,
    groups: Sequence[Sequence[int]],
    execution: Execution,
    clip_length: float,
    progress: tqdm | None = None,
) -> Iterator[Vectors]:
    """Run `model` in eval mode over groups of utterances without a pause between them.

    Args:
        model: an `Extracting` model; left in eval mode on the device.
        collate: pads examples to its batches.
        dataset: the utterances.
        groups: indices into `dataset`; none is empty.
        execution: how to run.
        clip_length: seconds; longer clips are heard in chunks, see `chunking`.
        progress: advanced by one per utterance.

    Yields:
        What `predict` returns, of one group after the other.
    """
    extracting: Any = model.to(execution.device).eval()
    batches = plan_batches(dataset, groups, execution, clip_length)
    loaded = load_batches(dataset, collate, batches, execution)
    for _, of_group in groupby(loaded, key=lambda pair: pair[0].group):
        places: list[int] = []
        rows: dict[str, list[np.ndarray]] = {}
        for batch, inputs in of_group:
            output = (
                chunked_output(extracting, collate, dataset, inputs, execution, clip_length)
                if batch.in_chunks
                else whole_output(extracting, inputs, execution)
            )
            places += batch.places
            for name, values in _arrays(output).items():
                rows.setdefault(name, []).append(values)
            if progress is not None:
                progress.update(len(batch.places))
        order = np.argsort(places)
        yield {name: np.concatenate(parts)[order] for name, parts in rows.items()}


def whole_output(
    model: Extracting, inputs: dict[str, Any], execution: Execution
) -> UtteranceOutput:
    """Return the output of a collated batch."""
    with torch.inference_mode(), precision(execution):
        return model(**on_device(inputs, execution))


def chunked_output(
    model: Extracting,
    collate: Any,
    dataset: UtteranceDataset,
    example: Example,
    execution: Execution,
    clip_length: float,
) -> UtteranceOutput:
    """Return the output of one example, heard in chunks; arguments as of `predict_groups`."""
    earlier = example.get("earlier_audio", [])
    clips = [example.get("audio"), *earlier, *[None] * (dataset.context.heard - len(earlier))]
    with torch.inference_mode(), precision(execution):
        rate = needed(dataset.sampling_rate)
        frames = clip_frames(model, collate, clips, execution, clip_length, rate)
        text = model.text_of(**on_device(collate.text_batch([example]), execution))
        speakers = example.get("earlier_speakers")
        if speakers is not None:
            speakers = torch.as_tensor(speakers)[None].to(execution.device)
        return model.join(text, model.audio_stream(frames), speakers)


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
    size = execution.clips_at_once(clip_length)
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


def on_device(batch: dict[str, Any], execution: Execution) -> dict[str, Any]:
    """Return the arguments of a model's ``forward`` on its device, without what is to be learnt."""
    return {
        name: value.to(execution.device, non_blocking=True) if torch.is_tensor(value) else value
        for name, value in batch.items()
        if name not in ("labels", "affect")
    }


def _arrays(output: UtteranceOutput) -> Vectors:
    named = {
        "logits": output.logits,
        "text": output.text_vector,
        "audio": output.audio_vector,
    }
    return {name: v.float().cpu().numpy() for name, v in named.items() if v is not None}
