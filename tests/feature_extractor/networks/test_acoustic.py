import numpy as np
import pytest
import torch

from feature_extractor.networks.acoustic import acoustic_encoder
from feature_extractor.networks.checkpoint import build_checkpoint, load_checkpoint
from feature_extractor.networks.mfcc import mfcc
from feature_extractor.networks.scaling import FrameScaler
from feature_extractor.settings import ModelSettings
from graph_er.running.run_record import RECORD_NAME
from tests.feature_extractor.tiny_corpus import EMOTIONS, make_text_folder

RATE = 16_000


def tone(hertz, seconds, level=0.3):
    return (level * np.sin(2 * np.pi * hertz * np.arange(round(RATE * seconds)) / RATE)).astype(
        np.float32
    )


def examples(*seconds):
    rng = np.random.default_rng(0)
    return [
        {"text": "왜", "audio": 0.1 * rng.standard_normal(round(RATE * s)).astype(np.float32)}
        for s in seconds
    ]


def checkpoint_of(tmp_path, kind="mfcc", modalities="at", fusion="concat"):
    settings = ModelSettings(
        fusion=fusion, text_encoder=str(make_text_folder(tmp_path / "text")), audio_encoder=kind
    )
    torch.manual_seed(0)
    return build_checkpoint(settings, modalities, EMOTIONS)


@pytest.mark.parametrize("seconds", [0.05, 0.5, 1.013])
def test_mfcc_has_a_frame_every_25_ms_and_40_coefficients(seconds):
    frames = mfcc(tone(300, seconds), RATE, 800, 400)
    assert frames.shape == (1 + round(RATE * seconds) // 400, 40)
    assert frames.dtype == np.float32


def test_mfcc_tells_level_in_its_first_coefficient_alone():
    # Noise: a tone leaves most bands at the floor, which lies 80 dB below the peak.
    noise = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    quiet, loud = (mfcc(level * noise, RATE, 800, 400) for level in (0.01, 0.1))
    np.testing.assert_allclose((loud - quiet)[:, 0], 20 * np.sqrt(64), rtol=1e-3)
    np.testing.assert_allclose(loud[:, 1:], quiet[:, 1:], atol=1e-2)


@pytest.mark.parametrize("modalities", ["a", "at"])
@pytest.mark.parametrize("fusion", ["concat", "case_attention"])
def test_batch_companions_and_padding_change_nothing(tmp_path, modalities, fusion):
    checkpoint = checkpoint_of(tmp_path, "mfcc", modalities, fusion)
    model, collate = checkpoint.model.eval(), checkpoint.collator()
    model.audio_scaler.fit([mfcc(e["audio"], RATE, 800, 400) for e in examples(0.4, 0.8)])
    batch = examples(0.31, 0.05, 0.9, 0.02)
    with torch.inference_mode():
        together = model(**collate(batch))
        for row, example in enumerate(batch):
            alone = model(**collate([example]))
            for name in ("logits", "audio_vector"):
                torch.testing.assert_close(alone[name][0], together[name][row], atol=1e-4, rtol=0)


def test_a_checkpoint_keeps_features_and_scale(tmp_path):
    checkpoint = checkpoint_of(tmp_path, "mfcc", "a")
    checkpoint.model.audio_scaler.fit([mfcc(e["audio"], RATE, 800, 400) for e in examples(0.4)])
    batch = examples(0.5, 0.7)
    with torch.inference_mode():
        before = checkpoint.model.eval()(**checkpoint.collator()(batch)).logits
    checkpoint.save(tmp_path / "run")
    (tmp_path / "run" / RECORD_NAME).write_text("{}")
    again = load_checkpoint(tmp_path / "run")
    with torch.inference_mode():
        assert torch.equal(again.model.eval()(**again.collator()(batch)).logits, before)
    assert again.sampling_rate == RATE
    assert again.model.config.audio_config.kind == "mfcc"


def test_scale_is_that_of_all_frames():
    rng = np.random.default_rng(1)
    clips = [rng.normal((5.0, -100.0, 3.0), (2.0, 40.0, 0.0), (n, 3)) for n in (50, 7, 200)]
    scaler = FrameScaler(3)
    scaler.fit(clips)
    frames = torch.from_numpy(np.concatenate(clips)).float()
    scaled = scaler(frames)
    torch.testing.assert_close(scaled.mean(dim=0), torch.zeros(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(
        scaled.std(dim=0, correction=0), torch.tensor([1.0, 1.0, 0.0]), atol=1e-4, rtol=0
    )


@pytest.mark.parametrize("clips", [[], [np.zeros((0, 3))]])
def test_without_a_frame_the_scale_stays_as_it_was(clips):
    scaler = FrameScaler(3)
    scaler.fit([np.array([[1.0, 2.0, 3.0], [3.0, 2.0, 7.0]])])
    before = {name: value.clone() for name, value in scaler.state_dict().items()}
    scaler.fit(clips)
    assert before["shift"].tolist() == [2.0, 2.0, 5.0]
    assert all(torch.equal(value, before[name]) for name, value in scaler.state_dict().items())


def test_egemaps_are_88_functionals_of_the_whole_clip(tmp_path):
    pytest.importorskip("opensmile", reason="openSMILE is not installed")
    encoder, extractor = acoustic_encoder("egemaps")
    clips = [tone(200, 0.6), tone(200, 1.2), np.zeros(4000, np.float32)]
    batch = extractor(clips, padding=True, return_attention_mask=True, return_tensors="pt")
    assert batch["input_values"].shape == (3, 1, 88)
    assert batch["input_values"].isfinite().all()
    pitch = batch["input_values"][:2, 0, 0]  # semitones above 27.5 Hz
    torch.testing.assert_close(pitch, torch.full((2,), 12 * np.log2(200 / 27.5)), atol=0.3, rtol=0)
    assert encoder(batch["input_values"]).last_hidden_state is batch["input_values"]
    checkpoint = checkpoint_of(tmp_path, "egemaps", "a")
    with torch.inference_mode():
        output = checkpoint.model.eval()(**checkpoint.collator()(examples(0.02, 0.5)))
    assert output.logits.isfinite().all()
