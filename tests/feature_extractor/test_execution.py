import pytest
import torch

from feature_extractor.execution import resolve_device, training_device
from graph_er.errors import InputError


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


def test_training_does_not_pretend_to_take_one_of_several(devices):
    devices(2)
    for index in (0, 1):
        with pytest.raises(InputError, match=f"CUDA_VISIBLE_DEVICES={index}"):
            training_device(f"cuda:{index}")
    assert training_device("cuda") == torch.device("cuda")
    assert training_device("cpu") == torch.device("cpu")
    devices(1)
    assert training_device("cuda:0") == torch.device("cuda", 0)
