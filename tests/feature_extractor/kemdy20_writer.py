"""Writes small corpora in KEMDy20's layout by hand, for tests of its reader."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

RATERS = ("01F", "02M", "03M", "04F", "05M", "06F", "07F", "08M", "09F", "10M")
# The cells without a name hold one blank, as in the released files.
HEADER_1 = ["Numb", "Wav", " ", "Segment ID", "Total Evaluation", " ", " "]
HEADER_1 += [cell for rater in RATERS for cell in (f"Eval{rater}", " ", " ")]
HEADER_2 = [" ", "start", "end", " ", *["Emotion", "Valence", "Arousal"] * 11]


@dataclass
class Segment:
    """One annotated segment; `written_id` is what its row says where that is wrong."""

    id: str
    start: object
    end: object
    emotion: str
    votes: Sequence[str] = ("neutral",) * 10
    valence: object = 3.1
    arousal: object = 2.9
    text: bytes = "안녕\n".encode("cp949")
    seconds: float = 0.1
    written_id: str = ""

    @property
    def session(self) -> str:
        return self.id[4:6]

    def cells(self, number: int) -> list[object]:
        raters = [cell for vote in self.votes for cell in (vote, 3, 3)]
        rating = [self.emotion, self.valence, self.arousal]
        return [number, self.start, self.end, self.written_id or self.id, *rating, *raters]


def annotation_path(root: Path, session: str) -> Path:
    """Return where a session's annotation belongs."""
    return root / "annotation" / f"Sess{session}_eval.csv"


def media_path(root: Path, segment_id: str, suffix: str) -> Path:
    """Return where a segment's wav or txt belongs."""
    return root / "wav" / f"Session{segment_id[4:6]}" / f"{segment_id}{suffix}"


def write_annotation(root: Path, session: str, segments: Sequence[Segment]) -> Path:
    """Write ``annotation/Sess<session>_eval.csv``."""
    path = annotation_path(root, session)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([HEADER_1, HEADER_2])
        writer.writerows(segment.cells(i) for i, segment in enumerate(segments, start=1))
    return path


def write_media(root: Path, segment: Segment, rate: int = 16_000) -> Path:
    """Write a segment's wav (16 bit, mono, a quiet tone) and txt; return the wav."""
    wav = media_path(root, segment.id, ".wav")
    wav.parent.mkdir(parents=True, exist_ok=True)
    samples = 0.1 * np.sin(np.arange(round(rate * segment.seconds)) / 5)
    soundfile.write(wav, samples, rate, subtype="PCM_16")
    wav.with_suffix(".txt").write_bytes(segment.text)
    return wav


def write_corpus(root: Path, segments: Sequence[Segment]) -> Path:
    """Write one annotation file for each session, each segment's media, and a sensor's file."""
    by_session: dict[str, list[Segment]] = {}
    for segment in segments:
        by_session.setdefault(segment.session, []).append(segment)
        write_media(root, segment)
    for session, same in by_session.items():
        write_annotation(root, session, same)
        sensor = root / "EDA" / f"Session{session}" / f"Sess{session}_script01_User001F.csv"
        sensor.parent.mkdir(parents=True, exist_ok=True)
        sensor.write_text("header\nheader\n0.1,,\n")
    return root


def sessions_of(count: int, turns: int = 4, scripts: int = 1) -> list[Segment]:
    """Return a regular corpus: `count` sessions of two speakers who take turns."""
    emotions = ("neutral", "happy", "neutral", "angry")
    return [
        Segment(
            f"Sess{s:02}_script{d:02}_User{2 * s - 1 + t % 2:03}{'FM'[t % 2]}_{1 + t // 2:03}",
            float(t),
            t + 1.0,
            emotions[(s + t) % len(emotions)],
            text=f"세션 {s} 차례 {t}\n".encode("cp949"),
        )
        for s in range(1, count + 1)
        for d in range(1, scripts + 1)
        for t in range(turns)
    ]
