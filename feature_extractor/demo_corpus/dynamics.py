"""How emotions move through a dialogue: mood, inertia and contagion.

Each turn's emotion is drawn from a softmax of the log prior, the speaker's mood in this dialogue,
the speaker's previous emotion and the partner's last one. So the turns before (and after) carry
information on a turn that its own sound and words do not, which is what models of context use.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graph_er.schema.emotions import KEMDY_EMOTIONS

SPEAKERS = ("F", "M")

# KEMDy19's own prior (neutral .40 ... fear .04) leaves too few of the rare emotions at this size.
_PRIOR = {
    "neutral": 0.20,
    "angry": 0.16,
    "happy": 0.13,
    "surprise": 0.15,
    "sad": 0.14,
    "fear": 0.11,
    "disgust": 0.11,
}
_MOOD_WEIGHT = 0.8
_MOOD_RAMP = 4  # turns until a mood has its full weight
_INERTIA = 1.8
_CONTAGION = 1.8
_TURN_CHANGE = 0.88
_SHARED_MOOD = 0.5

# What hearing an emotion (row) does to the listener's next one, before the weight.
_SELF_CONTAGION = 1.2
_CROSS_CONTAGION = {
    ("angry", "fear"): 0.6,
    ("angry", "sad"): 0.4,
    ("disgust", "angry"): 0.6,
    ("fear", "surprise"): 0.3,
    ("surprise", "happy"): 0.3,
    ("happy", "angry"): -0.6,
    ("happy", "sad"): -0.6,
    ("happy", "fear"): -0.6,
    ("happy", "disgust"): -0.6,
}


@dataclass(frozen=True)
class EmotionTurn:
    """Who speaks, with what emotion, and what the one who listens feels meanwhile."""

    speaker: str
    emotion: str
    listener_emotion: str


def contagion_matrix() -> np.ndarray:
    """Return ``[7, 7]``: row = emotion heard, column = emotion it makes likelier."""
    matrix = _SELF_CONTAGION * np.eye(len(KEMDY_EMOTIONS))
    for (heard, felt), strength in _CROSS_CONTAGION.items():
        matrix[KEMDY_EMOTIONS.index(heard), KEMDY_EMOTIONS.index(felt)] = strength
    return matrix


def _draw(logits: np.ndarray, rng: np.random.Generator) -> int:
    weights = np.exp(logits - logits.max())
    return int(np.searchsorted(np.cumsum(weights), rng.random() * weights.sum(), side="right"))


def _draw_moods(log_prior: np.ndarray, rng: np.random.Generator) -> dict[str, int]:
    """One mood per speaker, the same for both half of the time."""
    first, second = _draw(log_prior, rng), _draw(log_prior, rng)
    shared = rng.random() < _SHARED_MOOD
    return {"F": first, "M": first if shared else second}


def draw_dialogue(
    num_turns: int, rng: np.random.Generator, *, dynamics: bool = True
) -> list[EmotionTurn]:
    """Draw speakers and emotions of a dialogue.

    Args:
        num_turns: number of utterances.
        rng: source of chance.
        dynamics: False draws each turn's emotion from the prior alone: the control in which
            context must not help.
    """
    log_prior = np.log([_PRIOR[emotion] for emotion in KEMDY_EMOTIONS])
    contagion = _CONTAGION * contagion_matrix()
    moods = _draw_moods(log_prior, rng)
    last: dict[str, int] = {}

    def logits(person: str, partner_emotion: int | None, turn: int) -> np.ndarray:
        total = log_prior.copy()
        if dynamics:
            total[moods[person]] += _MOOD_WEIGHT * min(1.0, (turn + 1) / _MOOD_RAMP)
            if person in last:
                total[last[person]] += _INERTIA
            if partner_emotion is not None:
                total += contagion[partner_emotion]
        return total

    turns = []
    speaker = SPEAKERS[int(rng.random() < 0.5)]
    for turn in range(num_turns):
        if turn and rng.random() < _TURN_CHANGE:
            speaker = _partner(speaker)
        listener = _partner(speaker)
        emotion = _draw(logits(speaker, last.get(listener), turn), rng)
        felt = _draw(logits(listener, emotion, turn), rng)
        last[speaker] = emotion
        turns.append(EmotionTurn(speaker, KEMDY_EMOTIONS[emotion], KEMDY_EMOTIONS[felt]))
    return turns


def _partner(speaker: str) -> str:
    return SPEAKERS[1 - SPEAKERS.index(speaker)]
