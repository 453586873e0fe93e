"""Which encoders are run once per utterance, before training, and by what they are known."""

import hashlib
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


ONE, OLDER = "model.safetensors", "pytorch_model.bin"
PARTS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
OLDER_PARTS = ("pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin")


@pytest.mark.parametrize("names", [(ONE,), (OLDER,), PARTS, OLDER_PARTS])
def test_an_encoder_in_a_folder_is_known_by_all_its_weights(tmp_path, names):
    digests = {preparation._weights_digest(str(tmp_path))}
    assert digests == {None}
    (tmp_path / "config.json").write_text("{}")
    for name in names:
        (tmp_path / name).write_bytes(b"first")
    digests.add(preparation._weights_digest(str(tmp_path)))
    for name in names:
        (tmp_path / name).write_bytes(b"second")
        digests.add(preparation._weights_digest(str(tmp_path)))
    assert len(digests) == len(names) + 2


@pytest.mark.parametrize(
    ("read", "beside"),
    [(ONE, ()), (ONE, (*PARTS, OLDER)), (PARTS[0], (OLDER,)), (OLDER, ("training_args.bin",))],
)
def test_weights_in_one_file_are_known_by_it_whatever_else_there_is(tmp_path, read, beside):
    for name in (read, *beside):
        (tmp_path / name).write_bytes(name.encode())
    expected = hashlib.sha256(read.encode()).hexdigest()
    assert preparation._weights_digest(str(tmp_path)) == expected


def test_weights_are_regular_files(tmp_path):
    (tmp_path / ONE).mkdir()
    (tmp_path / PARTS[0]).symlink_to(tmp_path / "gone")
    assert preparation._weights_digest(str(tmp_path)) is None


def test_an_encoder_on_the_hub_is_known_by_its_name_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ONE).write_bytes(b"of none")
    assert preparation._weights_digest(None) is None
    assert preparation._weights_digest("klue/roberta-base") is None
