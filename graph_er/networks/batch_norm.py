"""Batch norm over the whole batch, also where several processes hold parts of it.

PyTorch's ``SyncBatchNorm`` does the same on CUDA alone.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from graph_er.running import processes


class BatchNorm(nn.BatchNorm1d):
    """``nn.BatchNorm1d`` of ``[N, channels]``, with statistics over all processes.

    One utterance alone has no statistics to train on and passes as it is.

    Attributes:
        counted: whether this process's rows count; False where it only keeps the others company.
    """

    counted = True

    def forward(self, x: Tensor) -> Tensor:
        """Normalise ``[N, channels]``."""
        if not self.training:
            return super().forward(x)
        if processes.count() == 1:
            return super().forward(x) if len(x) > 1 else x
        return self._over_processes(x)

    def _over_processes(self, x: Tensor) -> Tensor:
        rows, weight = x.float(), float(self.counted)
        sums = torch.cat([rows.sum(dim=0), rows.new_tensor([len(rows)])])
        total = _Sum.apply(weight * sums)
        count = int(total[-1].item())
        mean = total[:-1] / count
        # In two passes: the mean of squares less the square of the mean would cancel.
        apart = rows - mean
        squares = _Sum.apply(weight * apart.square().sum(dim=0))
        if count == 1:  # the parameters must have a gradient in every process, be it zero
            return x + 0 * (self.weight + self.bias)
        self._remember(mean.detach(), squares.detach() / (count - 1))
        normal = apart * torch.rsqrt(squares / count + self.eps)
        return torch.addcmul(self.bias, normal, self.weight).to(x.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        momentum: Any = self.momentum
        held: Any = self  # as it is made, its statistics are tensors
        held.num_batches_tracked += 1
        held.running_mean.lerp_(mean, momentum)
        held.running_var.lerp_(variance, momentum)


class _Sum(torch.autograd.Function):
    """The sum over all processes, each of whose losses depends on it."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        return processes.added(value.clone())

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return processes.added(gradient.clone())
