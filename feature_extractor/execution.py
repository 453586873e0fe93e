"""How models are run in stages 1 and 2: on which device, how precisely, how many at once."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from graph_er.device import choose_device


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


def resolve_device(name: str) -> torch.device:
    """Return the device of ``--device``.

    Raises:
        InputError: it is unknown or not there.
    """
    return torch.device(choose_device(name))


def device_name(device: torch.device) -> str:
    """Return the name of a device for the record of a run."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
