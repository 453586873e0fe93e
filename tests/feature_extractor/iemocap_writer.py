"""Writes small trees in IEMOCAP's layout by hand, for tests of its reader."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

HEADER = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n"


@dataclass
class TurnSpec:
    """One turn; `votes` are the categories of evaluators 2, 3 and 4, `own` the actor's."""

    id: str
    start: object
    end: object
    code: str
    ratings: str = "[2.5000, 3.0000, 1.5000]"
    votes: Sequence[str] = ("Neutral;", "Neutral;", "Neutral;")
    own: str = "Surprise;"
    words: str | None = "All right."
    seconds: float = 0.1

    @property
    def dialogue(self) -> str:
        return self.id.rsplit("_", 1)[0]

    @property
    def session(self) -> str:
        return f"Session{int(self.id[3:5])}"

    def block(self) -> str:
        lines = [f"[{self.start} - {self.end}]\t{self.id}\t{self.code}\t{self.ratings}"]
        raters = enumerate(self.votes, start=2)
        lines += [f"C-E{number}:\t{vote}\t()" for number, vote in raters]
        lines += [f"C-{self.id[5]}1:\t{self.own}\t(as acted; [no turn] Ses)"]
        lines += ["A-E3:\tval 3; act 3; dom  2;\t()", "A-F1:\tval 5; act 5; dom  5;\t(loud)"]
        return "\n".join(lines) + "\n\n"


def evaluation_path(root: Path, turn: str) -> Path:
    """Return the evaluation file of a turn's dialogue."""
    folder = root / f"Session{int(turn[3:5])}" / "dialog" / "EmoEvaluation"
    return folder / f"{turn.rsplit('_', 1)[0]}.txt"


def transcript_path(root: Path, turn: str) -> Path:
    """Return the transcription file of a turn's dialogue."""
    path = evaluation_path(root, turn)
    return path.parents[1] / "transcriptions" / path.name


def wav_path(root: Path, turn: str) -> Path:
    """Return the audio file of a turn."""
    path = evaluation_path(root, turn)
    return path.parents[2] / "sentences" / "wav" / path.stem / f"{turn}.wav"


def write_release(root: Path, turns: Sequence[TurnSpec], seed: int = 0) -> Path:
    """Write evaluation, transcription and audio files, and the release's other files beside them.

    Args:
        root: the release's folder.
        turns: of any dialogues and sessions.
        seed: of the order in which turns stand in the files.
    """
    rng = random.Random(seed)
    dialogues: dict[str, list[TurnSpec]] = {}
    for turn in rng.sample(list(turns), len(turns)):
        dialogues.setdefault(turn.dialogue, []).append(turn)
        path = wav_path(root, turn.id)
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.zeros(round(16_000 * turn.seconds)), 16_000, subtype="PCM_16")
    for own in dialogues.values():
        path = evaluation_path(root, own[0].id)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(HEADER + "\n" + "".join(turn.block() for turn in own), encoding="utf-8")
        _write_transcript(root, own)
        _write_others(path)
    return root


def _write_transcript(root: Path, own: Sequence[TurnSpec]) -> None:
    """Write the words, some without times, among turns that nobody rated and remarks."""
    path = transcript_path(root, own[0].id)
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{own[0].dialogue}_FXX0 [000.1000-000.2000]: Hm.", "M: [off stage]", ""]
    for number, turn in enumerate(own):
        if turn.words is not None:
            time = "" if number % 2 else f" [{turn.start}-{turn.end}]"
            lines.append(f"{turn.id}{time}: {turn.words}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write_others(path: Path) -> None:
    """Write what else lies beside an evaluation file in the release."""
    for folder in ("Attribute", "Categorical", "Self-evaluation"):
        (path.parent / folder).mkdir(exist_ok=True)
        other = path.parent / folder / f"{path.stem}_e2_cat.txt"
        other.write_text(f"{path.stem}_F000 :Anger; ()\n", encoding="utf-8")
    (path.parent / f"._{path.name}").write_bytes(b"\x00\x05\x16\x07")
    (path.parent / f"{path.stem}.anvil").write_text("<annotation/>", encoding="utf-8")
