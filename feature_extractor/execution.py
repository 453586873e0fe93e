"""How models are run in stages 1 and 2: on which device, how precisely, how many at once."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import torch

from graph_er.errors import InputError
from graph_er.running.device import choose_device, native_bfloat16
from graph_er.running.flags import require
from graph_er.running.processes import launched
from graph_er.running.shared_memory import FOLDER, processes_can_share
from graph_er.running.side_by_side import usable_cores

DTYPES = ("float32", "bfloat16", "auto")
BATCH_SECONDS = 100.0
# A part of a batch's budget that a text takes: an encoder of text is faster than one of audio.
_CHARACTERS_PER_SECOND = 20
# With fewer utterances a process takes longer to start than it saves.
_WORTH_A_WORKER = 256
_MOST_WORKERS = 4


@dataclass(frozen=True)
class Execution:
    """How a model is run.

    Attributes:
        device: where.
        dtype: float32, or bfloat16 for automatic mixed precision.
        batch_size: most utterances per batch, or None for any number.
        batch_seconds: most seconds of audio per batch, padding included; of models that read
            text alone as much text, see `batch_characters`.
        num_workers: processes that decode audio, or None to choose; see `workers`.
    """

    device: torch.device
    dtype: torch.dtype = torch.float32
    batch_size: int | None = None
    batch_seconds: float = BATCH_SECONDS
    num_workers: int | None = 0

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            InputError: a value is out of its range, or processes cannot hand over what they decode.
        """
        size, workers = self.batch_size, self.num_workers
        require("batch_size", size, size is None or size >= 1, "1 or more")
        require("batch_seconds", self.batch_seconds, self.batch_seconds > 0, "a number above 0")
        require("num_workers", workers, workers is None or workers >= 0, "0 or more")
        if workers and not processes_can_share():
            raise InputError(
                f"--num_workers {workers}: batches come from other processes by way of {FOLDER}, "
                "which is missing or cannot be written to; add --num_workers 0"
            )

    @property
    def batch_characters(self) -> float:
        """Most characters of text per batch, padding included, where no audio is heard."""
        return self.batch_seconds * _CHARACTERS_PER_SECOND

    def clips_at_once(self, clip_length: float) -> int:
        """Return how many clips of that length, in seconds, make a batch, at least 1."""
        most = max(1, int(self.batch_seconds / clip_length))
        return most if self.batch_size is None else min(self.batch_size, most)

    def workers(self, utterances: int) -> int:
        """Return `num_workers`, or where it is left open a number for so many utterances.

        None on the CPU, which the model keeps busy: there decoding takes as long in a process of
        its own. None off Linux, where starting a process means to load all libraries again.
        """
        if self.num_workers is not None:
            return self.num_workers
        waits = self.device.type == "cuda" and sys.platform.startswith("linux")
        if not waits or utterances < _WORTH_A_WORKER or not processes_can_share():
            return 0
        return min(_MOST_WORKERS, usable_cores() // 2)


def resolve_device(name: str) -> torch.device:
    """Return the device of ``--device``.

    Raises:
        InputError: it is unknown or not there.
    """
    return torch.device(choose_device(name))


def resolve_dtype(name: str, device: torch.device) -> torch.dtype:
    """Return the precision of ``--dtype``; ``auto`` is bfloat16 where `device` computes in it."""
    if name != "auto":
        return getattr(torch, name)
    return torch.bfloat16 if native_bfloat16(str(device)) else torch.float32


def training_device(name: str) -> torch.device:
    """Return the device of ``--device`` for training.

    Raises:
        InputError: as `resolve_device`, or it names one of several CUDA devices: `Trainer` takes
            all that are visible, but for one for each process of a launcher.
    """
    device = resolve_device(name)
    several = device.type == "cuda" and torch.cuda.device_count() > 1
    if device.index is not None and several and launched() == 1:
        raise InputError(
            f"--device {name}: training takes every visible CUDA device; set "
            f"CUDA_VISIBLE_DEVICES={device.index} and give --device cuda"
        )
    return device


def device_name(device: torch.device) -> str:
    """Return the name of a device for the record of a run."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
