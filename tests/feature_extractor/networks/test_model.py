import numpy as np
import pytest
import torch
from torch import nn
from transformers import RobertaConfig, Wav2Vec2Config

from feature_extractor.configuration import UtteranceConfig
from feature_extractor.networks.model import UtteranceClassifier
from tests.feature_extractor.tiny_corpus import make_checkpoint

VECTORS = {"a": ("audio_vector",), "t": ("text_vector",), "at": ("audio_vector", "text_vector")}


def examples(*seconds):
    rng = np.random.default_rng(3)
    texts = ("그래", "", "아니 그게 무슨 말이야", "왜 그래")
    return [
        {"text": text, "audio": rng.standard_normal(round(16_000 * length)).astype(np.float32)}
        for text, length in zip(texts, seconds, strict=False)
    ]


def run(checkpoint, batch):
    with torch.inference_mode():
        return checkpoint.model.eval()(**checkpoint.collator()(batch))


@pytest.mark.parametrize("norm", ["layer", "group"])
@pytest.mark.parametrize("modalities", ["a", "t", "at"])
def test_batch_companions_and_padding_change_nothing(tmp_path, modalities, norm):
    checkpoint = make_checkpoint(tmp_path, modalities, norm)
    batch = examples(0.31, 0.05, 0.9, 0.2)
    together = run(checkpoint, batch)
    for row, example in enumerate(batch):
        alone = run(checkpoint, [example])
        for name in ("logits", *VECTORS[modalities]):
            torch.testing.assert_close(alone[name][0], together[name][row], atol=1e-5, rtol=0)


def test_what_is_spoken_and_written_changes_the_vectors(tmp_path):
    checkpoint = make_checkpoint(tmp_path)
    first, second = examples(0.3, 0.3)
    mixed = run(checkpoint, [first, {**first, "text": "왜"}, {**first, "audio": second["audio"]}])
    assert not torch.allclose(mixed.text_vector[0], mixed.text_vector[1], atol=1e-3)
    assert torch.equal(mixed.audio_vector[0], mixed.audio_vector[1])
    assert not torch.allclose(mixed.audio_vector[0], mixed.audio_vector[2], atol=1e-3)
    assert torch.equal(mixed.text_vector[0], mixed.text_vector[2])


@pytest.mark.parametrize("modalities", ["a", "t", "at"])
def test_every_parameter_gets_a_gradient(tmp_path, modalities):
    checkpoint = make_checkpoint(tmp_path, modalities, mask_time_prob=0.3, mask_time_length=2)
    torch.manual_seed(0)
    model = checkpoint.model.train()
    output = model(**checkpoint.collator()(examples(0.4, 0.3, 0.5)))
    nn.functional.cross_entropy(output.logits, torch.tensor([0, 1, 2])).backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []


def test_eval_is_deterministic_and_training_is_not(tmp_path):
    checkpoint = make_checkpoint(tmp_path)
    batch = checkpoint.collator()(examples(0.3, 0.5))
    with torch.inference_mode():
        model = checkpoint.model.eval()
        assert torch.equal(model(**batch).logits, model(**batch).logits)
        model.train()
        assert not torch.equal(model(**batch).logits, model(**batch).logits)


@pytest.mark.parametrize("norm", ["layer", "group"])
@pytest.mark.parametrize("samples", [0, 1, 399, 800])
def test_very_short_clips_train_with_spec_augment(tmp_path, norm, samples):
    checkpoint = make_checkpoint(tmp_path, "a", norm, mask_time_prob=0.5, mask_time_length=10)
    clip = {"text": "", "audio": np.full(samples, 0.1, dtype=np.float32)}
    output = checkpoint.model.train()(**checkpoint.collator()([clip]))
    assert output.logits.isfinite().all()


def test_new_layers_of_the_full_model_hold_797959_parameters():
    small = {"num_hidden_layers": 1, "intermediate_size": 8}
    config = UtteranceConfig(
        text_config=RobertaConfig(vocab_size=8, hidden_size=768, num_attention_heads=12, **small),
        audio_config=Wav2Vec2Config(
            hidden_size=1024,
            num_attention_heads=16,
            conv_dim=(8,),
            conv_kernel=(10,),
            conv_stride=(5,),
            num_feat_extract_layers=1,
            **small,
        ),
        emotions=[str(i) for i in range(7)],
        fusion_options={"audio_size": 768},
    )
    model = UtteranceClassifier(config)
    new = [p for n, p in model.named_parameters() if not n.startswith(("text_enc", "audio_enc"))]
    assert sum(parameter.numel() for parameter in new) == 797_959
    assert model.text_encoder.pooler is None


@pytest.mark.parametrize("fusion", ["concat", "distilled_gate", "cross_attention"])
def test_a_text_without_a_word_is_a_missing_text_beside_audio(tmp_path, fusion):
    checkpoint = make_checkpoint(tmp_path, fusion=fusion)
    first, _, third = examples(0.3, 0.3, 0.5)
    silent_text = [{**first, "text": ""}, third]
    output = run(checkpoint, silent_text)
    batch = checkpoint.collator()(silent_text)
    assert batch["has_text"].tolist() == [False, True]
    assert not output.text_vector[0].any()
    with torch.no_grad():
        for parameter in checkpoint.model.text_encoder.parameters():
            parameter.add_(0.1)
    changed = run(checkpoint, silent_text)
    torch.testing.assert_close(changed.logits[0], output.logits[0])
    assert not torch.allclose(changed.logits[1], output.logits[1])
