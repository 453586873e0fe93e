"""The command that makes the demo corpus."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from feature_extractor import demo

SMALL = ["--sessions", "1", "--dialogues", "1", "--utterances", "3"]


def test_makes_a_corpus_then_says_it_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    demo.main(["--out", str(tmp_path / "demo"), *SMALL])
    out, err = capsys.readouterr()
    assert "3 utterances" in out
    assert "3/3" in err

    demo.main(["--out", str(tmp_path / "demo"), *SMALL])
    assert "finished already" in capsys.readouterr().out


def test_runs_by_path_from_anywhere(tmp_path: Path) -> None:
    command = [sys.executable, str(Path(demo.__file__)), "--out", "made", *SMALL]

    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)

    assert (tmp_path / "made" / "demo.json").is_file()


@pytest.mark.parametrize("given", [["--seed", "3"], ["--no-dynamics"], ["--out", "x"]])
def test_the_example_takes_no_other_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], given: list[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        demo.main(["--example", str(tmp_path / "example"), *given])

    assert ended.value.code == 2
    assert "leave the other options out" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_bad_input_is_exit_status_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.txt").write_text("", encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["demo", "--out", str(tmp_path), *SMALL])

    assert demo.cli() == 2
    assert "not a demo corpus" in capsys.readouterr().err
