"""Small trees in the layout of every corpus that the documents name, by the tests' writers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from graph_er.dialogues import write_dialogues
from tests.feature_extractor import (
    aihub263_writer,
    aihub_dialogue_writer,
    iemocap_writer,
    kemdy19_writer,
    kemdy20_writer,
    meld_writer,
    vat_writer,
)
from tests.graph_er.dialogue_factory import make_file

_KEMDY = ("neutral", "angry", "happy", "surprise", "sad", "fear", "disgust")


def _kemdy19(root: Path) -> None:
    own = [
        kemdy19_writer.Segment(
            f"Sess{session:02}_script01_{'FM'[turn % 2]}{1 + turn // 2:03}",
            float(turn),
            turn + 1.0,
            _KEMDY[(session + turn) % 7],
        )
        for session in range(14, 21)
        for turn in range(76)  # shards share parts of 512 utterances
    ]
    kemdy19_writer.write_corpus(root, own)


def _kemdy20(root: Path) -> None:
    kemdy20_writer.write_corpus(root, kemdy20_writer.sessions_of(40))


def _aihub263(root: Path) -> None:
    votes = ("Neutral", "Angry", "Happiness", "Sadness", "Fear", "Disgust", "Surprise")
    rows = [
        aihub263_writer.Row(aihub263_writer.wav_id(n), f"{n}번 문장", vote.lower(), (vote,) * 5)
        for n, vote in enumerate(votes * 9)
    ]
    aihub263_writer.write_release(root, "5차년도", rows)


def _aihub_dialogue(root: Path) -> None:
    for part, start in (("Training", 0), ("Validation", 50)):
        codes = [f"E{10 * (1 + n % 6) + n % 10}" for n in range(36)]
        items = [
            aihub_dialogue_writer.item(start + n, code, f"{start + n}번 이야기.", "그래서 그랬어.")
            for n, code in enumerate(codes)
        ]
        aihub_dialogue_writer.write_json(root, part, items)


def _vat(root: Path) -> None:
    rows = [
        vat_writer.Row(person, f"{emotion} {number}번 문장.", emotion)
        for person in range(8)
        for emotion in vat_writer.KOREAN
        for number in range(3)
    ]
    sides = {"train": (0, 5), "dev": (5, 6), "test": (6, 8)}
    for side, (first, last) in sides.items():
        own = [row for row in rows if first <= row.person < last]
        kept = [row for row in own if int(row.sentence.split()[1][0]) == list(sides).index(side)]
        vat_writer.write_pickle(root, side, kept)


def _iemocap(root: Path) -> None:
    codes = ("hap", "sad", "neu", "ang", "exc", "fru")
    turns = [
        iemocap_writer.TurnSpec(
            f"Ses{session:02}F_impro01_{'FM'[turn % 2]}{turn // 2:03}",
            float(turn),
            turn + 1.0,
            codes[turn % 6],
        )
        for session in range(1, 6)
        for turn in range(12)
    ]
    iemocap_writer.write_release(root, turns)


def _meld(root: Path) -> None:
    emotions = ("neutral", "surprise", "fear", "sadness", "joy", "disgust", "anger")
    tables = {
        side: [
            meld_writer.Line(dialogue, turn, emotion, text=f"{emotion}, {turn}!")
            for dialogue in range(3)
            for turn, emotion in enumerate(emotions)
        ]
        for side in ("train", "dev", "test")
    }
    meld_writer.write_tables(root, tables)


def _table(path: Path) -> None:
    lines = ["dialogue,utterance,speaker,wav,text,emotion"]
    for day in range(6):
        for turn, emotion in enumerate(("neutral", "happy", "sad")):
            name = f"day{day}_{turn}.wav"
            soundfile.write(path.parent / name, 0.1 * np.sin(np.arange(3200) / 5), 16_000)
            lines.append(f"day{day},{turn},{'Mina' if turn % 2 else 'Jun'},{name},말,{emotion}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_real_dialogues(folder: Path) -> None:
    """Write small dialogue files under the names of those that scripts/make_docs.sh takes."""
    folder.mkdir()
    for name in ("meld", "emorynlp", "dyadic_sessions1-4"):
        write_dialogues(folder / f"{name}.pkl", make_file())
    _recordings(folder / "korean_emotional_speech")


def _recordings(folder: Path) -> None:
    folder.mkdir()
    lines = ["utterance,speaker,part,sentence,emotion,wav,text"]
    for part in ("plain", "emotional"):
        for number in range(10 * 6 * 2):
            speaker, sentence, emotion = (
                number // 12,
                number // 2 % 6,
                ("neutral", "sad")[number % 2],
            )
            name = f"{part}{number}.wav"
            tone = np.sin(np.arange(4800) / (5 + speaker + 3 * (number % 2)))
            soundfile.write(folder / name, 0.1 * tone, 16_000)
            lines.append(f"{part}{number},{part}{speaker},{part},{sentence},{emotion},{name},말")
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


# Names as in the documents.
TREES: dict[str, tuple[str, Callable[[Path], None]]] = {
    "kemdy19": ("KEMDy19", _kemdy19),
    "kemdy20": ("KEMDy20_v1_1", _kemdy20),
    "aihub263": ("AIHub263", _aihub263),
    "aihub_dialogue": ("018.감성대화", _aihub_dialogue),
    "vat": ("VAT", _vat),
    "iemocap": ("IEMOCAP_full_release", _iemocap),
    "meld": ("MELD.Raw", _meld),
    "table": ("my_dialogues.csv", _table),
}
