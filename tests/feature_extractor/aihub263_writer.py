"""Writes small corpora in AI Hub 263's layout by hand, for tests of its reader."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

# As released: only the fourth rater's intensity is written without a blank.
HEADER = ["wav_id", "발화문", "상황", "1번 감정", "1번 감정세기", "2번 감정", "2번 감정세기"]
HEADER += ["3번 감정", "3번 감정세기", "4번 감정", "4번감정세기", "5번 감정", "5번 감정세기"]
HEADER += ["나이", "성별"]


def wav_id(number: int) -> str:
    """Return an id of 24 hexadecimal digits."""
    return f"5e2{number:021x}"


@dataclass
class Row:
    """One row; `votes` are the five raters' cells."""

    id: str
    text: str
    situation: str
    votes: Sequence[str] = ("Neutral",) * 5
    gender: str = "female"

    def cells(self) -> list[object]:
        raters = [cell for vote in self.votes for cell in (vote, 1)]
        return [self.id, self.text, self.situation, *raters, 27, self.gender]


def write_table(
    root: Path,
    release: str,
    rows: Sequence[Row],
    *,
    encoding: str = "cp949",
    header: Sequence[str] = tuple(HEADER),
) -> Path:
    """Write ``<release>.csv``."""
    root.mkdir(parents=True, exist_ok=True)
    path = root / f"{release}.csv"
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(row.cells() for row in rows)
    return path


def write_wavs(folder: Path, ids: Sequence[str], seconds: float = 0.1) -> None:
    """Write a stereo wav of 16 bits at 48 kHz per id."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ids:
        samples = np.zeros((round(48_000 * seconds), 2))
        soundfile.write(folder / f"{name}.wav", samples, 48_000, subtype="PCM_16")


def write_release(root: Path, release: str, rows: Sequence[Row], **options: object) -> Path:
    """Write a release's table and all its wavs."""
    write_wavs(root / release, [row.id for row in rows])
    return write_table(root, release, rows, **options)
