"""Influences are those of asking the whole model again, of what it can hear and nothing else."""

import json
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from graph_er.answers import occlusion
from graph_er.answers.explanation import explain
from graph_er.answers.prediction import predict_log_probabilities, predict_probabilities
from graph_er.errors import InputError
from graph_er.graphs.voices import Level
from graph_er.networks.checkpoint import Checkpoint
from graph_er.networks.config import ContextualConfig
from graph_er.networks.spec import ModelSpec
from graph_er.probabilities.finish import Finish
from tests.graph_er.answers.test_streaming import TRANSITIONS, checkpoint
from tests.graph_er.dialogue_factory import EMOTIONS, make_dialogue
from tests.graph_er.tiny_models import COGMEN, CONTEXTUAL

VARIANTS = {
    "plain": CONTEXTUAL,
    "narrow": replace(CONTEXTUAL, wp=2, wf=1),
    "no deviations": replace(CONTEXTUAL, relative_audio=False, gate=False, wp=2, wf=3),
    "causal": replace(CONTEXTUAL, wf=0, wp=3),
    "causal, whole past": replace(CONTEXTUAL, wf=0, wp=-1),
    "causal, context layers": replace(CONTEXTUAL, wf=0, context_layers=1),
    "unlimited": replace(CONTEXTUAL, wp=-1, wf=-1),
    "context layers": replace(CONTEXTUAL, context_layers=1, wp=0),
    "deviation alone": replace(CONTEXTUAL, deviation_terms=False, wp=2),
    "dialogue's level": replace(CONTEXTUAL, audio_level="dialogue", wp=2),
    "alone": replace(CONTEXTUAL, relational_layers=0, attention_layers=0, wp=-1, wf=-1),
}
SPEAKERS = ("A", "B", "C")


def predicted(run, dialogue, position):
    return predict_probabilities(run, [dialogue]).mean(axis=0)[position]


def answers_without(run, dialogue, unknown):
    """The ensemble's probabilities ``[U, C]`` by writing other features into the dialogue.

    The level of the speaker where audio is heard against it; the mean of the known turns where it
    is heard against that, which makes the level theirs; the training mean elsewhere.
    """
    graph, models = run.spec.graph(dialogue, run.config), run.models()
    begin = 0
    for width, relative, rows in zip(models[0].widths, models[0].relative, unknown, strict=True):
        columns = slice(begin, begin := begin + width)
        mean = models[0].scaler.mean[columns]
        if relative and run.config.by_voice and graph.x[~rows, columns].any():
            mean = speakers_levels(graph, columns, mean)[rows]
        elif relative and run.config.by_voice:  # nobody is heard
            of_voices = slice(0, width)  # audio is the first modality and the only one with voices
            graph.voice_count[:, of_voices] = 0
        elif relative and not rows.all():
            mean = graph.x[~rows, columns].mean(dim=0)
        graph.x[rows, columns] = mean
    raw = predict_log_probabilities(models, [graph])
    return run.finish(raw, [dialogue]).mean(axis=0)


def speakers_levels(graph, columns, training_mean):
    """The mean of each utterance's speaker, drawn towards the training mean, ``[U, D]``."""
    levels = []
    for speaker in graph.speaker:
        own = graph.x[graph.speaker == speaker, columns]
        own = own[own.any(dim=1)]
        levels.append((own.sum(dim=0) + 100 * training_mean) / (len(own) + 100))
    return torch.stack(levels)


def changes(run, dialogue, position, unknown):
    """What `Influence.change` is to be where parts ``[P, U]`` are unknown."""
    given = predicted(run, dialogue, position)
    without = answers_without(run, dialogue, unknown)[position]
    return given[given.argmax()] - without[given.argmax()]


def masks(run, length):
    parts = len(run.spec.modalities) + run.spec.cues
    return np.zeros((parts, length), dtype=bool)


