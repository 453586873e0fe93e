"""Convolutions of few channels in float32 where a CPU computes all else in bfloat16.

On CPUs with AMX, PyTorch 2.13 (oneDNN) computes many convolutions in bfloat16 of an even number of
input channels per group below 16 wrongly, those whose channels times kernel are a multiple of 32
from 64 on: their error is as large as their output. The positional convolutions of wav2vec 2.0,
HuBERT, WavLM and XLS-R have 48 channels or more in the published sizes; tiny encoders have fewer.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import nn

_WIDE_ENOUGH = 16


def keep_narrow_convolutions_exact(encoder: nn.Module) -> None:
    """Let the narrow convolutions of `encoder` compute in float32 under autocast on a CPU.

    Args:
        encoder: its narrow convolutions do so from now on, in copies of it as well; nothing else
            about it changes, and done twice it is as once.
    """
    for module in encoder.modules():
        if isinstance(module, nn.Conv1d) and _is_narrow(module) and "forward" not in vars(module):
            # Of the object, not of its class, whose method it hides.
            module.forward = partial(_forward, module)  # type: ignore[method-assign]


def _is_narrow(convolution: nn.Conv1d) -> bool:
    return 1 < convolution.in_channels // convolution.groups < _WIDE_ENOUGH


def _forward(convolution: nn.Conv1d, states: torch.Tensor) -> torch.Tensor:
    if states.device.type != "cpu" or not torch.is_autocast_enabled("cpu"):
        return type(convolution).forward(convolution, states)
    with torch.autocast("cpu", enabled=False):
        return type(convolution).forward(convolution, states.float())
