"""Live answers are those of the causal batch run, whoever speaks and however long."""

import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from graph_er.answers.prediction import predict_probabilities
from graph_er.answers.streaming import LiveModel
from graph_er.errors import InputError
from graph_er.networks.checkpoint import Checkpoint
from graph_er.networks.config import ContextualConfig
from graph_er.networks.spec import ModelSpec
from graph_er.probabilities.finish import Finish
from tests.graph_er.dialogue_factory import EMOTIONS, make_dialogue
from tests.graph_er.tiny_models import COGMEN, CONTEXTUAL, build

CAUSAL = replace(CONTEXTUAL, wf=0)
TRANSITIONS = np.log([[4.0, 1.0, 0.5], [1.0, 4.0, 0.5], [0.5, 0.5, 3.0]])
VARIANTS = {
    "plain": CAUSAL,
    "deep": replace(CAUSAL, relational_layers=2, attention_layers=3, wp=3, decay=0.0),
    "attention first": replace(CAUSAL, relational_layers=0, attention_layers=2),
    "alone": replace(CAUSAL, relational_layers=0, attention_layers=0),
    "window of 0": replace(CAUSAL, wp=0),
    "window of 1, plain input": replace(CAUSAL, wp=1, gate=False, relative_audio=False),
    "whole past": replace(CAUSAL, wp=-1),
    "context layers": replace(CAUSAL, context_layers=2, context_span=8, wp=2),
    "context layers that hear less": replace(CAUSAL, context_layers=2, context_span=1, wp=4),
    "context layers of the whole past": replace(CAUSAL, context_layers=2, context_span=-1, wp=2),
    "context layers before a whole past": replace(CAUSAL, context_layers=1, context_span=3, wp=-1),
    "wide": replace(CAUSAL, wp=20),
}
# One speaker, two by turns, a crowd, and labels that are no strings.
CASTS = [("F",), ("F", "M"), (*"ABCDEFGABX",), (1, None, (2, 3))]


def checkpoint(config=CAUSAL, *, modalities="at", seeds=2, weight=0.5, cues=True):
    widths = tuple({"a": 4, "t": 6}[modality] for modality in modalities)
    spec = ModelSpec(modalities, widths, EMOTIONS, 2, cues=cues and "t" in modalities)
    members = []
    for seed in range(seeds):
        model = build(config, spec)
        model.scaler.mean += 0.1
        model.scaler.std *= 1.5
        for parameter in model.parameters():
            parameter.data += 0.1 * seed * torch.randn_like(parameter)
        members.append({"seed": seed, "weights": model.state_dict()})
    finish = Finish(1.3, weight, TRANSITIONS, causal=config.causal)
    return Checkpoint(config, spec, tuple(members), finish)


def features_of(dialogue, turn):
    return {"a": dialogue.audio[turn], "t": dialogue.text[turn]}


def streamed(live, dialogue):
    """Probabilities ``[S, U, C]`` of a dialogue that is told turn by turn."""
    conversation = live.start()
    answers = [
        conversation.push_each(speaker, features_of(dialogue, turn), dialogue.sentences[turn])
        for turn, speaker in enumerate(dialogue.speakers)
    ]
    return np.stack(answers, axis=1)


def shuffled_cast(dialogue, seed=0):
    """The same turns by speakers in random order."""
    rng = np.random.default_rng(seed)
    chosen = rng.integers(len(dialogue.speakers), size=len(dialogue))
    return replace(dialogue, speakers=tuple(dialogue.speakers[i] for i in chosen))


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("cast", CASTS, ids=str)
def test_every_seed_answers_as_the_batch_run_does(name, cast):
    run = checkpoint(VARIANTS[name])
    live = LiveModel(run)
    window = max(VARIANTS[name].wp, 1)
    for length in (1, window, window + 1, 27):
        dialogue = shuffled_cast(make_dialogue(f"S{length}_a", length, speakers=cast))
        found, expected = streamed(live, dialogue), predict_probabilities(run, [dialogue])
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("modalities", "weight", "seeds"), [("a", 0.5, 1), ("t", 0.0, 2), ("at", 0.5, 3)]
)
def test_so_does_a_long_conversation_of_any_modalities_and_the_ensemble(modalities, weight, seeds):
    run = checkpoint(modalities=modalities, weight=weight, seeds=seeds)
    dialogue = shuffled_cast(make_dialogue("S1_a", 300, speakers=("A", "B", "C")))
    conversation = LiveModel(run).start()
    found = [
        conversation.push(speaker, features_of(dialogue, turn), dialogue.sentences[turn])
        for turn, speaker in enumerate(dialogue.speakers)
    ]
    expected = predict_probabilities(run, [dialogue]).mean(axis=0)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


def test_a_loud_level_does_not_wear_the_running_mean_down():
    run, dialogue = checkpoint(modalities="a"), make_dialogue("S1_a", 300)
    dialogue = replace(dialogue, audio=dialogue.audio + np.float32(1e4))
    expected = predict_probabilities(run, [dialogue])
    np.testing.assert_allclose(streamed(LiveModel(run), dialogue), expected, atol=1e-5)


