"""Dev clips that are too long to be heard at once, in the scores of each epoch.

They are heard in chunks, as `extraction.prediction` hears them, so that the epoch is chosen by what
the model makes of its input later, and memory is bounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from feature_extractor.batches.dataset import Example, UtteranceDataset
from feature_extractor.execution import Execution
from feature_extractor.extraction.prediction import chunked_output, whole_output
from feature_extractor.fusion.base import needed

LONG = "in_chunks"


@dataclass(frozen=True)
class Divided:
    """The examples of a batch that has clips to be heard in chunks.

    Attributes:
        whole: the others, collated; None where there are none.
        places: where in the batch these stand.
        long: the examples with such clips, by where they stand.
    """

    whole: dict[str, Any] | None
    places: list[int]
    long: dict[int, Example]


def divided(collate: Any, examples: Sequence[Example], long: Sequence[bool]) -> dict[str, Any]:
    """Return a batch of ``labels`` ``[B]`` or ``[B, C]``, and under `LONG` all the rest `Divided`.

    Args:
        collate: pads examples to batches.
        examples: B of them.
        long: which have a clip that is too long, ``[B]``.
    """
    places = [place for place, is_long in enumerate(long) if not is_long]
    apart = {place: examples[place] for place, is_long in enumerate(long) if is_long}
    whole = collate([examples[place] for place in places]) if places else None
    labels = torch.as_tensor(np.stack([example["labels"] for example in examples]))
    return {"labels": labels, LONG: Divided(whole, places, apart)}


def divided_logits(
    model: Any,
    collate: Any,
    dataset: UtteranceDataset,
    batch: Divided,
    execution: Execution,
    clip_length: float,
) -> torch.Tensor:
    """Return the logits ``[B, C]`` of a `Divided` batch; arguments as of `predict_groups`."""
    places, outputs = [*batch.places, *batch.long], []
    if batch.whole is not None:
        outputs.append(whole_output(model, batch.whole, execution))
    for example in batch.long.values():
        outputs.append(chunked_output(model, collate, dataset, example, execution, clip_length))
    logits = torch.cat([needed(output.logits).float() for output in outputs])
    return logits[torch.argsort(torch.tensor(places))]
