"""Choosing the device of a run."""

from __future__ import annotations

import os
import sys

import torch

from graph_er.errors import InputError
from graph_er.running import processes
from graph_er.running.counted import counted


def choose_device(name: str) -> str:
    """Return ``cpu`` or a CUDA device; ``auto`` takes CUDA where it is.

    Of several processes that a launcher started, each takes a GPU of its own.

    Raises:
        InputError: the device is unknown or not on this machine, or there are more processes here
            than GPUs.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        kind = torch.device(name).type
    except RuntimeError:
        raise InputError(f"--device {name!r} is no device; use auto, cpu or cuda") from None
    if kind not in ("cpu", "cuda"):
        raise InputError(f"--device {name!r} is not supported; use auto, cpu or cuda")
    if kind == "cpu":
        return kind  # `cpu:0` is no other device, and is compared with by name
    if not torch.cuda.is_available():
        raise InputError(f"--device {name!r}: no CUDA device is available; use --device cpu")
    index = torch.device(name).index or 0
    if index >= torch.cuda.device_count():
        there = counted(torch.cuda.device_count(), "CUDA device")
        raise InputError(f"--device {name!r}: this machine has {there}, from cuda:0")
    if processes.launched() > 1:
        return _own_gpu(name)
    return name


def native_bfloat16(device: str) -> bool:
    """Tell whether the device computes in bfloat16 itself and does not only imitate it."""
    if torch.device(device).type != "cpu":
        with torch.cuda.device(device):  # it tells of the current one
            return torch.cuda.is_bf16_supported(including_emulation=False)
    able = torch.cpu.get_capabilities()
    # ARM's; PyTorch for macOS has no kernels for it.
    arm = able.get("bf16", False) and sys.platform != "darwin"
    return arm or able.get("avx512_bf16", False) or able.get("amx_bf16", False)


def _own_gpu(name: str) -> str:
    local, count = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
    if torch.device(name).index is not None:
        raise InputError(f"--device {name!r} is one GPU for several processes; use --device cuda")
    if local >= count:
        here = os.environ.get("LOCAL_WORLD_SIZE", "several")
        raise InputError(
            f"{here} processes on this machine, which has {counted(count, 'GPU')}; start as many "
            "processes as GPUs, or add --device cpu"
        )
    return f"cuda:{local}"
