"""Running a trained or frozen extractor over utterances, in batches of like length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from feature_extractor.batching import length_batches
from feature_extractor.execution import Execution

# Bounds the memory of a batch where clips are long.
MAX_BATCH_SECONDS = 200.0


def predict(
    model: torch.nn.Module,
    collate: Any,
    dataset: Dataset,
    durations: Sequence[float],
    execution: Execution,
    progress: tqdm | None = None,
) -> dict[str, np.ndarray]:
    """Run `model` in eval mode over `dataset`.

    Args:
        model: gives a `model.UtteranceOutput` for a batch; left in eval mode on the device.
        collate: pads examples to such a batch.
        dataset: ``N`` utterances.
        durations: their seconds, ``[N]``.
        execution: how to run.
        progress: advanced by one per utterance.

    Returns:
        ``logits`` ``[N, C]``, ``text`` and ``audio`` ``[N, D]`` in float32 and in the order of
        `dataset`, without those that the model lacks.
    """
    batches = length_batches(durations, execution.batch_size, MAX_BATCH_SECONDS)
    loader = DataLoader(
        dataset, batch_sampler=batches, collate_fn=collate, num_workers=execution.num_workers
    )
    model.to(execution.device).eval()
    rows: dict[str, list[np.ndarray]] = {}
    for output in _outputs(model, loader, execution):
        for name, values in output.items():
            rows.setdefault(name, []).append(values)
        if progress is not None:
            progress.update(len(next(iter(output.values()))))
    order = np.argsort([index for batch in batches for index in batch])
    return {name: np.concatenate(parts)[order] for name, parts in rows.items()}


def _outputs(
    model: torch.nn.Module, loader: DataLoader, execution: Execution
) -> Iterator[dict[str, np.ndarray]]:
    device, dtype = execution.device, execution.dtype
    for batch in loader:
        batch.pop("labels", None)
        inputs = {
            name: value.to(device) if isinstance(value, torch.Tensor) else value
            for name, value in batch.items()
        }
        # Entered anew per batch: as a generator this function suspends between them.
        with (
            torch.inference_mode(),
            torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32),
        ):
            output = model(**inputs)
        named = {
            "logits": output.logits,
            "text": output.text_vector,
            "audio": output.audio_vector,
        }
        yield {name: v.float().cpu().numpy() for name, v in named.items() if v is not None}
