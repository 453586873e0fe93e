"""Networks under autocast: bfloat16 inside, float32 in the logits."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch_geometric.data import Batch

from tests.graph_er.tiny_models import CONFIGS, build, make_graphs

LENGTHS = [3, 17, 1, 8]
CUDA = pytest.param(
    "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
)


@pytest.mark.parametrize("preset", CONFIGS)
@pytest.mark.parametrize("device", ["cpu", CUDA])
@pytest.mark.parametrize("future", [0, 4])
def test_bfloat16_is_near_float32_and_trains(preset, device, future):
    config = replace(CONFIGS[preset], context_layers=1, wf=future)
    batch = Batch.from_data_list(make_graphs(config, LENGTHS)).to(device)
    model = build(config).to(device)
    for parameter in model.parameters():  # back to about the size of fresh weights
        parameter.data *= 0.7
    with torch.no_grad():
        expected = model(batch).logits.softmax(dim=-1)
        with torch.autocast(device, torch.bfloat16):
            found = model(batch).logits
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.softmax(dim=-1), expected, atol=5e-3, rtol=2e-2)

    model.train()
    with torch.autocast(device, torch.bfloat16):
        out = model(batch)
    assert out.logits.dtype == out.hidden.dtype == torch.float32
    F.cross_entropy(out.logits.flatten(0, 1), batch.y.repeat(len(out.logits))).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.dtype == torch.float32
