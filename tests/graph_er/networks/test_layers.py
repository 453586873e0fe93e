import pytest
import torch
import torch.nn.functional as F
from torch import nn

from graph_er.networks.layers import (
    CommitteeLinear,
    CommitteeNorm,
    FeatureScaler,
    attend,
    dropout,
    sinusoids,
)


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


@pytest.mark.parametrize("probability", [0.1, 0.4, 0.5, 0.999])
def test_dropout_zeroes_the_share_that_is_asked_for_and_keeps_the_mean(probability):
    torch.manual_seed(0)
    dropped = dropout(torch.ones(1003, 997), probability, training=True)
    assert (dropped == 0).float().mean().item() == pytest.approx(probability, abs=3e-3)
    assert dropped.mean().item() == pytest.approx(1, abs=0.06)
    assert dropped.unique().tolist() == pytest.approx([0, 1 / (1 - probability)], rel=0.02)


def test_dropout_draws_each_element_by_itself():
    torch.manual_seed(0)
    kept = (dropout(torch.ones(4, 250_000), 0.5, training=True) > 0).float()
    for distance in (1, 2, 3, 4, 8):
        pair = (kept[:, distance:] * kept[:, :-distance]).mean().item()
        assert pair == pytest.approx(0.25, abs=5e-3)
    assert (kept[0] * kept[1]).mean().item() == pytest.approx(0.25, abs=5e-3)


def test_dropout_is_repeated_by_its_seed_and_absent_in_eval_or_at_zero():
    x, draws = torch.randn(5, 7), []
    for _ in range(2):
        torch.manual_seed(3)
        draws.append(dropout(x, 0.5, training=True))
    assert torch.equal(*draws)
    assert dropout(x, 0.5, training=False) is x
    assert dropout(x, 0.0, training=True) is x
    assert dropout(torch.ones(0, 4), 0.5, training=True).shape == (0, 4)


def test_other_devices_than_the_cpu_draw_for_themselves(monkeypatch):
    drawn = []
    monkeypatch.setattr(F, "dropout", lambda x, probability: drawn.append(probability) or x)
    for device in ("meta", "cpu"):
        x = torch.ones(5, 3, device=device)
        assert dropout(x, 0.5, training=True).device == x.device
    assert drawn == [0.5]


def test_the_gradient_of_dropout_is_its_mask():
    x = torch.randn(50, 3, requires_grad=True)
    out = dropout(x, 0.5, training=True)
    out.sum().backward()
    torch.testing.assert_close(x.grad * x, out)


@pytest.mark.parametrize("kind", ["none", "bool", "added"])
def test_attention_is_the_same_with_and_without_gradients(kind):
    query, key, value = torch.randn(3, 2, 4, 6, 8)
    mask = torch.randn(2, 4, 6, 6)
    mask = {"none": None, "bool": (mask > 0) | torch.eye(6, dtype=torch.bool), "added": mask}[kind]
    expected = F.scaled_dot_product_attention(query, key, value, mask)
    torch.testing.assert_close(attend(query, key, value, mask), expected)
    with torch.no_grad():
        torch.testing.assert_close(attend(query, key, value, mask), expected)
    dropped = attend(query, key, value, mask, 0.5)
    assert not torch.allclose(dropped, expected)


@pytest.mark.parametrize("width", [1, 2, 7, 100])
def test_later_positions_are_those_of_a_longer_conversation(width):
    torch.testing.assert_close(sinusoids(3, width, begin=47), sinusoids(50, width)[47:])
