"""Parameter counts at the published widths, and what single models do of their own."""

import dataclasses

import pytest
import torch

from feature_extractor.fusion.base import Sizes
from feature_extractor.fusion.context import NOBODY
from feature_extractor.fusion.late_fusion import LateFusion
from feature_extractor.fusion.mlp_mixer import FRAMES, TOKENS
from feature_extractor.fusion.registry import FUSIONS, build_fusion, chosen_options, fusion_options
from feature_extractor.fusion.stream import LAYERS, TIME, Stream
from feature_extractor.training.losses import LOSSES
from graph_er.errors import InputError
from tests.feature_extractor.fusion.fusion_case import ROWS, Case, random_stream

PUBLISHED = Sizes(text=768, audio=1024)
ALL_LAYERS = Sizes(text=768, audio=2048, audio_layers=25)


def count(name, sizes=PUBLISHED, num_emotions=7, context=0, **given):
    with torch.device("meta"):
        model = build_fusion(name, sizes, num_emotions, given, context)
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("name", "given", "published"),
    [
        ("concat", {"audio_size": 768}, 797_959),
        ("vanilla_concat", {}, 725_511),
        ("three_way_concat", {}, 1_251_847),
        ("mlp_mixer", {"shared_norm": True}, 1_547_527),
    ],
)
def test_counts_are_the_published_ones(name, given, published):
    assert count(name, **given) == published


def test_the_mixer_as_drawn_has_a_second_norm():
    assert count("mlp_mixer") == 1_547_527 + 2 * 256


def test_cross_attention_has_norms_of_its_own_for_keys():
    # Published with one norm for queries and keys, in each of two directions.
    assert count("cross_attention") == 15_755_783 + 2 * 2 * 768


def test_late_fusion_adds_up():
    text, audio = 768 * 5 + 5, 25 + 2048 * 5 + 5
    fusion = (5 + 768) * 512 + 512 + 512 * 5 + 5
    assert fusion == 398_853
    assert count("late_fusion", ALL_LAYERS, 5) == text + audio + fusion
    assert count("late_fusion", Sizes(text=768, audio=None), 5) == text
    assert count("late_fusion", Sizes(None, 2048, audio_layers=25), 5) == audio


def test_gated_cross_modal_adds_up():
    width, inner = 768, 3072
    projection = 1024 * width + width
    attention = 4 * (width * width + width)
    feed_forward = 2 * width * inner + inner + width
    block = attention + feed_forward + 2 * 2 * width
    gates = 2 * width * width + width + 2 * width * width
    head = 2 * width * 7 + 7
    assert count("gated_cross_modal") == projection + 3 * block + gates + head == 24_421_639


def test_context_widens_the_heads_first_layer_alone():
    # Vanilla: one more audio vector. Three-way: one more of each of four parts.
    assert count("vanilla_concat", context=3) - count("vanilla_concat") == 3 * 256 * 512
    assert count("three_way_concat", context=3) - count("three_way_concat") == 3 * 4 * 256 * 768


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("concat", {"audio_size": -1}),
        ("vanilla_concat", {"context": -1}),
        ("three_way_concat", {"width": 0}),
        ("mlp_mixer", {"num_blocks": 0}),
        ("mlp_mixer", {"dropout": 1.0}),
        ("mlp_mixer", {"shared_norm": "perhaps"}),
        ("cross_attention", {"heads": 0}),
        ("gated_cross_modal", {"dropout": float("nan")}),
        ("late_fusion", {"hidden": 0}),
        ("late_fusion", {"context": 2}),
    ],
)
def test_options_out_of_range_are_refused(name, given):
    with pytest.raises(InputError, match=next(iter(given))):
        fusion_options(name, given)


@pytest.mark.parametrize("name", ["cross_attention", "gated_cross_modal"])
@pytest.mark.parametrize(("width", "heads"), [(96, 12), (128, 8), (30, 10), (7, 7), (13, 1)])
def test_heads_divide_whatever_width_there_is(name, width, heads):
    model = build_fusion(name, Sizes(text=width, audio=None), 7, {"heads": 12})
    attention = [m for m in model.modules() if isinstance(m, torch.nn.MultiheadAttention)]
    assert {layer.num_heads for layer in attention} == {heads}


