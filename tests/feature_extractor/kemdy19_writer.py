"""Writes small corpora in KEMDy19's layout by hand, for tests of its reader."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

HEADER_1 = ["Numb", "Wav", "", "ECG", "", "E4-EDA", "", "E4-TEMP", "", "Segment ID"]
HEADER_1 += ["Total Evaluation", "", ""]
HEADER_1 += [cell for rater in range(1, 11) for cell in (f"Eval{rater:02}F", "", "")]
HEADER_2 = ["", *["start", "end"] * 4, "", *["Emotion", "Valence", "Arousal"] * 11]


@dataclass
class Segment:
    """One annotated segment; `votes` are ten emotion cells, or none for a row without raters."""

    id: str
    start: object
    end: object
    emotion: str
    valence: object = 3.1
    arousal: object = 2.9
    votes: Sequence[str] = ()

    def cells(self, number: int) -> list[object]:
        raters = [cell for vote in self.votes for cell in (vote, 3, 3)]
        signals = [0.5, 0.6, 0.1, "", "", 33.1]
        rating = [self.emotion, self.valence, self.arousal]
        return [number, self.start, self.end, *signals, self.id, *rating, *raters]


def write_annotation(root: Path, session: str, actor: str, segments: Sequence[Segment]) -> Path:
    """Write ``annotation/Session<session>_<actor>_res.csv``."""
    path = root / "annotation" / f"Session{session}_{actor}_res.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([HEADER_1, HEADER_2])
        writer.writerows(segment.cells(i) for i, segment in enumerate(segments, start=1))
    return path


def media_path(root: Path, segment_id: str, suffix: str) -> Path:
    """Return where a segment's wav or txt belongs."""
    dialogue = segment_id.rsplit("_", 1)[0]
    session = dialogue.split("_")[0].replace("Sess", "Session")
    return root / "wav" / session / dialogue / f"{segment_id}{suffix}"


def write_media(root: Path, segment_id: str, text: str = "안녕", seconds: float = 0.1) -> None:
    """Write a segment's wav (16 kHz, 16 bit, mono) and txt (UTF-8, with line end)."""
    wav = media_path(root, segment_id, ".wav")
    wav.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(wav, np.zeros(round(16_000 * seconds)), 16_000, subtype="PCM_16")
    wav.with_suffix(".txt").write_text(f"{text}\n", encoding="utf-8")


def write_corpus(root: Path, own: Sequence[Segment], heard: Sequence[Segment] = ()) -> Path:
    """Write both annotation files of each session, and each segment's media.

    Args:
        root: the corpus folder.
        own: rows for the file of the actor who speaks.
        heard: rows for the file of the partner who listens.
    """
    files: dict[tuple[str, str], list[Segment]] = {}
    partner = {"F": "M", "M": "F"}
    for segments, is_own in ((own, True), (heard, False)):
        for segment in segments:
            session, letter = segment.id[4:6], segment.id.rsplit("_", 1)[1][0]
            actor = letter if is_own else partner[letter]
            files.setdefault((session, actor), []).append(segment)
            files.setdefault((session, partner[actor]), [])
            write_media(root, segment.id)
    for (session, actor), segments in files.items():
        # Real files hold every segment; without such rows of the other policy one would be empty.
        others = [Segment(s.id, 0.0, 1.0, "neutral") for s in files[session, partner[actor]]]
        write_annotation(root, session, actor, segments or others)
    return root
