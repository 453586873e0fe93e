from dataclasses import replace

import pytest
import torch

from feature_extractor.fusion.base import Sizes
from feature_extractor.fusion.case import (
    FRAMES,
    TOKENS,
    CaseAttention,
    CaseCompress,
    CaseConcat,
    CaseConcatOptions,
    CaseOptions,
)
from feature_extractor.fusion.stream import Stream
from graph_er.errors import InputError

SMALL = Sizes(text=6, audio=5)
MODELS = {
    "concat": (CaseConcat, CaseConcatOptions(width=8)),
    "compress": (CaseCompress, CaseOptions(width=8)),
    "compress, side by side": (CaseCompress, CaseOptions(width=8, merge="concat")),
    "attention": (CaseAttention, CaseOptions(width=8)),
    "attention, side by side": (CaseAttention, CaseOptions(width=8, merge="concat")),
}


def build(name, sizes=SMALL, **changed):
    torch.manual_seed(0)
    model, options = MODELS[name]
    return model(sizes, 7, replace(options, **changed)).eval()


def stream(width, lengths, longest=None):
    torch.manual_seed(1)
    longest = longest or max(lengths)
    mask = torch.arange(longest)[None] < torch.tensor(lengths)[:, None]
    return Stream(torch.randn(len(lengths), longest, width), mask)


def count(model):
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize("merge", ["add", "concat"])
@pytest.mark.parametrize(("model", "number"), [(CaseCompress, 593_031), (CaseAttention, 527_367)])
def test_published_number_of_parameters(model, number, merge):
    assert count(model(Sizes(768, 1024), 7, CaseOptions(merge=merge))) == number


def test_published_number_of_parameters_of_concat():
    # Without the head over the vocabulary that the published model has and never uses.
    assert count(CaseConcat(Sizes(768, 1024), 7, CaseConcatOptions())) == 593_159


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("pooling", ["mean", "sum"])
def test_padding_changes_nothing(name, pooling):
    model = build(name, pooling=pooling)
    text, audio = stream(6, [3, 2]), stream(5, [9, 4])
    wide = [
        Stream(
            torch.cat((part.states, torch.full((2, 7, part.states.shape[2]), 9.0)), dim=1),
            torch.cat((part.mask, torch.zeros(2, 7, dtype=torch.bool)), dim=1),
        )
        for part in (text, audio)
    ]
    assert torch.allclose(model(text, audio).logits, model(*wide).logits, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("lacking", ["text", "audio"])
def test_a_companion_without_a_modality_changes_nothing(name, lacking):
    model = build(name)
    text = stream(6, [3, 0 if lacking == "text" else 2], 3)
    audio = stream(5, [9, 0 if lacking == "audio" else 4], 9)
    both = model(text, audio).logits
    alone = model(
        Stream(text.states[:1], text.mask[:1]), Stream(audio.states[:1], audio.mask[:1])
    ).logits
    assert both.isfinite().all()
    assert torch.allclose(both[:1], alone, atol=1e-5)


def test_compression_reads_each_frame_slot_where_it_stands():
    model = build("compress")
    frames = stream(5, [4])
    swapped = Stream(frames.states[:, [1, 0, 2, 3]], frames.mask)
    text = stream(6, [3])
    assert not torch.allclose(model(text, frames).logits, model(text, swapped).logits, atol=1e-5)
    attention = build("attention")
    expected = attention(text, frames).logits
    assert torch.allclose(expected, attention(text, swapped).logits, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_nothing_of_long_streams_is_cut_off(name):
    model = build(name)
    text, audio = stream(6, [TOKENS + 20]), stream(5, [FRAMES + 90])
    for part in (text, audio):
        part.states.requires_grad_()
    model(text, audio).logits.sum().backward()
    for part in (text, audio):
        assert (part.states.grad.abs().sum(dim=2) > 0).all()


def test_attention_is_scaled():
    # Unscaled, doubling both width-H vectors of ones would make the softmax nearly one-hot.
    model = build("attention", width=64)
    with torch.no_grad():
        for projection in (model.text_projection, model.audio_projection):
            projection.weight.zero_()
            projection.bias.fill_(1.0)
        model.audio_projection.weight[:, 0] = 1.0
    taken = []
    model.norm.register_forward_pre_hook(lambda _, inputs: taken.append(inputs[0]))
    audio = Stream(torch.tensor([[[0.0, 0, 0, 0, 0], [0.1, 0, 0, 0, 0]]]), torch.ones(1, 2).bool())
    model(stream(6, [1]), audio)
    # Likeness 64 and 70.4, over 8: weights of .31 and .69 on 1 and 1.1, and the token's own 1.
    weight = torch.tensor(0.8).sigmoid()
    assert torch.allclose(taken[0], 2.0 + 0.1 * weight.expand(1, 1, 64), atol=1e-5)


def test_side_by_side_both_parts_weigh_alike_however_long():
    model = build("concat")
    text, audio = stream(6, [2]), stream(5, [40])
    halves = [
        model.norm(model.mixed(projection(part.states))).mean(dim=1)
        for projection, part in ((model.text_projection, text), (model.audio_projection, audio))
    ]
    expected = model.classifier((halves[0] + halves[1]) / 2)
    assert torch.allclose(model(text, audio).logits, expected, atol=1e-5)


def test_options_out_of_range():
    with pytest.raises(InputError, match="--dropout is 1"):
        CaseOptions(dropout=1.0)
    with pytest.raises(InputError, match="--width is 0"):
        CaseConcatOptions(width=0)
