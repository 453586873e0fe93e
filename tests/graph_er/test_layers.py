import pytest
import torch
from torch import nn

from graph_er.layers import CommitteeLinear, CommitteeNorm, FeatureScaler, sinusoids


def test_the_scaler_standardises_by_what_it_was_fitted_on_and_zeroes_constants():
    scaler = FeatureScaler(2)
    scaler.fit(torch.tensor([[1.0, 5.0], [3.0, 5.0]]))
    scaled = scaler(torch.tensor([[1.0, 5.0], [5.0, 9.0]]))
    assert scaled.tolist() == [[-1.0, 0.0], [3.0, 0.0]]


def test_one_training_utterance_makes_every_feature_a_constant():
    scaler = FeatureScaler(2)
    scaler.fit(torch.tensor([[7.0, -3.0]]))
    assert scaler(torch.tensor([[9.0, 9.0]])).tolist() == [[0.0, 0.0]]


def test_the_scaler_starts_as_identity_and_its_statistics_are_saved():
    scaler, features = FeatureScaler(3), torch.randn(4, 3)
    assert torch.equal(scaler(features), features)
    scaler.fit(features)
    again = FeatureScaler(3)
    again.load_state_dict(scaler.state_dict())
    assert torch.equal(again(features), scaler(features))
    assert list(scaler.parameters()) == []


def test_a_large_offset_does_not_hide_what_varies():
    scaler, noise = FeatureScaler(1), torch.randn(50, 1)
    scaler.fit(1000 + noise)
    assert scaler(1000 + noise).std(correction=0).item() == pytest.approx(1, abs=1e-3)


def test_a_committee_layer_is_each_members_linear_layer():
    layer, x = CommitteeLinear(3, 4, 5), torch.randn(3, 7, 4)
    out = layer(x)
    for k in range(3):
        single = nn.Linear(4, 5)
        single.weight.data, single.bias.data = layer.weight[k].t(), layer.bias[k, 0]
        torch.testing.assert_close(out[k], single(x[k]))


def test_members_start_unlike_each_other_and_within_the_bound_of_a_linear_layer():
    layer = CommitteeLinear(2, 100, 50)
    assert not torch.equal(layer.weight[0], layer.weight[1])
    assert not torch.equal(layer.bias[0], layer.bias[1])
    assert 0.09 < layer.weight.abs().max() <= 0.1  # 1 / sqrt(100)


def test_a_committee_norm_is_each_members_layer_norm():
    layer, x = CommitteeNorm(3, 6), 5 + 3 * torch.randn(3, 7, 6)
    layer.weight.data.normal_()
    layer.bias.data.normal_()
    out = layer(x)
    for k in range(3):
        single = nn.LayerNorm(6)
        single.weight.data, single.bias.data = layer.weight[k, 0], layer.bias[k, 0]
        torch.testing.assert_close(out[k], single(x[k]))


@pytest.mark.parametrize("width", [1, 2, 7, 100])
def test_positions_of_any_width_differ_and_stay_bounded(width):
    positions = sinusoids(50, width)
    assert positions.shape == (50, width)
    assert positions.abs().max() <= 1
    assert len(positions.unique(dim=0)) == 50
