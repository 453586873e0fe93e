"""Which encoders are run once per utterance, before training."""

from types import SimpleNamespace

import pytest

from feature_extractor.settings import TrainingSettings
from feature_extractor.training import preparation


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
