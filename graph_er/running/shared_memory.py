"""Handing tensors to another process: by way of a folder in memory, which containers keep small."""

from __future__ import annotations

import dataclasses
import heapq
import logging
import math
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch.utils.data import get_worker_info

from graph_er.errors import InputError

logger = logging.getLogger(__name__)

FOLDER = "/dev/shm"
# Batches that `DataLoader` has each of its processes make ahead, and those that lie with who asked:
# the one at work and the next.
_AHEAD, _TAKEN = 2, 2


def processes_can_share() -> bool:
    """Tell whether processes can hand tensors to each other; on Linux that takes a folder."""
    return not sys.platform.startswith("linux") or os.access(FOLDER, os.W_OK)


def free_bytes() -> float:
    """Return how much can be on its way between processes; off Linux there is no such bound."""
    if not sys.platform.startswith("linux"):
        return math.inf
    folder = os.statvfs(FOLDER)
    return folder.f_bavail * folder.f_frsize


def bytes_at_once(sizes: Sequence[float], workers: int) -> float:
    """Return how many bytes are shared at most where `workers` make batches of these `sizes`."""
    return sum(heapq.nlargest(_AHEAD * workers + _TAKEN, sizes))


def with_room(workers: int, sizes: Sequence[float], free: float) -> int:
    """Return how many of some workers find room for their batches, and tell if it is not all.

    Args:
        workers: processes that are to make batches.
        sizes: of the batches, in bytes.
        free: the bytes that there are for them.
    """
    found = next((n for n in range(workers, 0, -1) if bytes_at_once(sizes, n) <= free), 0)
    if found < workers:
        wanted = bytes_at_once(sizes, workers)
        logger.warning(
            "%d of %d processes decode audio ahead: for the batches of all there may have to be "
            "%s MB in %s, which has %s MB free; start the container with --shm-size %dg",
            found, workers, f"{wanted / 1e6:,.0f}", FOLDER, f"{free / 1e6:,.0f}",
            math.ceil(wanted / 2**30),
        )  # fmt: skip
    return found


def shared(item: Any) -> Any:
    """Return what a process of a `DataLoader` made, its tensors where the others find them.

    The thread that sends an item would move them there itself. But where it cannot, it drops the
    item, and who asked would wait for it for ever.

    Raises:
        InputError: there is no room for them.
    """
    if get_worker_info() is None:
        return item
    try:
        for tensor in _tensors(item):
            tensor.share_memory_()
    except RuntimeError as error:
        raise InputError(
            f"no room for a batch from another process ({error}); start the container with a "
            "larger --shm-size, or --num_workers 0"
        ) from error
    return item


def tensor_bytes(item: Any) -> int:
    """Return how large the tensors of an item are together."""
    return sum(tensor.nbytes for tensor in _tensors(item))


def _tensors(item: Any) -> Iterator[torch.Tensor]:
    if torch.is_tensor(item):
        yield item
    elif isinstance(item, Mapping):
        for value in item.values():
            yield from _tensors(value)
    elif isinstance(item, list | tuple):
        for value in item:
            yield from _tensors(value)
    elif dataclasses.is_dataclass(item):
        yield from _tensors(vars(item))
