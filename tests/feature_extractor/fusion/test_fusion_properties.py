"""What every fusion model of the registry keeps to, in every training step that it has."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load, save

from feature_extractor.fusion.base import FusionModel
from feature_extractor.fusion.registry import FUSIONS
from feature_extractor.fusion.stream import LAYERS, TIME, Stream
from feature_extractor.training.losses import LOSSES
from tests.feature_extractor.fusion.fusion_case import (
    EMOTIONS,
    LENGTHS,
    NAMES,
    ROWS,
    all_cases,
    map_streams,
    only,
    trimmed,
)

HUGE, NOTHING = 1e4, float("nan")
# Text is the first state of its encoder, as in publication.
OF_THE_FIRST_TEXT_STATE = {"late_fusion", "vanilla_concat", "three_way_concat"}
CASES = all_cases()


every_case = pytest.mark.parametrize("case", CASES, ids=str)


def in_each_step(model, inputs):
    """Outputs in evaluation mode, one per training step."""
    outputs = []
    for step in model.steps:
        model.eval().begin(step)
        with torch.no_grad():
            outputs.append(model(**inputs))
    return outputs


def parts(output):
    return [output.logits, output.text_vector, output.audio_vector]


def assert_same(ones, others, rows=slice(None)):
    for one, other in zip(ones, others, strict=True):
        for part, same in zip(parts(one), parts(other), strict=True):
            assert (part is None) == (same is None)
            if part is not None:
                torch.testing.assert_close(part[rows], same, atol=1e-5, rtol=1e-5)


def filled(stream, value):
    """The stream with `value` where nothing is."""
    return Stream(stream.states.masked_fill(~stream.mask[:, :, None], value), stream.mask)


def longer(stream, more=5):
    """The stream with positions added that hold large numbers and do not count."""
    beyond = HUGE * stream.states[:, :1].expand(-1, more, -1)
    states = torch.cat((filled(stream, -HUGE).states, beyond), dim=1)
    mask = torch.cat((stream.mask, torch.zeros(len(states), more, dtype=torch.bool)), dim=1)
    return Stream(states, mask)


def without(stream, rows, value):
    """The stream with nothing in some rows, `value` in place of it."""
    mask = stream.mask.clone()
    mask[rows] = False
    return filled(Stream(stream.states, mask), value)


@every_case
def test_padding_changes_nothing(case):
    model, inputs = case.build(), case.inputs()
    layers = {NAMES[kind] for kind in case.modalities if case.view(kind) == LAYERS}

    def padded(name, stream):
        return stream if name in layers else longer(stream)

    assert_same(in_each_step(model, inputs), in_each_step(model, map_streams(padded, inputs)))


@every_case
def test_companions_change_nothing(case):
    model, inputs = case.build(), case.inputs()
    together = in_each_step(model, inputs)
    for row in range(ROWS):
        alone = map_streams(trimmed, only(row, inputs))
        assert_same(together, in_each_step(model, alone), [row])


@every_case
def test_streams_of_any_length_keep_to_it(case):
    lengths = {"t": (130, 129, 128, 3), "a": (520, 1, 513, 512)}
    model, inputs = case.build(), case.inputs(lengths)
    together = in_each_step(model, inputs)
    assert all(output.logits.isfinite().all() for output in together)
    assert_same(together, in_each_step(model, map_streams(trimmed, only(1, inputs))), [1])


@every_case
def test_the_end_of_a_long_stream_is_heard(case):
    model, inputs = case.build(), case.inputs({"t": (130,) * ROWS, "a": (520,) * ROWS})
    inputs = only(0, inputs)
    with torch.no_grad():
        before = model(**inputs).logits
        for kind in case.modalities:
            states = inputs[NAMES[kind]].states.clone()
            states[:, states.shape[1] // 2 :] *= -1
            changed = Stream(states, inputs[NAMES[kind]].mask)
            other = model(**{**inputs, NAMES[kind]: changed}).logits
            first_alone = kind == "t" and case.name in OF_THE_FIRST_TEXT_STATE
            assert (other != before).any(dim=1).item() is not first_alone


@pytest.mark.parametrize(
    ("case", "missing"),
    [
        (case, missing)
        for case in CASES
        for missing in ("t", "a", "at")
        if set(missing) <= set(case.modalities)
    ],
    ids=str,
)
def test_without_a_modality_a_row_hangs_on_the_other(case, missing):
    model, inputs, rows = case.build(), case.inputs(), [0, 3]
    names = [NAMES[kind] for kind in missing]
    outputs = [
        in_each_step(model, {**inputs, **{n: without(inputs[n], rows, value) for n in names}})
        for value in (0.0, HUGE, NOTHING)
    ]
    assert_same(outputs[0], outputs[1])
    assert_same(outputs[0], outputs[2])
    full = in_each_step(model, inputs)
    for output, whole in zip(outputs[0], full, strict=True):
        assert output.logits.isfinite().all()
        torch.testing.assert_close(output.logits[1:3], whole.logits[1:3], atol=1e-5, rtol=1e-5)
    for name in names:
        vector = getattr(outputs[0][-1], f"{name}_vector")
        assert not vector[rows].any(), "a vector of what is not there"


@pytest.mark.parametrize("case", [c for c in CASES if c.modalities == "at"], ids=str)
def test_rows_of_both_hang_on_both_and_rows_of_one_on_it(case):
    model, inputs = case.build(), case.inputs()
    for name, other in (("text", "audio"), ("audio", "text")):
        changed = {**inputs, name: Stream(inputs[name].states.flip(-1), inputs[name].mask)}
        assert (model(**changed).logits != model(**inputs).logits).any(dim=1).all()
        alone = {other: without(inputs[other], slice(None), HUGE)}
        one, two = model(**{**inputs, **alone}), model(**{**changed, **alone})
        assert (one.logits != two.logits).any(dim=1).all()


@every_case
def test_gradients_reach_every_parameter(case):
    model = case.build()
    assert any(True for _ in model.parameters())
    reached = set()
    for step in model.steps:
        model.begin(step)
        model.train().zero_grad()
        case.loss(model, model(**case.inputs())).backward()
        trained = {n for n, p in model.named_parameters() if p.grad is not None and p.grad.any()}
        assert trained == {n for n, p in model.named_parameters() if p.requires_grad}, step
        reached |= trained
    assert reached == {name for name, _ in model.named_parameters()}


@every_case
def test_one_utterance_can_be_a_batch_of_training(case):
    model, inputs = case.build(), only(0, case.inputs())
    for step in model.steps:
        model.begin(step)
        model.train()
        loss = case.loss(model, model(**inputs))
        loss.backward()
        assert loss.shape == ()
        assert loss.isfinite()


@every_case
def test_gradients_stay_finite_where_modalities_are_missing(case):
    model, inputs = case.build(), case.inputs()
    for number, kind in enumerate(case.modalities):
        inputs[NAMES[kind]] = without(inputs[NAMES[kind]], [number, 3], NOTHING)
    for step in model.steps:
        model.begin(step)
        model.train()
        case.loss(model, model(**inputs)).backward()
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    assert grads
    assert all(grad.isfinite().all() for grad in grads)


@every_case
def test_saved_weights_make_the_same_model(case):
    model, inputs = case.build(), case.inputs()
    other = case.build(seed=1)
    assert (other(**inputs).logits != model(**inputs).logits).any()
    other.load_state_dict(load(save(model.state_dict())), strict=True)
    for one, two in zip(in_each_step(model, inputs), in_each_step(other, inputs), strict=True):
        assert torch.equal(one.logits, two.logits)


def streams_of(inputs):
    streams = []
    map_streams(lambda _, stream: streams.append(stream), inputs)
    return streams


@every_case
def test_evaluation_is_deterministic_and_training_leaves_inputs_alone(case):
    model, inputs = case.build(), case.inputs()
    kept = map_streams(lambda _, s: Stream(s.states.clone(), s.mask.clone()), inputs)
    first = model(**inputs)
    model.train()(**inputs)
    for stream, was in zip(streams_of(inputs), streams_of(kept), strict=True):
        assert torch.equal(stream.states, was.states)
        assert torch.equal(stream.mask, was.mask)
    fresh = case.build()
    assert torch.equal(fresh(**inputs).logits, first.logits)
    assert torch.equal(fresh(**inputs).logits, first.logits)


@every_case
def test_a_new_model_is_ready_for_its_last_step(case):
    model, inputs = case.build(), case.inputs()
    with torch.no_grad():
        fresh = model(**inputs)
    assert_same([fresh], in_each_step(model, inputs)[-1:])


@every_case
def test_outputs_have_their_shapes(case):
    model, inputs = case.build(), case.inputs()
    for output in in_each_step(model, inputs):
        assert output.logits.shape == (ROWS, EMOTIONS)
        for kind, name in NAMES.items():
            vector = getattr(output, f"{name}_vector")
            assert (vector is not None) == (kind in case.modalities)
            assert vector is None or (vector.ndim == 2 and len(vector) == ROWS)


@every_case
def test_views_are_known_and_steps_are_named(case):
    assert {case.view(kind) for kind in case.modalities} <= {TIME, LAYERS}
    model = case.build()
    assert len(set(model.steps)) == len(model.steps) >= 1
    for step in model.steps:
        assert set(model.trained_modalities(step)) <= {"a", "t"}


@every_case
def test_losses_take_logits(case):
    model, inputs = case.build(), case.inputs()
    labels = case.targets().labels
    sure = 1e3 * torch.nn.functional.one_hot(labels, EMOTIONS).float()
    for output in in_each_step(model, inputs):
        # Neither shares, which add up to 1, nor their logarithms.
        assert ((output.logits.sum(dim=1) - 1).abs() > 1e-3).any()
        assert (output.logits.logsumexp(dim=1).abs() > 1e-3).any()
        right = case.loss(model, replace(output, logits=sure))
        wrong = case.loss(model, replace(output, logits=sure.roll(1, dims=1)))
        assert wrong > right + 0.5
        if type(model).loss is FusionModel.loss:
            assert right.item() == pytest.approx(0.0, abs=1e-5)
        seen = []

        def criterion(logits, targets, seen=seen):
            seen.append(logits)
            return LOSSES[FUSIONS[case.name].loss](logits, targets)

        model.loss(output, case.targets(), criterion)
        assert any(logits is output.logits for logits in seen)


@every_case
def test_losses_take_shares_of_votes_and_utterances_without_ratings(case):
    model = case.build()
    output = model(**case.inputs())
    targets = case.targets()
    votes = torch.nn.functional.one_hot(targets.labels, EMOTIONS).float()
    plain = case.loss(model, output, replace(targets, affect=None))
    shares = case.loss(model, output, replace(targets, affect=None, labels=votes))
    torch.testing.assert_close(plain, shares)
    blank = replace(targets, affect=torch.full_like(targets.affect, float("nan")))
    torch.testing.assert_close(case.loss(model, output, blank), plain)


@every_case
def test_mixed_precision_runs(case):
    model, inputs = case.build(), case.inputs()
    for step in model.steps:
        model.begin(step)
        model.train()
        with torch.autocast("cpu", torch.bfloat16):
            output = model(**inputs)
            loss = case.loss(model, output)
        loss.backward()
        assert output.logits.is_floating_point()
        assert output.logits.isfinite().all()
        assert loss.isfinite()
    for output, exact in zip(
        in_mixed_precision(model, inputs), in_each_step(model, inputs), strict=True
    ):
        torch.testing.assert_close(output.logits.float(), exact.logits, atol=0.1, rtol=0.1)


def in_mixed_precision(model, inputs):
    with torch.autocast("cpu", torch.bfloat16):
        return in_each_step(model, inputs)


def test_lengths_of_the_cases_differ():
    assert all(len(set(lengths)) == ROWS for lengths in LENGTHS.values())
    assert {case.name for case in CASES} == set(FUSIONS)
