"""KEMDy19's folder tree: where each file lies and how it is written."""

from __future__ import annotations

import csv
import wave
from pathlib import Path

import numpy as np

from feature_extractor.demo_corpus.annotation import header_rows
from feature_extractor.demo_corpus.voice import SAMPLE_RATE

NUM_SCRIPTS, NUM_IMPROS = 6, 4  # KEMDy19's dialogues per session


def dialogue_names(count: int) -> list[str]:
    """Return `count` (1 to 10) dialogue names, scripted to improvised as 6 to 4."""
    num_scripts = min(NUM_SCRIPTS, max(1, round(0.6 * count)))
    scripts = [f"script{number:02d}" for number in range(1, num_scripts + 1)]
    return scripts + [f"impro{number:02d}" for number in range(1, count - num_scripts + 1)]


def wav_path(root: Path, segment: str) -> Path:
    """Return where a segment's audio lies, e.g. ``wav/Session01/Sess01_script01/<segment>.wav``."""
    session, script, _ = segment.split("_")
    folder = root / "wav" / session.replace("Sess", "Session") / f"{session}_{script}"
    return folder / f"{segment}.wav"


def annotation_path(root: Path, session: int, letter: str) -> Path:
    """Return where the ratings of a session's female (``F``) or male (``M``) speaker lie."""
    return root / "annotation" / f"Session{session:02d}_{letter}_res.csv"


def write_wav(path: Path, samples: np.ndarray, rate: int = SAMPLE_RATE) -> None:
    """Write float samples in [-1, 1], mono ``[N]`` or ``[N, channels]``, as 16-bit PCM."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pcm = np.rint(np.clip(samples, -1.0, 1.0) * 32767.0).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if pcm.ndim == 1 else pcm.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm.tobytes())


def read_wav(path: Path) -> np.ndarray:
    """Read back mono samples that `write_wav` wrote, float64 ``[N]``."""
    with wave.open(str(path), "rb") as file:
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2") / 32767.0


def write_transcript(path: Path, text: str, encoding: str = "utf-8") -> None:
    """Write one line of text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(f"{text}\n".encode(encoding))


def write_annotation(path: Path, rows: list[list[str]]) -> None:
    """Write rows under the two header rows, numbered from 1."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows(header_rows())
        writer.writerows([str(number), *row] for number, row in enumerate(rows, start=1))
