"""`--explain`: which utterances are meant, and what is written of them."""

import json

import pytest

from graph_er import predict
from graph_er.answers.explanation import explain
from graph_er.errors import InputError
from graph_er.inference.turn_reasons import explain_turns, reasons_text, wanted_ids
from graph_er.inference.turn_table import turns_of_rows
from graph_er.running.cli import run_command
from tests.graph_er.inference.conftest import talk, write_table

IDS = ["a", "b", "c,d", "4"]


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ([], []),
        (["b"], ["b"]),
        (["b", "a"], ["b", "a"]),
        (["4,a , b"], ["4", "a", "b"]),
        (["c,d"], ["c,d"]),
        (["a", "a,b,"], ["a", "b"]),
    ],
)
def test_utterances_by_option(given, wanted):
    assert wanted_ids(given, IDS) == wanted


def test_unknown_utterances_are_named():
    with pytest.raises(InputError, match=r"--explain x, y: no such utterance; there are 4, such"):
        wanted_ids(["x,a", "y"], IDS)


def test_explanations_are_those_of_their_dialogues(models, predictor):
    rows = models.rows[:12]
    dialogues = predictor.features(turns_of_rows(rows, models.graph))
    ids = [rows[8]["utterance"], rows[1]["utterance"]]
    found = explain_turns(predictor.checkpoint, dialogues, ids)
    assert found == [
        explain(predictor.checkpoint, dialogues[1], 2),
        explain(predictor.checkpoint, dialogues[0], 1),
    ]
    whole = predictor.predict(rows)
    assert [one.emotion for one in found] == [whole[8]["emotion"], whole[1]["emotion"]]
    text = reasons_text(found[0])
    assert text.splitlines()[0].startswith(f"{ids[0]} {rows[8]['speaker']}: ")
    assert f"{100 * found[0].turn.change:+.1f}  this turn" in text
    assert len(text.splitlines()) == 1 + 3 + 2 + 1 + 5


@pytest.fixture
def run(models, tmp_path):
    table = write_table(tmp_path / "talk.csv", talk(4))

    def run(*argv):
        given = ("--pt_dir", models.graph, "--extractor", models.extractor, "--device", "cpu")
        given += ("--input", table, "--out", tmp_path / "out.csv")
        return run_command(predict.main, [str(value) for value in (*given, *argv)])

    return run


def test_the_command_writes_and_prints_them(run, tmp_path, capsys):
    argv = ("--explain", "talk_002,talk_004", "--explain", "talk_001")
    assert run(*argv, "--plot", tmp_path / "talk.png") == 0
    found = json.loads((tmp_path / "out.explain.json").read_text(encoding="utf-8"))
    assert [one["utterance_id"] for one in found] == ["talk_002", "talk_004", "talk_001"]
    for number in (1, 2, 3):
        assert (tmp_path / f"talk.explain{number}.png").read_bytes().startswith(b"\x89PNG")
    shown = capsys.readouterr().out
    assert "talk_004 B: 그래 3 -> " in shown
    assert "3 explanation(s) written to" in shown


def test_an_unknown_utterance_is_refused_before_anything_is_predicted(run, tmp_path, capsys):
    assert run("--explain", "talk_009") == 2
    assert "--explain talk_009: no such utterance" in capsys.readouterr().err
    assert not (tmp_path / "out.csv").exists()
