from pathlib import Path

import pytest
from transformers import HubertConfig, RobertaConfig, Wav2Vec2Config, WavLMConfig

from feature_extractor.configuration import UtteranceConfig
from feature_extractor.networks.config_limits import require_buildable
from graph_er.errors import InputError

PATH = Path("extractor/config.json")


def config(audio=Wav2Vec2Config, **changes):
    """Return the content of a published size's file, with some values changed by dotted names."""
    sizes = {"hidden_size": 1024, "num_hidden_layers": 24, "intermediate_size": 4096}
    content = UtteranceConfig(
        text_config=RobertaConfig(vocab_size=250_002, max_position_embeddings=514).to_dict(),
        audio_config=audio(**sizes, num_attention_heads=16).to_dict(),
        emotions=["neutral", "angry"],
        transcript_version=2,
        corpus="kemdy19",
        split={"sides": {"train": [f"Sess{n}" for n in range(20_000)]}},
    ).to_dict()
    for name, value in changes.items():
        *folders, key = name.split("__")
        place = content
        for folder in folders:
            place = place[folder]
        place[key] = value
    return content


@pytest.mark.parametrize("audio", [Wav2Vec2Config, HubertConfig, WavLMConfig])
def test_published_encoders_are_let_through(audio):
    require_buildable(config(audio), PATH)
    require_buildable(config(audio, text_config___attn_implementation="sdpa"), PATH)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("attn_implementation", "somebody/kernels"),
        ("audio_config___attn_implementation", "somebody/kernels"),
        ("text_config__auto_map", {"AutoModel": "somebody/code--model.Model"}),
        ("quantization_config", {"load_in_4bit": True}),
        ("num_labels", 10**9),
        ("text_config__id2label", {str(n): "x" for n in range(20_000)}),
        ("text_config__num_hidden_layers", 10**6),
        ("text_config__num_hidden_layers", "12"),
        ("text_config__hidden_size", 10**12),
        ("audio_config__num_adapter_layers", 10**6),
        ("audio_config__conv_stride", [1] * 7),
        ("audio_config__conv_stride", [0, 0]),
        ("audio_config__conv_dim", [512] * 5_000),
        ("audio_config__conv_kernel", ["10"]),
        ("context", "a"),
        ("context", -1),
        ("clip_length", 0),
        ("clip_length", 1e-9),
        ("clip_length", "x"),
        ("max_tokens", 0),
        ("sampling_rate", 10**9),
        ("sampling_rate", "16000"),
        ("sampling_rate", True),
        ("transcript_version", 99),
    ],
)
def test_what_no_extractor_has_is_refused_by_name(name, value):
    with pytest.raises(
        InputError, match=rf"config\.json: _?{name.split('__')[-1].lstrip('_')} is"
    ) as e:
        require_buildable(config(**{name: value}), PATH)
    assert len(str(e.value)) < 250
