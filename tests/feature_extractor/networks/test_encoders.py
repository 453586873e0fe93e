import huggingface_hub.constants
import pytest
import torch
from transformers import (
    AutoModel,
    AutoTokenizer,
    SEWConfig,
    SEWModel,
    T5Config,
    T5Model,
    Wav2Vec2FeatureExtractor,
    XLNetConfig,
    XLNetModel,
)

from feature_extractor.fusion.pooling import minimum_samples
from feature_extractor.networks import encoders
from feature_extractor.networks.encoders import (
    load_audio_encoder,
    load_sentence_encoder,
    load_text_encoder,
    max_tokens,
)
from graph_er.errors import InputError
from tests.feature_extractor.tiny_corpus import (
    CNN_8,
    LAYERS_16,
    make_audio_folder,
    make_text_folder,
)


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


def save_text_encoder(root, model, config, **sizes):
    tokenizer = AutoTokenizer.from_pretrained(make_text_folder(root / "text"))
    model(config(vocab_size=len(tokenizer), **sizes)).save_pretrained(root / "other")
    tokenizer.save_pretrained(root / "other")
    return str(root / "other")


def test_an_encoder_that_cannot_be_run_on_text_alone_is_refused_when_it_is_loaded(tmp_path):
    sizes = {"d_model": 16, "num_layers": 1, "num_heads": 2, "d_ff": 16, "d_kv": 8}
    folder = save_text_encoder(tmp_path, T5Model, T5Config, **sizes, decoder_start_token_id=0)
    with pytest.raises(InputError, match=r"--text_encoder .*other: cannot read two tokens \(.+\)"):
        load_text_encoder(folder)


def test_an_audio_encoder_that_cannot_hear_its_shortest_clip_is_refused(tmp_path):
    adapter = {"add_adapter": True, "adapter_kernel_size": 9, "num_adapter_layers": 1}
    folder = make_audio_folder(tmp_path / "audio", **adapter)
    with pytest.raises(InputError, match=r"--audio_encoder .*audio: cannot hear 400 samples \(.+"):
        load_audio_encoder(str(folder))


def test_trying_an_encoder_takes_no_draw_and_leaves_it_in_eval_mode(tmp_path, monkeypatch):
    tried = encoders._try
    unchanged = []

    def watched(*arguments):
        before = torch.get_rng_state()
        tried(*arguments)
        unchanged.append(torch.equal(before, torch.get_rng_state()))

    monkeypatch.setattr(encoders, "_try", watched)
    # LayerDrop draws in every mode.
    audio, _ = load_audio_encoder(str(make_audio_folder(tmp_path / "audio", layerdrop=0.5)))
    text, _ = load_text_encoder(str(make_text_folder(tmp_path / "text")))
    assert unchanged == [True, True]
    assert not any(m.training for model in (audio, text) for m in model.modules())


def test_a_model_without_a_limit_of_positions_reads_what_its_tokenizer_does(tmp_path):
    sizes = {"d_model": 16, "n_layer": 1, "n_head": 2, "d_inner": 16}
    folder = save_text_encoder(tmp_path, XLNetModel, XLNetConfig, **sizes)
    model, tokenizer = load_text_encoder(folder)
    assert model.config.max_position_embeddings < 0
    assert max_tokens(model, tokenizer) == tokenizer.model_max_length


def test_the_shortest_clip_of_a_model_that_joins_frames_has_enough_of_them(tmp_path):
    config = SEWConfig(num_hidden_layers=1, squeeze_factor=2, **CNN_8, **LAYERS_16)
    SEWModel(config).save_pretrained(tmp_path / "sew")
    Wav2Vec2FeatureExtractor().save_pretrained(tmp_path / "sew")
    model, _ = load_audio_encoder(str(tmp_path / "sew"))
    assert minimum_samples(model.config) == 720


@pytest.mark.parametrize("norm", ["layer", "group"])
def test_samples_get_no_gradient_in_training_and_the_convolutions_do(tmp_path, norm):
    model, _ = load_audio_encoder(
        str(make_audio_folder(tmp_path / "audio", feat_extract_norm=norm))
    )
    heard = []
    first = model.feature_extractor.conv_layers[0]
    first.register_forward_pre_hook(lambda module, inputs: heard.append(inputs[0].requires_grad))
    states = model.train()(torch.randn(2, 8000)).last_hidden_state
    states.sum().backward()
    assert heard == [False]
    assert first.conv.weight.grad.abs().sum() > 0
