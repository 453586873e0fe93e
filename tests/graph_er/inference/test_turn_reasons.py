"""`--explain`: which utterances are meant, and what is written of them."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from graph_er import predict
from graph_er.answers.explanation import Influence, explain
from graph_er.errors import InputError
from graph_er.inference.page import render_page
from graph_er.inference.predictor import EmotionPredictor
from graph_er.inference.recording_folder import read_recording_folder
from graph_er.inference.shown_turns import shown_dialogues
from graph_er.inference.turn_reasons import explain_turns, reasons_text, wanted_ids
from graph_er.inference.turn_table import turns_of_rows
from graph_er.report.lettering import signed
from graph_er.running.cli import run_command
from tests.graph_er.inference.conftest import talk, write_noise, write_table

IDS = ["a", "b", "c,d", "4"]


def turns(*dialogues):
    """Turns of dialogues that are given by the ids of their utterances."""
    rows = [
        {"dialogue": f"d{number}", "utterance": name, "speaker": "A", "text": "그래"}
        for number, ids in enumerate(dialogues)
        for name in ids
    ]
    return turns_of_rows(rows, Path())


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ([], []),
        (["b"], ["b"]),
        (["b", "a"], ["b", "a"]),
        (["4,a , b"], ["4", "a", "b"]),
        (["c,d"], ["c,d"]),
        (["a", "a,b,"], ["a", "b"]),
        (["2, 1", "3"], ["b", "a", "c,d"]),
        (["2", "b"], ["b"]),
    ],
)
def test_utterances_by_option(given, wanted):
    assert wanted_ids(given, turns(IDS)) == wanted


def test_unknown_utterances_are_named():
    with pytest.raises(InputError, match=r"--explain x, y: no such utterance; there are 4, such"):
        wanted_ids(["x,a", "y"], turns(IDS))
    for name in ("0", "5", "-1", "9" * 5000):
        with pytest.raises(InputError, match="no such utterance"):
            wanted_ids([name], turns(IDS))


def test_numbers_are_those_of_the_pages_table_whatever_the_order_of_rows(models, predictor):
    rows = [{"speaker": "A", "text": f"그래 {n}", "start": 10 - n} for n in range(3)]
    talk = turns_of_rows(rows, models.graph)
    shown = shown_dialogues(talk, predictor.predict_turns(talk)[0], predictor.emotions)
    page = render_page(shown, predictor.emotions, "talk", "at")
    table = re.findall(r'<td class="number">(\d)</td>.*?<td class="text"[^>]*>(.*?)</td>', page)
    assert [text for _, text in table] == ["그래 2", "그래 1", "그래 0"]
    for number, text in table:
        (wanted,) = wanted_ids([number], talk)
        assert {own.id: own.text for own in talk}[wanted] == text


def test_help_calls_a_number_what_it_is():
    told = " ".join(predict.build_parser().format_help().split())
    assert "by its number in the order of time, from 1, as the table of --html gives it" in told


def test_numbers_tell_nothing_among_several_dialogues():
    several = turns(["a", "b"], ["c", "1"])
    assert wanted_ids(["1", "b"], several) == ["1", "b"]
    with pytest.raises(InputError, match=r"--explain 2: .*several dialogues; .* such as b, 1$"):
        wanted_ids(["2"], several)


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


def test_an_utterance_may_be_named_as_the_output_names_it(tmp_path):
    one, two = tmp_path / "fold", tmp_path / "all"
    for folder in (one, two / "x", two / "y"):
        folder.mkdir(parents=True)
        for name in ("mina_1", "jun_2"):
            (folder / f"{name}.txt").write_text("x")
    turns = read_recording_folder(one)
    assert wanted_ids(["jun_2,fold/mina_1"], turns) == ["fold/jun_2", "fold/mina_1"]
    with pytest.raises(InputError, match="mina_1: 2 utterances are called so; name one as x/mina"):
        wanted_ids(["mina_1"], read_recording_folder(two))