# What is computed -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("weight", [0.0, 0.5])
def test_the_explained_prediction_is_the_one_that_is_made(name, weight):
    run = checkpoint(VARIANTS[name], weight=weight)
    for length, position in ((1, 0), (9, 4), (150, 0), (150, 80), (150, 149)):
        dialogue = make_dialogue(f"S{length}_a", length, speakers=SPEAKERS)
        found = explain(run, dialogue, position, nearest=3)
        expected = predicted(run, dialogue, position)
        np.testing.assert_allclose([*found.probabilities.values()], expected, atol=1e-6)
        assert found.emotion == EMOTIONS[expected.argmax()]
        assert found.probability == found.probabilities[found.emotion]


@pytest.mark.parametrize("name", [n for n in VARIANTS if "causal" not in n])
@pytest.mark.parametrize("modalities", ["a", "t", "at"])
def test_influences_are_those_of_the_features_replaced(name, modalities):
    run = checkpoint(VARIANTS[name], modalities=modalities)
    dialogue, position = make_dialogue("S1_a", 40, speakers=SPEAKERS), 21
    found = explain(run, dialogue, position, nearest=12)
    expected = {}
    for turn in found.turns:
        unknown = masks(run, 40)
        unknown[:, turn.position] = True
        expected[turn.position] = changes(run, dialogue, position, unknown)
    by_position = {turn.position: turn.influence.change for turn in found.turns}
    assert by_position == pytest.approx(expected, abs=2e-6)
    heard = {position, *by_position}
    others = [i for i in range(40) if i not in heard]
    for influence, rows in (
        (found.turn, [position]),
        (found.context, [i for i in range(40) if i != position]),
        (found.far, others),
    ):
        unknown = masks(run, 40)
        unknown[:, rows] = True
        change = influence.change if influence else 0.0
        assert change == pytest.approx(changes(run, dialogue, position, unknown), abs=2e-6)


def test_a_modality_is_unknown_in_the_turn_or_in_all_with_the_cues_of_the_text():
    run, dialogue, position = checkpoint(CONTEXTUAL), make_dialogue("S1_a", 12), 7
    found = explain(run, dialogue, position)
    for name, parts in (("audio", [0]), ("text", [1, 2])):
        for influences, rows in (
            (found.turn_modalities, [position]),
            (found.dialogue_modalities, range(12)),
        ):
            unknown = masks(run, 12)
            unknown[np.ix_(parts, rows)] = True
            expected = changes(run, dialogue, position, unknown)
            assert influences[name].change == pytest.approx(expected, abs=2e-6)


def lacking(run, dialogue, audio, text, stand_in="zero"):
    """The dialogue as it is read where turns have no audio or no text."""
    sound, words = dialogue.audio.copy(), dialogue.text.copy()
    width = sound.shape[1] if "a" in run.spec.modalities else 0
    mean = run.models()[0].scaler.mean[width : width + words.shape[1]].numpy()
    sound[audio] = 0
    words[text] = 0 if stand_in == "zero" else mean
    said = tuple("" if i in text else s for i, s in enumerate(dialogue.sentences))
    return replace(dialogue, audio=sound, text=words, sentences=said)


@pytest.mark.parametrize("stand_in", ["zero", "mean"])
@pytest.mark.parametrize("lost", ["audio", "text"])
def test_a_modality_that_no_turn_has_is_not_taken_away(lost, stand_in):
    run, turns = checkpoint(CONTEXTUAL), [*range(9)]
    missing = {"audio": turns if lost == "audio" else [], "text": turns if lost == "text" else []}
    found = explain(run, lacking(run, make_dialogue("S1_a", 9), **missing, stand_in=stand_in), 4)
    (kept,) = {"audio", "text"} - {lost}
    assert [*found.turn_modalities] == [*found.dialogue_modalities] == [kept]
    assert found.turn == found.turn_modalities[kept]


