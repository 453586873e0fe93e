from __future__ import annotations

import numpy as np
import pytest
import soundfile

from feature_extractor import audio
from feature_extractor.audio import (
    AudioInfo,
    is_silent,
    load_audio,
    probe_audio,
    probe_duration,
    probe_durations,
    probe_many,
)
from graph_er.errors import InputError


def tone(rate: int, seconds: float = 0.5, hertz: float = 440.0) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)


@pytest.fixture
def wav(tmp_path):
    path = tmp_path / "tone.wav"
    soundfile.write(path, tone(16_000), 16_000, subtype="PCM_16")
    return path


def test_sixteen_kilohertz_mono_comes_as_stored(wav):
    samples = load_audio(wav)
    assert samples.dtype == np.float32
    assert samples.shape == (8000,)
    np.testing.assert_allclose(samples, tone(16_000), atol=1e-4)
    assert probe_duration(wav) == 0.5
    np.testing.assert_array_equal(load_audio(str(wav)), samples)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000])
def test_other_rates_become_the_same_tone(tmp_path, rate):
    path = tmp_path / "tone.flac"
    soundfile.write(path, tone(rate), rate)
    samples = load_audio(path)
    assert samples.dtype == np.float32
    assert samples.shape == (8000,)
    np.testing.assert_allclose(samples[500:-500], tone(16_000)[500:-500], atol=5e-3)


def test_channels_are_averaged(tmp_path):
    path = tmp_path / "stereo.wav"
    soundfile.write(path, np.stack([np.full(100, 0.5), np.full(100, -0.25)], axis=1), 16_000)
    np.testing.assert_allclose(load_audio(path), np.full(100, 0.125), atol=1e-4)


def broken_contents(good: bytes) -> dict[str, bytes]:
    return {
        "empty": b"",
        "page": b"<!doctype html><html></html>",
        "header_cut": good[:30],
        "header_only": good[:44],
        "data_cut": good[: len(good) // 2],
    }


@pytest.mark.parametrize("kind", ["empty", "page", "header_cut", "header_only", "data_cut"])
@pytest.mark.parametrize("read", [probe_duration, load_audio])
def test_broken_files_are_named(wav, kind, read):
    wav.write_bytes(broken_contents(wav.read_bytes())[kind])
    with pytest.raises(InputError, match=r"tone\.wav"):
        read(wav)


def test_a_header_without_samples_is_broken(tmp_path):
    path = tmp_path / "none.wav"
    soundfile.write(path, np.zeros(0), 16_000)
    with pytest.raises(InputError, match="no audio samples"):
        probe_duration(path)


def test_a_streamed_header_of_unknown_length_is_read(wav):
    content = bytearray(wav.read_bytes())
    content[40:44] = b"\xff\xff\xff\xff"
    wav.write_bytes(content)
    assert load_audio(wav).shape == (8000,)


def test_fewer_samples_than_the_header_says_is_refused(wav, monkeypatch):
    read = soundfile.SoundFile.read
    monkeypatch.setattr(
        soundfile.SoundFile, "read", lambda self, **options: read(self, **options)[:-7]
    )
    with pytest.raises(InputError, match="7993 samples where the header says 8000"):
        load_audio(wav)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 3e38])
def test_samples_that_are_no_numbers_are_refused(tmp_path, bad):
    path = tmp_path / "bad.wav"
    soundfile.write(path, np.array([0.0, bad, 0.0]), 16_000, subtype="FLOAT")
    with pytest.raises(InputError, match=r"bad\.wav.*NaN or infinite"):
        load_audio(path)


@pytest.mark.parametrize("many", [0, 100])
def test_probing_many_keeps_order_and_names_every_bad_file(wav, monkeypatch, many):
    monkeypatch.setattr(audio, "_MANY_FILES", many)
    absent, page = wav.with_name("absent.wav"), wav.with_name("page.wav")
    page.write_bytes(b"<html>")
    durations, errors = probe_durations([absent, wav, page])
    np.testing.assert_array_equal(durations, [np.nan, 0.5, np.nan])
    assert ["absent.wav" in errors[0], "page.wav" in errors[1], len(errors)] == [True, True, 2]


# Container, subtype, rate, channels, and how far lossy coding may change a sample.
KINDS = [
    ("wav", "WAV", "PCM_U8", 8_000, 1, 0.02),
    ("wav", "WAV", "PCM_16", 22_050, 2, 0.005),
    ("wav", "WAV", "PCM_24", 44_100, 6, 0.005),
    ("wav", "WAV", "PCM_32", 11_025, 1, 0.005),
    ("wav", "WAV", "FLOAT", 96_000, 2, 0.005),
    ("wav", "WAV", "DOUBLE", 48_000, 1, 0.005),
    ("wav", "WAV", "ULAW", 16_000, 1, 0.03),
    ("wav", "WAVEX", "PCM_16", 32_000, 2, 0.005),
    ("flac", "FLAC", "PCM_S8", 16_000, 1, 0.02),
    ("flac", "FLAC", "PCM_24", 192_000, 2, 0.005),
    ("ogg", "OGG", "VORBIS", 44_100, 2, 0.05),
    ("ogg", "OGG", "OPUS", 48_000, 1, 0.05),
    ("mp3", "MP3", "MPEG_LAYER_III", 44_100, 2, 0.05),
    ("mp3", "MP3", "MPEG_LAYER_III", 16_000, 1, 0.05),
    ("aiff", "AIFF", "PCM_16", 44_100, 1, 0.005),
]


