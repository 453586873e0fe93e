"""Timing two things side by side: a machine's mood then falls on both alike."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import torch

_LEAST = 0.05  # seconds that calls of one measurement take at least


def seconds(function: Callable[[], object], device: str = "cpu") -> float:
    """Return how long a call takes, the work that it left to a GPU included."""
    wait_for(device)
    start = time.perf_counter()
    function()
    wait_for(device)
    return time.perf_counter() - start


def wait_for(device: str) -> None:
    """Return when a CUDA device has done what it was given; at once for the CPU."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def alternate(
    ours: Callable[[], object],
    reference: Callable[[], object],
    repeats: int,
    device: str = "cpu",
    *,
    warm: bool = False,
) -> tuple[float, float]:
    """Call both in turn (ABAB...), after one call of each unless they are `warm` already.

    A short call is repeated for 0.05 s and its time is the mean: once, right after a long one of
    the other, it would be that of cold caches and sleeping threads.

    Returns:
        Median seconds of a call of ours and of the reference.
    """
    for warm_up in () if warm else (ours, reference):
        warm_up()
    pairs = [
        (_seconds_of_call(ours, device), _seconds_of_call(reference, device))
        for _ in range(repeats)
    ]
    return median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)


def _seconds_of_call(function: Callable[[], object], device: str) -> float:
    spent, calls = 0.0, 0
    while spent < _LEAST:
        spent += seconds(function, device)
        calls += 1
    return spent / calls
