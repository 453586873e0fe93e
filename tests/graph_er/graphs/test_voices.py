"""How each speaker sounds over a session, and what a network makes of it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch_geometric.data import Batch

from graph_er.answers.prediction import predict_logits
from graph_er.dialogues import DialogueFile, read_dialogues, write_dialogues
from graph_er.graphs.voices import PRIOR_UTTERANCES, Voices
from graph_er.training.one_seed import sides_of
from graph_er.training.recipe import make_recipe
from tests.graph_er.dialogue_factory import EMOTIONS, make_dialogue
from tests.graph_er.tiny_models import CONTEXTUAL, SPEC, build, logits

AUDIO = replace(SPEC, modalities="a", widths=(4,))
OF_TEXT = replace(SPEC, modalities="t", widths=(6,))


def rows_of(dialogues, speaker):
    """The audio of a speaker in some dialogues, ``[N, D]``."""
    own = [d.audio[[s == speaker for s in d.speakers]] for d in dialogues]
    return np.concatenate(own).astype(np.float64)


def scaled(model, mean=0.5, std=2.0):
    """The model with training statistics that are not those of a fresh one."""
    model.scaler.mean += mean
    model.scaler.std *= std
    return model


def test_statistics_are_those_of_the_session_in_order_of_first_appearance():
    first = make_dialogue("S1_a", 7, speakers=("F", "M"))
    second = make_dialogue("S1_b", 5, speakers=("M", "X", "F"))
    found = Voices([first, second, make_dialogue("S2_a", 9)], "a").of(second)
    assert found["voices"].tolist() == [3]
    for number, speaker in enumerate(("M", "X", "F")):
        own = rows_of([first, second], speaker)
        assert found["voice_count"][number].tolist() == [len(own)] * 4
        np.testing.assert_allclose(found["voice_mean"][number], own.mean(axis=0), rtol=1e-5)
        np.testing.assert_allclose(found["voice_std"][number], own.std(axis=0), rtol=1e-4)


def test_a_session_that_the_file_names_holds_its_dialogues_together():
    loud = make_dialogue("y_1", 5)
    loud = replace(loud, audio=loud.audio + 9, session="one")
    own = replace(make_dialogue("x_1", 5), session="one")
    apart = replace(own, session="other")
    assert Voices([own, loud], "a").of(own)["voice_mean"].min() > 2
    assert Voices([apart, loud], "a").of(apart)["voice_mean"].max() < 2


def test_utterances_without_audio_say_nothing_of_a_voice():
    dialogue = make_dialogue("S1_a", 9, speakers=("F",))
    audio = dialogue.audio.copy()
    audio[[2, 5]] = 0
    found = Voices([replace(dialogue, audio=audio)], "a").of(dialogue)
    assert found["voice_count"][0].tolist() == [7] * 4
    heard = np.delete(dialogue.audio, [2, 5], axis=0)
    np.testing.assert_allclose(found["voice_mean"][0], heard.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(found["voice_std"][0], heard.std(axis=0), rtol=1e-4)


def test_who_is_never_heard_sounds_as_anybody():
    dialogue = make_dialogue("S1_a", 4)
    dialogue = replace(dialogue, audio=np.zeros_like(dialogue.audio))
    model, graph = scaled(build(CONTEXTUAL, AUDIO)), AUDIO.graph(dialogue, CONTEXTUAL)
    batch = Batch.from_data_list([graph])
    (level,) = model.levels([model.scaler(batch.x)], batch)
    assert not level.mean.any()
    torch.testing.assert_close(level.spread, torch.ones(4, 4))
    assert logits(model, [graph]).isfinite().all()


@pytest.mark.parametrize("lengths", [(12,), (300, 12), (5, 1, 9)])
def test_features_are_standardised_by_voice_drawn_towards_training(lengths):
    dialogues = [make_dialogue(f"S1_{i}", n) for i, n in enumerate(lengths)]
    model = scaled(build(CONTEXTUAL, AUDIO))
    batch = Batch.from_data_list(AUDIO.graphs(dialogues, CONTEXTUAL))
    (heard,) = model._modalities(batch)
    row = 0
    for dialogue in dialogues:
        for speaker, audio in zip(dialogue.speakers, dialogue.audio, strict=True):
            own = rows_of(dialogues, speaker)
            # As though the prior's utterances, of mean 0.5 and deviation 2, had been heard too.
            weight = len(own) / (len(own) + PRIOR_UTTERANCES)
            mean = weight * own.mean(axis=0) + (1 - weight) * 0.5
            squares = ((own - mean) ** 2).mean(axis=0)
            variance = weight * squares + (1 - weight) * (4 + (0.5 - mean) ** 2)
            expected = (audio - mean) / np.sqrt(variance)
            np.testing.assert_allclose(heard[0, row, :4], (audio - 0.5) / 2, rtol=1e-4)
            near = {"rtol": 1e-3, "atol": 1e-5}
            np.testing.assert_allclose(heard[0, row, 4:8], expected, **near)
            np.testing.assert_allclose(heard[0, row, 8:12], np.clip(expected, -1, 1), **near)
            np.testing.assert_allclose(heard[0, row, 12:], np.minimum(expected**2, 4), **near)
            row += 1


@pytest.mark.parametrize(
    "changes",
    [{"deviation_terms": False}, {"audio_level": "dialogue"}, {"wf": 0}, {"relative_audio": False}],
)
def test_terms_are_heard_of_deviations_from_the_speakers_level_alone(changes):
    config = replace(CONTEXTUAL, **changes)
    assert not config.by_terms
    width = 4 if not config.relative_audio else 8
    assert build(config, AUDIO).input.projections[0].weight.shape[1] == width
    batch = Batch.from_data_list([AUDIO.graph(make_dialogue("S1_a", 5), config)])
    assert build(config, AUDIO)._modalities(batch)[0].shape == (2, 5, width)


def test_other_dialogues_of_the_session_are_heard_and_of_other_sessions_are_not():
    model, own = build(CONTEXTUAL), make_dialogue("S1_a", 9)
    other, elsewhere = (make_dialogue(name, 30) for name in ("S1_b", "S2_a"))
    alone = predict_logits(model, SPEC.graphs([own], CONTEXTUAL))
    for companion, heard in ((other, True), (elsewhere, False)):
        moved = replace(companion, audio=companion.audio + 3)
        found = predict_logits(model, SPEC.graphs([own, moved], CONTEXTUAL))[:, :9]
        assert torch.allclose(found, alone, atol=1e-5) is not heard
        among = predict_logits(model, SPEC.graphs([own], CONTEXTUAL, [own, moved]))
        torch.testing.assert_close(among, found, atol=1e-5, rtol=0)


def test_batch_companions_and_their_order_change_nothing():
    model = build(CONTEXTUAL)
    dialogues = [make_dialogue(f"S{i % 2}_{i}", n, speakers="ABC"[: 1 + i]) for i, n in
                 enumerate((9, 4, 17))]  # fmt: skip
    graphs = SPEC.graphs(dialogues, CONTEXTUAL)
    alone = [logits(model, [graph]) for graph in graphs]
    together = logits(model, graphs).split([9, 4, 17], dim=1)
    backward = logits(model, graphs[::-1]).split([17, 4, 9], dim=1)[::-1]
    for one, beside, other in zip(alone, together, backward, strict=True):
        torch.testing.assert_close(beside, one, atol=1e-5, rtol=0)
        torch.testing.assert_close(other, one, atol=1e-5, rtol=0)


def test_labels_and_names_of_speakers_are_not_heard():
    dialogues = [make_dialogue(f"S1_{i}", 9) for i in range(2)]
    renamed = [
        replace(d, labels=d.labels[::-1].copy(), speakers=tuple({"F": 7, "M": ("x", 2)}[s] for s in
                d.speakers)) for d in dialogues
    ]  # fmt: skip
    model = build(CONTEXTUAL)
    first, second = (
        predict_logits(model, SPEC.graphs(own, CONTEXTUAL)) for own in (dialogues, renamed)
    )
    assert torch.equal(first, second)


@pytest.mark.parametrize(
    "config",
    [
        replace(CONTEXTUAL, wf=0),
        replace(CONTEXTUAL, audio_level="dialogue"),
        replace(CONTEXTUAL, relative_audio=False),
    ],
    ids=["causal", "dialogue", "none"],
)
def test_what_hears_no_voice_is_given_none(config):
    graph = SPEC.graph(make_dialogue("S1_a", 5), config)
    assert "voices" not in graph
    assert build(config).eval()(Batch.from_data_list([graph])).logits.isfinite().all()


def test_text_has_no_voice():
    assert "voices" not in OF_TEXT.graph(make_dialogue("S1_a", 5), CONTEXTUAL)


def test_each_modality_is_heard_where_it_is_there():
    spec = replace(SPEC, modalities="av", widths=(4, 6))
    dialogue = make_dialogue("S1_a", 9, speakers=("F",))
    audio, visual = dialogue.audio.copy(), dialogue.text.copy()
    audio[[2, 5]], visual[[0, 5, 7]] = 0, 0
    graph = spec.graph(replace(dialogue, audio=audio, visual=visual), CONTEXTUAL)
    assert graph["voice_count"][0].tolist() == [7] * 4 + [6] * 6
    heard = np.delete(dialogue.text, [0, 5, 7], axis=0)
    np.testing.assert_allclose(graph["voice_mean"][0, 4:], heard.mean(axis=0), rtol=1e-5)
    assert logits(build(CONTEXTUAL, spec), [graph]).isfinite().all()


def test_sessions_are_those_that_the_file_names(tmp_path):
    dialogues = tuple(make_dialogue(f"S{i}_a", 9) for i in range(3))
    graphs = {}
    for name, sessions in (("one", ["x", "x", "y"]), ("own", ["x", "z", "y"])):
        info = {"sessions": {d.id: s for d, s in zip(dialogues, sessions, strict=True)}}
        file = DialogueFile(dialogues, ("S0_a", "S1_a"), (), ("S2_a",), EMOTIONS, info)
        write_dialogues(tmp_path / name, file)
        read = read_dialogues(tmp_path / name).dialogues
        graphs[name] = AUDIO.graphs(read, CONTEXTUAL)
    assert graphs["one"][0]["voice_count"].tolist() == [[10] * 4, [8] * 4]
    assert graphs["own"][0]["voice_count"].tolist() == [[5] * 4, [4] * 4]
    assert torch.equal(graphs["one"][2]["voice_mean"], graphs["own"][2]["voice_mean"])


def test_each_side_hears_itself_alone_where_sides_share_a_session():
    train, dev = make_dialogue("S1_a", 9), make_dialogue("S1_b", 7)
    recipe = make_recipe("default", "a", {}, {})
    sides = sides_of(AUDIO, recipe, [train], [dev])
    alone = AUDIO.graph(train, recipe.model), AUDIO.graph(dev, recipe.model)
    for found, own in zip((sides.train[0], sides.dev[0]), alone, strict=True):
        assert torch.equal(found["voice_mean"], own["voice_mean"])


@pytest.mark.parametrize("size", [1e20, 1e30])
def test_an_extreme_turn_leaves_numbers_and_no_warning(size, recwarn):
    dialogue = make_dialogue("S1_a", 9)
    audio = dialogue.audio.copy()
    audio[:, 1] = 7.0
    model = build(CONTEXTUAL, AUDIO)
    model.fit_scaler(torch.from_numpy(audio))
    audio[4] = size
    graph = AUDIO.graph(replace(dialogue, audio=audio), CONTEXTUAL)
    batch = Batch.from_data_list([graph])
    (level,) = model.levels([model.scaler(batch.x)], batch)
    assert level.mean.isfinite().all()
    assert not level.mean[:, 1].any()  # a feature that is constant in training tells nothing
    assert not level.spread.isnan().any()
    assert not recwarn.list


def test_a_constant_feature_stays_silent():
    dialogue = make_dialogue("S1_a", 9)
    audio = dialogue.audio.copy()
    audio[:, 1] = 7.0
    model = build(CONTEXTUAL, AUDIO)
    graph = AUDIO.graph(replace(dialogue, audio=audio), CONTEXTUAL)
    model.fit_scaler(graph.x)
    (heard,) = model._modalities(Batch.from_data_list([graph]))
    assert heard.isfinite().all()
    assert not heard[:, :, [1, 5]].any()
