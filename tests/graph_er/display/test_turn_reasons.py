"""`--explain`: what is written of the utterances that are meant."""

import json
from dataclasses import replace

import pytest

from graph_er import predict
from graph_er.answers.explanation import Influence, explain
from graph_er.conversations.turn_table import turns_of_rows
from graph_er.display.turn_reasons import explain_turns, reasons_text
from graph_er.inference.predictor import EmotionPredictor
from graph_er.report.lettering import signed
from graph_er.running.cli import run_command
from tests.graph_er.conversation_factory import talk, write_noise, write_table


def test_help_calls_a_number_what_it_is():
    told = " ".join(predict.build_parser().format_help().split())
    assert "by its number in the order of time, from 1, as the table of --html gives it" in told


def test_explanations_are_those_of_their_dialogues(models, predictor):
    rows = models.rows[:12]
    dialogues = predictor.features(turns_of_rows(rows, models.graph))
    ids = [rows[8]["utterance"], rows[1]["utterance"]]
    found = explain_turns(predictor.checkpoint, dialogues, ids)
    assert found == [
        explain(predictor.checkpoint, dialogues[1], 2, among=dialogues),
        explain(predictor.checkpoint, dialogues[0], 1, among=dialogues),
    ]
    whole = predictor.predict(rows)
    assert [one.emotion for one in found] == [whole[8]["emotion"], whole[1]["emotion"]]
    for one, row in zip(found, (whole[8], whole[1]), strict=True):
        assert one.probability == pytest.approx(row["confidence"], abs=1e-6)
    text = reasons_text(found[0])
    assert text.splitlines()[0].startswith(f"{ids[0]} {rows[8]['speaker']}: ")
    assert f"{signed(100 * found[0].turn.change)}  this turn" in text
    assert len(text.splitlines()) == 2 + 3 + 2 + 1 + 5


def test_what_turns_lack_is_not_explained(predictor, tmp_path):
    heard = write_noise(tmp_path / "a.wav")
    rows = [
        {"dialogue": "mixed", "speaker": "A", "wav": str(heard), "text": "그래"},
        {"dialogue": "mixed", "speaker": "B", "text": "왜 그래?"},
        {"dialogue": "mixed", "speaker": "A", "wav": str(heard)},
        {"dialogue": "written", "speaker": "A", "text": "정말"},
        {"dialogue": "written", "speaker": "B", "text": "아니"},
    ]
    turns = turns_of_rows(rows, tmp_path)
    dialogues = predictor.features(turns)
    found = explain_turns(predictor.checkpoint, dialogues, [turn.id for turn in turns])
    own = [["audio", "text"], ["text"], ["audio"], ["text"], ["text"]]
    assert [[*one.turn_modalities] for one in found] == own
    assert [[*one.dialogue_modalities] for one in found] == [["audio", "text"]] * 3 + [["text"]] * 2
    assert "audio" not in reasons_text(found[4])
    said = [reasons_text(one).splitlines()[0].split(" -> ")[0] for one in found[:3]]
    assert said == [f"{turns[0].id} A: 그래", f"{turns[1].id} B: 왜 그래?", f"{turns[2].id} A"]
    told = reasons_text(found[1])
    assert f"{turns[2].id} A" in told
    assert f"{turns[2].id} A:" not in told


def test_the_table_names_its_unit_and_has_no_negative_zero(models, predictor):
    rows = models.rows[:6]
    dialogues = predictor.features(turns_of_rows(rows, models.graph))
    (found,) = explain_turns(predictor.checkpoint, dialogues, [rows[2]["utterance"]])
    nothing = Influence(-1e-9, -1e-9, found.emotion)
    text = reasons_text(replace(found, turn=nothing))
    assert f"percentage points of “{found.emotion}”" in text.splitlines()[1]
    assert "  +0.0  this turn" in text
    assert "−0.0" not in text


def test_the_table_tells_of_the_turns_far_away(models, predictor):
    rows = models.rows[:6]
    dialogues = predictor.features(turns_of_rows(rows, models.graph))
    (found,) = explain_turns(predictor.checkpoint, dialogues, [rows[2]["utterance"]])
    far = replace(found, far=Influence(0.2, 1.0, found.emotion), far_turns=99)
    assert "  +20.0  the 99 turns furthest away" in reasons_text(far)
    assert "  +20.0  the 1 turn furthest away" in reasons_text(replace(far, far_turns=1))


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
    shown = capsys.readouterr()
    assert "talk_004 B: 그래 3 -> " in shown.out
    assert "3 explanations written to" in shown.out
    told = shown.err.replace("\r", "\n").splitlines()
    assert any(line.startswith("explanations: ") and "| 3/3 [" in line for line in told)


def test_one_turn_and_one_explanation_are_told_as_one(models, tmp_path, capsys):
    table = write_table(tmp_path / "talk.csv", talk(1))
    argv = ("--pt_dir", models.graph, "--extractor", models.extractor, "--device", "cpu")
    argv += ("--input", table, "--out", tmp_path / "out.csv", "--explain", "1")
    assert run_command(predict.main, [str(value) for value in argv]) == 0
    shown = capsys.readouterr().out
    assert "1 turn written to" in shown
    assert "1 explanation written to" in shown


def test_the_command_takes_numbers_of_turns(run, tmp_path):
    assert run("--explain", "2,4") == 0
    found = json.loads((tmp_path / "out.explain.json").read_text(encoding="utf-8"))
    assert [one["utterance_id"] for one in found] == ["talk_002", "talk_004"]


def test_an_unknown_utterance_is_refused_before_models_are_loaded(
    run, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(EmotionPredictor, "load", None)
    assert run("--explain", "talk_009") == 2
    assert "--explain talk_009: no such utterance" in capsys.readouterr().err
    assert not (tmp_path / "out.csv").exists()
