"""Batch norm of one process is PyTorch's; of several, see `test_processes`."""

import pytest
import torch
from torch import nn

from graph_er.networks.batch_norm import BatchNorm
from graph_er.running import processes


@pytest.mark.parametrize("training", [True, False])
def test_it_is_batch_norm(training):
    torch.manual_seed(0)
    ours, theirs = BatchNorm(3).train(training), nn.BatchNorm1d(3).train(training)
    for x in torch.randn(4, 5, 3):
        torch.testing.assert_close(ours(x), theirs(x))
    assert {*ours.state_dict()} == {*theirs.state_dict()}
    for name, value in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], value)


def test_one_utterance_alone_passes_in_training():
    norm, x = BatchNorm(3), torch.randn(1, 3)
    assert torch.equal(norm(x), x)
    assert norm.num_batches_tracked == 0


def test_one_utterance_alone_passes_in_several_processes_too(monkeypatch):
    monkeypatch.setattr(processes, "count", lambda: 2)
    monkeypatch.setattr(processes, "added", lambda value: value)  # the other's rows do not count
    norm, x = BatchNorm(3), torch.randn(1, 3)
    out = norm(x)
    assert torch.equal(out, x)
    out.sum().backward()
    assert [p.grad.tolist() for p in norm.parameters()] == [[0.0] * 3] * 2
    assert norm.num_batches_tracked == 0
