"""Devices by name, and one GPU for each process of a launcher."""

import sys
from contextlib import contextmanager

import pytest
import torch

from graph_er.errors import InputError
from graph_er.running.device import choose_device, native_bfloat16


@pytest.fixture
def gpus(monkeypatch):
    def pretend(count, rank=None):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
        if rank is not None:
            monkeypatch.setenv("WORLD_SIZE", "4")
            monkeypatch.setenv("LOCAL_RANK", str(rank))

    return pretend


def test_auto_takes_cuda_where_it_is(gpus):
    gpus(0)
    assert choose_device("auto") == "cpu"
    gpus(1)
    assert choose_device("auto") == "cuda"
    assert choose_device("cpu") == "cpu"


def test_the_cpu_has_one_name(gpus):
    gpus(1, rank=0)
    assert choose_device("cpu:0") == "cpu"


@pytest.mark.parametrize("name", ["tpu9", "meta", "cuda:2"])
def test_a_device_that_is_not_there_is_refused(gpus, name):
    gpus(2)
    with pytest.raises(InputError, match=name):
        choose_device(name)


@pytest.mark.parametrize("name", ["auto", "cuda"])
def test_each_process_takes_a_gpu_of_its_own(gpus, name):
    gpus(2, rank=1)
    assert choose_device(name) == "cuda:1"
    assert choose_device("cpu") == "cpu"
    gpus(2, rank=2)
    with pytest.raises(InputError, match=r"2 GPUs; start as many processes as GPUs"):
        choose_device(name)
    with pytest.raises(InputError, match="one GPU for several processes"):
        choose_device("cuda:1")


@pytest.mark.parametrize(("feature", "expected"), [("avx512_bf16", True), ("avx2", False)])
def test_bfloat16_is_native_where_the_processor_says_so(monkeypatch, feature, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {feature: True})
    assert native_bfloat16("cpu") is expected


@pytest.mark.parametrize(("platform", "expected"), [("linux", True), ("darwin", False)])
def test_arms_bfloat16_counts_where_pytorch_has_kernels_for_it(monkeypatch, platform, expected):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"bf16": True})
    assert native_bfloat16("cpu") is expected
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})
    assert native_bfloat16("cpu")


def test_bfloat16_is_asked_of_the_gpu_that_is_named(monkeypatch):
    current = ["cuda:0"]

    @contextmanager
    def device(name):
        current.append(name)
        yield
        current.pop()

    monkeypatch.setattr(torch.cuda, "device", device)
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation: current[-1] == "cuda:1"
    )
    assert [native_bfloat16(name) for name in ("cuda:0", "cuda:1")] == [False, True]
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    assert not native_bfloat16("cpu:0")
