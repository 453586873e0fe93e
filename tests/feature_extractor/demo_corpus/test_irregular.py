"""Each irregularity is really in the files, and KEMDy19's reader copes with all of them."""

from __future__ import annotations

import csv
import json
import wave
from pathlib import Path

import pytest

from feature_extractor.corpora.registry import read_corpus
from feature_extractor.demo_corpus.generate import DemoSettings, generate_demo
from feature_extractor.demo_corpus.tree import wav_path


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("irregular") / "corpus"
    generate_demo(root, DemoSettings(sessions=4, dialogues=2, utterances=8, irregular=True))
    return root


@pytest.fixture(scope="module")
def planted(root: Path) -> dict[str, list[str]]:
    return json.loads((root / "demo.json").read_text(encoding="utf-8"))["irregularities"]


def rows_of(root: Path, segment: str, letter: str) -> list[list[str]]:
    path = root / "annotation" / f"Session01_{letter}_res.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [row for row in csv.reader(file) if row[9] == segment]


def speaker_and_listener(segment: str) -> tuple[str, str]:
    letter = segment.split("_")[2][0]
    return letter, "FM".replace(letter, "")


def test_files(root: Path, planted: dict[str, list[str]]) -> None:
    wav = {
        kind: wav_path(root, segments[0])
        for kind, segments in planted.items()
        if "_csv" not in kind
    }
    text = {kind: path.with_suffix(".txt") for kind, path in wav.items()}

    assert not wav["missing_wav"].exists()
    assert text["missing_wav"].exists()
    assert not text["missing_txt"].exists()
    assert wav["missing_txt"].exists()
    assert text["bom_txt"].read_bytes().startswith(b"\xef\xbb\xbf")
    with pytest.raises(UnicodeDecodeError):
        text["cp949_txt"].read_text(encoding="utf-8")
    assert text["cp949_txt"].read_text(encoding="cp949").strip()
    assert text["empty_txt"].read_text(encoding="utf-8") == "\n"
    assert text["marks_only_txt"].read_text(encoding="utf-8") == "b/ n/\n"


def test_audio_formats(root: Path, planted: dict[str, list[str]]) -> None:
    def opened(kind: str) -> tuple[int, int, float]:
        with wave.open(str(wav_path(root, planted[kind][0])), "rb") as file:
            rate = file.getframerate()
            return file.getnchannels(), rate, file.getnframes() / rate

    assert opened("long_clip") == (1, 16000, 26.0)
    assert opened("stereo")[:2] == (2, 16000)
    assert opened("high_rate")[:2] == (1, 44100)
    assert opened("high_rate")[2] < 6


def test_rows(root: Path, planted: dict[str, list[str]]) -> None:
    for segment in planted["multi_label"]:
        (row,) = rows_of(root, segment, speaker_and_listener(segment)[0])
        first, second = row[10].split(";")
        assert row[13::3].count(first) == row[13::3].count(second) == 5
    segment = planted["duplicated_listener_row"][0]
    speaker, listener = speaker_and_listener(segment)
    assert len(rows_of(root, segment, speaker)) == 1
    assert len(rows_of(root, segment, listener)) == 2
    segment = planted["missing_biosignals"][0]
    assert rows_of(root, segment, "F")[0][5:9] == [""] * 4


def test_one_file_has_a_byte_order_mark(root: Path, planted: dict[str, list[str]]) -> None:
    marked = [
        p.name for p in (root / "annotation").iterdir() if p.read_bytes()[:3] == b"\xef\xbb\xbf"
    ]

    assert marked == planted["bom_csv"]


def test_each_has_its_own_segment(planted: dict[str, list[str]]) -> None:
    segments = [name for kind, names in planted.items() if kind != "bom_csv" for name in names]

    assert len(segments) == len(set(segments)) == 13


def test_the_reader_copes(root: Path, planted: dict[str, list[str]]) -> None:
    corpus = read_corpus("demo", root)
    by_id = {utterance.id: utterance for utterance in corpus.utterances}

    missing = {*planted["missing_wav"], *planted["missing_txt"], *planted["multi_label"]}
    assert len(by_id) == 64 - len(missing)
    assert not missing & set(by_id)
    assert by_id[planted["long_clip"][0]].duration == pytest.approx(26.0)
    assert by_id[planted["marks_only_txt"][0]].text == ""
    assert by_id[planted["empty_txt"][0]].text == ""
    assert not by_id[planted["bom_txt"][0]].text.startswith("\ufeff")
