"""Narrow convolutions compute in float32 where a CPU computes in bfloat16, and only there."""

import pytest
import torch
from torch import nn

from feature_extractor.fusion.narrow_convolutions import narrow_convolutions_in_float32

CPU = torch.device("cpu")


def convolution(channels, groups, kernel=16):
    torch.manual_seed(0)
    return nn.Conv1d(channels, channels, kernel, padding=kernel // 2, groups=groups)


def in_bfloat16():
    return torch.autocast("cpu", torch.bfloat16)


def under_autocast(module, states):
    with torch.no_grad(), in_bfloat16(), narrow_convolutions_in_float32(module, CPU):
        return module(states)


@pytest.mark.parametrize(("channels", "groups"), [(24, 4), (24, 2), (48, 4), (8, 1), (4, 1)])
def test_narrow_ones_are_exact_under_autocast(channels, groups):
    module, states = convolution(channels, groups), torch.randn(2, channels, 50)
    found = under_autocast(nn.Sequential(module), states.bfloat16().float())
    assert found.dtype == torch.float32
    assert torch.equal(found, module(states.bfloat16().float()))


@pytest.mark.parametrize(("channels", "groups"), [(64, 4), (32, 1), (8, 8)])
def test_wide_ones_and_those_of_one_channel_stay_in_bfloat16(channels, groups):
    module, states = convolution(channels, groups), torch.randn(2, channels, 50)
    found = under_autocast(module, states)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), module(states), atol=0.05, rtol=0.05)


def test_norm_and_direction_of_weights_are_joined_as_before():
    module, states = convolution(24, 4), torch.randn(1, 24, 50)
    nn.utils.parametrizations.weight_norm(module, dim=2)
    assert torch.equal(under_autocast(module, states), module(states))


def test_nothing_is_left_behind_even_by_an_error():
    module = convolution(24, 4)
    with pytest.raises(RuntimeError), in_bfloat16(), narrow_convolutions_in_float32(module, CPU):
        module(torch.randn(1, 3, 50))
    assert "forward" not in vars(module)


def test_without_autocast_and_on_other_devices_nothing_is_touched():
    module = convolution(24, 4)
    with narrow_convolutions_in_float32(module, CPU):
        assert "forward" not in vars(module)
    with in_bfloat16():
        with narrow_convolutions_in_float32(module, torch.device("cuda")):
            assert "forward" not in vars(module)
        with narrow_convolutions_in_float32(module, CPU):
            assert "forward" in vars(module)


def test_the_gradient_is_that_of_float32():
    module, states = convolution(24, 4), torch.randn(2, 24, 50)
    with in_bfloat16(), narrow_convolutions_in_float32(module, CPU):
        module(states).sum().backward()
    found = module.weight.grad.clone()
    module.zero_grad()
    module(states).sum().backward()
    assert torch.equal(found, module.weight.grad)
