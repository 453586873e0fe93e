import numpy as np
import pytest
import torch
from torch import nn
from transformers import (
    BertConfig,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    ElectraConfig,
    ElectraModel,
    HubertConfig,
    HubertModel,
    RobertaConfig,
    RobertaModel,
    Wav2Vec2Config,
    Wav2Vec2Model,
    WavLMConfig,
    WavLMModel,
)

from feature_extractor.networks.acoustic import acoustic_encoder
from feature_extractor.networks.freezing import freeze
from graph_er.errors import InputError
from tests.feature_extractor.tiny_corpus import CNN_8, LAYERS_16, make_checkpoint

TEXT = {
    "bert": lambda: BertModel(BertConfig(vocab_size=9, num_hidden_layers=3, **LAYERS_16)),
    "electra": lambda: ElectraModel(
        ElectraConfig(vocab_size=9, num_hidden_layers=3, embedding_size=8, **LAYERS_16)
    ),
    "distilbert": lambda: DistilBertModel(
        DistilBertConfig(vocab_size=9, n_layers=3, dim=16, n_heads=2, hidden_dim=24)
    ),
}
AUDIO = {
    "hubert": lambda: HubertModel(HubertConfig(num_hidden_layers=3, **LAYERS_16, **CNN_8)),
    "wavlm": lambda: WavLMModel(
        WavLMConfig(num_hidden_layers=3, do_stable_layer_norm=True, **LAYERS_16, **CNN_8)
    ),
}


def trained(encoder):
    return {name for name, p in encoder.named_parameters() if p.requires_grad}


@pytest.mark.parametrize("kind", TEXT)
@pytest.mark.parametrize("count", [0, 1, 3])
def test_the_lowest_layers_of_a_text_encoder(kind, count):
    encoder = TEXT[kind]()
    every = trained(encoder)
    parts = freeze(encoder, str(count), "text")
    layers = {n.split(".")[2] for n in every & trained(encoder) if ".layer." in n}
    assert layers == {str(number) for number in range(count, 3)}
    assert not any("embeddings" in name for name in trained(encoder))
    assert all(not p.requires_grad for part in parts for p in part.parameters())


@pytest.mark.parametrize("kind", AUDIO)
def test_the_lowest_layers_of_an_audio_encoder(kind):
    encoder = AUDIO[kind]()
    freeze(encoder, "2", "audio")
    names = trained(encoder)
    assert any(name.startswith("encoder.layers.2.") for name in names)
    assert not any(name.startswith("encoder.layers.1.") for name in names)
    assert not any(name.startswith(("feature_extractor", "feature_projection")) for name in names)
    # Above the layers where the norm comes last, below them elsewhere.
    assert ("encoder.layer_norm.weight" in names) == (kind == "wavlm")


@pytest.mark.parametrize("kind", AUDIO)
def test_the_convolutions_alone(kind):
    encoder = AUDIO[kind]()
    every = trained(encoder)
    (part,) = freeze(encoder, "cnn", "audio")
    assert part is encoder.feature_extractor
    assert trained(encoder) == {n for n in every if not n.startswith("feature_extractor")}


def test_all_and_none():
    encoder = TEXT["bert"]()
    every = trained(encoder)
    assert freeze(encoder, "all", "text") == [encoder]
    assert trained(encoder) == set()
    assert freeze(encoder, "none", "text") == []
    assert trained(encoder) == every


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("4", "is 4, but the text encoder has 3 layers; take no more"),
        ("cnn", "cnn: this text encoder has no convolutions; take none or all"),
    ],
)
def test_what_an_encoder_does_not_have_is_refused(how, told):
    with pytest.raises(InputError, match=f"^--freeze_text {told}$"):
        freeze(TEXT["bert"](), how, "text")


def test_layers_of_what_has_none_are_refused():
    with pytest.raises(InputError, match=r"^--freeze_audio 3: .* no list of layers; take none"):
        freeze(acoustic_encoder("mfcc")[0], "3", "audio")


def test_frozen_parts_stay_in_eval_mode_and_get_no_gradient(tmp_path):
    model = make_checkpoint(tmp_path).model
    model.freeze("all", "cnn")
    model.train()
    assert not any(module.training for module in model.text_encoder.modules())
    assert not any(m.training for m in model.audio_encoder.feature_extractor.modules())
    assert model.audio_encoder.encoder.training
    assert model.fusion.training
    rng = np.random.default_rng(0)
    clip = rng.standard_normal(4000).astype(np.float32)
    batch = make_checkpoint(tmp_path).collator()([{"text": "왜 그래", "audio": clip}] * 2)
    nn.functional.cross_entropy(model(**batch).logits, torch.tensor([0, 1])).backward()
    assert all(p.grad is None for p in model.text_encoder.parameters())
    assert all(p.grad is None for p in model.audio_encoder.feature_extractor.parameters())
    assert all(p.grad is not None for p in model.fusion.parameters())


def test_a_modality_that_a_step_does_not_train_is_frozen_as_a_whole(tmp_path):
    model = make_checkpoint(tmp_path).model
    model.freeze("none", "none", trained="t")
    assert trained(model.audio_encoder) == set()
    assert trained(model.text_encoder) != set()
    model.freeze("none", "none", trained="at")
    assert trained(model.audio_encoder) != set()


QUIET = {"num_hidden_layers": 3, "mask_time_prob": 0.0, "layerdrop": 0.0, **LAYERS_16, **CNN_8}
WITH_DROPOUT = {
    "wav2vec2": lambda: Wav2Vec2Model(Wav2Vec2Config(**QUIET)),
    "wav2vec2 stable": lambda: Wav2Vec2Model(Wav2Vec2Config(do_stable_layer_norm=True, **QUIET)),
    "hubert": lambda: HubertModel(HubertConfig(**QUIET)),
    "wavlm": lambda: WavLMModel(WavLMConfig(**QUIET)),
    "roberta": lambda: RobertaModel(
        RobertaConfig(vocab_size=9, num_hidden_layers=3, **LAYERS_16), add_pooling_layer=False
    ),
}


@pytest.mark.filterwarnings("ignore:Support for mismatched key_padding_mask")  # WavLM's own
@pytest.mark.parametrize("kind", WITH_DROPOUT)
@pytest.mark.parametrize("count", [0, 2])
def test_frozen_layers_give_the_same_twice_in_training(tmp_path, kind, count):
    torch.manual_seed(0)
    model, encoder = make_checkpoint(tmp_path).model, WITH_DROPOUT[kind]()
    hears = kind != "roberta"
    setattr(model, "audio_encoder" if hears else "text_encoder", encoder)
    frozen = str(count)
    model.freeze("none" if hears else frozen, frozen if hears else "none")
    model.train(False)
    model.train()
    assert encoder.training
    given = torch.randn(2, 4000) if hears else torch.tensor([[5, 6, 7, 8]])
    once, again = (encoder(given, output_hidden_states=True).hidden_states for _ in range(2))
    # The first state is what the lowest layer reads; the last is of layers that are trained.
    assert all(torch.equal(a, b) for a, b in zip(once[: count + 1], again, strict=False))
    assert not torch.equal(once[-1], again[-1])
