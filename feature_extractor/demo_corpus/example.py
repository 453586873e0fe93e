"""A short unlabelled conversation in the demo's voices, for prediction to start on.

It comes with the project in ``data/example``; `write_example` makes the same bytes again.
"""

from __future__ import annotations

import csv
from pathlib import Path

from feature_extractor.demo_corpus.prosody import deliver, draw_speaker
from feature_extractor.demo_corpus.streams import stream
from feature_extractor.demo_corpus.tree import write_wav
from feature_extractor.demo_corpus.voice import SAMPLE_RATE, synthesise
from graph_er.running.files import atomic_path

_SEED = 7
_VOICES = {"민아": "F", "준호": "M"}
_INTENSITY = 1.0
_PAUSE = 0.3  # seconds between turns
# Who speaks, how it is meant (heard in the voice, written nowhere), and the words.
_TURNS = (
    ("민아", "neutral", "오늘 저녁 약속 시간 확인했어."),
    ("준호", "neutral", "응, 자료는 책상에 있어."),
    ("민아", "neutral", "그래서 면접 어떻게 됐어?"),
    ("준호", "sad", "떨어져서 울었어. 정말 속상해."),
    ("민아", "surprise", "어머, 진짜라고? 말도 안 돼!"),
    ("준호", "sad", "혼자라서 너무 외로워..."),
    ("민아", "angry", "그 사람이 또 거짓말해? 정말 화가 나!"),
    ("준호", "neutral", "잠깐만 있어 봐. 전화 왔어."),
    ("준호", "surprise", "헉, 세상에, 합격했대!"),
    ("민아", "surprise", "우와, 갑자기? 믿기지 않아!"),
    ("준호", "happy", "너무 기뻐, 고마워!"),
    ("민아", "happy", "축하해! 우리 같이 여행 가자, 최고야!"),
)


def write_example(folder: Path) -> Path:
    """Write ``conversation.csv`` and its ``wav/`` into `folder`; return the table's path."""
    speakers = {
        name: draw_speaker(letter, stream(_SEED, "example", letter))
        for name, letter in _VOICES.items()
    }
    rows, start = [], 0.0
    for number, (name, emotion, text) in enumerate(_TURNS, start=1):
        rng = stream(_SEED, "example", number)
        delivery = deliver(speakers[name], emotion, _INTENSITY, text.endswith("?"), rng)
        samples = synthesise(text, delivery, rng)
        wav = f"wav/{number:02}.wav"
        with atomic_path(folder / wav) as temporary:
            write_wav(temporary, samples)
        rows.append(("call", number, name, wav, text, f"{start:.2f}"))
        start += len(samples) / SAMPLE_RATE + _PAUSE
    path = folder / "conversation.csv"
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("dialogue", "utterance", "speaker", "wav", "text", "start"))
        writer.writerows(rows)
    return path