# --- the mixer


def test_the_mixer_is_the_drawn_one():
    case = Case("mlp_mixer", "a")
    model, audio = case.build(), random_stream((FRAMES, 9), 20, seed=3).cleared()
    torch.nn.init.normal_(model.blocks[0].slot_norm.bias)
    there = audio.mask[:, :, None]
    x = model.audio_projection(audio.states) * there
    block = model.blocks[0]
    mixed = block.slots((block.slot_norm(x) * there).transpose(1, 2)).transpose(1, 2)
    summed = x + mixed
    drawn = model.norm(summed + block.channels(block.channel_norm(summed)))
    means = torch.stack([drawn[0].mean(dim=0), drawn[1, :9].mean(dim=0)])
    output = model(None, audio)
    torch.testing.assert_close(output.logits, model.head(means))
    torch.testing.assert_close(output.audio_vector, means)


def on_all_slots(model, inputs):
    """What the mixer is by its definition: 640 slots, empty ones cleared before they are mixed."""
    parts = [
        (model.text_projection, inputs["text"].fitted(TOKENS)),
        (model.audio_projection, inputs["audio"].fitted(FRAMES)),
    ]
    x = torch.cat([projection(stream.states) for projection, stream in parts], dim=1)
    there = torch.cat([stream.mask for _, stream in parts], dim=1)[:, :, None]
    x = x * there
    for block in model.blocks:
        normed = (block.slot_norm(x) * there).transpose(1, 2)
        x = x + block.slots(normed).transpose(1, 2)
        x = x + block.channels(block.channel_norm(x))
    x = model.norm(x)
    return model.head((x * there).sum(dim=1) / there.sum(dim=1))


@pytest.mark.parametrize("num_blocks", [1, 3])
def test_slots_that_nothing_fills_are_left_out_of_the_arithmetic_only(num_blocks):
    case = Case("mlp_mixer", "at", (("num_blocks", num_blocks),))
    model, inputs = case.build(), case.inputs()
    for block in model.blocks:
        torch.nn.init.normal_(block.slot_norm.bias)
    met = []
    model.blocks[0].register_forward_pre_hook(lambda _, given: met.append(given[0].mask.shape[1]))
    output = model(**inputs)
    assert met[0] < TOKENS + FRAMES
    torch.testing.assert_close(output.logits, on_all_slots(model, inputs))


# --- the gate


def test_the_gated_model_by_its_formula():
    case = Case("gated_cross_modal", "at")
    model, inputs = case.build(), case.inputs()
    text = inputs["text"].cleared()
    audio = Stream(model.audio_projection(inputs["audio"].states), inputs["audio"].mask).cleared()
    first, second, third = model.blocks
    r, g = second(text, first(audio, text)).states, third(text, audio).states
    b = torch.sigmoid(model.gate[0](torch.cat((r, g), dim=-1)))
    h = Stream(model.gated(torch.cat((r, b), dim=-1)), text.mask).mean()
    expected = model.head(torch.cat((audio.mean(), h), dim=-1))
    torch.testing.assert_close(model(**inputs).logits, expected)


def test_a_block_without_keys_adds_nothing():
    block = Case("gated_cross_modal", "t").build().blocks[0]
    torch.nn.init.normal_(block.attention.in_proj_bias)
    torch.nn.init.normal_(block.attention.out_proj.bias)
    queries = random_stream((5, 5), 24, seed=1)
    keys = Stream(queries.states, torch.zeros(2, 5, dtype=torch.bool))
    states = block.attention_norm(queries.states)
    expected = block.output_norm(states + block.feed_forward(states))
    torch.testing.assert_close(block(queries, keys).states, expected)


