import csv
import json
import subprocess
import sys

import pytest

from graph_er import predict
from graph_er.display import picture
from graph_er.inference import predictor as predictor_module
from graph_er.inference import transcription
from graph_er.running.cli import run_command
from tests.graph_er.conversation_factory import talk, write_noise, write_table


@pytest.fixture
def run(models, tmp_path):
    def run(*argv):
        given = ("--pt_dir", models.graph, "--extractor", models.extractor, "--device", "cpu")
        return run_command(predict.main, [str(value) for value in (*given, *argv)])

    return run


def read_csv(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_table_to_predictions_picture_and_page(run, tmp_path, capsys):
    rows = talk(4)
    rows[1]["text"] = ""
    table = write_table(tmp_path / "talk.csv", rows)
    outputs = {name: tmp_path / f"out.{name}" for name in ("csv", "png", "html")}
    argv = ("--plot", outputs["png"], "--html", outputs["html"])
    assert run("--input", table, "--out", outputs["csv"], *argv) == 0
    predicted = read_csv(outputs["csv"])
    assert [row["wav"] for row in predicted] == [row["wav"] for row in rows]
    assert [row["modalities_used"] for row in predicted] == ["at", "a", "at", "at"]
    assert outputs["png"].read_bytes().startswith(b"\x89PNG")
    assert outputs["html"].read_text(encoding="utf-8").count('class="box"') == 4
    shown = capsys.readouterr()
    assert "4 turns written" in shown.out
    assert "1 marked" in shown.out
    assert "turn/s" in shown.err


def test_a_turn_with_nothing_to_hear_or_read_is_shown_explained_and_told(run, tmp_path, caplog):
    rows = talk(4)
    rows[1] |= {"text": "n/ b/", "wav": ""}
    table = write_table(tmp_path / "talk.csv", rows)
    outputs = ("--plot", tmp_path / "out.png", "--html", tmp_path / "out.html", "--explain", "2")
    assert run("--input", table, "--out", tmp_path / "out.csv", *outputs) == 0
    predicted = read_csv(tmp_path / "out.csv")
    assert [row["modalities_used"] for row in predicted] == ["at", "", "at", "at"]
    assert (predicted[1]["text"], predicted[1]["marks"]) == ("n/ b/", "no audio; no text")
    assert (tmp_path / "out.html").read_text(encoding="utf-8").count('class="box"') == 4
    assert "1 of 4 turns have no audio or text" in caplog.text
    assert f"{table}, line 3" in caplog.text


@pytest.mark.parametrize(("argv", "told"), [((), "en"), (("--language", "ko"), "ko")])
def test_the_page_is_in_the_language_that_is_asked_for(run, tmp_path, monkeypatch, argv, told):
    drawn = []
    monkeypatch.setattr(picture, "write_picture", lambda *given: drawn.append(given[-1]) or 1)
    table = write_table(tmp_path / "talk.csv", talk(2))
    page, plot = tmp_path / "out.html", tmp_path / "out.png"
    outputs = ("--out", tmp_path / "out.csv", "--html", page, "--plot", plot)
    assert run("--input", table, *outputs, *argv) == 0
    assert f'<html lang="{told}">' in page.read_text(encoding="utf-8")
    assert drawn == [told]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("--input", "x.csv", "--out", "o.csv"), "--language goes with --html or --plot"),
        (("--live",), "leave --language out"),
    ],
)
def test_a_language_of_nothing_is_refused(capsys, argv, message):
    with pytest.raises(SystemExit, match="2"):
        predict.main([*argv, "--language", "ko"])
    assert message in capsys.readouterr().err