@pytest.mark.parametrize("stand_in", ["zero", "mean"])
def test_only_turns_that_have_a_modality_lose_it(stand_in):
    run, position = checkpoint(CONTEXTUAL), 7
    silent, mute = [2, 3, 7], [5, 9]
    dialogue = lacking(run, make_dialogue("S1_a", 12), silent, mute, stand_in)
    found = explain(run, dialogue, position)
    assert [*found.turn_modalities] == ["text"]
    assert [*explain(run, dialogue, 9).turn_modalities] == ["audio"]
    there = ~masks(run, 12)
    there[0, silent] = False
    there[1:, mute] = False

    def expected(parts, rows):
        unknown = masks(run, 12)
        unknown[np.ix_(parts, rows)] = True
        return pytest.approx(changes(run, dialogue, position, unknown & there), abs=2e-6)

    whole = found.dialogue_modalities
    assert whole["audio"].change == expected([0], range(12))
    assert whole["text"].change == expected([1, 2], range(12))
    assert found.turn.change == expected([0, 1, 2], [position])
    assert found.context.change == expected([0, 1, 2], [i for i in range(12) if i != position])
    for turn in found.turns:
        assert turn.influence.change == expected([0, 1, 2], [turn.position])


def test_features_of_a_turn_without_words_are_text_all_the_same():
    run, dialogue = checkpoint(CONTEXTUAL), make_dialogue("S1_a", 5)
    found = explain(run, replace(dialogue, sentences=("",) * 5), 2)
    assert [*found.turn_modalities] == ["audio", "text"]


def test_words_without_a_feature_are_text_all_the_same():
    run, dialogue = checkpoint(CONTEXTUAL), make_dialogue("S1_a", 5)
    found = explain(run, replace(dialogue, text=np.zeros_like(dialogue.text)), 2)
    assert [*found.turn_modalities] == ["audio", "text"]


def test_in_a_causal_model_the_level_is_that_of_the_known_turns_so_far():
    run = checkpoint(replace(VARIANTS["causal"], attention_layers=0), modalities="a", seeds=1)
    dialogue, position, without = make_dialogue("S1_a", 9), 6, 2
    (model,), graph = run.models(), run.spec.graph(dialogue, run.config)
    features = model.scaler(graph.x)
    level = torch.stack(
        [features[[j for j in range(i + 1) if j != without]].mean(dim=0) for i in range(9)]
    )
    features[without] = level[without]
    batch = replace_batch(graph)
    utterance = model.input(model.modalities([features], [Level(level)]))
    log_probabilities = model.in_context(utterance, batch).logits.log_softmax(-1)
    mean = log_probabilities.exp().mean(dim=0).log().detach().numpy()
    expected = run.finish(mean, [dialogue])[position]
    given = predicted(run, dialogue, position)
    (found,) = [t for t in explain(run, dialogue, position).turns if t.position == without]
    best = given.argmax()
    assert found.influence.change == pytest.approx(given[best] - expected[best], abs=1e-6)


def replace_batch(graph):
    graph.batch = torch.zeros(graph.num_nodes, dtype=torch.long)
    graph.ptr = torch.tensor([0, graph.num_nodes])
    return graph


@pytest.mark.parametrize("name", VARIANTS)
def test_small_chunks_give_the_same(name, monkeypatch):
    run, dialogue = checkpoint(VARIANTS[name]), make_dialogue("S1_a", 14, speakers=SPEAKERS)
    whole = explain(run, dialogue, 9).as_dict()
    monkeypatch.setattr(occlusion, "_ROWS", 1)
    small = explain(run, dialogue, 9).as_dict()
    assert [t["position"] for t in small["turns"]] == [t["position"] for t in whole["turns"]]
    for one, other in zip(small["turns"], whole["turns"], strict=True):
        assert one["influence"]["change"] == pytest.approx(other["influence"]["change"], abs=1e-6)