def test_what_text_takes_from_audio_reaches_its_vector_and_not_the_other_way():
    case = Case("gated_cross_modal", "at")
    model, inputs = case.build(), case.inputs()
    before = model(**inputs)
    louder = {**inputs, "audio": Stream(2 * inputs["audio"].states, inputs["audio"].mask)}
    other = {**inputs, "text": Stream(2 * inputs["text"].states, inputs["text"].mask)}
    assert (model(**louder).text_vector != before.text_vector).any(dim=1).all()
    assert torch.equal(model(**other).audio_vector, before.audio_vector)


# --- late fusion


def build_late():
    case = Case("late_fusion", "at")
    return case, case.build()


def test_late_fusion_reads_the_layers_of_audio_and_the_first_state_of_text():
    case, model = build_late()
    assert (case.view("t"), case.view("a")) == (TIME, LAYERS)
    inputs = case.inputs()
    output = model(**inputs)
    assert torch.equal(output.text_vector, inputs["text"].states[:, 0])
    # Weights of layers are equal at first.
    torch.testing.assert_close(output.audio_vector, inputs["audio"].states.mean(dim=1))


def test_late_fusion_is_trained_in_three_steps():
    _, model = build_late()
    assert model.steps == ("text", "audio", "fusion")
    assert [model.trained_modalities(step) for step in model.steps] == ["t", "a", ""]
    assert LateFusion.steps != model.steps
    assert Case("late_fusion", "t").build().steps == ("text",)
    assert Case("late_fusion", "a").build().steps == ("audio",)


@pytest.mark.parametrize("step", ["text", "audio", "fusion"])
def test_a_step_trains_its_own_part_and_keeps_the_others_in_evaluation(step):
    case, model = build_late()
    model.begin(step)
    model.train()
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    expected = {name for name, _ in model.named_parameters() if name.startswith(f"parts.{step}.")}
    assert trained == expected | ({"pooling.weights"} if step == "audio" else set())
    assert {name for name, part in model.parts.items() if part.training} == {step}
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimiser = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1.0)
    case.loss(model, model(**case.inputs())).backward()
    optimiser.step()
    changed = {name for name, value in model.state_dict().items() if (value != before[name]).any()}
    assert changed == trained
    assert not any(part.training for part in model.eval().parts.values())


def test_beginning_a_step_does_not_turn_training_on():
    _, model = build_late()
    model.begin("audio")
    assert not any(module.training for module in model.modules())
    model.train().begin("fusion")
    assert model.parts["fusion"].training
    assert not model.parts["audio"].training


def test_frozen_branches_hear_the_same_in_training():
    case, model = build_late()
    inputs = case.inputs()
    heard = []
    model.parts["audio"].register_forward_hook(lambda *given: heard.append(given[2]))
    for _ in range(3):
        model.train()(**inputs)
    assert torch.equal(heard[0], heard[1])
    assert torch.equal(heard[0], heard[2])


def test_a_step_of_one_branch_needs_the_other_stream_not():
    case, model = build_late()
    inputs = case.inputs()
    for step, other in (("text", "audio"), ("audio", "text")):
        model.begin(step)
        both, one = model(**inputs), model(**{**inputs, other: None})
        assert torch.equal(both.logits, one.logits)
        alone = getattr(both, f"{step}_vector")
        assert torch.equal(both.logits, model.parts[step](alone))


def test_the_fusion_head_gets_shares_of_audio_and_the_text():
    case, model = build_late()
    inputs = case.inputs()
    output = model(**inputs)
    shares = model.parts["audio"](output.audio_vector).softmax(dim=-1)
    expected = model.parts["fusion"](torch.cat((shares, output.text_vector), dim=-1))
    torch.testing.assert_close(output.logits, expected)


def test_without_audio_there_are_no_shares():
    case, model = build_late()
    inputs = case.inputs()
    absent = Stream(inputs["audio"].states, torch.zeros_like(inputs["audio"].mask))
    shares = torch.zeros(ROWS, 7)
    expected = model.parts["fusion"](torch.cat((shares, inputs["text"].states[:, 0]), dim=-1))
    torch.testing.assert_close(model(inputs["text"], absent).logits, expected)


