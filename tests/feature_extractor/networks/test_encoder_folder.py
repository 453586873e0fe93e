"""By what an encoder in a folder is known."""

import hashlib

import pytest

from feature_extractor.networks.encoder_folder import encoder_files_digest, encoder_weights_digest

ONE, OLDER = "model.safetensors", "pytorch_model.bin"
PARTS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
OLDER_PARTS = ("pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin")


@pytest.mark.parametrize("names", [(ONE,), (OLDER,), PARTS, OLDER_PARTS])
def test_an_encoder_in_a_folder_is_known_by_all_its_weights(tmp_path, names):
    digests = {encoder_weights_digest(str(tmp_path))}
    assert digests == {None}
    (tmp_path / "config.json").write_text("{}")
    for name in names:
        (tmp_path / name).write_bytes(b"first")
    digests.add(encoder_weights_digest(str(tmp_path)))
    for name in names:
        (tmp_path / name).write_bytes(b"second")
        digests.add(encoder_weights_digest(str(tmp_path)))
    assert len(digests) == len(names) + 2


@pytest.mark.parametrize(
    ("read", "beside"),
    [(ONE, ()), (ONE, (*PARTS, OLDER)), (PARTS[0], (OLDER,)), (OLDER, ("training_args.bin",))],
)
def test_weights_in_one_file_are_known_by_it_whatever_else_there_is(tmp_path, read, beside):
    for name in (read, *beside):
        (tmp_path / name).write_bytes(name.encode())
    expected = hashlib.sha256(read.encode()).hexdigest()
    assert encoder_weights_digest(str(tmp_path)) == expected


def test_weights_are_regular_files(tmp_path):
    (tmp_path / ONE).mkdir()
    (tmp_path / PARTS[0]).symlink_to(tmp_path / "gone")
    assert encoder_weights_digest(str(tmp_path)) is None


def test_an_encoder_on_the_hub_is_known_by_its_name_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ONE).write_bytes(b"of none")
    assert encoder_weights_digest(None) is None
    assert encoder_weights_digest("klue/roberta-base") is None
    assert encoder_files_digest(None) is None
    assert encoder_files_digest("klue/roberta-base") is None


def test_another_vocabulary_or_configuration_is_another_encoder(tmp_path):
    digests = {encoder_files_digest(str(tmp_path))}
    for name in ("config.json", "vocab.txt", "spiece.model"):
        for content in ("first", "second"):
            (tmp_path / name).write_text(content)
            digests.add(encoder_files_digest(str(tmp_path)))
    assert len(digests) == 7
    for name in ("run.json", "eval.json", ONE, "README.txt", "._config.json", "trainer_state.json"):
        (tmp_path / name).write_text("of no meaning here")
        assert encoder_files_digest(str(tmp_path)) in digests
