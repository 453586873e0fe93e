"""Writes small corpora in the form of seed 001's VAT pickles, for tests of its reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

KOREAN = ("행복", "놀람", "중립", "공포", "혐오", "분노", "슬픔")
# Both published spellings of the columns.
DONGHWA = ("person_ix", "audio", "Sentence", "Emotion")
SISTER = ("person_idx", "audio", "sentence", "emotion")


@dataclass
class Row:
    """One clip; `audio` None stands for a short ramp that differs by person and sentence."""

    person: Any
    sentence: Any
    emotion: Any
    audio: Any = None

    def cells(self) -> list[Any]:
        audio = self.audio
        if audio is None:
            start = sum(map(ord, f"{self.person}{self.sentence}")) % 1000
            audio = np.arange(start, start + 4800, dtype="int16")
        return [self.person, audio, self.sentence, self.emotion]


def write_pickle(
    root: Path,
    name: str,
    rows: Sequence[Row],
    *,
    columns: Sequence[str] = DONGHWA,
    protocol: int = 4,
) -> Path:
    """Write ``<name>.pkl``: a frame whose index has gaps and is not in order."""
    root.mkdir(parents=True, exist_ok=True)
    cells = [row.cells() for row in rows]
    frame = pd.DataFrame(
        {name: pd.Series([row[at] for row in cells]) for at, name in enumerate(columns)}
    )
    frame.index = [(7 * position + 3) % 1009 for position in range(len(frame))]
    path = root / f"{name}.pkl"
    frame.to_pickle(path, protocol=protocol)
    return path


def sentences(emotion: str, count: int = 50) -> list[str]:
    """Return that many sentences, all of one emotion."""
    return [f"{emotion} {number}번 문장." for number in range(count)]
