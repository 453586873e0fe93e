"""Writes small copies of MELD's tables and audio folders by hand, for tests of its reader."""

from __future__ import annotations

import csv
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from feature_extractor.utterance import Corpus, Utterance

HEADER = ["Sr No.", "Utterance", "Speaker", "Emotion", "Sentiment", "Dialogue_ID", "Utterance_ID"]
HEADER += ["Season", "Episode", "StartTime", "EndTime"]
FOLDERS = {
    **{"train": "train_splits", "dev": "dev_splits_complete"},
    **{"test": "output_repeated_splits_test"},
}


@dataclass
class Line:
    """One row of a table."""

    dialogue: object
    utterance: object
    emotion: str = "neutral"
    text: str = "All right."
    speaker: str = "Ann"
    start: str = "00:16:16,059"
    end: str = "00:16:21,731"

    def cells(self, number: int) -> list[object]:
        cells = [number, self.text, self.speaker, self.emotion, "neutral", self.dialogue]
        return [*cells, self.utterance, 8, 21, self.start, self.end]


# Fills a table that a test does not ask for; never among what `own` returns.
FILLER = Line(900, 0)


def own(corpus: Corpus) -> list[Utterance]:
    """Return a corpus's utterances without the fillers."""
    return [u for u in corpus.utterances if "_dia900_" not in u.id]


def table_path(root: Path, side: str) -> Path:
    """Return the table of a side."""
    return root / f"{side}_sent_emo.csv"


def write_tables(
    root: Path, tables: dict[str, Sequence[Line]], *, encoding: str = "utf-8", seed: int = 0
) -> Path:
    """Write one table per side, of one filler where none is given; the rows are shuffled."""
    root.mkdir(parents=True, exist_ok=True)
    rng = random.Random(seed)
    for side in ("train", "dev", "test"):
        lines = list(tables.get(side, (FILLER,)))
        with table_path(root, side).open("w", encoding=encoding, newline="") as file:
            writer = csv.writer(file)
            writer.writerow(HEADER)
            rows = enumerate(rng.sample(lines, len(lines)), start=1)
            writer.writerows(line.cells(number) for number, line in rows)
    return root


def media_path(root: Path, side: str, dialogue: int, utterance: int, suffix: str = ".wav") -> Path:
    """Return where an utterance's video lies in the release, and audio taken from it."""
    return root / FOLDERS[side] / f"dia{dialogue}_utt{utterance}{suffix}"


def write_wav(path: Path, seconds: float = 0.1) -> Path:
    """Write a stereo wav of 16 bits at 44.1 kHz, as the videos' sound is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros((round(44_100 * seconds), 2)), 44_100, subtype="PCM_16")
    return path
