import errno
import os
import wave
from pathlib import Path

import pytest

from feature_extractor import demo
from feature_extractor.demo_corpus.example import write_example
from graph_er.conversations.turn_table import read_turn_table

BUNDLED = Path(__file__).resolve().parents[3] / "data" / "example"


def files(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*")}


def test_the_bundled_example_is_what_is_made(tmp_path):
    write_example(tmp_path)
    assert files(tmp_path) == files(BUNDLED)
    assert sum(len(content) for content in files(tmp_path).values()) < 1_500_000


def test_it_is_a_conversation_without_labels(tmp_path, capsys):
    demo.main(["--example", str(tmp_path / "x")])
    assert "conversation.csv" in capsys.readouterr().out
    turns = read_turn_table(tmp_path / "x" / "conversation.csv")
    assert len(turns) == 12
    assert {turn.speaker for turn in turns} == {"민아", "준호"}
    assert all(turn.text and turn.duration > 1 and turn.timed for turn in turns)
    assert "emotion" not in turns[0].row


def test_a_full_disk_leaves_no_torn_audio_and_is_told_by_name(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(wave.Wave_write, "writeframes", full)
    with pytest.raises(OSError, match="No space") as caught:
        write_example(tmp_path)
    assert caught.value.filename == str(tmp_path / "wav" / "01.wav")
    assert files(tmp_path) == {}
