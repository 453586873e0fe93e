"""How models are run in stages 1 and 2: on which device, how precisely, how many at once."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from graph_er.device import choose_device
from graph_er.errors import InputError
from graph_er.flags import require


@dataclass(frozen=True)
class Execution:
    """How a model is run.

    Attributes:
        device: where.
        dtype: float32, or bfloat16 for automatic mixed precision.
        batch_size: most utterances per batch.
        num_workers: processes that decode audio.
    """

    device: torch.device
    dtype: torch.dtype = torch.float32
    batch_size: int = 16
    num_workers: int = 0

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            InputError: a value is out of its range.
        """
        require("batch_size", self.batch_size, self.batch_size >= 1, "1 or more")
        require("num_workers", self.num_workers, self.num_workers >= 0, "0 or more")


def resolve_device(name: str) -> torch.device:
    """Return the device of ``--device``.

    Raises:
        InputError: it is unknown or not there.
    """
    device = torch.device(choose_device(name))
    if device.type == "cuda" and device.index is not None:
        count = torch.cuda.device_count()
        if device.index >= count:
            raise InputError(f"--device {name}: there are {count} CUDA devices, numbered from 0")
    return device


def training_device(name: str) -> torch.device:
    """Return the device of ``--device`` for training.

    Raises:
        InputError: as `resolve_device`, or it names one of several CUDA devices: `Trainer` takes
            all that are visible.
    """
    device = resolve_device(name)
    if device.index is not None and device.type == "cuda" and torch.cuda.device_count() > 1:
        raise InputError(
            f"--device {name}: training takes every visible CUDA device; set "
            f"CUDA_VISIBLE_DEVICES={device.index} and give --device cuda"
        )
    return device


def device_name(device: torch.device) -> str:
    """Return the name of a device for the record of a run."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
