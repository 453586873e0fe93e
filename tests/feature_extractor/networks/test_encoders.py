import huggingface_hub.constants
import pytest
import torch
from transformers import AutoModel

from feature_extractor.networks.encoders import (
    load_audio_encoder,
    load_sentence_encoder,
    load_text_encoder,
)
from graph_er.errors import InputError
from tests.feature_extractor.tiny_corpus import make_audio_folder, make_text_folder


def test_a_ctc_head_is_left_behind_and_its_encoder_kept(tmp_path):
    folder = make_audio_folder(tmp_path / "ctc", kind="Wav2Vec2ForCTC")
    plain = make_audio_folder(tmp_path / "plain")
    model, extractor = load_audio_encoder(str(folder))
    assert type(model).__name__ == "Wav2Vec2Model"
    assert extractor.sampling_rate == 16_000
    assert model.config.layerdrop == 0.0
    from transformers import Wav2Vec2ForCTC

    expected = Wav2Vec2ForCTC.from_pretrained(folder).wav2vec2.state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in model.state_dict().items())
    assert expected.keys() == AutoModel.from_pretrained(plain).state_dict().keys()


def test_the_pooler_is_left_out(tmp_path):
    folder = make_text_folder(tmp_path / "text")
    model, tokenizer = load_text_encoder(str(folder))
    assert model.pooler is None
    assert not any("pooler" in name for name, _ in model.named_parameters())
    assert tokenizer("그래")["input_ids"][0] == tokenizer.bos_token_id


@pytest.mark.parametrize("load", [load_text_encoder, load_audio_encoder, load_sentence_encoder])
def test_an_encoder_that_is_nowhere_is_named(load, tmp_path, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match=r"nowhere.*name a Hugging Face folder, or a hub id"):
        load(str(tmp_path / "nowhere"))


def test_an_empty_folder_is_named(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty.*is not a usable folder"):
        load_text_encoder(str(tmp_path / "empty"))


def test_an_audio_model_does_not_read(tmp_path):
    folder = make_audio_folder(tmp_path / "audio")
    with pytest.raises(InputError, match="does not read text"):
        load_text_encoder(str(folder))


def test_a_damaged_folder_is_named_in_one_line(tmp_path):
    folder = make_audio_folder(tmp_path / "audio")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(InputError, match="is not a usable folder") as caught:
        load_audio_encoder(str(folder))
    assert "\n" not in str(caught.value)


def test_a_text_model_does_not_hear(tmp_path):
    with pytest.raises(InputError, match="does not hear raw audio"):
        load_audio_encoder(str(make_text_folder(tmp_path / "text")))