def test_what_is_answered_stands_whatever_comes():
    live, dialogue = LiveModel(checkpoint()), make_dialogue("S1_a", 14)
    other = make_dialogue("other", 14, seed=9)
    changed = replace(
        dialogue,
        text=np.concatenate([dialogue.text[:9], other.text[9:]]),
        audio=np.concatenate([dialogue.audio[:9], 5 * other.audio[9:]]),
    )
    first, second = streamed(live, dialogue), streamed(live, changed)
    np.testing.assert_array_equal(first[:, :9], second[:, :9])
    assert not np.allclose(first[:, 9:], second[:, 9:])


def test_conversations_at_once_do_not_touch():
    live = LiveModel(checkpoint())
    dialogues = [make_dialogue(f"S{n}_a", n, speakers=("A", "B", "C")) for n in (5, 12, 30)]
    alone = [streamed(live, dialogue) for dialogue in dialogues]
    conversations = [live.start() for _ in dialogues]
    for turn in range(30):
        for conversation, dialogue, expected in zip(conversations, dialogues, alone, strict=True):
            if turn < len(dialogue):
                found = conversation.push_each(
                    dialogue.speakers[turn], features_of(dialogue, turn), dialogue.sentences[turn]
                )
                np.testing.assert_array_equal(found, expected[:, turn])


def held(conversation):
    """Numbers that a conversation keeps, and speakers."""
    return len(conversation._speakers) + sum(
        tensor.untyped_storage().size() // tensor.element_size()
        for past in conversation._pasts
        for tensor in (past.total, *past.heard)
    )


@pytest.mark.parametrize("name", VARIANTS)
def test_memory_is_bounded_exactly_where_it_says_so(name):
    live, dialogue = LiveModel(checkpoint(VARIANTS[name])), make_dialogue("S1_a", 90)
    conversation, sizes = live.start(), []
    for turn in range(90):
        conversation.push("F", features_of(dialogue, turn), "")
        sizes.append(held(conversation))
    bounded = live.reach is not None
    assert (sizes[-1] == sizes[40]) is bounded
    assert bounded is ("whole past" not in name)


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (CONTEXTUAL, "wf is 4.*--wf 0"),
        (replace(COGMEN, wf=0), "cogmen.*--preset default --modalities at --wf 0"),
    ],
)
def test_checkpoints_that_cannot_answer_live_are_refused_with_the_remedy(config, says):
    run = replace(checkpoint(), config=config)
    with pytest.raises(InputError, match=says):
        LiveModel(run)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"a": None}, "lacks its audio feature"),
        ({"t": np.zeros(7)}, r"text feature is of shape \(7,\).*\(6,\)"),
        ({"t": np.zeros((1, 6))}, "text feature is of shape"),
        ({"a": np.full(4, np.nan)}, "audio feature is not finite"),
        ({"a": np.full(4, 1e300)}, "audio feature is not finite"),
        ({"a": np.full(4, 3e38)}, "output is not finite"),
    ],
)
def test_a_bad_turn_is_refused_and_can_be_mended(change, says):
    live, dialogue = LiveModel(checkpoint()), make_dialogue("S1_a", 8)
    expected = streamed(live, dialogue)
    conversation = live.start()
    for turn, speaker in enumerate(dialogue.speakers):
        features = features_of(dialogue, turn)
        with pytest.raises(InputError, match=says):
            conversation.push_each(speaker, {**features, **change}, "!")
        found = conversation.push_each(speaker, features, dialogue.sentences[turn])
        np.testing.assert_array_equal(found, expected[:, turn])


@pytest.mark.slow
def test_a_turn_of_the_default_preset_takes_less_than_20_ms_however_long_it_goes_on():
    config = ContextualConfig(wf=0)
    spec = ModelSpec("at", (1024, 768), EMOTIONS, 2, cues=True)
    members = tuple({"seed": seed, "weights": spec.build(config).state_dict()} for seed in range(5))
    run = Checkpoint(config, spec, members, Finish(1.3, 0.4, TRANSITIONS, causal=True))
    conversation = LiveModel(run).start()
    rng = np.random.default_rng(0)
    times = []
    for turn in range(2000):
        features = {"a": rng.standard_normal(1024), "t": rng.standard_normal(768)}
        started = time.process_time()
        conversation.push("FM"[turn % 2], features, "그렇게 됐어.")
        times.append(1000 * (time.process_time() - started))
    early, late = np.median(times[30:230]), np.median(times[-200:])
    assert late < 20
    assert late < 1.5 * early


def test_context_layers_ask_for_the_position_of_the_new_turn_alone(monkeypatch):
    from graph_er.answers import streaming

    asked, whole = [], streaming.sinusoids

    def counted(length, width, begin=0):
        asked.append((length, begin))
        return whole(length, width, begin)

    monkeypatch.setattr(streaming, "sinusoids", counted)
    live = LiveModel(checkpoint(VARIANTS["context layers"], seeds=1))
    streamed(live, make_dialogue("S1_a", 30))
    assert asked == [(1, turn) for turn in range(30)]