# Who is heard -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [n for n in VARIANTS if "causal" in n])
def test_what_comes_later_has_no_influence_on_a_causal_model(name):
    run, dialogue = checkpoint(VARIANTS[name]), make_dialogue("S1_a", 14, speakers=SPEAKERS)
    found = explain(run, dialogue, 8)
    assert {turn.position for turn in found.turns} == set(range(8))
    other = make_dialogue("other", 14, seed=9)
    changed = replace(
        dialogue,
        speakers=(*dialogue.speakers[:9], *("Z" for _ in range(5))),
        sentences=(*dialogue.sentences[:9], *("!" for _ in range(5))),
        text=np.concatenate([dialogue.text[:9], other.text[9:]]),
        audio=np.concatenate([dialogue.audio[:9], 5 * other.audio[9:]]),
    )
    assert explain(run, changed, 8) == found


def test_of_text_without_decoding_the_windows_alone_are_heard():
    run = checkpoint(VARIANTS["narrow"], modalities="t", weight=0.0)
    dialogue = make_dialogue("S1_a", 30)
    found = {turn.position for turn in explain(run, dialogue, 15).turns}
    assert found == set(range(15 - 2 * 2, 15 + 2 * 1 + 1)) - {15}
    for position in range(30):
        if position not in {15, *found}:  # really without influence
            moved = dialogue.text.copy()
            moved[position] += 3
            with_other = predicted(run, replace(dialogue, text=moved), 15)
            np.testing.assert_allclose(with_other, predicted(run, dialogue, 15), atol=1e-6)


def test_decoding_carries_influence_along_the_speakers_turns():
    config = replace(VARIANTS["alone"], relative_audio=False)
    dialogue = make_dialogue("S1_a", 12)  # two speakers by turns
    found = explain(checkpoint(config, weight=0.5), dialogue, 6).turns
    by_position = {turn.position: abs(turn.influence.change) for turn in found}
    assert by_position.keys() == {0, 2, 4, 8, 10}
    assert min(by_position.values()) > 1e-5
    assert explain(checkpoint(config, weight=0.0), dialogue, 6).turns == ()


def test_where_the_dialogues_level_is_heard_every_turn_is():
    config = replace(VARIANTS["narrow"], audio_level="dialogue")
    run = checkpoint(config, modalities="a", weight=0.0)
    found = explain(run, make_dialogue("S1_a", 30), 15).turns
    assert {turn.position for turn in found} == set(range(30)) - {15}
    assert all(turn.influence.change != 0 for turn in found)


@pytest.mark.parametrize("silent", [[], [8], [2, 4, 7]])
def test_without_any_audio_nothing_of_it_is_heard(silent):
    run, dialogue = checkpoint(CONTEXTUAL), make_dialogue("S1_a", 9)
    louder = dialogue.audio + 0.5
    dialogue.audio[silent], louder[silent] = 0, 0
    loud = replace(dialogue, audio=louder)
    found, of_loud = explain(run, dialogue, 4), explain(run, loud, 4)
    assert found.emotion == of_loud.emotion
    assert found.probability != pytest.approx(of_loud.probability, abs=1e-4)
    without, of_loud_without = (
        one.probability - one.dialogue_modalities["audio"].change for one in (found, of_loud)
    )
    assert without == pytest.approx(of_loud_without, abs=1e-6)


def test_how_the_speaker_sounds_is_known_without_the_turn():
    run = checkpoint(VARIANTS["narrow"], modalities="a", weight=0.0)
    found = explain(run, make_dialogue("S1_a", 30), 15).turns
    assert {turn.position for turn in found} == {11, 12, 13, 14, 16, 17}


def test_what_is_explained_is_predicted_among_other_dialogues_of_the_session():
    run, dialogue = checkpoint(CONTEXTUAL), make_dialogue("S1_a", 9)
    other = make_dialogue("S1_b", 40)
    other = replace(other, audio=other.audio + 2)
    together = predict_probabilities(run, [dialogue, other]).mean(axis=0)[4]
    assert np.abs(together - predicted(run, dialogue, 4)).max() > 1e-4
    found = explain(run, dialogue, 4, among=[dialogue, other])
    np.testing.assert_allclose([*found.probabilities.values()], together, atol=1e-6)


