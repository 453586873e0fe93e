"""Choosing the device of a run."""

from __future__ import annotations

import torch

from graph_er.errors import InputError


def choose_device(name: str) -> str:
    """Return ``cpu`` or a CUDA device; ``auto`` takes CUDA where it is.

    Raises:
        InputError: the device is unknown or not on this machine.
    """
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        kind = torch.device(name).type
    except RuntimeError:
        raise InputError(f"--device {name!r} is no device; use auto, cpu or cuda") from None
    if kind not in ("cpu", "cuda"):
        raise InputError(f"--device {name!r} is not supported; use auto, cpu or cuda")
    if kind == "cuda" and not torch.cuda.is_available():
        raise InputError(f"--device {name!r}: no CUDA device is available; use --device cpu")
    index = torch.device(name).index or 0
    if kind == "cuda" and index >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        raise InputError(f"--device {name!r}: this machine has {count} CUDA device(s), from cuda:0")
    return name
