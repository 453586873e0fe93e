import pytest
import torch

from feature_extractor.fusion.attention import StreamAttention
from feature_extractor.fusion.stream import Stream

HARDLY = 1e-9  # a dropout that rounds to none, but takes the way of training


def streams(seed=0):
    generator = torch.Generator().manual_seed(seed)
    query_mask = torch.rand(5, 9, generator=generator) < 0.6
    key_mask = torch.rand(5, 7, generator=generator) < 0.6
    query_mask[:, 0] = key_mask[:, 3] = True
    key_mask[2] = False
    query_mask[4] = False
    queries = torch.randn(5, 9, 8, generator=generator)
    keys = torch.randn(5, 7, 8, generator=generator)
    return Stream(queries, query_mask), Stream(keys, key_mask)


def attention(dropout):
    torch.manual_seed(0)
    made = StreamAttention(8, 2, dropout)
    torch.nn.init.normal_(made.in_proj_bias)
    torch.nn.init.normal_(made.out_proj.bias)
    return made


@pytest.mark.parametrize("dropout", [0.0, HARDLY])
@pytest.mark.parametrize("training", [True, False])
def test_it_takes_what_multi_head_attention_takes(training, dropout):
    queries, keys = streams()
    made = attention(dropout).train(training)
    there = queries.mask & keys.present[:, None]
    assert 0 < there.sum() < there.numel()
    hidden = ~keys.mask & keys.present[:, None]
    states = queries.states, keys.states, keys.states
    whole = made(*states, key_padding_mask=hidden)[0]
    results = []
    for taken in (made.looked_at(queries, keys), whole):
        made.zero_grad()
        taken[there].square().sum().backward()
        results.append((taken[there], {n: p.grad.clone() for n, p in made.named_parameters()}))
        assert taken.isfinite().all()
    (taken, gradients), (expected, of_whole) = results
    torch.testing.assert_close(taken, expected)
    torch.testing.assert_close(gradients, of_whole)


@pytest.mark.parametrize("share", [0.2, 0.6])
def test_dropout_keeps_the_mean_of_what_is_taken(share):
    queries, keys = streams()
    made = attention(share)
    with torch.no_grad():
        whole = made.eval().looked_at(queries, keys)
        made.train()
        draws = torch.stack([made.looked_at(queries, keys) for _ in range(3000)])
    there = queries.mask & keys.present[:, None]
    assert draws.std(dim=0)[there].min() > 0
    torch.testing.assert_close(draws.mean(dim=0)[there], whole[there], atol=0.1, rtol=0)


def test_padding_and_companions_change_no_draw():
    queries, keys = streams()
    made = attention(0.5).train()
    alone = Stream(queries.states[:1], queries.mask[:1]), Stream(keys.states[:1], keys.mask[:1])
    torch.manual_seed(3)
    expected = made.looked_at(*alone)
    states = torch.cat((keys.states, torch.full((5, 4, 8), 1e6)), dim=1)
    padded = Stream(states, torch.cat((keys.mask, torch.zeros(5, 4, dtype=torch.bool)), dim=1))
    torch.manual_seed(3)
    taken = made.looked_at(queries, padded)
    there = queries.mask[0]
    torch.testing.assert_close(taken[0][there], expected[0][there])


def test_mixed_precision_runs_in_training():
    queries, keys = streams()
    made = attention(0.3).train()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        taken = made.looked_at(queries, keys)
    taken.float().sum().backward()
    assert made.in_proj_weight.grad.isfinite().all()
