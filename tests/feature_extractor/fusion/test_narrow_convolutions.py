"""Narrow convolutions compute in float32 where a CPU computes in bfloat16, and only there."""

import copy

import pytest
import torch
from torch import nn

from feature_extractor.fusion.narrow_convolutions import keep_narrow_convolutions_exact


def convolution(channels, groups, kernel=16):
    torch.manual_seed(0)
    return nn.Conv1d(channels, channels, kernel, padding=kernel // 2, groups=groups)


def under_autocast(module, states):
    keep_narrow_convolutions_exact(module)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        return module(states)


@pytest.mark.parametrize(("channels", "groups"), [(24, 4), (24, 2), (48, 4), (8, 1), (4, 1)])
def test_narrow_ones_are_exact_under_autocast(channels, groups):
    module, states = convolution(channels, groups), torch.randn(2, channels, 50)
    expected = module(states)
    found = under_autocast(nn.Sequential(module), states)
    assert found.dtype == torch.float32
    assert torch.equal(found, expected)
    assert torch.equal(module(states), expected)  # and without autocast as before


@pytest.mark.parametrize(("channels", "groups"), [(64, 4), (32, 1), (8, 8)])
def test_wide_ones_and_those_of_one_channel_stay_in_bfloat16(channels, groups):
    module, states = convolution(channels, groups), torch.randn(2, channels, 50)
    found = under_autocast(module, states)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), module(states), atol=0.05, rtol=0.05)


def test_norm_and_direction_of_weights_are_joined_as_before():
    module, states = convolution(24, 4), torch.randn(1, 24, 50)
    nn.utils.parametrizations.weight_norm(module, dim=2)
    expected = module(states)
    assert torch.equal(under_autocast(module, states), expected)


def test_what_is_kept_of_a_model_is_as_before_and_copies_have_weights_of_their_own():
    module, states = nn.Sequential(convolution(24, 4)), torch.randn(1, 24, 50)
    before = [*module.state_dict()]
    expected = under_autocast(module, states)
    assert torch.equal(under_autocast(module, states), expected)
    assert [*module.state_dict()] == before
    other = copy.deepcopy(module)
    with torch.no_grad():
        module[0].weight.zero_()
        module[0].bias.zero_()
    assert torch.equal(under_autocast(other, states), expected)
    assert not under_autocast(module, states).any()


def test_the_gradient_is_that_of_float32():
    module, states = convolution(24, 4), torch.randn(2, 24, 50)
    module(states).sum().backward()
    expected = module.weight.grad.clone()
    module.zero_grad()
    keep_narrow_convolutions_exact(module)
    with torch.autocast("cpu", torch.bfloat16):
        module(states).sum().backward()
    assert torch.equal(module.weight.grad, expected)
