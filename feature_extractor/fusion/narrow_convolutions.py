"""Convolutions of few channels in float32 where a CPU computes all else in bfloat16.

On CPUs with AMX, PyTorch 2.13 (oneDNN) computes a convolution in bfloat16 of 2, 4, 8 or 12 input
channels per group and a kernel of 16 or more wrongly: its error is as large as its output. The
positional convolutions of wav2vec 2.0 and its relatives are wide enough in every published size,
not in tiny ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import nn

_WIDE_ENOUGH = 16


@contextmanager
def narrow_convolutions_in_float32(encoder: nn.Module, device: torch.device) -> Iterator[None]:
    """Within this, the narrow convolutions of `encoder` compute in float32 under autocast on a CPU.

    Args:
        encoder: is left as it was.
        device: of its input.
    """
    narrow = _narrow(encoder) if device.type == "cpu" and torch.is_autocast_enabled("cpu") else []
    for convolution in narrow:
        # Of the object, not of its class: it hides the method until it is taken away again.
        convolution.forward = partial(_in_float32, convolution)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for convolution in narrow:
            del convolution.forward


def _narrow(encoder: nn.Module) -> list[nn.Conv1d]:
    convolutions = [module for module in encoder.modules() if isinstance(module, nn.Conv1d)]
    return [one for one in convolutions if 1 < one.in_channels // one.groups < _WIDE_ENOUGH]


def _in_float32(convolution: nn.Conv1d, states: torch.Tensor) -> torch.Tensor:
    with torch.autocast("cpu", enabled=False):
        return type(convolution).forward(convolution, states.float())
