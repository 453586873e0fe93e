"""Make the corpus: sessions of dialogues, turn by turn, written once and completely."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from feature_extractor.demo_corpus.annotation import annotation_row, draw_ratings, draw_signals
from feature_extractor.demo_corpus.dynamics import SPEAKERS, EmotionTurn, draw_dialogue
from feature_extractor.demo_corpus.irregular import SEGMENTS_NEEDED, plant_irregularities
from feature_extractor.demo_corpus.lines import SessionLines
from feature_extractor.demo_corpus.marks import annotate
from feature_extractor.demo_corpus.prosody import (
    Room,
    Speaker,
    deliver,
    draw_intensity,
    draw_room,
    draw_speaker,
)
from feature_extractor.demo_corpus.streams import stream
from feature_extractor.demo_corpus.tree import (
    annotation_path,
    dialogue_names,
    wav_path,
    write_annotation,
    write_transcript,
    write_wav,
)
from feature_extractor.demo_corpus.voice import SAMPLE_RATE, synthesise
from graph_er.errors import InputError
from graph_er.running.clutter import is_empty, remove_empty
from graph_er.running.files import disk_errors_named, shortened, write_json

SETTINGS_FILE = "demo.json"
_ABOUT = (
    "Synthetic demo corpus in KEMDy19's layout: text, voices, emotions and ratings are all "
    "generated. Scores on it are not comparable with any on recorded speech."
)
# Raised whenever other bytes come out of the same settings, so that old folders are not reused.
_VERSION = 2
# A run writes several files a second.
_STALE_SECONDS = 600


@dataclass(frozen=True)
class DemoSettings:
    """All that the corpus depends on.

    Attributes:
        sessions: number of sessions, 1 to 99; each has its own two speakers.
        dialogues: dialogues per session, 1 to 10.
        utterances: turns per dialogue, 1 to 999.
        seed: seed of every draw.
        dynamics: False draws emotions independently of the dialogue (a control).
        irregular: True plants one or two of each irregularity that KEMDy19 has.
    """

    sessions: int = 12
    dialogues: int = 8
    utterances: int = 20
    seed: int = 0
    dynamics: bool = True
    irregular: bool = False

    def __post_init__(self) -> None:
        """Check the ranges, which KEMDy19's ids set.

        Raises:
            InputError: a number is out of range, or the irregularities do not fit.
        """
        limits = {"sessions": (1, 99), "dialogues": (1, 10), "utterances": (1, 999)}
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise InputError(f"demo corpus: {name} is {value}; choose {low} to {high}")
        if self.seed < 0:
            raise InputError(f"demo corpus: seed is {self.seed}; choose 0 or more")
        per_session = self.dialogues * self.utterances
        if self.irregular and per_session < SEGMENTS_NEEDED:
            raise InputError(
                f"demo corpus: {per_session} utterances per session are too few for the "
                f"irregularities; choose dialogues x utterances >= {SEGMENTS_NEEDED}"
            )

    @property
    def num_utterances(self) -> int:
        """Utterances of the whole corpus."""
        return self.sessions * self.dialogues * self.utterances


def generate_demo(
    out: Path, settings: DemoSettings | None = None, *, progress: bool = False
) -> bool:
    """Write the corpus to `out`, whole or not at all.

    Args:
        out: the corpus root to make; may exist if it is empty or holds this very corpus.
        settings: size, seed and variants; the default is 1,920 utterances.
        progress: show a progress bar on stderr.

    Returns:
        True if the corpus was made, False if a finished one of the same settings was there, or
        was put there by another run meanwhile.

    Raises:
        InputError: `out` holds something else.
        OSError: `out` cannot be written.
    """
    settings = settings or DemoSettings()
    out = Path(out)
    if _already_made(out, settings):
        return False
    if out.is_symlink():  # which is not to be replaced by what it leads to
        out = out.resolve()
    out.parent.mkdir(parents=True, exist_ok=True)
    _remove_stale(out)
    prefix = f".{shortened(out.name)}-"
    scratch = Path(tempfile.mkdtemp(prefix=prefix, suffix=".partial", dir=out.parent))
    try:
        building = scratch / "corpus"
        with disk_errors_named(out, hidden=True):
            building.mkdir()
            _write_corpus(building, settings, progress)
        if out.is_dir():
            remove_empty(out)
        building.replace(out)
    except OSError:
        if _already_made(out, settings):
            return False
        raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return True


def _remove_stale(out: Path) -> None:
    """Delete what runs for `out` left that were killed: nothing was written there for a while."""
    name = re.compile(rf"\.{re.escape(shortened(out.name))}-[a-z0-9_]{{8}}\.partial")
    for scratch in out.parent.iterdir():
        if not name.fullmatch(scratch.name) or scratch.is_symlink() or not scratch.is_dir():
            continue
        with suppress(FileNotFoundError):  # a run at work, which moves what it has made
            written = max(path.lstat().st_mtime for path in (scratch, *scratch.rglob("*")))
            if time.time() - written > _STALE_SECONDS:
                shutil.rmtree(scratch, ignore_errors=True)


def refuse_other_version(root: Path) -> None:
    """Refuse a demo corpus that another release made; one without a record is let pass.

    Raises:
        InputError: its version is another one, or its record is damaged.
    """
    record = root / SETTINGS_FILE
    if not record.is_file():
        return
    try:
        version = json.loads(record.read_text(encoding="utf-8"))["version"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{record} is damaged ({error}); delete {root} and run again") from error
    if version != _VERSION:
        raise InputError(
            f"{root}: this demo corpus was made by another release (version {version}, this one "
            f"makes {_VERSION}); delete it and run again to have it made anew"
        )


def _already_made(out: Path, settings: DemoSettings) -> bool:
    if not out.exists() or (out.is_dir() and is_empty(out)):
        return False
    record = out / SETTINGS_FILE
    if not record.is_file():
        raise InputError(
            f"{out} exists and is not a demo corpus (no {SETTINGS_FILE}); name another folder"
        )
    try:
        found = json.loads(record.read_text(encoding="utf-8"))
        same = found["settings"] == asdict(settings) and found["version"] == _VERSION
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{record} is damaged ({error}); delete {out} and run again") from error
    if not same:
        raise InputError(
            f"{out} holds a demo corpus of other settings ({found['settings']}, version "
            f"{found['version']}); delete it or name another folder"
        )
    return True


def _write_corpus(root: Path, settings: DemoSettings, progress: bool) -> None:
    with tqdm(
        total=settings.num_utterances, desc="demo corpus", unit="utt", disable=not progress
    ) as bar:
        for number in range(1, settings.sessions + 1):
            _SessionWriter(root, settings, number, bar).write()
    planted = plant_irregularities(root) if settings.irregular else {}
    record = {"about": _ABOUT, "synthetic": True, "version": _VERSION}
    record |= {"settings": asdict(settings), "irregularities": planted}
    write_json(root / SETTINGS_FILE, record)


class _SessionWriter:
    """One session: two speakers in one room, and the files of their dialogues."""

    def __init__(self, root: Path, settings: DemoSettings, number: int, bar: tqdm) -> None:
        self._root, self._settings, self._number, self._bar = root, settings, number, bar
        self._name = f"Sess{number:02d}"
        self._speakers: dict[str, Speaker] = {
            letter: draw_speaker(letter, self._stream("speaker", letter)) for letter in SPEAKERS
        }
        self._room: Room = draw_room(self._stream("room"))
        self._lines = SessionLines(self._stream("lines"))
        self._rows: dict[str, list[list[str]]] = {letter: [] for letter in SPEAKERS}

    def _stream(self, *key: str | int) -> np.random.Generator:
        return stream(self._settings.seed, self._name, *key)

    def write(self) -> None:
        """Write every dialogue's wav and txt files, then the two annotation files."""
        for name in dialogue_names(self._settings.dialogues):
            self._write_dialogue(name)
        for letter, rows in self._rows.items():
            write_annotation(annotation_path(self._root, self._number, letter), rows)

    def _write_dialogue(self, name: str) -> None:
        turns = draw_dialogue(
            self._settings.utterances,
            self._stream(name, "dynamics"),
            dynamics=self._settings.dynamics,
        )
        start = 0.0
        spoken = dict.fromkeys(SPEAKERS, 0)
        for turn in turns:
            spoken[turn.speaker] += 1
            segment = f"{self._name}_{name}_{turn.speaker}{spoken[turn.speaker]:03d}"
            start = self._write_turn(segment, turn, start)
            self._bar.update()

    def _write_turn(self, segment: str, turn: EmotionTurn, start: float) -> float:
        """Write one turn and keep its two rows; return its end, where the next turn starts."""
        rng = self._stream(segment)
        text = self._lines.draw(turn.emotion, rng)
        transcript = annotate(text, rng)
        speaker = self._speakers[turn.speaker]
        intensity = draw_intensity(speaker, rng)
        delivery = deliver(speaker, turn.emotion, intensity, text.endswith("?"), rng)
        # The transcript is what is spoken: stutters and extra words are heard, marks are not.
        samples = _record(synthesise(transcript, delivery, rng), self._room, rng)
        path = wav_path(self._root, segment)
        write_wav(path, samples)
        write_transcript(path.with_suffix(".txt"), transcript)
        end = round(start + len(samples) / SAMPLE_RATE + rng.uniform(0.05, 0.5), 3)
        for letter in SPEAKERS:
            emotion = turn.emotion if letter == turn.speaker else turn.listener_emotion
            ratings = draw_ratings(emotion, intensity, rng)
            row = annotation_row(segment, start, end, draw_signals(rng), ratings)
            self._rows[letter].append(row)
        return end


def _record(speech: np.ndarray, room: Room, rng: np.random.Generator) -> np.ndarray:
    """Put speech ``[N]`` through the session's microphone; loud peaks saturate softly."""
    noise = np.convolve(rng.standard_normal(len(speech) + 3), np.full(4, 0.5), mode="valid")
    return np.tanh(10.0 ** (room.gain_db / 20.0) * (speech + room.noise * noise))
