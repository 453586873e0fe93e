"""Audio files whose headers lie, that unpack to hours, or hold what is no sound."""

import math
import os
import random
import struct

import numpy as np
import pytest
import soundfile
import soxr

from feature_extractor.audio import load_audio, probe_audio
from graph_er.conversations.recording import cut_turns, open_recording
from graph_er.conversations.turns import Turn
from graph_er.errors import InputError
from tests.faults.hostile import Limits, outcome
from tests.faults.hostile_files import PLACES, mutated, put, refused, write_noise

KIND = "Hostile audio"


def chunk(name, content, size=None):
    return name + struct.pack("<I", len(content) if size is None else size) + content


def wav(samples=b"\0\1" * 800, *, rate=16_000, channels=1, bits=16, code=1, promised=None):
    """A WAV file; its header says what it is told to."""
    block = channels * bits // 8
    form = struct.pack(
        *("<HHIIHH", code, channels & 0xFFFF, rate, min(rate * block, 2**32 - 1)),
        *(block & 0xFFFF, bits),
    )
    body = b"WAVE" + chunk(b"fmt ", form) + chunk(b"data", samples, promised)
    return chunk(b"RIFF", body)


def floats(*values):
    return wav(np.array(values * 100, "<f4").tobytes(), bits=32, code=3)


def packed_silence(path, seconds, kind="FLAC"):
    with soundfile.SoundFile(str(path), "w", 16_000, 1, format=kind) as file:
        silence = np.zeros(16_000 * 60, np.float32)
        for _ in range(round(seconds / 60)):
            file.write(silence)


def flac_of(path, frames):
    """A FLAC file whose header promises other frames than it has: 36 bits in its first block."""
    soundfile.write(path, np.random.default_rng(0).standard_normal(1_600) * 0.1, 16_000)
    content = bytearray(path.read_bytes())
    word = int.from_bytes(content[18:26], "big")
    content[18:26] = (word >> 36 << 36 | frames).to_bytes(8, "big")
    path.write_bytes(content)


FILES = {
    "nothing.wav": b"",
    "zeros.wav": bytes(1_000),
    "text.wav": b"hello",
    "page.mp3": b"<!doctype html><script>alert(1)</script>",
    "id3.mp3": b"ID3\4\0\0\x7f\x7f\x7f\x7f" + bytes(100),
    "noise.flac": b"fLaC" + random.Random(0).randbytes(5_000),
    "noise.ogg": b"OggS" + random.Random(0).randbytes(5_000),
    "head.wav": wav()[:20],
    "no_frames.wav": wav(b""),
    "cut.wav": wav(promised=1_000_000),
    "cut_to_2gb.wav": wav(promised=0x7FFE_0000),
    "no_rate.wav": wav(rate=0),
    "slow.wav": wav(rate=1),
    "fast.wav": wav(rate=2**32 - 1),
    "no_channels.wav": wav(channels=0),
    "65_channels.wav": wav(bytes(65 * 2 * 100), channels=65),
    "65535_channels.wav": wav(bytes(65_535 * 2), channels=65_535),
    "no_bits.wav": wav(bits=0),
    "1000_bits.wav": wav(bits=1_000),
    "unknown_code.wav": wav(code=0x4242),
    "nan.wav": floats(0, float("nan")),
    "infinite.wav": floats(0, float("inf")),
    "huge.wav": floats(0, 3e38),
    "loud.wav": floats(0, 1e7),
    "old.wav": b"Extended Instrument: " + bytes(500),
    "sampler.wav": b"\xf0\x7e\x00\x01" + bytes(300),
}


@pytest.mark.parametrize("name", FILES)
def test_headers_and_samples(tmp_path, name, records):
    (tmp_path / name).write_bytes(FILES[name])
    refused(load_audio, tmp_path / name, naming=name, folder=tmp_path)
    records.add(KIND, tried=1, survived=1)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("read", [load_audio, probe_audio, open_recording])
def test_what_stands_in_the_place_of_audio(tmp_path, read, place, records):
    path = write_noise(tmp_path / "a.wav")
    put(path, place)
    refused(read, path, naming="a.wav", folder=tmp_path)
    records.add(KIND, tried=1, survived=1)


@pytest.mark.parametrize(("kind", "hours"), [("FLAC", 3), ("FLAC", 12)])
def test_hours_of_silence_in_kilobytes(tmp_path, kind, hours, records):
    path = tmp_path / "bomb.flac"
    packed_silence(path, 720, kind)
    minutes = path.read_bytes()
    flac_of(path, 16_000 * 3600 * hours)
    assert len(minutes) < 50_000
    refused(load_audio, path, naming="bomb.flac", folder=tmp_path)
    path.write_bytes(minutes)
    assert "no speech packs into" in refused(load_audio, path, naming="bomb.flac", folder=tmp_path)
    records.add(KIND, tried=2, survived=2)


