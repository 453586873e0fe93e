import pytest
import torch
from transformers import Wav2Vec2Config, Wav2Vec2Model

from feature_extractor.fusion.pooling import (
    audio_frames,
    masked_mean,
    minimum_samples,
    num_frames,
)


def test_masked_mean_by_hand():
    states = torch.tensor([[[1.0, 2.0], [3.0, 4.0], [100.0, 100.0]], [[5.0, 6.0], [7, 8], [9, 10]]])
    mask = torch.tensor([[1, 1, 0], [0, 0, 0]])
    assert masked_mean(states, mask).tolist() == [[2.0, 3.0], [0.0, 0.0]]


def test_masked_mean_adds_up_in_float32():
    states = torch.full((1, 4096, 1), 1.01, dtype=torch.bfloat16)
    mean = masked_mean(states, torch.ones(1, 4096))
    assert mean.dtype == torch.float32
    assert mean.item() == pytest.approx(states[0, 0, 0].item(), rel=1e-6)


def test_frames_are_those_of_the_encoder():
    config = Wav2Vec2Config(hidden_size=16, num_hidden_layers=0, num_attention_heads=1,
                            conv_dim=(4,) * 7, intermediate_size=8)  # fmt: skip
    model = Wav2Vec2Model(config)
    assert minimum_samples(config) == 400
    for samples in (400, 719, 720, 16_000):
        frames = model.feature_extractor(torch.zeros(1, samples)).shape[-1]
        assert num_frames(config, samples) == frames
    assert num_frames(config, 399) == 0


@pytest.mark.parametrize("norm", ["layer", "group"])
def test_narrow_convolutions_of_an_encoder_compute_in_float32_beside_bfloat16(norm):
    small = {"hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 1}
    layers = {"conv_dim": (16, 16), "conv_kernel": (40, 10), "conv_stride": (40, 8)}
    positions = {"num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4}
    config = Wav2Vec2Config(
        **small, **layers, **positions, num_attention_heads=2, feat_extract_norm=norm
    )
    encoder = Wav2Vec2Model(config).eval()
    kinds = []
    encoder.encoder.pos_conv_embed.conv.register_forward_hook(
        lambda module, inputs, output: kinds.append((output.dtype, module.weight.shape[1]))
    )
    audio = (torch.randn(2, 8000), torch.ones(2, 8000, dtype=torch.long))
    with torch.no_grad():
        exact = audio_frames(encoder, *audio).layers[0]
        kinds.clear()
        with torch.autocast("cpu", torch.bfloat16):
            close = audio_frames(encoder, *audio).layers[0].float()
    assert {*kinds} == {(torch.float32, 6)}
    assert (exact - close).std() < 0.05 * exact.std()