def test_losses_of_branches_can_reach_zero():
    # A softmax before the cross entropy would bound the loss at 0.905 for five emotions.
    model = LateFusion(Sizes(text=5, audio=None), 5, fusion_options("late_fusion", {}))
    torch.nn.init.zeros_(model.parts["text"].bias)
    model.parts["text"].weight.data = 100 * torch.eye(5)
    states = torch.eye(5)[:, None]
    logits = model(Stream(states, torch.ones(5, 1, dtype=torch.bool)), None).logits
    assert LOSSES["ce"](logits, torch.arange(5)).item() == pytest.approx(0.0, abs=1e-6)


# --- the concat models


def test_three_way_by_its_formula():
    case = Case("three_way_concat", "at", (("context", 2),))
    model, inputs = case.build(), case.inputs()
    a = [model.audio_projection(inputs["audio"].mean())]
    for k in range(2):
        there = inputs["earlier"].speakers[:, k, None] != NOBODY
        a.append(model.audio_projection(inputs["earlier"].audio.mean()[k::2]) * there)
    a = torch.cat(a, dim=-1)
    t = model.text_projection(inputs["text"].states[:, 0])
    tiled = torch.cat((t, t, t), dim=-1)
    expected = model.head(torch.cat((tiled, a, (a - tiled).abs(), a * tiled), dim=-1))
    output = model(**inputs)
    torch.testing.assert_close(output.logits, expected)
    assert torch.equal(output.audio_vector, model.audio_projection(inputs["audio"].mean()))


def turned_around(earlier):
    """Earlier utterances with the last first."""

    def turned(stream):
        parts = stream.states, stream.mask
        return Stream(*(p.unflatten(0, (-1, 2)).flip(1).flatten(0, 1) for p in parts))

    streams = {"text": earlier.text, "audio": earlier.audio}
    changed = {name: stream and turned(stream) for name, stream in streams.items()}
    return dataclasses.replace(earlier, speakers=earlier.speakers.flip(1), **changed)


@pytest.mark.parametrize("name", ["vanilla_concat", "three_way_concat"])
@pytest.mark.parametrize("modalities", ["a", "at"])
def test_earlier_utterances_count_in_their_order_and_only_if_they_exist(name, modalities):
    case = Case(name, modalities, (("context", 2),))
    model, inputs = case.build(), case.inputs()
    before = model(**inputs)
    turned = {**inputs, "earlier": turned_around(inputs["earlier"])}
    changed = (model(**turned).logits != before.logits).any(dim=1)
    # The third row has no earlier utterance.
    assert changed.tolist() == [True, True, False, True]
    bare = model(**{**inputs, "earlier": None})
    assert (bare.logits != before.logits).any(dim=1).tolist() == [True, True, False, True]
    assert torch.equal(bare.audio_vector, before.audio_vector)


@pytest.mark.parametrize("name", ["vanilla_concat", "three_way_concat"])
def test_text_alone_has_no_audio_context(name):
    sizes = Sizes(text=768, audio=None)
    assert count(name, sizes, context=3) == count(name, sizes)
    model = build_fusion(name, Sizes(text=24, audio=None), 7, {}, 3).eval()
    assert model(random_stream((3, 2), 24, seed=0), None).logits.shape == (2, 7)


def test_models_that_read_earlier_utterances_apart_are_those_with_an_option_for_it():
    apart = {
        name: fusion.model.reads_apart(
            fusion_options(name, chosen_options(name, {}, mfcc=False, context=True))
        )
        for name, fusion in FUSIONS.items()
    }
    having = {
        name
        for name, fusion in FUSIONS.items()
        if "context" in {item.name for item in dataclasses.fields(fusion.options)}
    }
    assert {name: kinds for name, kinds in apart.items() if kinds} == {
        "vanilla_concat": "a",
        "three_way_concat": "a",
        "distilled_gate": "at",
    }
    assert having == {name for name, kinds in apart.items() if kinds}
