"""`--live`: each line is answered before the next one is there."""

import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from graph_er import predict
from graph_er.errors import InputError
from graph_er.inference.live_lines import answer_lines
from graph_er.inference.predictor import EmotionPredictor
from graph_er.running.cli import run_command
from tests.graph_er.conversation_factory import write_noise
from tests.graph_er.tiny_models import CONTEXTUAL
from tests.graph_er.tiny_predictor import save_graph

ROOT = Path(__file__).resolve().parents[3]
GOOD = [{"speaker": "민아", "text": "그래", "note": 1}, {"speaker": "준호", "text": "왜 그래"}]


@pytest.fixture(scope="module")
def folder(models, tmp_path_factory):
    folder = tmp_path_factory.mktemp("causal")
    save_graph(folder, models.file, config=replace(CONTEXTUAL, wf=0))
    return folder


@pytest.fixture(scope="module")
def causal(models, folder):
    return EmotionPredictor.load(folder, models.extractor, device="cpu")


def lines(rows):
    return [f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows]


def test_answers_are_the_predictions_rows(causal):
    answers = []
    assert answer_lines(causal.stream(), lines(GOOD), answers.append) == 2
    assert all(answer.endswith("\n") for answer in answers)
    for answer, row in zip(map(json.loads, answers), causal.predict(GOOD), strict=True):
        assert list(answer) == list(row)
        assert answer["emotion"] == row["emotion"]
        assert answer["prob_happy"] == pytest.approx(row["prob_happy"], abs=2e-6)
    assert "민아" in answers[0]
    assert json.loads(answers[0])["note"] == 1


def test_a_byte_order_mark_is_no_part_of_the_first_turn(causal):
    answers = []
    assert answer_lines(causal.stream(), ["\ufeff" + lines(GOOD)[0]], answers.append) == 1


def test_a_line_of_a_million_characters_is_no_turn(causal):
    answers = []
    long = json.dumps({**GOOD[0], "text": "x" * 1_000_000})
    with pytest.raises(InputError, match="1 of 2"):
        answer_lines(causal.stream(), [long, *lines(GOOD)[:1]], answers.append)
    assert "at most 1,000,000" in answers[0]


def test_each_answer_is_written_before_the_next_line_is_read(causal):
    answers = []

    def ask():
        for number, line in enumerate(lines(GOOD)):
            assert len(answers) == number
            yield line

    answer_lines(causal.stream(), ask(), answers.append)


def test_lines_that_are_no_turns_are_answered_and_not_heard(causal):
    bad = ["nonsense\n", "[1]\n", "\n", '{"speaker": "A"}\n', '{"text": "그래"}\n']
    asked = [lines(GOOD)[0], *bad, lines(GOOD)[1]]
    calm, answers = [], []
    answer_lines(causal.stream(), lines(GOOD), calm.append)
    with pytest.raises(InputError, match="4 of 6 turns refused"):
        answer_lines(causal.stream(), asked, answers.append)
    assert [answers[0], answers[-1]] == calm
    refused = [json.loads(answer)["error"] for answer in answers[1:-1]]
    assert [text.partition(":")[0] for text in refused] == ["line 2", "line 3", "line 5", "line 6"]


def test_the_command_answers_at_once(models, folder, tmp_path):
    write_noise(tmp_path / "x.wav")
    command = [sys.executable, str(ROOT / "graph_er" / "predict.py"), "--live", "--device", "cpu"]
    command += ["--pt_dir", str(folder), "--extractor", str(models.extractor)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "cp1252"}  # as a console has
    with subprocess.Popen(
        command, **pipes, cwd=tmp_path, env=env, text=True, encoding="utf-8"
    ) as live:
        for row in (GOOD[0], {"speaker": "A", "wav": "x.wav"}):
            live.stdin.write(lines([row])[0])
            live.stdin.flush()
            assert json.loads(live.stdout.readline())["speaker"] == row["speaker"]
        live.stdin.close()
        assert live.wait(timeout=60) == 0


def test_options_that_mean_nothing_live_and_models_that_cannot(models, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    with pytest.raises(SystemExit, match="2"):
        predict.main(["--live", "--out", "x.csv"])
    assert "leave --out out" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        predict.main(["--input", "x.csv"])
    assert "required: --input, --out" in capsys.readouterr().err
    argv = ["--live", "--pt_dir", str(models.graph), "--extractor", str(models.extractor)]
    assert run_command(predict.main, argv) == 2
    assert "--wf 0" in capsys.readouterr().err


def test_without_standard_input_nothing_is_loaded(models, folder, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)  # as `<&-` leaves it
    argv = ["--live", "--pt_dir", str(folder), "--extractor", str(models.extractor)]
    assert run_command(predict.main, argv) == 2
    assert "--live reads turns from standard input, which is closed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"speaker": "A", "text": "x", "n": "\\ud800"}', "no JSON"),
        ("[" * 100_000, "no JSON"),
        ('{"speaker": "\udcff"}', "no JSON"),
        ('{"speaker": "A", "text": "x", "text": "y"}', "key 'text' stands twice"),
    ],
    ids=["half a pair", "deep", "no UTF-8", "a key twice"],
)
def test_a_line_that_cannot_be_a_turn_is_answered_and_the_next_one_heard(line, told):
    class Stream:
        heard = 0

        def push(self, turn):
            self.heard += 1
            return {**turn, "emotion": "neutral"}

    stream, answers = Stream(), []
    with pytest.raises(InputError, match="1 of 2 turns refused"):
        answer_lines(stream, [line, '{"speaker": "B", "text": "y"}'], answers.append)
    assert stream.heard == 1
    assert f'"error": "line 1: {told}' in answers[0]
    assert '"neutral"' in answers[1]
    assert all(answer.encode() for answer in answers)
