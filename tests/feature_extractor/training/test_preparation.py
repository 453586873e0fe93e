"""What is settled before training: encoders that are run once, and what is read along."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from feature_extractor.settings import ModelSettings, TrainingSettings
from feature_extractor.training import preparation
from tests.feature_extractor.tiny_corpus import make_corpus


@pytest.mark.parametrize(
    ("modalities", "acoustic", "options", "kept"),
    [
        ("at", False, {}, ""),
        ("at", False, {"freeze_text": "all"}, "t"),
        ("at", False, {"freeze_audio": "all"}, "a"),
        ("at", False, {"freeze_text": "all", "freeze_audio": "all"}, "at"),
        # What is heard is another each time.
        ("at", False, {"freeze_audio": "all", "speed_perturbation": 0.1}, ""),
        ("at", False, {"freeze_text": "2", "freeze_audio": "cnn"}, ""),
        # Acoustic features have nothing that could be trained.
        ("at", True, {}, "a"),
        ("at", True, {"freeze_audio": "all"}, "a"),
        ("t", True, {"freeze_text": "all"}, "t"),
    ],
)
def test_states_are_kept_of_encoders_that_training_does_not_change(
    tmp_path, monkeypatch, modalities, acoustic, options, kept
):
    asked = []

    def cached_states(checkpoint, wanted, *rest):
        asked.append(wanted)
        return {}

    monkeypatch.setattr(preparation, "cached_states", cached_states)
    run = SimpleNamespace(modalities=modalities, device="cpu", cache_dir=tmp_path)
    model = SimpleNamespace(audio_scaler=None) if acoustic else SimpleNamespace()
    settings = TrainingSettings(**{"speed_perturbation": 0.0, "freeze_audio": "none", **options})
    preparation._states(run, None, [], SimpleNamespace(model=model), settings)
    assert asked == [kept]


@pytest.mark.parametrize("alone", [False, True])
def test_nothing_is_followed_where_every_utterance_is_a_dialogue_of_its_own(
    tmp_path, monkeypatch, alone
):
    monkeypatch.setattr(preparation, "with_default_encoders", lambda settings, *_: settings)
    monkeypatch.setattr(preparation, "refuse_tuned_on_held_out", lambda *_: None)
    corpus, told = make_corpus(tmp_path / "corpus"), []
    if alone:
        single = [replace(u, dialogue=u.id) for u in corpus.utterances]
        corpus = replace(corpus, utterances=tuple(single))
    asked = ModelSettings(fusion="distilled_gate", context=4)
    settled = preparation._settled(asked, "at", corpus, tmp_path, None, told.append)
    assert settled.context == (0 if alone else 4)
    assert settled.fusion_options == ({} if alone else {"follow": True})
    assert len(told) == alone