@pytest.mark.parametrize("frames", [1_601, 2**20, 2**36 - 1])
def test_flac_that_promises_more_than_it_holds(tmp_path, frames, records):
    path = tmp_path / "lie.flac"
    flac_of(path, frames)
    refused(load_audio, path, naming="lie.flac", folder=tmp_path)
    records.add(KIND, tried=1, survived=1)


@pytest.mark.parametrize("kind", ["XI", "SDS", "MAT5", "PVF", "SVX", "HTK", "VOC", "PAF", "IRCAM"])
def test_containers_that_hold_no_speech(tmp_path, kind, records):
    path = tmp_path / "a.wav"
    options = {"XI": "DPCM_16", "SVX": "PCM_16", "PVF": "PCM_16"}
    soundfile.write(path, np.zeros(800), 16_000, format=kind, subtype=options.get(kind))
    assert kind in refused(load_audio, path, naming="a.wav", folder=tmp_path)
    records.add(KIND, tried=1, survived=1)


def test_64_channels_and_192_khz_are_read(tmp_path):
    tone = np.sin(np.arange(192_000) * 2 * np.pi * 440 / 192_000) * 0.1
    soundfile.write(tmp_path / "a.wav", np.repeat(tone[:, None], 64, axis=1), 192_000)
    samples = load_audio(tmp_path / "a.wav")
    assert samples.shape == (16_000,)
    expected = np.sin(np.arange(16_000) * 2 * np.pi * 440 / 16_000) * 0.1
    np.testing.assert_allclose(samples[500:-500], expected[500:-500], atol=1e-3)


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000, 192_000])
@pytest.mark.parametrize("frames", [1, 7, 65_536, 65_537, 150_001])
def test_resampling_in_blocks_is_resampling_at_once(tmp_path, rate, frames):
    samples = np.random.default_rng(0).standard_normal(frames).astype(np.float32) * 0.1
    soundfile.write(tmp_path / "a.wav", samples, rate, subtype="FLOAT")
    resampled = soxr.resample(samples, rate, 16_000, quality="soxr_hq")
    length = math.ceil(frames * 16_000 / rate)
    whole = np.pad(resampled[:length], (0, max(0, length - len(resampled))))
    np.testing.assert_array_equal(load_audio(tmp_path / "a.wav"), whole)


def test_a_long_clip_at_192_khz_takes_the_memory_of_its_result(tmp_path, records):
    path = tmp_path / "long.wav"
    # A hole in the file is read as silence: 6 minutes, of which all samples at once are 276 MB.
    path.write_bytes(wav(b"", rate=192_000, promised=192_000 * 2 * 360))
    os.truncate(path, 44 + 192_000 * 2 * 360)
    found = outcome(load_audio, path, limits=Limits(60, 400, (tmp_path,), ()))
    assert (found.kind, found.acts) == ("value", []), found
    assert found.megabytes < 100
    records.add(KIND, tried=1, survived=1)


@pytest.mark.parametrize("span", [(0.0, 1e9), (0.29, 0.3), (-5.0, 0.1), (1e6, 1e6 + 1)])
def test_spans_beyond_a_recording(tmp_path, span):
    path = write_noise(tmp_path / "a.wav")
    turn = Turn("u", "d", "A", path, 1.0, "", 0.0, 1.0, span=span)
    (tmp_path / "cut").mkdir()
    try:
        (cut,) = cut_turns([turn], tmp_path / "cut")
    except InputError as error:
        message = str(error)
        assert "a.wav" in message
    else:
        assert 0 < probe_audio(cut.wav).duration <= 0.31


SEEDS = ("wav", "flac", "ogg", "mp3", "aiff", "au", "caf", "w64", "rf64")


@pytest.mark.parametrize("examples", [60, pytest.param(20_000, marks=pytest.mark.fault)])
@pytest.mark.parametrize("suffix", SEEDS)
def test_changed_audio_is_read_or_refused(tmp_path, suffix, examples, records):
    path = tmp_path / f"a.{suffix}"
    write_format = {"wav": "WAV", "mp3": "MP3"}.get(suffix, suffix.upper())
    samples = 0.1 * np.random.default_rng(0).standard_normal(1_600)
    soundfile.write(path, samples, 16_000, format=write_format)
    content, chance = path.read_bytes(), random.Random(suffix)
    for _ in range(examples):
        path.write_bytes(mutated(content, chance))
        try:
            samples = load_audio(path)
        except InputError as error:
            message = str(error)
            assert path.name in message
        else:
            assert np.isfinite(samples).all()
    records.add("Changed audio", tried=examples, survived=examples)
