"""Batches of a whole run through one loader, so that no encoder waits between groups of utterances.

A batch never holds utterances of two groups, and how a group is divided depends on it alone: its
vectors are the same to the byte whatever else is run along with it, and in however many processes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, default_convert

from feature_extractor.batches.dataset import UtteranceDataset
from feature_extractor.batches.padding import length_batches
from feature_extractor.execution import Execution
from graph_er.errors import InputError
from graph_er.running.shared_memory import free_bytes, shared, tensor_bytes, with_room

# Of a clip about as long, in seconds, what is the same for every clip hardly counts.
_TYPICAL = 5.0


@dataclass(frozen=True)
class Batch:
    """Utterances that are run at once.

    Attributes:
        group: number of the group that they are of.
        places: where in the group they stand.
        indices: the same, in the dataset.
        in_chunks: it is one utterance with a clip that is too long to be heard at once.
    """

    group: int
    places: tuple[int, ...]
    indices: tuple[int, ...]
    in_chunks: bool = False


def plan_batches(
    dataset: UtteranceDataset,
    groups: Sequence[Sequence[int]],
    execution: Execution,
    clip_length: float,
) -> list[Batch]:
    """Divide groups of utterances into batches of like length; see `padding.length_batches`.

    Args:
        dataset: ``N`` utterances.
        groups: indices into it.
        execution: bounds the batches.
        clip_length: seconds; who has a longer clip stands alone, after the others of its group.
    """
    long = dataset.needs_chunks(clip_length)
    heard = dataset.sampling_rate is not None
    length = dataset.seconds if heard else dataset.characters
    budget = execution.batch_seconds if heard else execution.batch_characters
    rows = 1 + (dataset.context.heard if heard else dataset.context.read)
    batches: list[Batch] = []
    for number, group in enumerate(groups):
        whole = [place for place, index in enumerate(group) if index not in long]
        lengths = [float(rows * length(group[place])) for place in whole]
        for some in length_batches(lengths, execution.batch_size, budget):
            places = tuple(whole[position] for position in some)
            batches.append(Batch(number, places, tuple(group[place] for place in places)))
        for place, index in enumerate(group):
            if index in long:
                batches.append(Batch(number, (place,), (index,), in_chunks=True))
    return batches


def batch_sizes(dataset: UtteranceDataset, collate: Any, batches: Sequence[Batch]) -> list[float]:
    """Return about how many bytes each batch has, by its seconds of audio, padding included.

    Texts alone are small: where nothing is heard, batches count as 0.

    Args:
        dataset: the utterances, one of which is made an example of, to see how large it is.
        collate: pads examples to batches.
        batches: indices into `dataset`.

    Raises:
        InputError: that utterance's audio is bad.
    """
    indices = (index for batch in batches for index in batch.indices)
    heard = [index for index in indices if dataset.seconds(index) > 0]
    if dataset.sampling_rate is None or not heard:
        return [0.0] * len(batches)
    typical = min(heard, key=lambda index: abs(dataset.seconds(index) - _TYPICAL))
    with torch.random.fork_rng(devices=[]):  # a change of speed is drawn
        item = default_convert(collate([dataset[typical]]))
    per_second = tensor_bytes(item) / dataset.seconds(typical)
    samples = (1 + dataset.context.heard) * dataset.sampling_rate * torch.float32.itemsize
    return [
        len(batch.indices)
        * max(map(dataset.seconds, batch.indices))
        * (samples if batch.in_chunks else per_second)
        for batch in batches
    ]


def load_batches(
    dataset: UtteranceDataset, collate: Any, batches: Sequence[Batch], execution: Execution
) -> Iterator[tuple[Batch, Any]]:
    """Yield each batch with what `collate` makes of its examples, or, in chunks, its one example.

    With workers, each holds at most two batches that are not yet asked for; there are as many as
    find room for theirs.

    Raises:
        InputError: an utterance's audio is bad, or a worker finds no room for a batch after all.
    """
    workers = execution.workers(sum(len(batch.indices) for batch in batches))
    if workers:
        workers = with_room(workers, batch_sizes(dataset, collate, batches), free_bytes())
    loader = DataLoader(
        _Collated(dataset, collate, batches),
        batch_size=None,
        num_workers=workers,
        pin_memory=execution.device.type == "cuda",
    )
    for batch, item in zip(batches, loader, strict=True):
        if isinstance(item, InputError):
            raise item
        yield batch, item


class _Collated(Dataset):
    """Batches as items, so that workers collate as well.

    Bad input is an item, too: an error raised in a worker comes out with a traceback as its text.
    """

    def __init__(self, dataset: UtteranceDataset, collate: Any, batches: Sequence[Batch]) -> None:
        self._dataset, self._collate, self._batches = dataset, collate, batches

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, number: int) -> Any:
        batch = self._batches[number]
        try:
            examples = [self._dataset[index] for index in batch.indices]
            item = examples[0] if batch.in_chunks else self._collate(examples)
            return shared(default_convert(item))
        except InputError as error:
            return error