@pytest.mark.parametrize(("suffix", "container", "subtype", "rate", "channels", "atol"), KINDS)
def test_any_container_depth_rate_and_channels(
    tmp_path, suffix, container, subtype, rate, channels, atol
):
    path = tmp_path / f"tone.{suffix}"
    stored = np.repeat(tone(rate)[:, None], channels, axis=1)
    soundfile.write(path, stored, rate, subtype=subtype, format=container)
    info = probe_audio(path)
    assert info == AudioInfo(info.duration, rate, channels, subtype, container)
    assert info.duration == pytest.approx(0.5, abs=1e-4)
    samples = load_audio(path)
    assert samples.dtype == np.float32
    assert samples.shape == (8000,)
    np.testing.assert_allclose(samples[800:-800], tone(16_000)[800:-800], atol=atol)
    assert not is_silent(samples)


@pytest.mark.parametrize("suffix", ["flac", "mp3"])
def test_a_cut_compressed_file_is_named(tmp_path, suffix):
    path = tmp_path / f"tone.{suffix}"
    rng = np.random.default_rng(0)
    soundfile.write(path, 0.1 * rng.standard_normal(48_000), 16_000)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=rf"tone\.{suffix}"):
        load_audio(path)


@pytest.mark.parametrize("suffix", ["aiff", "au"])
def test_a_cut_header_of_other_containers_is_named_at_once(tmp_path, suffix):
    path = tmp_path / f"tone.{suffix}"
    soundfile.write(path, tone(16_000), 16_000)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=r"cut short, \d+ of 16\d+ bytes"):
        probe_audio(path)


@pytest.mark.parametrize("suffix", ["wav", "ogg"])
def test_zero_length_is_named(tmp_path, suffix):
    path = tmp_path / f"none.{suffix}"
    soundfile.write(path, np.zeros(0), 16_000)
    with pytest.raises(InputError, match=rf"none\.{suffix}: (holds no audio samples|no readable)"):
        load_audio(path)


@pytest.mark.parametrize(
    ("samples", "silent"),
    [
        (np.zeros(100), True),
        (np.full(100, 0.25), True),
        (np.tile([1, -1], 50) / 2**15, True),
        (np.zeros(0), True),
        (np.tile([1, -1], 50) * 1e-3, False),
        (np.r_[np.zeros(99), 0.01], False),
    ],
)
def test_silence_is_told_from_sound(samples, silent):
    assert is_silent(samples.astype(np.float32)) is silent


@pytest.mark.parametrize(("suffix", "subtype"), [("wav", "ALAW"), ("mp3", None), ("ogg", None)])
def test_coded_silence_is_silent(tmp_path, suffix, subtype):
    path = tmp_path / f"still.{suffix}"
    soundfile.write(path, np.zeros(16_000), 16_000, subtype=subtype)
    assert is_silent(load_audio(path))


def test_probing_many_gives_what_each_header_says(tmp_path, wav):
    stereo, absent = tmp_path / "stereo.flac", tmp_path / "absent.wav"
    soundfile.write(stereo, np.zeros((4410, 2)), 44_100, subtype="PCM_24")
    infos, errors = probe_many([stereo, absent, wav])
    assert infos[0] == AudioInfo(0.1, 44_100, 2, "PCM_24", "FLAC")
    assert infos[1] is None
    assert infos[2] == AudioInfo(0.5, 16_000, 1, "PCM_16", "WAV")
    assert len(errors) == 1
    assert "absent.wav" in errors[0]


def test_an_mp3_is_the_same_in_blocks_and_in_one_piece(tmp_path, monkeypatch):
    time = np.arange(5 * 16_000) / 16_000
    tone = sum(np.sin(2 * np.pi * 130 * n * time) / n for n in range(1, 12))
    sound = 0.1 * tone * (np.sin(2 * np.pi * 2 * time) > 0)
    soundfile.write(tmp_path / "x.mp3", sound, 16_000)
    whole, _ = soundfile.read(tmp_path / "x.mp3", dtype="float32")
    monkeypatch.setattr(audio, "_BLOCK", 4_000)
    np.testing.assert_allclose(load_audio(tmp_path / "x.mp3"), whole, atol=1e-6)


@pytest.mark.parametrize("seconds", [3, 12])
def test_what_stands_behind_the_audio_is_not_decoded(tmp_path, seconds):
    path = tmp_path / "x.flac"
    soundfile.write(path, 0.1 * np.sin(np.arange(seconds * 16_000) / 9), 16_000)
    whole = load_audio(path)
    path.write_bytes(path.read_bytes() + b"TAG" + bytes(125))  # as ID3v1 has it
    np.testing.assert_array_equal(load_audio(path), whole)
    assert len(whole) == seconds * 16_000
