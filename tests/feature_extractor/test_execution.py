import sys
from dataclasses import replace

import pytest
import torch

from feature_extractor import execution
from feature_extractor.batches.dataset import UtteranceDataset
from feature_extractor.execution import (
    Execution,
    resolve_device,
    resolve_dtype,
    training_device,
)
from graph_er.errors import InputError
from graph_er.running import shared_memory
from tests.feature_extractor.tiny_corpus import make_corpus


@pytest.fixture
def devices(monkeypatch):
    def there_are(count):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)

    return there_are


def test_a_device_beyond_those_there_is_refused(devices):
    devices(2)
    assert resolve_device("cuda:1") == torch.device("cuda", 1)
    for resolve in (resolve_device, training_device):
        with pytest.raises(InputError, match="cuda:2"):
            resolve("cuda:2")


def test_training_does_not_pretend_to_take_one_of_several(devices, monkeypatch):
    devices(2)
    for index in (0, 1):
        with pytest.raises(InputError, match=f"CUDA_VISIBLE_DEVICES={index}"):
            training_device(f"cuda:{index}")
    assert training_device("cuda") == torch.device("cuda")
    assert training_device("cpu") == torch.device("cpu")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert training_device("cuda") == torch.device("cuda", 1)  # of this process alone
    monkeypatch.delenv("WORLD_SIZE")
    devices(1)
    assert training_device("cuda:0") == torch.device("cuda", 0)


@pytest.mark.parametrize("units", [{"avx512_bf16": True}, {"amx_bf16": True}, {"avx2": True}, {}])
def test_auto_is_bfloat16_where_the_processor_computes_in_it(monkeypatch, units):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: units)
    native = any("bf16" in unit for unit in units)
    cpu = torch.device("cpu")
    assert resolve_dtype("auto", cpu) == (torch.bfloat16 if native else torch.float32)
    assert resolve_dtype("bfloat16", cpu) == torch.bfloat16
    assert resolve_dtype("float32", cpu) == torch.float32


def test_auto_does_not_take_what_a_gpu_only_imitates(monkeypatch):
    monkeypatch.setattr(execution, "native_bfloat16", lambda device: device == "cuda:1")
    assert resolve_dtype("auto", torch.device("cuda", 0)) == torch.float32
    assert resolve_dtype("auto", torch.device("cuda:1")) == torch.bfloat16


def test_workers_are_chosen_by_cores_and_utterances(monkeypatch):
    chosen = Execution(torch.device("cuda"), num_workers=None)
    monkeypatch.setattr(execution.sys, "platform", "linux")
    found = []
    for cores in (1, 2, 6, 64):
        monkeypatch.setattr(execution, "usable_cores", lambda n=cores: n)
        found.append((chosen.workers(10_000), chosen.workers(50)))
    assert found == [(0, 0), (1, 0), (3, 0), (4, 0)]
    monkeypatch.setattr(execution.sys, "platform", "darwin")
    assert chosen.workers(10_000) == 0
    cpu = Execution(torch.device("cpu"), num_workers=None)
    assert cpu.workers(10_000) == 0
    assert replace(cpu, num_workers=3).workers(1) == 3


def test_a_budget_of_seconds_out_of_range_is_named():
    for seconds in (0, -1, float("nan")):
        with pytest.raises(InputError, match="--batch_seconds"):
            Execution(torch.device("cpu"), batch_seconds=seconds)


def test_long_clips_are_bounded_by_seconds_and_by_number():
    cpu = torch.device("cpu")
    assert Execution(cpu, batch_seconds=100).clips_at_once(25) == 4
    assert Execution(cpu, batch_seconds=100, batch_size=3).clips_at_once(25) == 3
    assert Execution(cpu, batch_seconds=10).clips_at_once(25) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
def test_where_batches_cannot_be_handed_over_no_other_process_decodes(monkeypatch, tmp_path):
    for module in (execution, shared_memory):
        monkeypatch.setattr(module, "FOLDER", str(tmp_path / "no_such_folder"))
    assert Execution(torch.device("cuda"), num_workers=None).workers(10_000) == 0
    assert Execution(torch.device("cpu"), num_workers=0).workers(10_000) == 0
    with pytest.raises(InputError, match=r"num_workers 2: .*no_such_folder.*add --num_workers 0"):
        Execution(torch.device("cpu"), num_workers=2)
    monkeypatch.setattr(torch.Tensor, "share_memory_", lambda tensor: pytest.fail("no place"))
    corpus = make_corpus(tmp_path)
    assert UtteranceDataset(corpus, corpus.utterances, sampling_rate=None).silent == []
