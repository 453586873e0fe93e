"""A device that is pretended: it computes on the CPU, and its tensors meet none of the CPU's.

Its tensors call themselves ``meta`` and hold their values all the same. So code that leaves a
tensor behind on the CPU is caught on machines without a GPU.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map_only

DEVICE = "meta"

aten = torch.ops.aten
_MAY_MIX = {aten.copy_, aten._to_copy}
# On a GPU, too, indices may be the CPU's.
_INDEXING = {aten.index, aten.index_put, aten.index_put_, aten._index_put_impl_}


class Elsewhere(torch.Tensor):
    """A tensor of the pretended device; `held` are its values."""

    held: torch.Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, held: torch.Tensor) -> Elsewhere:
        return torch.Tensor._make_wrapper_subclass(
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=DEVICE,
        )

    def __init__(self, held: torch.Tensor) -> None:
        self.held = held

    def tolist(self) -> Any:
        """Copy to the CPU, as any device does."""
        return self.held.tolist()

    def numpy(self, **_: Any) -> Any:
        """Refuse, as any device does."""
        raise TypeError("cannot convert a tensor of another device to numpy")

    def new_tensor(self, data: Any, dtype: torch.dtype | None = None) -> Elsewhere:
        """Make a tensor here; PyTorch's own would pass by the dispatch."""
        return Elsewhere(torch.tensor(data, dtype=dtype or self.dtype))

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        copied: Any = Elsewhere(self.held.clone())
        if isinstance(self, torch.nn.Parameter):
            copied = torch.nn.Parameter(copied, self.requires_grad)
        memo[id(self)] = copied
        return copied

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


class _Pretended(TorchDispatchMode):
    """Makes tensors that are asked for on the pretended device."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


def _run(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Run one operation on the held values; refuse it where devices mix."""
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
    there = any(isinstance(tensor, Elsewhere) for tensor in tensors)
    packet = func.overloadpacket
    if there and packet in _INDEXING:
        assert isinstance(args[0], Elsewhere), f"{func}: indices of another device"
    elif there and packet not in _MAY_MIX:  # single numbers of the CPU may meet any tensor
        mixed = [tuple(t.shape) for t in tensors if not isinstance(t, Elsewhere) and t.dim()]
        assert not mixed, f"{func}: cpu {mixed} beside another device"
    wanted = kwargs.get("device")
    if wanted is not None:
        kwargs = {**kwargs, "device": torch.device("cpu")}
        there = torch.device(wanted).type == DEVICE
    held = tree_map_only(Elsewhere, lambda tensor: tensor.held, (args, kwargs))
    out = func(*held[0], **held[1])
    if packet is aten.copy_:
        return args[0]
    if not there:
        return out
    whole = tree_map_only(torch.Tensor, Elsewhere, out)
    if any(isinstance(tensor, Elsewhere) for tensor in tensors):
        return return_and_correct_aliasing(func, args, kwargs, whole)
    return whole


@contextlib.contextmanager
def pretended_device() -> Iterator[str]:
    """Give the name of a device that is not the CPU, as long as this lasts."""
    autocast, tensor, adamw = torch.autocast, torch.tensor, torch.optim.AdamW

    def no_autocast(kind: str, *args: Any, **options: Any) -> Any:
        return contextlib.nullcontext() if kind == DEVICE else autocast(kind, *args, **options)

    def moved_tensor(data: Any, *, device: Any = None, **options: Any) -> torch.Tensor:
        made = tensor(data, **options)  # C++ would make it past the dispatch
        return made if device is None else made.to(device)

    def plain_adamw(*args: Any, **options: Any) -> Any:
        return adamw(*args, **{**options, "fused": False, "foreach": False})

    swaps = torch.__future__.get_swap_module_params_on_conversion()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "autocast", no_autocast)
        patch.setattr(torch, "tensor", moved_tensor)
        patch.setattr(torch.optim, "AdamW", plain_adamw)
        torch.__future__.set_swap_module_params_on_conversion(True)
        try:
            with _Pretended():
                yield DEVICE
        finally:
            torch.__future__.set_swap_module_params_on_conversion(swaps)
