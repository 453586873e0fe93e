"""The written tree: structure, determinism, and all or nothing."""

from __future__ import annotations

import csv
import errno
import hashlib
import json
import os
import re
import wave
from pathlib import Path

import pytest

from feature_extractor.corpora.registry import read_corpus
from feature_extractor.demo_corpus import generate
from feature_extractor.demo_corpus.generate import DemoSettings, generate_demo
from feature_extractor.demo_corpus.tree import dialogue_names
from graph_er.errors import InputError
from graph_er.schema.emotions import KEMDY_EMOTIONS

TINY = DemoSettings(sessions=1, dialogues=1, utterances=3)
SEGMENT = re.compile(r"Sess(\d\d)_(script0[1-6]|impro0[1-4])_([FM])(\d{3})")


def content(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file()
    }


def annotation(root: Path, session: int, letter: str) -> list[list[str]]:
    path = root / "annotation" / f"Session{session:02d}_{letter}_res.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_same_seed_same_bytes(small_corpus: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    generate_demo(again, DemoSettings(sessions=4, dialogues=2, utterances=8))

    assert content(again) == content(small_corpus)


def test_a_session_does_not_depend_on_the_number_of_sessions(
    small_corpus: Path, tmp_path: Path
) -> None:
    generate_demo(tmp_path / "one", DemoSettings(sessions=1, dialogues=2, utterances=8))

    one, four = content(tmp_path / "one"), content(small_corpus)
    shared = [name for name in one if name != "demo.json"]
    assert len(shared) == 2 + 2 * 16
    assert all(one[name] == four[name] for name in shared)


def test_another_seed_other_bytes(tmp_path: Path) -> None:
    generate_demo(tmp_path / "a", TINY)
    generate_demo(tmp_path / "b", DemoSettings(sessions=1, dialogues=1, utterances=3, seed=3))

    a, b = content(tmp_path / "a"), content(tmp_path / "b")
    assert not set(a.values()) & set(b.values())


def test_the_tree_is_kemdy19s(small_corpus: Path) -> None:
    names = sorted(path.name for path in (small_corpus / "annotation").iterdir())
    assert names == [f"Session{s:02d}_{letter}_res.csv" for s in range(1, 5) for letter in "FM"]
    wavs = list((small_corpus / "wav").rglob("*.wav"))
    assert len(wavs) == 4 * 2 * 8
    for wav in wavs:
        match = SEGMENT.fullmatch(wav.stem)
        assert match
        dialogue = wav.stem.rsplit("_", 1)[0]
        assert wav.relative_to(small_corpus / "wav").parts[:2] == (f"Session{match[1]}", dialogue)
        text = wav.with_suffix(".txt").read_bytes().decode("utf-8")
        assert text.endswith("\n")
        assert text.count("\n") == 1
        assert text.strip()


def test_audio_is_16_khz_16_bit_mono(small_corpus: Path) -> None:
    for path in (small_corpus / "wav" / "Session01").rglob("*.wav"):
        with wave.open(str(path), "rb") as file:
            assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (16000, 2, 1)
            assert 0.4 < file.getnframes() / 16000 < 6


def test_annotation_rows(small_corpus: Path) -> None:
    for letter in "FM":
        rows = annotation(small_corpus, 2, letter)
        assert all(len(row) == 43 for row in rows)
        assert [row[0] for row in rows[2:]] == [str(n) for n in range(1, 17)]
        for row in rows[2:]:
            votes = row[13::3]
            assert row[10] in KEMDY_EMOTIONS
            assert max(set(votes), key=votes.count) == row[10]
            for total, first in ((11, 14), (12, 15)):
                mean = sum(map(int, row[first::3])) / 10
                assert float(row[total]) == pytest.approx(mean, abs=1e-9)


def test_both_files_hold_both_speakers_at_the_same_times(small_corpus: Path) -> None:
    female, male = (annotation(small_corpus, 1, letter)[2:] for letter in "FM")

    assert [[row[i] for i in (0, 1, 2, 9)] for row in female] == [
        [row[i] for i in (0, 1, 2, 9)] for row in male
    ]
    assert {row[9].split("_")[2][0] for row in female} == {"F", "M"}
    assert [row[10] for row in female] != [row[10] for row in male]
    assert [row[3] for row in female] != [row[3] for row in male]


def test_segments_tile_each_dialogue_and_count_up(small_corpus: Path) -> None:
    rows = [row for session in range(1, 5) for row in annotation(small_corpus, session, "F")[2:]]
    ends: dict[str, str] = {}
    counts: dict[str, int] = {}
    for row in rows:
        dialogue, number = row[9].rsplit("_", 1)
        assert float(row[1]) == float(ends.get(dialogue, "0"))
        assert float(row[2]) > float(row[1])
        ends[dialogue] = row[2]
        counts[row[9][:-3]] = counts.get(row[9][:-3], 0) + 1
        assert int(number[1:]) == counts[row[9][:-3]]
    assert len(ends) == 8


def test_the_reader_takes_it_as_kemdy19(small_corpus: Path) -> None:
    corpus = read_corpus("demo", small_corpus)

    assert len(corpus.utterances) == 64
    assert corpus.notices == ()
    assert all(len(turns) == 8 for turns in corpus.dialogues().values())
    own = {
        row[9]: row[10]
        for session in range(1, 5)
        for letter in "FM"
        for row in annotation(small_corpus, session, letter)[2:]
        if row[9].split("_")[2][0] == letter
    }
    assert {u.id: u.emotion for u in corpus.utterances} == own


