"""The synthesiser does what its delivery says: length, loudness, pitch and brightness."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from feature_extractor.demo_corpus.voice import SAMPLE_RATE, Delivery, synthesise

LINE = "내일 여행 준비하면 돼."
PLAIN = Delivery(
    pitch=120.0,
    span=0.0,
    rate=1.0,
    gain_db=0.0,
    tilt=0.0,
    tract=1.0,
    breath=0.0,
    jitter=0.0,
    tremor=0.0,
    final_rise=0.0,
)


def speak(delivery: Delivery, text: str = LINE, seed: int = 0) -> np.ndarray:
    return synthesise(text, delivery, np.random.default_rng(seed))


def strongest_period(samples: np.ndarray) -> float:
    """F0 in Hz by the autocorrelation of the loudest 80 ms."""
    size = 1280
    energy = np.convolve(samples**2, np.ones(size), mode="valid")
    piece = samples[energy.argmax() :][:size]
    spectrum = np.abs(np.fft.rfft(piece, 4 * size)) ** 2
    correlation = np.fft.irfft(spectrum)[: size // 2]
    shortest = SAMPLE_RATE // 400
    return SAMPLE_RATE / (shortest + correlation[shortest:].argmax())


def bright_share(samples: np.ndarray) -> float:
    """Share of the energy above 2 kHz."""
    power = np.abs(np.fft.rfft(samples)) ** 2
    hertz = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE)
    return float(power[hertz > 2000].sum() / power.sum())


def test_same_stream_same_samples() -> None:
    assert np.array_equal(speak(PLAIN), speak(PLAIN))
    assert not np.array_equal(speak(PLAIN), speak(PLAIN, seed=1)[: len(speak(PLAIN))])


@pytest.mark.parametrize("pitch", [100.0, 150.0, 220.0])
def test_pitch_is_the_one_asked_for(pitch: float) -> None:
    assert strongest_period(speak(replace(PLAIN, pitch=pitch))) == pytest.approx(pitch, rel=0.03)


def test_gain_is_in_decibels() -> None:
    soft, loud = speak(PLAIN), speak(replace(PLAIN, gain_db=6.0))

    assert np.allclose(loud, soft * 10 ** (6 / 20))


def test_faster_is_shorter() -> None:
    slow, fast = len(speak(replace(PLAIN, rate=0.8))), len(speak(replace(PLAIN, rate=1.25)))

    assert 1.25 < slow / fast < 1.7


def test_tilt_brightens() -> None:
    vowels = "어머, 나무야 나무야."  # no hiss, which tilt leaves alone
    bright, plain = speak(replace(PLAIN, tilt=0.4), vowels), speak(PLAIN, vowels)

    assert bright_share(bright) > 2 * bright_share(plain)


def test_level_is_that_of_speech_without_clipping() -> None:
    samples = speak(PLAIN)

    assert 0.01 < np.sqrt(np.mean(samples**2)) < 0.1
    assert np.abs(samples).max() < 0.7


def test_marks_alone_are_nearly_silent() -> None:
    samples = speak(PLAIN, "n/ b/")

    assert len(samples) > 0
    assert np.abs(samples).max() < 1e-3
