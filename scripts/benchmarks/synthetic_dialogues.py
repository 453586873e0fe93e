"""Dialogue files made on the spot, with emotions that features and context both tell of."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from graph_er.dialogues import Dialogue, DialogueFile
from graph_er.schema.emotions import KEMDY_EMOTIONS

_SHARES = np.array([0.40, 0.19, 0.15, 0.10, 0.08, 0.04, 0.04])
_INERTIA = 0.6  # how often a turn keeps the emotion of the turn before
_DEVIATION = 14.0  # of the number of turns, which stays within these
_SHORTEST, _LONGEST = 0.5, 2.1  # times the mean
_SIGNAL = 2.2  # distance of an emotion's mean from the origin, in deviations of the noise
_PER_SESSION = 10


def dialogue_lengths(count: int, mean: int, rng: np.random.Generator) -> np.ndarray:
    """Draw numbers of turns ``[count]`` around `mean`, as uneven as KEMDy19's."""
    drawn = rng.normal(mean, _DEVIATION * mean / 48, count).round().astype(int)
    return np.clip(drawn, max(1, int(_SHORTEST * mean)), max(1, int(_LONGEST * mean)))


def make_file(
    dialogues: int, turns: int, *, text: int, audio: int = 0, seed: int = 0, even: bool = False
) -> DialogueFile:
    """Make a dialogue file: eight tenths of its dialogues train, one dev, one test.

    Args:
        dialogues: their number.
        turns: mean number of turns; two speakers take them in turn.
        text: width of the text features.
        audio: width of the audio features, 0 for none.
        seed: of every draw.
        even: give every dialogue exactly `turns`.
    """
    rng = np.random.default_rng(seed)
    lengths = [turns] * dialogues if even else dialogue_lengths(dialogues, turns, rng).tolist()
    made = tuple(_dialogues(lengths, text, audio, rng))
    ids = tuple(dialogue.id for dialogue in made)
    held = max(1, dialogues // 10)
    return DialogueFile(
        dialogues=made,
        train_ids=ids[: -2 * held],
        dev_ids=ids[-2 * held : -held],
        test_ids=ids[-held:],
        emotions=KEMDY_EMOTIONS,
        info={"corpus": "synthetic"},
    )


def _dialogues(
    lengths: list[int], text: int, audio: int, rng: np.random.Generator
) -> Iterator[Dialogue]:
    means = {
        width: _SIGNAL * _unit_rows(rng.standard_normal((len(_SHARES), width)))
        for width in (text, audio)
        if width
    }
    for number, length in enumerate(lengths):
        name = f"Sess{number // _PER_SESSION + 1:04d}_script{number % _PER_SESSION + 1:02d}"
        labels = _emotions(length, rng)
        features = {
            modality: means[width][labels].astype(np.float32)
            + rng.standard_normal((length, width), dtype=np.float32)
            for modality, width in (("text", text), ("audio", audio))
            if width
        }
        yield Dialogue(
            id=name,
            utterance_ids=tuple(f"{name}_{turn:05d}" for turn in range(length)),
            speakers=tuple("FM"[turn % 2] for turn in range(length)),
            labels=labels,
            sentences=("",) * length,
            **features,
        )


def _emotions(length: int, rng: np.random.Generator) -> np.ndarray:
    drawn = rng.choice(len(_SHARES), size=length, p=_SHARES)
    kept = rng.random(length) < _INERTIA
    kept[0] = False
    # Every turn takes the emotion of the last turn, itself included, that drew a new one.
    return drawn[np.maximum.accumulate(np.where(kept, 0, np.arange(length)))].astype(np.int64)


def _unit_rows(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
