"""Who speaks and in what room, and how an emotion changes the way a speaker delivers a line.

The shifts follow the usual findings on vocal emotion (for example Juslin and Laukka, 2003,
"Communication of emotions in vocal expression and music performance"): anger and joy loud and
bright, sadness low, slow and dull, fear high, fast and wavering.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from feature_extractor.demo_corpus.voice import Delivery
from graph_er.schema.emotions import KEMDY_EMOTIONS


@dataclass(frozen=True)
class Shift:
    """What full intensity of an emotion adds to a speaker's own way of speaking."""

    pitch: float = 0.0  # semitones
    span: float = 0.0  # log2 of the factor on pitch movements
    rate: float = 0.0  # log2 of the factor on speaking rate
    gain_db: float = 0.0
    tilt: float = 0.0
    breath: float = 0.0
    tremor: float = 0.0  # semitones
    final_rise: float = 0.0


EMOTION_SHIFTS = {
    "neutral": Shift(),
    "happy": Shift(pitch=3.5, span=0.7, rate=0.11, gain_db=3.0, tilt=0.20, final_rise=0.3),
    "angry": Shift(pitch=2.0, span=0.8, rate=0.24, gain_db=7.0, tilt=0.50, final_rise=-0.4),
    "surprise": Shift(pitch=8.0, span=1.2, rate=0.03, gain_db=3.0, tilt=0.10, final_rise=1.2),
    "sad": Shift(pitch=-2.5, span=-1.0, rate=-0.32, gain_db=-6.0, tilt=-0.50, breath=0.35),
    "fear": Shift(pitch=6.0, span=-0.6, rate=0.36, gain_db=-2.0, tilt=-0.20, tremor=1.2),
    "disgust": Shift(pitch=-4.0, span=0.4, rate=-0.25, gain_db=1.0, tilt=0.30, final_rise=-0.8),
}


@dataclass(frozen=True)
class Speaker:
    """One voice: base values, how strongly it shows emotion, and its own habits per emotion."""

    pitch: float
    span: float
    rate: float
    tilt: float
    tract: float
    breath: float
    jitter: float
    expressivity: float
    habits: dict[str, Shift]


@dataclass(frozen=True)
class Room:
    """What a session's recording adds: microphone gain, and background noise as an RMS level."""

    gain_db: float
    noise: float


def draw_speaker(letter: str, rng: np.random.Generator) -> Speaker:
    """Draw a voice for ``F`` or ``M``."""
    female = letter == "F"
    return Speaker(
        pitch=(205.0 if female else 118.0) * 2.0 ** (rng.normal(0.0, 1.3) / 12.0),
        span=rng.uniform(1.8, 2.8),
        rate=float(np.exp(rng.normal(0.15, 0.06))),
        tilt=rng.normal(0.0, 0.06),
        tract=(1.15 if female else 1.0) * float(np.exp(rng.normal(0.0, 0.03))),
        breath=rng.uniform(0.05, 0.25),
        jitter=rng.uniform(0.004, 0.012),
        expressivity=rng.uniform(0.75, 1.25),
        habits={emotion: _draw_habit(rng) for emotion in KEMDY_EMOTIONS},
    )


def _draw_habit(rng: np.random.Generator) -> Shift:
    pitch, span, rate, gain_db, tilt = rng.normal(0.0, (0.7, 0.2, 0.04, 0.7, 0.04))
    return Shift(pitch=pitch, span=span, rate=rate, gain_db=gain_db, tilt=tilt)


def draw_room(rng: np.random.Generator) -> Room:
    """Draw a session's recording conditions."""
    gain_db = float(np.clip(rng.normal(0.0, 3.0), -6.0, 6.0))
    return Room(gain_db=gain_db, noise=10.0 ** (rng.uniform(-66.0, -54.0) / 20.0))


def draw_intensity(speaker: Speaker, rng: np.random.Generator) -> float:
    """Draw how strongly a turn's emotion is shown, about 0 to 1.2."""
    return float(rng.beta(3.0, 1.5) * speaker.expressivity)


def deliver(
    speaker: Speaker, emotion: str, intensity: float, question: bool, rng: np.random.Generator
) -> Delivery:
    """Combine speaker, emotion and chance into the delivery of one line."""
    shift, habit = EMOTION_SHIFTS[emotion], speaker.habits[emotion]
    chance = Shift(*rng.normal(0.0, (0.8, 0.25, 0.05, 1.0, 0.05)))
    return Delivery(
        pitch=speaker.pitch * 2.0 ** (_total("pitch", shift, habit, intensity, chance) / 12.0),
        span=speaker.span * 2.0 ** _total("span", shift, habit, intensity, chance),
        rate=speaker.rate * 2.0 ** _total("rate", shift, habit, intensity, chance),
        gain_db=_total("gain_db", shift, habit, intensity, chance),
        tilt=speaker.tilt + _total("tilt", shift, habit, intensity, chance),
        tract=speaker.tract,
        breath=speaker.breath + intensity * shift.breath,
        jitter=speaker.jitter,
        tremor=intensity * shift.tremor,
        final_rise=(0.8 if question else -0.6) + intensity * shift.final_rise,
    )


def _total(name: str, shift: Shift, habit: Shift, intensity: float, chance: Shift) -> float:
    return intensity * (getattr(shift, name) + getattr(habit, name)) + getattr(chance, name)
