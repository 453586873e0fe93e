"""A small formant synthesiser: Hangul text and a delivery in, 16 kHz samples out.

Source and filter: a band-limited pulse train and noise, overlap-added through a cascade of
resonances whose frequencies follow the phones (after Klatt, 1980, "Software for a
cascade/parallel formant synthesizer"). Everything is computed in float64, so that rounding to
16 bits gives the same bytes whatever vector instructions the processor has.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from feature_extractor.demo_corpus.phones import Phone, line_phones

SAMPLE_RATE = 16_000
HOP = 128  # one frame of the control tracks: 8 ms
_WINDOW = 2 * HOP
_FFT = 4 * HOP
_TABLE = 2048
_BANDWIDTHS = (80.0, 100.0, 140.0, 220.0, 300.0)
_UPPER_FORMANTS = (3500.0, 4500.0)
_SOURCE_SLOPE = 0.9  # amplitude of harmonic k is k ** -slope, radiation included
_EDGE_SECONDS = (0.09, 0.11)  # silence before and after the speech


@dataclass(frozen=True)
class Delivery:
    """How one line is spoken: all that the synthesiser lets a speaker control.

    Attributes:
        pitch: mean F0 in Hz.
        span: size of pitch movements in semitones.
        rate: speaking rate relative to the phone table.
        gain_db: loudness in dB relative to ordinary speech.
        tilt: added to the spectral slope; positive is brighter, more pressed.
        tract: formant scale; about 1 for men, 1.15 for women.
        breath: noise in the voiced source, 0 to 1.
        jitter: relative irregularity of F0.
        tremor: depth in semitones of a 7 Hz wavering of F0.
        final_rise: pitch movement of the last word, in multiples of the span.
    """

    pitch: float
    span: float
    rate: float
    gain_db: float
    tilt: float
    tract: float
    breath: float
    jitter: float
    tremor: float
    final_rise: float


@dataclass(frozen=True)
class _Tracks:
    """Control tracks, one value per frame: ``[T]``, formants ``[T, 3]``, word index ``[T]``."""

    formants: np.ndarray
    voicing: np.ndarray
    aspiration: np.ndarray
    frication: np.ndarray
    frication_hz: np.ndarray
    position: np.ndarray
    word: np.ndarray


def synthesise(text: str, delivery: Delivery, rng: np.random.Generator) -> np.ndarray:
    """Speak a line of Hangul.

    Returns:
        Samples at 16 kHz, float64 ``[N]``; ordinary speech has an RMS of about 0.05. Text
        without Hangul gives near silence.
    """
    tracks = _control_tracks(text, delivery, rng)
    f0 = _pitch_track(tracks, delivery, rng)
    source = _voiced_source(f0, delivery) * _to_samples(tracks.voicing)
    noise = rng.standard_normal(len(source))
    samples = _filter(source, noise, tracks, delivery)
    return samples * 0.03 * 10.0 ** (delivery.gain_db / 20.0)


def _smooth(track: np.ndarray, width: int) -> np.ndarray:
    """Moving average over `width` (odd) frames with held ends; `track` is ``[T]``."""
    padded = np.pad(track, width // 2, mode="edge")
    sums = np.cumsum(np.concatenate([[0.0], padded]))
    return (sums[width:] - sums[:-width]) / width


def _control_tracks(text: str, delivery: Delivery, rng: np.random.Generator) -> _Tracks:
    """Lay the phones out in time and let formants and amplitudes glide between them."""
    phones, words = line_phones(text)
    silence = [Phone(seconds * delivery.rate, (450.0, 1400.0, 2500.0)) for seconds in _EDGE_SECONDS]
    phones = [silence[0], *phones, silence[1]]
    words = [0, *words, words[-1] if words else 0]
    lengths = np.array([phone.seconds for phone in phones]) / delivery.rate
    lengths *= np.exp(0.08 * rng.standard_normal(len(phones)))
    ends = np.cumsum(lengths)
    times = (np.arange(int(ends[-1] * SAMPLE_RATE / HOP)) + 0.5) * HOP / SAMPLE_RATE
    at = np.minimum(np.searchsorted(ends, times), len(phones) - 1)
    formants = np.array([phone.formants for phone in phones])[at] * delivery.tract
    return _Tracks(
        formants=np.stack([_smooth(formants[:, i], 7) for i in range(3)], axis=1),
        voicing=_smooth(np.array([phone.voicing for phone in phones])[at], 3),
        aspiration=_smooth(np.array([phone.aspiration for phone in phones])[at], 3),
        frication=_smooth(np.array([phone.frication for phone in phones])[at], 3),
        frication_hz=np.array([phone.frication_hz for phone in phones])[at],
        position=times / ends[-1],
        word=np.array(words)[at],
    )


def _pitch_track(tracks: _Tracks, delivery: Delivery, rng: np.random.Generator) -> np.ndarray:
    """F0 in Hz per frame: declination, one accent per word, the final movement, irregularity."""
    accents = rng.normal(0.0, 0.35, size=int(tracks.word.max()) + 1) + 0.25
    semitones = 0.7 * (0.5 - tracks.position) + accents[tracks.word]
    final = np.clip((tracks.position - 0.7) / 0.3, 0.0, 1.0)
    semitones = delivery.span * (_smooth(semitones, 11) + delivery.final_rise * final)
    semitones += 0.17 * 100 * delivery.jitter * rng.standard_normal(len(semitones))
    seconds = np.arange(len(semitones)) * HOP / SAMPLE_RATE
    semitones += delivery.tremor * np.sin(2 * np.pi * (7.0 * seconds + rng.random()))
    return np.clip(delivery.pitch * 2.0 ** (semitones / 12.0), 55.0, 600.0)


def _to_samples(track: np.ndarray) -> np.ndarray:
    """Interpolate a frame track ``[T]`` to samples ``[T * HOP]``."""
    return np.interp(np.arange(len(track) * HOP) / HOP, np.arange(len(track)) + 0.5, track)


def _voiced_source(f0: np.ndarray, delivery: Delivery) -> np.ndarray:
    """Pulse train of the wanted pitch and slope, read from one band-limited period."""
    harmonics = int(0.47 * SAMPLE_RATE / f0.max())
    spectrum = np.zeros(_TABLE // 2 + 1)
    slope = _SOURCE_SLOPE - delivery.tilt
    spectrum[1 : harmonics + 1] = np.arange(1, harmonics + 1) ** -slope
    period = np.fft.irfft(spectrum, _TABLE) * _TABLE / 2
    period = np.append(period, period[0])
    phase = np.cumsum(_to_samples(f0)) / SAMPLE_RATE
    return np.interp(phase % 1.0 * _TABLE, np.arange(_TABLE + 1), period)


def _vocal_tract(tracks: _Tracks, delivery: Delivery) -> np.ndarray:
    """Frequency response of five resonances in cascade, complex ``[T, _FFT // 2 + 1]``."""
    hertz = np.fft.rfftfreq(_FFT, 1.0 / SAMPLE_RATE)
    response = np.ones((len(tracks.voicing), len(hertz)), dtype=complex)
    upper = [np.full(len(response), hz * delivery.tract) for hz in _UPPER_FORMANTS]
    for formant, bandwidth in zip([*tracks.formants.T, *upper], _BANDWIDTHS, strict=True):
        square = (formant**2)[:, None]
        response *= square / (square - hertz**2 + 1j * hertz * bandwidth)
    return response


def _filter(
    source: np.ndarray, noise: np.ndarray, tracks: _Tracks, delivery: Delivery
) -> np.ndarray:
    """Pass source and noise ``[N]`` through the responses of their frames and overlap-add."""
    hertz = np.fft.rfftfreq(_FFT, 1.0 / SAMPLE_RATE)
    tract = _vocal_tract(tracks, delivery)
    breath = tracks.aspiration + 0.35 * delivery.breath * tracks.voicing
    lips = np.exp(-0.5 * ((hertz - tracks.frication_hz[:, None]) / 1100.0) ** 2)
    noise_response = 0.8 * breath[:, None] * tract + 3.0 * tracks.frication[:, None] * lips
    spectra = _frames(source) * tract + _frames(noise) * noise_response
    return _overlap_add(np.fft.irfft(spectra, _FFT, axis=1))


def _frames(samples: np.ndarray) -> np.ndarray:
    """Spectra of half-overlapping Hann frames, ``[T, _FFT // 2 + 1]``; the windows sum to one."""
    padded = np.pad(samples, (HOP // 2, HOP + HOP // 2))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::HOP]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_WINDOW) / _WINDOW)
    return np.fft.rfft(frames[: len(samples) // HOP] * window, _FFT, axis=1)


def _overlap_add(frames: np.ndarray) -> np.ndarray:
    """Add frames ``[T, _FFT]`` at a distance of HOP; return ``[T * HOP]``."""
    blocks = _FFT // HOP
    out = np.zeros((len(frames) + blocks, HOP))
    for block in range(blocks):
        out[block : block + len(frames)] += frames[:, block * HOP : (block + 1) * HOP]
    return out.reshape(-1)[HOP // 2 : HOP // 2 + len(frames) * HOP]