def test_demo_json_says_what_it_is(small_corpus: Path) -> None:
    record = json.loads((small_corpus / "demo.json").read_text(encoding="utf-8"))

    assert record["synthetic"] is True
    assert "ynthetic" in record["about"]
    assert record["settings"]["utterances"] == 8


@pytest.mark.parametrize(
    ("count", "names"),
    [
        (1, ["script01"]),
        (2, ["script01", "impro01"]),
        (8, [f"script0{n}" for n in range(1, 6)] + [f"impro0{n}" for n in range(1, 4)]),
        (10, [f"script0{n}" for n in range(1, 7)] + [f"impro0{n}" for n in range(1, 5)]),
    ],
)
def test_dialogue_names(count: int, names: list[str]) -> None:
    assert dialogue_names(count) == names


def test_the_default_is_1920_utterances() -> None:
    assert DemoSettings().num_utterances == 1920


def test_a_finished_corpus_is_left_alone(tmp_path: Path) -> None:
    root = tmp_path / "corpus"
    assert generate_demo(root, TINY) is True
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}

    assert generate_demo(root, TINY) is False
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


@pytest.mark.parametrize("empty", [True, False])
def test_the_later_of_two_first_runs_takes_what_the_other_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty: bool
) -> None:
    root, write = tmp_path / "corpus", generate._write_corpus
    if empty:
        root.mkdir()

    def overtaken(building: Path, settings: DemoSettings, progress: bool) -> None:
        write(building, settings, progress)
        monkeypatch.setattr(generate, "_write_corpus", write)
        assert generate_demo(root, TINY) is True

    monkeypatch.setattr(generate, "_write_corpus", overtaken)
    assert generate_demo(root, TINY) is False
    assert [path.name for path in tmp_path.iterdir()] == ["corpus"]


def test_what_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(generate, "_write_corpus", full)
    with pytest.raises(OSError, match="full"):
        generate_demo(tmp_path / "corpus", TINY)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_told_with_the_name_of_the_corpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(generate, "write_wav", full)
    with pytest.raises(OSError, match="No space") as caught:
        generate_demo(tmp_path / "corpus", TINY)
    assert caught.value.filename == str(tmp_path / "corpus")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_filled_and_stays_a_link(tmp_path: Path, there: bool) -> None:
    link, target = tmp_path / "link", tmp_path / "far" / "target"
    target.parent.mkdir()
    if there:
        target.mkdir()
    link.symlink_to(target)
    assert generate_demo(link, TINY)
    assert link.is_symlink()
    assert (target / "demo.json").is_file()
    assert [path.name for path in target.parent.iterdir()] == ["target"]
    assert not generate_demo(link, TINY)


def test_a_run_that_ends_meanwhile_is_no_hindrance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / ".corpus-abcdefgh.partial"
    other.mkdir()

    def ended(path: Path, _: str) -> list[Path]:
        path.rmdir()
        raise FileNotFoundError(path)

    monkeypatch.setattr(Path, "rglob", ended)
    generate._remove_stale(tmp_path / "corpus")
    assert not other.exists()


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    root = tmp_path / "corpus"
    root.mkdir()

    assert generate_demo(root, TINY) is True
    assert (root / "demo.json").is_file()


def test_a_folder_that_a_file_manager_looked_into_is_empty(tmp_path: Path) -> None:
    root, mine = tmp_path / "corpus", tmp_path / "mine.txt"
    root.mkdir()
    mine.write_text("keep me", encoding="utf-8")
    (root / ".DS_Store").symlink_to(mine)

    assert generate_demo(root, TINY) is True
    assert (root / "demo.json").is_file()
    assert not (root / ".DS_Store").is_symlink()
    assert mine.read_text(encoding="utf-8") == "keep me"


def test_other_content_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep me", encoding="utf-8")

    with pytest.raises(InputError, match="not a demo corpus"):
        generate_demo(tmp_path, TINY)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_plain_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("", encoding="utf-8")

    with pytest.raises(InputError, match="not a demo corpus"):
        generate_demo(path, TINY)


def test_other_settings_are_refused(tmp_path: Path) -> None:
    generate_demo(tmp_path / "corpus", TINY)

    with pytest.raises(InputError, match="other settings"):
        generate_demo(tmp_path / "corpus", DemoSettings(1, 1, 4))


def test_a_damaged_record_is_refused(tmp_path: Path) -> None:
    (tmp_path / "demo.json").write_text("{", encoding="utf-8")

    with pytest.raises(InputError, match="damaged"):
        generate_demo(tmp_path, TINY)


def test_a_failure_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(generate, "write_annotation", fail)
    with pytest.raises(OSError, match="disk full"):
        generate_demo(tmp_path / "corpus", TINY)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "settings",
    [
        {"sessions": 0},
        {"sessions": 100},
        {"dialogues": 11},
        {"utterances": 0},
        {"seed": -1},
        {"irregular": True, "dialogues": 1, "utterances": 5},
    ],
)
def test_settings_out_of_range(settings: dict[str, int]) -> None:
    with pytest.raises(InputError, match="choose"):
        DemoSettings(**settings)


def test_what_a_killed_run_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    names = (".demo-abcd1234.partial", ".demo-2-abcd1234.partial", ".demo-backup.partial")
    for name in (*names, ".demo-live1234.partial"):
        (tmp_path / name / "corpus").mkdir(parents=True)
    for name in names:
        for path in (tmp_path / name / "corpus", tmp_path / name):
            os.utime(path, (0, 0))

    generate_demo(tmp_path / "demo", DemoSettings(sessions=1, dialogues=1, utterances=1))

    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"demo", *names[1:], ".demo-live1234.partial"}