def neighbourly():
    """A model that answers with the emotion of the turn before: it alone fills what is read."""
    config = ContextualConfig(
        members=1, hidden_size=6, relative_audio=False, sentence_cues=False, gate=False, wp=1,
        wf=0, decay=0.0, relational_layers=1, attention_layers=0, graph_heads=1,
    )  # fmt: skip
    spec = ModelSpec("t", (3,), EMOTIONS, 2)
    model = spec.build(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.input.projections[0].weight[0, :, :3] = torch.eye(3)
        model.relational[0].norm.weight.fill_(1)
        of_others_past = model.relational[0].linear.weight[0].view(5, 6, 6)[3]
        of_others_past[:3, 3:] = 20 * torch.eye(3)
        model.norm.weight[0, 0, 9:] = 1  # of [utterance ; context], the last three are read
        model.hidden.weight[0, 9:, :3] = torch.eye(3)
        model.output.weight[0, :3] = 3 * torch.eye(3)
    finish = Finish(1.0, 0.0, np.zeros((3, 3)), causal=True)
    return Checkpoint(config, spec, ({"seed": 1, "weights": model.state_dict()},), finish)


def test_where_the_neighbour_alone_matters_it_gets_the_influence():
    run, dialogue = neighbourly(), make_dialogue("S1_a", 9, widths=(3, 4))
    for position in range(1, 9):
        before = np.eye(3, dtype=np.float32)[dialogue.labels]
        found = explain(run, replace(dialogue, text=before), position)
        assert found.emotion == EMOTIONS[dialogue.labels[position - 1]]
        assert [turn.position for turn in found.turns] == [position - 1]
        neighbour = found.turns[0].influence
        assert neighbour.change > 0.3
        assert abs(found.turn.change) < 0.05
        assert neighbour == found.context


# How it is told ---------------------------------------------------------------------------------


def test_the_strongest_come_first_and_signs_agree():
    run, dialogue = checkpoint(CONTEXTUAL), make_dialogue("S1_a", 14, speakers=SPEAKERS)
    found = explain(run, dialogue, 8)
    strengths = [abs(turn.influence.log_odds) for turn in found.turns]
    assert strengths == sorted(strengths, reverse=True)
    assert {turn.influence.change > 0 for turn in found.turns} == {True, False}
    for turn in found.turns:
        assert (turn.influence.change > 0) is (turn.influence.log_odds > 0)
        assert turn.utterance_id == dialogue.utterance_ids[turn.position]
        assert turn.speaker == dialogue.speakers[turn.position]
        assert turn.sentence == dialogue.sentences[turn.position]
    odds = found.probability / (1 - found.probability)
    before = found.probability - found.turn.change
    assert found.turn.log_odds == pytest.approx(np.log(odds * (1 - before) / before))


def test_without_is_what_would_be_predicted():
    run, dialogue = checkpoint(CONTEXTUAL), make_dialogue("S1_a", 14)
    seen = set()
    for position in range(14):
        found = explain(run, dialogue, position)
        unknown = masks(run, 14)
        unknown[:, position] = True
        expected = answers_without(run, dialogue, unknown)[position].argmax()
        assert found.turn.without == EMOTIONS[expected]
        seen.add(found.turn.without == found.emotion)
    assert seen == {True, False}


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("modalities", ["a", "t", "at"])
def test_one_turn_alone(name, modalities):
    run = checkpoint(VARIANTS[name], modalities=modalities)
    found = explain(run, make_dialogue("S1_a", 1), 0)
    assert (found.turns, found.context, found.far, found.far_turns) == ((), None, None, 0)
    assert found.turn_modalities == found.dialogue_modalities
    assert len(found.turn_modalities) == len(modalities)
    if len(modalities) == 1:
        assert [*found.turn_modalities.values()] == [found.turn]


def test_turns_too_far_away_are_told_together():
    run, dialogue = checkpoint(CONTEXTUAL), make_dialogue("S1_a", 30)
    found = explain(run, dialogue, 20, nearest=7)
    assert {turn.position for turn in found.turns} == {*range(16, 24)} - {20}
    assert found.far_turns == 22
    assert explain(run, dialogue, 20).far is None


def test_it_is_plain_values_for_json():
    dialogue = make_dialogue("S1_a", 6, speakers=("F", ("M", 2)))
    found = explain(checkpoint(CONTEXTUAL), dialogue, 1).as_dict()
    assert json.loads(json.dumps(found)) == found
    assert found["speaker"] == "('M', 2)"
    numbered = make_dialogue("S1_a", 6, speakers=(0.5, 1))
    found = explain(checkpoint(CONTEXTUAL), numbered, 0).as_dict()
    assert (found["speaker"], {turn["speaker"] for turn in found["turns"]}) == (0.5, {0.5, 1})
    assert found["turns"][0]["influence"].keys() == {"change", "log_odds", "without"}


def test_near_certainty_log_odds_tell_what_probabilities_hide():
    run, dialogue = checkpoint(CONTEXTUAL, modalities="t", seeds=1), make_dialogue("S1_a", 8)
    sure = replace(run, finish=replace(run.finish, temperature=0.02, weight=0.0))
    found = [explain(sure, dialogue, position) for position in range(8)]
    clearest = max(found, key=lambda e: e.probability)
    assert clearest.probability > 1 - 1e-6
    assert max(abs(turn.influence.change) for turn in clearest.turns) < 1e-6
    assert np.isfinite([turn.influence.log_odds for turn in clearest.turns]).all()
    assert max(abs(turn.influence.log_odds) for turn in clearest.turns) > 0.1


@pytest.mark.parametrize(
    ("change", "position", "says"),
    [
        ({}, 5, "turns 0 to 4, no turn 5"),
        ({}, -1, "no turn -1"),
        ({"audio": None}, 0, "no audio features"),
        ({"text": np.zeros((5, 7), np.float32)}, 0, r"features \(4, 7\) wide.*\(4, 6\)"),
        ({"text": np.full((5, 6), 3e38, np.float32)}, 0, "output is not finite"),
    ],
)
def test_what_does_not_fit_is_refused(change, position, says):
    dialogue = replace(make_dialogue("S1_a", 5), **change)
    with pytest.raises(InputError, match=says):
        explain(checkpoint(CONTEXTUAL), dialogue, position)


def test_fewer_turns_than_none_are_not_looked_at():
    with pytest.raises(InputError, match="nearest is -1; look at 0 turns or more"):
        explain(checkpoint(CONTEXTUAL), make_dialogue("S1_a", 5), 0, nearest=-1)


def test_cogmen_is_refused_with_the_remedy():
    with pytest.raises(InputError, match=r"cogmen.*--preset default"):
        explain(replace(checkpoint(), config=COGMEN), make_dialogue("S1_a", 5), 0)


@pytest.mark.slow
@pytest.mark.parametrize(("length", "seconds"), [(50, 1), (500, 10), (2000, 10)])
def test_it_is_cheap(length, seconds):
    config = ContextualConfig()
    spec = ModelSpec("at", (1024, 768), EMOTIONS, 2, cues=True)
    members = tuple({"seed": seed, "weights": spec.build(config).state_dict()} for seed in range(5))
    run = Checkpoint(config, spec, members, Finish(1.3, 0.4, TRANSITIONS, causal=False))
    dialogue = make_dialogue("S1_a", length, widths=(768, 1024))
    explain(run, dialogue, 0)
    started = time.process_time()
    explain(run, dialogue, length // 2)
    assert time.process_time() - started < seconds
