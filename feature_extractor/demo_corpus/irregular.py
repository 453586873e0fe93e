"""Plant in a corpus every irregularity that KEMDy19's files have, for tests of its reader."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from feature_extractor.demo_corpus.annotation import (
    EMOTION_COLUMN,
    ID_COLUMN,
    NUM_COLUMNS,
    NUM_RATERS,
)
from feature_extractor.demo_corpus.tree import (
    annotation_path,
    read_wav,
    wav_path,
    write_transcript,
    write_wav,
)
from feature_extractor.demo_corpus.voice import SAMPLE_RATE

_LONG_SECONDS = 26
_HIGH_RATE = 44_100
_FIRST_VOTE = EMOTION_COLUMN + 3
_E4_COLUMNS = slice(5, 9)  # EDA and temperature
_KINDS = (
    "multi_label",
    "multi_label",
    "missing_wav",
    "missing_txt",
    "long_clip",
    "stereo",
    "high_rate",
    "bom_txt",
    "cp949_txt",
    "empty_txt",
    "marks_only_txt",
    "duplicated_listener_row",
    "missing_biosignals",
)
SEGMENTS_NEEDED = len(_KINDS)


def plant_irregularities(root: Path) -> dict[str, list[str]]:
    """Change files of a regular corpus in place.

    Each irregularity gets its own segment of session 1, which must have `SEGMENTS_NEEDED`; the
    male speaker's annotation file of that session also gets a byte-order mark.

    Returns:
        Segment ids (for ``bom_csv`` a file name) by kind of irregularity.

    """
    segments = sorted(path.stem for path in (root / "wav" / "Session01").rglob("*.wav"))
    planted: dict[str, list[str]] = {}
    for kind, segment in zip(_KINDS, segments, strict=False):
        planted.setdefault(kind, []).append(segment)
        _plant_in_files(kind, wav_path(root, segment))
    for letter in "FM":
        _plant_in_rows(annotation_path(root, 1, letter), letter, planted)
    marked = annotation_path(root, 1, "M")
    marked.write_bytes(b"\xef\xbb\xbf" + marked.read_bytes())
    return planted | {"bom_csv": [marked.name]}


def _plant_in_files(kind: str, wav: Path) -> None:
    txt = wav.with_suffix(".txt")
    match kind:
        case "missing_wav":
            wav.unlink()
        case "missing_txt":
            txt.unlink()
        case "long_clip":
            write_wav(wav, np.resize(read_wav(wav), _LONG_SECONDS * SAMPLE_RATE))
        case "stereo":
            mono = read_wav(wav)
            write_wav(wav, np.stack([mono, 0.5 * mono], axis=1))
        case "high_rate":
            samples = read_wav(wav)
            times = np.arange(len(samples) * _HIGH_RATE // SAMPLE_RATE) * SAMPLE_RATE / _HIGH_RATE
            write_wav(wav, np.interp(times, np.arange(len(samples)), samples), _HIGH_RATE)
        case "bom_txt" | "cp949_txt":
            text = txt.read_text(encoding="utf-8").rstrip("\n")
            write_transcript(txt, text, {"bom_txt": "utf-8-sig"}.get(kind, "cp949"))
        case "empty_txt":
            write_transcript(txt, "")
        case "marks_only_txt":
            write_transcript(txt, "b/ n/")


def _plant_in_rows(path: Path, letter: str, planted: dict[str, list[str]]) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    changed: list[list[str]] = []
    for row in rows:
        segment = row[ID_COLUMN]
        if segment in planted["multi_label"] and segment.split("_")[2][0] == letter:
            _tie(row)
        if segment in planted["missing_biosignals"]:
            row[_E4_COLUMNS] = [""] * 4
        changed.append(row)
        if segment in planted["duplicated_listener_row"] and segment.split("_")[2][0] != letter:
            changed.append(row)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(changed)


def _tie(row: list[str]) -> None:
    """Give a row five votes for its own emotion and five for another, as a tie is written."""
    second = "happy" if row[EMOTION_COLUMN] != "happy" else "surprise"
    first = row[EMOTION_COLUMN]
    row[EMOTION_COLUMN] = f"{first};{second}"
    for rater, column in enumerate(range(_FIRST_VOTE, NUM_COLUMNS, 3)):
        row[column] = first if rater < NUM_RATERS // 2 else second
