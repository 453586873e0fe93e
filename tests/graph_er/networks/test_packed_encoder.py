"""The packed transformer against ``nn.TransformerEncoder`` on each dialogue by itself."""

import pytest
import torch
from torch import nn
from torch_geometric import seed_everything

from graph_er.networks import packed_encoder
from graph_er.networks.packed_encoder import PackedEncoder

LENGTHS = [3, 40, 1, 17, 39, 90]
WINDOWS = [(span, causal) for span in (-1, 100, 7) for causal in (False, True)]


def pointer(lengths):
    return torch.tensor([0, *lengths]).cumsum(0)


def plain_encoder(dropout=0.0):
    seed_everything(0)
    layer = nn.TransformerEncoderLayer(16, 4, 24, dropout, batch_first=True)
    encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
    for parameter in encoder.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return encoder


def each_by_itself(encoder, x, lengths, span, causal):
    encoded = []
    for dialogue in x.split(lengths):
        position = torch.arange(len(dialogue))
        offset = position[None, :] - position[:, None]
        unheard = offset > 0 if causal else torch.zeros_like(offset, dtype=torch.bool)
        if span >= 0:
            unheard = unheard | (offset.abs() > span)
        encoded.append(encoder(dialogue[None], mask=unheard)[0])
    return torch.cat(encoded)


@pytest.fixture(params=["at once", "in chunks"])
def _memory(request, monkeypatch):
    if request.param == "in chunks":
        monkeypatch.setattr(packed_encoder, "_KEPT_CELLS", 0)
        monkeypatch.setattr(packed_encoder, "_GROUP_CELLS", 500)


@pytest.mark.usefixtures("_memory")
@pytest.mark.parametrize(("span", "causal"), WINDOWS)
@pytest.mark.parametrize("training", [False, True])
def test_it_is_the_plain_encoder_on_each_dialogue(span, causal, training):
    plain = plain_encoder().train(training)
    packed = PackedEncoder(plain, span=span, causal=causal).train(training)
    x = torch.randn(sum(LENGTHS), 16)
    expected = each_by_itself(plain, x, LENGTHS, span, causal)
    torch.testing.assert_close(packed(x, pointer(LENGTHS)), expected, atol=1e-5, rtol=0)
    with torch.no_grad():
        torch.testing.assert_close(packed(x, pointer(LENGTHS)), expected, atol=1e-5, rtol=0)


@pytest.mark.usefixtures("_memory")
@pytest.mark.parametrize(("span", "causal"), WINDOWS)
def test_its_gradients_are_those_of_the_plain_encoder(span, causal):
    plain = plain_encoder().double()
    packed = PackedEncoder(plain, span=span, causal=causal)
    x = torch.randn(sum(LENGTHS), 16, dtype=torch.double, requires_grad=True)
    direction = torch.randn_like(x)
    gradients = []
    for encoded in (
        packed(x, pointer(LENGTHS)),
        each_by_itself(plain, x, LENGTHS, span, causal),
    ):
        wanted = [x, *plain.parameters()]
        gradients.append(torch.autograd.grad((encoded * direction).sum(), wanted))
    for found, expected in zip(*gradients, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.usefixtures("_memory")
def test_mixed_lengths_in_any_order_and_companions_change_nothing():
    packed = PackedEncoder(plain_encoder(), span=7, causal=False).eval()
    x = torch.randn(sum(LENGTHS), 16)
    together = packed(x, pointer(LENGTHS)).split(LENGTHS)
    backward = packed(torch.cat(x.split(LENGTHS)[::-1]), pointer(LENGTHS[::-1]))
    for part, found, other in zip(
        x.split(LENGTHS), together, backward.split(LENGTHS[::-1])[::-1], strict=True
    ):
        alone = packed(part, pointer([len(part)]))
        torch.testing.assert_close(found, alone, atol=1e-5, rtol=0)
        torch.testing.assert_close(other, alone, atol=1e-5, rtol=0)


def test_what_is_farther_than_layers_times_span_changes_nothing():
    packed = PackedEncoder(plain_encoder(), span=5, causal=False).eval()
    x = torch.randn(400, 16)
    changed = x.clone()
    changed[200] += 3
    moved = (packed(changed, pointer([400])) - packed(x, pointer([400]))).abs().amax(1) > 1e-6
    assert moved.nonzero().squeeze(1).tolist() == [*range(190, 211)]


def test_a_span_of_the_dialogues_length_is_unlimited():
    plain = plain_encoder().eval()
    x = torch.randn(41, 16)
    far, unlimited = (
        PackedEncoder(plain, span=span, causal=False).eval()(x, pointer([41])) for span in (40, -1)
    )
    assert torch.equal(far, unlimited)


@pytest.mark.usefixtures("_memory")
def test_dropout_is_of_the_given_share_and_differs_between_calls():
    packed = PackedEncoder(plain_encoder(dropout=0.5), span=-1, causal=False)
    x = torch.randn(sum(LENGTHS), 16)
    assert not torch.equal(packed(x, pointer(LENGTHS)), packed(x, pointer(LENGTHS)))
    packed(x, pointer(LENGTHS)).sum().backward()
    gradients = [parameter.grad for parameter in packed.parameters()]
    assert all(gradient.isfinite().all() for gradient in gradients)


def test_weights_of_the_plain_encoder_load():
    plain = plain_encoder()
    packed = PackedEncoder(plain_encoder(), span=-1, causal=False)
    assert set(packed.state_dict()) == set(plain.state_dict())


def test_little_is_computed_on_padding():
    lengths = [*range(25, 106, 3)]
    packed = PackedEncoder(plain_encoder(), span=-1, causal=False)
    windows = packed_encoder.context_windows(pointer(lengths), past=-1, future=-1)
    plan = packed._plan(windows)
    cells = sum(g * t * s for (g, t, s), _ in plan.groups)
    assert cells < 1.35 * sum(length**2 for length in lengths)
    assert len(plan.groups) <= 10
    assert len(plan.place) == sum(lengths)
