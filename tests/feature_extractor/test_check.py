from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from unittest.mock import ANY

import pytest
import soundfile

from feature_extractor import check
from graph_er.running.cli import run_command
from tests.feature_extractor.kemdy20_writer import (
    annotation_path,
    media_path,
    sessions_of,
    write_corpus,
)

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return a good corpus of ten sessions, not to be changed."""
    return write_corpus(tmp_path_factory.mktemp("kemdy20"), sessions_of(10))


@pytest.fixture
def copy(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "copy")


def run(capsys, root, *options, corpus="kemdy20"):
    """Return exit status, what was printed, and what was told on stderr."""
    status = run_command(check.main, ["--corpus", corpus, "--root", str(root), *options])
    return status, *capsys.readouterr()


def document(capsys, root, *options, **corpus):
    status, printed, _ = run(capsys, root, "--json", *options, **corpus)
    found = json.loads(printed)
    assert found["usable"] == (status == 0)
    return found


def test_a_good_copy_is_usable_and_the_table_fits_a_terminal(whole, capsys):
    status, printed, told = run(capsys, whole)
    assert status == 0
    heading, verdict, *lines = printed.splitlines()
    assert heading == f"kemdy20 in {whole}"
    assert verdict == "usable, but its counts are not those of a whole copy"
    assert max(map(len, lines)) <= 100
    squeezed = re.sub(r" +", " ", printed)
    for line in (
        "sessions 10 40 30 too few",
        "neutral 20 11,120 11,100 too few",
        "Split official train dev test all",
        "dialogues 7 1 2 10",
        "speakers 14 2 4 20",
        "neutral 14 50.0 % 2 50.0 % 4 50.0 % 20 50.0 %",
        "utterances min 4 median 4 max 4",
        "sample rates 16000 (40)",
        "encodings WAV PCM_16 (40)",
        "in train too 0 of 8 utterances of test with a text (0.0 %)",
        "train and test 0",
        "- train has no utterance of surprise, sad, fear, disgust.",
    ):
        assert f"\n {line}\n" in squeezed or f"\n{line}\n" in squeezed, line
    assert "problems" not in printed
    assert "error" not in told


def test_the_json_document_says_the_same_for_machines(whole, capsys, tmp_path):
    found = document(capsys, whole)
    assert (found["corpus"], found["root"]) == ("kemdy20", str(whole))
    assert (found["usable"], found["whole"], found["problems"]) == (True, False, [])
    assert found["policies"] == {"multi_label": "drop"}
    assert {"name": "utterances", "found": 40, "expected": 12828} in found["counts"]
    assert found["split"] == {"name": "official", "fold": None}
    assert {side: part["utterances"] for side, part in found["sides"].items()} == {
        "train": 28, "dev": 4, "test": 8, "left_out": 0, "all": 40,
    }  # fmt: skip
    assert found["audio"]["seconds"]["total"] == pytest.approx(4.0)
    assert found["turns"] == {"min": 4, "median": 4, "max": 4}
    assert found["modalities"] == "at"
    assert document(capsys, whole, "--split", "folds:5", "--fold", "1")["sha256"] == {
        **found["sha256"], "split": ANY,
    }  # fmt: skip
    assert len(set(found["sha256"].values())) == 3
    status, printed, _ = run(capsys, whole, "--json", str(tmp_path / "deep" / "found.json"))
    assert status == 0
    assert printed.startswith("kemdy20 in ")
    assert json.loads((tmp_path / "deep" / "found.json").read_text("utf-8")) == found


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("notes.json", "{", "no document of a check"),
        ("notes.json", '["corpus"]', "no document of a check"),
        (".", None, "no regular file"),
        ("in the corpus", None, "lies in the corpus"),
    ],
)
def test_the_document_replaces_nothing_but_a_document(whole, capsys, tmp_path, name, content, told):
    path = whole / "found.json" if name == "in the corpus" else tmp_path / name
    if content is not None:
        path.write_text(content, "utf-8")
    status, printed, error = run(capsys, whole, "--json", str(path))
    assert (status, printed) == (2, "")
    assert told in error
    if content is not None:
        assert path.read_text("utf-8") == content


def test_the_split_and_the_policies_asked_for_are_those_described(whole, capsys):
    found = document(capsys, whole, "--split", "folds:5", "--fold", "2", "--multi_label", "first")
    assert found["split"] == {"name": "folds:5", "fold": 2}
    assert found["policies"] == {"multi_label": "first"}
    assert found["sides"]["test"]["dialogues"] == 2
    expected = {count["name"]: count["expected"] for count in found["counts"]}
    assert (expected["dialogues"], expected["utterances"]) == (240, None)


def test_all_that_is_wrong_with_a_copy_is_told_in_one_pass_beside_what_is_usable(copy, capsys):
    ids = [segment.id for segment in sessions_of(10)]
    truncated, page = (media_path(copy, segment, ".wav") for segment in (ids[0], ids[4]))
    truncated.write_bytes(truncated.read_bytes()[:-100])
    page.write_text("<html></html>")
    paths = {number: annotation_path(copy, f"{number:02}") for number in range(3, 7)}
    rows = [line.split(",") for line in paths[3].read_text("utf-8").splitlines()]
    paths[3].write_text("\n".join(",".join(row[:-1]) for row in rows), "utf-8")
    paths[4].write_bytes("Numb,한글\n".encode("cp949") + paths[4].read_bytes())
    rows = paths[5].read_text("utf-8")
    paths[5].write_text(rows.replace(ids[16], "Sess05_User009F_001"), "utf-8")
    rows = paths[6].read_text("utf-8")
    again = next(line for line in rows.splitlines() if ids[20] in line)
    paths[6].write_text(rows + re.sub(rf"{ids[20]},\w+", f"{ids[20]},fear", again), "utf-8")

    found = document(capsys, copy)
    wanted = [
        rf"{paths[3]}, line 3, 4, 5, 6: 36 column",
        rf"{paths[4]}: no UTF-8 CSV",
        rf"{paths[5]}, line 3: segment id 'Sess05_User009F_001'",
        rf"{ids[20]} has different labels \({paths[6]}, line \d: \w+; {paths[6]}, line \d: \w+\)",
        rf"{truncated}: cut short",
        rf"{page}: no readable audio",
    ]
    problems = found["problems"]
    assert sorted(len(re.findall(w, "\n".join(problems))) for w in wanted) == [1] * len(problems)
    assert found["sides"]["all"]["utterances"] == 40 - 4 - 4 - 1 - 1 - 2
    assert found["audio"]["encodings"] == {"WAV PCM_16": 28}

    status, printed, told = run(capsys, copy)
    assert status == 2
    assert printed.splitlines()[1] == "NOT USABLE"
    flat = " ".join(printed.split())
    assert all(" ".join(problem.split()) in flat for problem in problems)
    assert told.count("error:") == 1
    assert f"{len(problems)} problems" in told


def test_order_of_rows_and_files_changes_nothing(whole, tmp_path, capsys):
    found = document(capsys, whole)
    audio = found["sha256"].pop("audio")
    for seed in range(2):
        segments = random.Random(seed).sample(sessions_of(10), 40)
        other = document(capsys, write_corpus(tmp_path / str(seed), segments))
        assert other["sha256"].pop("audio") != audio  # it knows the files' times
        assert other | {"root": None} == found | {"root": None}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--split", "sessions:77"], "77"),
        (["--split", "ids:nowhere.json"], "nowhere.json"),
        (["--split", "folds:3"], "--fold"),
    ],
)
def test_a_split_that_cannot_be_made_is_a_problem(whole, capsys, options, told):
    found = document(capsys, whole, *options)
    assert list(found["sides"]) == ["all"]
    assert found["shared_texts"] is None
    (problem,) = found["problems"]
    assert problem.startswith("split: ")
    assert told in problem


def test_where_nothing_can_be_read_there_is_still_a_document(tmp_path, capsys):
    found = document(capsys, tmp_path / "absent")
    assert found["counts"] is found["sides"] is found["audio"] is None
    (problem,) = found["problems"]
    assert "no such folder" in problem
    status, printed, _ = run(capsys, tmp_path / "absent")
    assert status == 2
    assert "no such folder" in printed


def test_what_stage_2_could_not_write_is_told_beside_what_is_usable(tmp_path, capsys):
    rows = ["dialogue,utterance,speaker,text,emotion,split"]
    rows += [f"d{at},1,A,말,neutral,{side}" for at, side in enumerate(("train", "dev", "test"))]
    path = tmp_path / "table.csv"
    path.write_text("\n".join([*rows, f"{'x' * 150},{'y' * 150},A,말,neutral,train"]))
    found = document(capsys, path, corpus="table")
    (problem,) = found["problems"]
    assert "an id of 301 characters" in problem
    _, shown, error = run(capsys, path, corpus="table")
    assert "\n1 problem\n" in shown
    assert "not usable as table; 1 problem, each named" in error
    assert found["usable"] is False
    counts = {count["name"]: count["found"] for count in found["counts"]}
    assert counts["utterances"] == 3


def test_a_policy_that_the_corpus_does_not_know_is_refused(whole, capsys):
    status, printed, told = run(capsys, whole, "--classes", "4")
    assert (status, printed) == (2, "")
    assert "--classes" in told


def test_listening_finds_silence(copy, capsys):
    path = media_path(copy, sessions_of(1)[0].id, ".wav")
    soundfile.write(path, [0.0] * 1600, 16_000)
    assert document(capsys, copy)["audio"]["silent"] is None
    assert document(capsys, copy, "--listen")["audio"]["silent"] == [str(path)]
    assert str(path) in run(capsys, copy, "--listen")[1].replace("\n" + " " * 18, "")


def test_single_utterances_are_told_to_have_no_context(tmp_path, capsys):
    root = write_corpus(tmp_path, sessions_of(4, turns=1))
    assert "stage 3 has no context" in run(capsys, root)[1]


def test_the_command_runs_by_path_and_by_name(whole, tmp_path):
    for command in (["-m", "feature_extractor.check"], [str(ROOT / "feature_extractor/check.py")]):
        done = subprocess.run(
            [sys.executable, *command, "--corpus", "kemdy20", "--root", str(whole), "--json"],
            cwd=ROOT if command[0] == "-m" else tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert json.loads(done.stdout)["usable"]


@pytest.mark.slow
def test_ten_thousand_headers_take_less_than_twenty_seconds(tmp_path, capsys):
    root = write_corpus(tmp_path, sessions_of(40, turns=42, scripts=6))
    begun = time.monotonic()
    assert document(capsys, root)["audio"]["files"] == 10_080
    assert time.monotonic() - begun < 20