def test_command_and_python_say_the_same(run, tmp_path, predictor):
    table = write_table(tmp_path / "talk.csv", talk(3))
    assert run("--input", table, "--out", tmp_path / "out.jsonl") == 0
    lines = (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    for line, row in zip(lines, predictor.predict(talk(3), folder=tmp_path), strict=True):
        assert json.loads(line)["prob_happy"] == pytest.approx(row["prob_happy"], abs=1e-5)


def test_a_folder_and_a_recording(run, tmp_path):
    for name in ("A_1.wav", "B_2.wav"):
        write_noise(tmp_path / "talk" / name)
    assert run("--input", tmp_path / "talk", "--out", tmp_path / "folder.csv") == 0
    assert [row["speaker"] for row in read_csv(tmp_path / "folder.csv")] == ["A", "B"]
    recording = write_noise(tmp_path / "m.wav", 2.0)
    (tmp_path / "m.rttm").write_text("SPEAKER m 1 0.5 1 <NA> <NA> spk0 <NA> <NA>\n")
    argv = ("--input", tmp_path / "m.rttm", "--recording", recording)
    assert run(*argv, "--out", tmp_path / "m.csv") == 0
    (row,) = read_csv(tmp_path / "m.csv")
    assert (row["speaker"], row["start"], row["end"], row["marks"]) == (
        *("spk0", "0.5", "1.5", "no text"),
    )


@pytest.mark.parametrize("text", ["", "n/ b/"])
def test_turns_without_words_are_transcribed_before_they_are_predicted(
    run, tmp_path, monkeypatch, text
):
    asked = []

    def load(name, device):
        asked.append((name, device))
        return lambda sound: {"text": " 왜  그래 "}

    monkeypatch.setattr(transcription, "load_recogniser", load)
    rows = talk(3)
    rows[1]["text"] = text
    table = write_table(tmp_path / "talk.csv", rows)
    assert run("--input", table, "--out", tmp_path / "out.csv", "--asr", "some/model") == 0
    assert asked == [("some/model", "cpu")]
    predicted = read_csv(tmp_path / "out.csv")
    assert [row["modalities_used"] for row in predicted] == ["at"] * 3
    assert [row["text"] for row in predicted] == ["그래 0", "왜 그래", "그래 2"]
    assert [row["marks"] for row in predicted] == ["", "text by speech recognition", ""]


def test_a_picture_that_has_no_room_for_all_dialogues_says_so(run, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(picture, "_MOST_STRIPS", 1)
    rows = [row for name in "xyz" for row in talk(1, dialogue=name, utterance=name)]
    table = write_table(tmp_path / "talk.csv", rows)
    plot = tmp_path / "out.png"
    assert run("--input", table, "--out", tmp_path / "out.csv", "--plot", plot) == 0
    assert f"{plot} shows the first 1 of 3 dialogues; --html shows all" in caplog.text
    assert len(read_csv(tmp_path / "out.csv")) == 3


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("--out", "out.xlsx"), "--out out.xlsx: unknown suffix"),
        (("--out", "talk.csv"), "--out talk.csv: is --input as well"),
        (("--out", "o.csv", "--plot", "x.pdf"), "--plot x.pdf: unknown suffix"),
        (("--out", "o.csv", "--html", "x.txt"), "--html x.txt: unknown suffix"),
        (("--out", "o.csv", "--asr", "./nothing"), "--asr ./nothing: no speech-recognition model"),
        (("--out", "o.csv", "--device", "tpu"), "--device 'tpu'"),
        (("--out", "o.csv", "--pt_dir", "gone"), "gone: no such checkpoint"),
        (("--out", "o.csv", "--extractor", "gone"), "gone: no stage 1 checkpoint"),
        (("--out", "o.csv", "--explain", "1,3"), "--explain 3: no such utterance; there are 2"),
        (("--out", "o.csv", "--recording", "gone.wav"), "gone.wav"),
    ],
)
def test_refusals_leave_one_message_and_no_file(run, tmp_path, monkeypatch, capsys, argv, message):
    monkeypatch.chdir(tmp_path)
    write_table(tmp_path / "talk.csv", talk(2))
    before = sorted(path.name for path in tmp_path.iterdir())
    assert run("--input", "talk.csv", *argv) == 2
    shown = capsys.readouterr().err
    assert message in shown
    assert "Traceback" not in shown
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_without_the_demos_models_the_command_says_how_they_are_made(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("graph_er.running.paths.project_root", lambda: tmp_path)
    argv = ["--input", str(tmp_path / "x.csv"), "--out", str(tmp_path / "o.csv")]
    assert run_command(predict.main, argv) == 2
    assert "bash scripts/run_all.sh" in capsys.readouterr().err


@pytest.mark.parametrize(
    "argv", [("--live",), ("--input", "talk.csv", "--out", "out.csv")], ids=["live", "table"]
)
def test_whoever_names_a_graph_model_alone_is_asked_for_its_extractor(
    models, tmp_path, monkeypatch, capsys, argv
):
    monkeypatch.setattr("graph_er.running.paths.project_root", lambda: tmp_path)
    assert run_command(predict.main, ["--pt_dir", str(models.graph), *argv]) == 2
    shown = capsys.readouterr().err
    assert f"{models.graph}: is no bundle; add --extractor DIR" in shown
    assert "run_all.sh" not in shown
    assert run_command(predict.main, ["--pt_dir", str(tmp_path / "gone"), *argv]) == 2
    assert "gone: no such checkpoint" in capsys.readouterr().err


def test_importing_the_command_loads_nothing_heavy():
    code = "import sys, graph_er.predict; print({'torch', 'feature_extractor'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_class_can_be_imported_from_the_command():
    from graph_er.predict import EmotionPredictor

    assert EmotionPredictor is predict.EmotionPredictor is predictor_module.EmotionPredictor
    with pytest.raises(AttributeError, match="Nothing"):
        _ = predict.Nothing
