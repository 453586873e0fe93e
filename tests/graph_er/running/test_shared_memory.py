"""How much workers may hand over at once, and what becomes of what they cannot."""

import math
import sys
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from graph_er.errors import InputError
from graph_er.running import shared_memory
from graph_er.running.shared_memory import (
    bytes_at_once,
    free_bytes,
    shared,
    tensor_bytes,
    with_room,
)


def test_each_worker_makes_two_batches_ahead_of_two_that_are_taken():
    assert bytes_at_once([1.0] * 100, 4) == 10
    assert bytes_at_once([1.0, 5.0, 3.0], 4) == 9
    assert bytes_at_once([1.0, 7.0, 1.0, 5.0, 3.0], 1) == 16
    assert bytes_at_once([], 4) == 0


@pytest.mark.parametrize(
    ("free", "workers"), [(0, 0), (3, 0), (4, 1), (5.9, 1), (6, 2), (9, 3), (10, 4), (math.inf, 4)]
)
def test_as_many_workers_have_room(free, workers):
    assert with_room(4, [1.0] * 100, free) == workers
    assert with_room(0, [1.0] * 100, free) == 0
    assert with_room(4, [0.0] * 100, free) == 4


def test_workers_without_room_are_told_with_the_numbers_and_the_remedy(caplog):
    assert with_room(4, [20e6] * 5, free=100e6) == 4
    assert with_room(0, [20e6] * 5, free=0) == 0
    assert not caplog.messages
    assert with_room(2, [20e6] * 100, free=90e6) == 1
    assert with_room(2, [0.4e9] * 100, free=64e6) == 0
    first, second = caplog.messages
    assert first == (
        "1 of 2 processes decode audio ahead: for the batches of all there may have to be 120 MB "
        "in /dev/shm, which has 90 MB free; start the container with --shm-size 1g"
    )
    assert second.startswith("0 of 2 ")
    assert second.endswith("--shm-size 3g")


def test_off_linux_there_is_no_bound(monkeypatch):
    assert free_bytes() >= 0
    monkeypatch.setattr(shared_memory.sys, "platform", "win32")
    assert free_bytes() == math.inf


@dataclass
class Held:
    rows: list[torch.Tensor]
    array: np.ndarray


def make(number):
    nested = {"a": torch.zeros(5), "held": Held([torch.zeros(0), torch.ones(3)], np.ones(9))}
    return nested, "text", number


def test_tensors_are_found_wherever_they_are():
    assert tensor_bytes(make(1)) == 4 * 8


def shared_item(number):
    item = shared(make(number))
    tensors = item[0]["a"], item[0]["held"].rows[1]
    return *item, [tensor.is_shared() for tensor in tensors]


@pytest.mark.parametrize("workers", [0, 1])
def test_what_a_worker_made_is_shared_before_it_is_sent(workers):
    loader = DataLoader(range(3), batch_size=None, num_workers=workers, collate_fn=shared_item)
    for number, (nested, text, own, there) in enumerate(loader):
        assert there == [workers > 0] * 2
        assert (text, own) == ("text", number)
        assert torch.equal(nested["held"].rows[1], torch.ones(3))
        assert len(nested["held"].rows[0]) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="needs processes that inherit what is patched")
def test_what_finds_no_room_is_an_error_and_not_waited_for(monkeypatch):
    def no_room(tensor):
        raise RuntimeError("unable to allocate shared memory(shm): No space left on device (28)")

    monkeypatch.setattr(torch.Tensor, "share_memory_", no_room)
    loader = DataLoader(
        range(3),
        batch_size=None,
        num_workers=1,
        collate_fn=shared_item,
        multiprocessing_context="fork",
    )
    with pytest.raises(InputError, match=r"No space left.*--shm-size, or --num_workers 0"):
        list(loader)
