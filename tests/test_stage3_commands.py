"""The commands of stage 3 as a user runs them: by path, by module, from another directory."""

import csv
import json
import pickle
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from graph_er import eval as eval_command
from graph_er import train as train_command
from graph_er.dialogues import write_dialogues
from graph_er.networks.config import PRESETS, TrainingConfig
from graph_er.running.cli import run_command
from graph_er.schema.emotions import DATASET_EMOTIONS
from tests.graph_er.dialogue_factory import make_dialogue, make_file

ROOT = Path(__file__).resolve().parents[1]
QUICK = ("--epochs", "2", "--hidden_size", "8")


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "data.pkl"
    write_dialogues(path, make_file())
    return path


@pytest.fixture
def out(tmp_path):
    return tmp_path / "run"


def train(data, out, *options):
    argv = ["--data_dir", str(data), "--out", str(out), *QUICK, *options]
    return run_command(train_command.main, argv)


def evaluate(data, out, *options):
    argv = ["--data_dir", str(data), "--pt_dir", str(out), *options]
    return run_command(eval_command.main, argv)


def test_train_then_eval_write_what_the_contract_names(data, out, capsys):
    assert train(data, out, "--seeds", "2", "--modalities", "at") == 0
    content = torch.load(out / "model.pt", weights_only=True)
    assert [member["seed"] for member in content["members"]] == [1, 2]
    assert evaluate(data, out) == 0
    assert "weighted_f1" in capsys.readouterr().out
    evaluation = json.loads((out / "eval_test" / "eval.json").read_text())
    assert {
        *("n", "accuracy", "weighted_f1", "macro_f1", "uar", "labels", "per_class"),
        *("confusion_matrix", "modalities", "seeds", "mean", "std", "ensemble"),
    } <= set(evaluation)
    file = make_file()
    expected = [i for dialogue in file.side("test") for i in dialogue.utterance_ids]
    with (out / "eval_test" / "predictions.csv").open(encoding="utf-8") as rows:
        assert [row["utterance"] for row in csv.DictReader(rows)] == expected
    assert evaluation["n"] == len(expected)
    record = json.loads((out / "run.json").read_text())
    assert record["metrics"]["test"]["n"] == len(expected)
    assert record["data"]["name"] == "data.pkl"


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_eval_takes_the_file_and_any_side(data, out, split, tmp_path):
    assert train(data, out, "--modalities", "t") == 0
    target = tmp_path / "scores" / "e.json"
    options = ("--split", split, "--out", str(target))
    assert evaluate(data, out / "model.pt", *options) == 0
    assert json.loads(target.read_text())["seed"] == 1
    assert (tmp_path / "scores" / "predictions.csv").exists()


@pytest.mark.parametrize(
    ("options", "split", "trained_on"),
    [
        (("--refit",), "train", True),
        (("--refit",), "dev", True),
        (("--refit",), "test", False),
        (("--no-refit",), "train", True),
        (("--no-refit",), "dev", False),
    ],
)
def test_scores_of_dialogues_that_were_trained_on_are_marked(
    data, out, caplog, options, split, trained_on
):
    assert train(data, out, *options) == 0
    recorded = json.loads((out / "run.json").read_text())["metrics"]
    assert evaluate(data, out, "--split", split) == 0
    evaluation = json.loads((out / f"eval_{split}" / "eval.json").read_text())
    assert evaluation["trained_on"] is trained_on
    warned = f"trained on dialogues of the {split} side" in caplog.text
    assert warned is trained_on
    after = json.loads((out / "run.json").read_text())["metrics"]
    # Dev scores from before the refit are not overwritten by those of a model that saw dev.
    assert (after == recorded) is trained_on


@pytest.mark.parametrize("preset", ["default", "cogmen"])
@pytest.mark.parametrize("window", [(-1, -1), (3, 0)])
def test_presets_and_windows_train(data, out, preset, window):
    options = ("--preset", preset, "--wp", str(window[0]), "--wf", str(window[1]))
    assert train(data, out, *options) == 0
    assert evaluate(data, out) == 0


def test_training_again_removes_what_the_run_before_left(data, out):
    assert train(data, out) == 0
    assert evaluate(data, out) == 0
    assert evaluate(data, out, "--out", str(out / "eval.json")) == 0
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert train(data, out, "--learning_rate", "1e30", "--clip_norm", "0") == 2
    # One that fails has nothing to put in its place.
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    assert train(data, out, "--seed", "2") == 0
    assert {path.name for path in out.iterdir()} == {"model.pt", "run.json"}


def test_scores_name_the_data_that_they_are_of(data, out, tmp_path, caplog):
    assert train(data, out) == 0
    other = tmp_path / "other.pkl"
    write_dialogues(other, make_file(seed=5))
    assert evaluate(other, out) == 0
    evaluation = json.loads((out / "eval_test" / "eval.json").read_text())
    record = json.loads((out / "run.json").read_text())
    assert evaluation["data"]["name"] == "other.pkl"
    assert evaluation["data"]["sha256"] != record["data"]["sha256"]
    # The record of the run is of the run's own file alone.
    assert "test" not in record["metrics"]
    assert "run.json was left as it is" in caplog.text
    assert evaluate(other, out, "--split", "train") == 0
    evaluation = json.loads((out / "eval_train" / "eval.json").read_text())
    assert not evaluation["trained_on"]
    # Dialogues of other content under the same ids: no proof, but worth a word.
    assert evaluation["ids_trained_on"] == len(make_file().train_ids)
    assert "bear ids of dialogues that the checkpoint was trained on" in caplog.text
    assert evaluate(data, out) == 0
    assert "test" in json.loads((out / "run.json").read_text())["metrics"]


def resplit(file, **info):
    """The dialogues of a file of which the first ones are test, with features of their own."""
    n = len(file.test_ids)
    ids = (*file.dev_ids, *file.test_ids, *file.train_ids)
    dialogues = tuple(replace(d, text=d.text * 1.1) for d in file.dialogues)
    sides = {"dev_ids": ids[:n], "train_ids": ids[n:-n], "test_ids": ids[-n:]}
    return replace(file, dialogues=dialogues, **sides, info={**file.info, **info})


def test_dialogues_that_were_trained_on_are_known_in_another_file(data, out, tmp_path, caplog):
    assert train(data, out) == 0
    other = tmp_path / "other.pkl"
    write_dialogues(other, resplit(make_file()))
    before = (out / "run.json").read_bytes()
    assert evaluate(other, out) == 0
    evaluation = json.loads((out / "eval_test" / "eval.json").read_text())
    assert (evaluation["trained_on"], evaluation["ids_trained_on"]) == (True, 2)
    assert "was trained on dialogues of the test side (2 of 2)" in caplog.text
    assert (out / "run.json").read_bytes() == before
    # Without what was written when it was trained, ids are all that is known.
    (out / "run.json").unlink()
    caplog.clear()
    assert evaluate(other, out) == 0
    evaluation = json.loads((out / "eval_test" / "eval.json").read_text())
    assert (evaluation["trained_on"], evaluation["ids_trained_on"]) == (False, 2)
    assert "2 of 2 test dialogues bear ids of dialogues that the checkpoint" in caplog.text
    caplog.clear()
    assert evaluate(data, out) == 0
    assert json.loads((out / "eval_test" / "eval.json").read_text())["ids_trained_on"] == 0
    assert "trained on" not in caplog.text


@pytest.mark.parametrize(
    ("info", "same"),
    [
        ({"checkpoint": "at", "checkpoint_sha256": "ab" * 32, "frozen": False}, True),
        ({"checkpoint": "at", "checkpoint_sha256": "cd" * 32, "frozen": False}, False),
        ({"frozen": True, "weights_sha256": "ef" * 32}, False),
        ({}, None),
    ],
    ids=["same", "retrained", "frozen", "unknown"],
)
def test_features_of_another_extractor_are_told(tmp_path, out, caplog, info, same):
    file, made_by = make_file(), {"checkpoint": "at", "checkpoint_sha256": "ab" * 32}
    data, other = tmp_path / "data.pkl", tmp_path / "other.pkl"
    write_dialogues(data, replace(file, info={**file.info, **made_by, "frozen": False}))
    write_dialogues(other, replace(make_file(seed=5), info={**file.info, **info}))
    assert train(data, out) == 0
    assert evaluate(data, out) == 0
    assert json.loads((out / "eval_test" / "eval.json").read_text())["same_features"] is True
    assert "another extractor" not in caplog.text
    assert evaluate(other, out) == 0
    assert json.loads((out / "eval_test" / "eval.json").read_text())["same_features"] is same
    assert ("another extractor made the features" in caplog.text) is (same is False)


def test_an_evaluation_of_one_seed_leaves_no_members_of_one_before(data, tmp_path):
    target = tmp_path / "scores" / "eval.json"
    for name, seeds in (("two", "2"), ("one", "1")):
        assert train(data, tmp_path / name, "--seeds", seeds) == 0
        assert evaluate(data, tmp_path / name, "--out", str(target)) == 0
        assert len(list(target.parent.glob("predictions_seed*"))) == (0 if name == "one" else 2)


def test_controls_know_what_the_model_knows(tmp_path, out, capsys):
    file = make_file()
    dev = {d.id: replace(d, sentences=("어머나",) * len(d)) for d in file.side("dev")}
    test = {d.id: replace(d, sentences=("어머나",) * len(d)) for d in file.side("test")}
    dialogues = tuple({**dev, **test}.get(d.id, d) for d in file.dialogues)
    write_dialogues(tmp_path / "same.pkl", replace(file, dialogues=dialogues))
    for option, seen, known in (
        ("--refit", 1, "train and dev"),
        ("--no-refit", 0, "train"),
    ):
        assert train(tmp_path / "same.pkl", out, option) == 0
        assert evaluate(tmp_path / "same.pkl", out) == 0
        assert json.loads((out / "eval_test" / "eval.json").read_text())["texts_seen"] == seen
        assert f"| Majority class of {known} " in capsys.readouterr().out


def unnamed(path, file):
    """Write a dialogue file as COGMEN does, without names of emotions."""
    write_dialogues(path, file)
    with path.open("rb") as source:
        content = pickle.load(source)
    del content[10]["emotions"]
    path.write_bytes(pickle.dumps(content))
    return path


def test_labels_without_names_are_taken_for_the_checkpoints(tmp_path, out, capsys, caplog):
    named = replace(make_file(), emotions=tuple("abcdef"))
    data = unnamed(tmp_path / "unnamed.pkl", named)
    assert train(data, out, "--dataset", "iemocap") == 0
    assert evaluate(data, out) == 0
    names = list(DATASET_EMOTIONS["iemocap"])
    assert json.loads((out / "eval_test" / "eval.json").read_text())["labels"] == names
    assert f"its labels are taken for the checkpoint's ({', '.join(names)})" in caplog.text
    caplog.clear()
    first = (out / "eval_test" / "predictions.csv").read_bytes()
    assert evaluate(data, out, "--dataset", "iemocap") == 0
    assert (out / "eval_test" / "predictions.csv").read_bytes() == first
    assert "names no emotions" not in caplog.text
    capsys.readouterr()
    more = tuple(replace(d, labels=d.labels + len(names) - 2) for d in named.dialogues)
    wide = replace(named, dialogues=more, emotions=tuple("abcdefgh"))
    assert evaluate(unnamed(tmp_path / "wide.pkl", wide), out) == 2
    error = capsys.readouterr().err
    assert "are not the checkpoint's" in error
    assert "name them with --dataset" in error


@pytest.mark.parametrize("preset", ["default", "cogmen"])
def test_the_same_seed_gives_the_same_file(data, tmp_path, preset):
    for name in ("first", "second"):
        assert train(data, tmp_path / name, "--preset", preset) == 0
    first, second = ((tmp_path / name / "model.pt").read_bytes() for name in ("first", "second"))
    assert first == second


@pytest.mark.parametrize("preset", ["default", "cogmen"])
def test_every_option_that_is_off_or_on_trains(data, out, preset):
    options = {
        "default": (
            *("--no-gate", "--no-sentence_cues", "--no-relative_audio", "--audio_offset", "0"),
            *("--decay", "0", "--relational_layers", "0", "--context_layers", "1"),
        ),
        "cogmen": ("--positions", "--relations", "same_other", "--graph_heads", "2"),
    }[preset]
    training = (
        *("--contrastive", "0.1", "--shift", "0.1", "--select", "best", "--schedule", "plateau"),
        *("--ema", "0", "--batch_size", "3", "--clip_norm", "0", "--no-decode", "--no-refit"),
    )
    window = ("--wp", "2", "--wf", "2")
    assert train(data, out, "--preset", preset, *window, *options, *training) == 0
    assert evaluate(data, out) == 0
    config = json.loads((out / "run.json").read_text())["config"]
    assert config["preset"] == preset
    assert config["training"]["refit"] is False
    assert config["model"]["wp"] == config["model"]["wf"] == 2


def test_one_option_of_a_preset_leaves_the_others_as_the_preset_has_them(data, out):
    assert train(data, out, "--preset", "cogmen", "--learning_rate", "0.5") == 0
    training = json.loads((out / "run.json").read_text())["config"]["training"]
    assert training == {
        **asdict(TrainingConfig(**PRESETS["cogmen"].training)),
        **{"learning_rate": 0.5, "epochs": 2},
    }


def test_bad_input_ends_with_status_2_and_one_message(data, out, tmp_path, capsys):
    def refused(status, message):
        error = capsys.readouterr().err
        assert status == 2
        assert message in error
        assert "Traceback" not in error

    refused(train(tmp_path / "absent.pkl", out), "absent.pkl: no such file; make it with")
    refused(train(data, out, "--modalities", "v"), "no visual features")
    refused(train(data, out, "--device", "tpu"), "--device 'tpu'")
    refused(train(data, out, "--seeds", "0"), "--seeds is 0")
    for option, value in (
        *(("--epochs", "0"), ("--batch_size", "-1"), ("--learning_rate", "nan"), ("--ema", "2")),
        *(("--dropout", "2"), ("--wp", "-5"), ("--graph_heads", "3"), ("--members", "0")),
        *(("--hidden_size", "0"), ("--seed", "-1"), ("--label_smoothing", "1")),
        *(("--context_layers", "-1"), ("--weight_decay", "inf"), ("--clip_norm", "inf")),
    ):
        refused(train(data, out, option, value), option)
        assert not out.exists()
    cogmen = ("--preset", "cogmen")
    refused(train(data, out, *cogmen, "--context_heads", "3"), "--context_heads is 3")
    for options, option in (
        ((*cogmen, "--members", "2"), "--members"),
        ((*cogmen, "--no-gate"), "--gate"),
        (("--positions",), "--positions"),
        (("--context_feedforward", "8"), "--context_feedforward"),
    ):
        refused(train(data, out, *options), f"{option} is")
        assert not out.exists()
    refused(train(data, data), "is a file")
    for tag in ("../x", "a/b", "..", "a\\b"):
        refused(run_command(train_command.main, ["--data_dir", str(data), "--tag", tag]), "--tag")
    refused(evaluate(data, tmp_path / "nothing"), "no such checkpoint")
    file = make_file()
    write_dialogues(tmp_path / "no_test.pkl", replace(file, test_ids=()))
    assert train(tmp_path / "no_test.pkl", out) == 0
    capsys.readouterr()
    refused(evaluate(tmp_path / "no_test.pkl", out), "no test dialogues")
    write_dialogues(tmp_path / "wide.pkl", make_file(widths=(9, 4)))
    refused(evaluate(tmp_path / "wide.pkl", out), "text 9")
    with pytest.raises(SystemExit) as usage:
        train(data, out, "--modalities", "x")
    assert usage.value.code == 2


def test_features_that_are_not_finite_are_named(tmp_path, out, capsys):
    file = make_file()
    first = file.dialogues[0]
    write_dialogues(tmp_path / "inf.pkl", file)
    raw = pickle.loads((tmp_path / "inf.pkl").read_bytes())  # by others: ours is not written so
    raw[4][first.id][3][1] = np.inf
    (tmp_path / "inf.pkl").write_bytes(pickle.dumps(raw))
    assert train(tmp_path / "inf.pkl", out) == 2
    named = f"utterance {first.utterance_ids[3]}: the audio feature is not finite"
    assert named in capsys.readouterr().err
    assert not out.exists()


def test_a_hostile_pickle_is_refused_and_not_run(tmp_path, out, capsys):
    class Exploit:
        def __reduce__(self):
            return Path.touch, (tmp_path / "owned",)

    (tmp_path / "x.pkl").write_bytes(pickle.dumps([Exploit()]))
    assert train(tmp_path / "x.pkl", out) == 2
    assert "refused" in capsys.readouterr().err
    assert not (tmp_path / "owned").exists()


def test_dialogues_of_one_utterance_train_and_say_that_there_is_no_context(tmp_path, out, caplog):
    ids = [f"Sess{session:02d}_u{k}" for session in range(1, 5) for k in range(6)]
    file = replace(
        make_file(),
        dialogues=tuple(make_dialogue(i, 1) for i in ids),
        train_ids=tuple(ids[:12]),
        dev_ids=tuple(ids[12:18]),
        test_ids=tuple(ids[18:]),
    )
    write_dialogues(tmp_path / "single.pkl", file)
    with caplog.at_level("INFO"):
        assert train(tmp_path / "single.pkl", out) == 0
    assert "no context" in caplog.text
    assert evaluate(tmp_path / "single.pkl", out) == 0


def test_more_speakers_at_test_than_in_training(tmp_path, out):
    file = make_file()
    crowd = make_dialogue("Sess04_script01", 9, speakers=tuple("ABCDEFG"))
    dialogues = tuple(crowd if d.id == crowd.id else d for d in file.dialogues)
    write_dialogues(tmp_path / "crowd.pkl", replace(file, dialogues=dialogues))
    for preset in ("default", "cogmen"):
        assert train(tmp_path / "crowd.pkl", out, "--preset", preset) == 0
        assert evaluate(tmp_path / "crowd.pkl", out) == 0


@pytest.mark.parametrize(
    "command",
    [[str(ROOT / "graph_er" / "train.py")], ["-m", "graph_er.train"]],
    ids=["by path", "by module"],
)
def test_the_command_runs_in_a_process_of_its_own(data, tmp_path, command):
    done = subprocess.run(
        [sys.executable, *command, "--data_dir", str(data), "--out", "run", *QUICK],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"} if command[0] == "-m" else None,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "model.pt").exists()


def test_the_default_data_file_is_named_with_the_command_that_makes_it(monkeypatch, capsys):
    monkeypatch.setattr("graph_er.data_option.project_root", lambda: Path("/nowhere"))
    assert run_command(train_command.main, []) == 2
    assert "bash scripts/run_all.sh" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("data.pkl", "data.pkl"),
        ("predictions.csv", "eval.json"),
        ("predictions_seed1.csv", "eval.json"),
        ("reliability.png", "eval.json"),
    ],
)
def test_evaluation_never_replaces_the_features(data, out, tmp_path, capsys, name, target):
    assert train(data, out) == 0
    own = tmp_path / name
    own.write_bytes(data.read_bytes())
    assert evaluate(own, out, "--out", str(tmp_path / target)) == 2
    assert "--data_dir" in capsys.readouterr().err
    assert own.read_bytes() == data.read_bytes()


def test_neither_evaluation_nor_training_replaces_what_it_reads(data, out, tmp_path, capsys):
    assert train(data, out) == 0
    before = (out / "model.pt").read_bytes()
    assert evaluate(data, out, "--out", str(out / "model.pt")) == 2
    assert "is --pt_dir as well" in capsys.readouterr().err
    assert (out / "model.pt").read_bytes() == before
    settings = tmp_path / "mine" / "run.json"
    settings.parent.mkdir()
    settings.write_text("{}", encoding="utf-8")
    assert train(data, settings.parent, "--config", str(settings)) == 2
    assert "would be replaced, which is --config" in capsys.readouterr().err
    assert settings.read_text(encoding="utf-8") == "{}"


def without(path, modality, *sides):
    """Write a file that tells, as stage 2 does, that no utterance of some sides has a modality."""
    file = make_file()
    ids = [i for side in sides for d in file.side(side) for i in d.utterance_ids]
    write_dialogues(path, replace(file, info={**file.info, f"without_{modality}": ids}))
    return path


@pytest.mark.parametrize("side", ["train", "dev"])
@pytest.mark.parametrize(("letter", "name"), [("a", "audio"), ("t", "text")])
def test_nothing_is_learned_from_what_a_side_does_not_have(
    tmp_path, out, capsys, side, letter, name
):
    data = without(tmp_path / "x.pkl", name, side)
    assert train(data, out, "--modalities", letter) == 2
    assert f"no utterance of the {side} side has {name}" in capsys.readouterr().err
    both = train(data, out, "--modalities", "at")
    assert both == (2 if side == "train" else 0)
    assert train(data, out, "--modalities", "at".replace(letter, "")) == 0


def test_scores_on_a_side_without_a_modality(tmp_path, out, capsys, caplog):
    data = without(tmp_path / "x.pkl", "audio", "test")
    assert train(data, out, "--modalities", "a") == 0
    assert evaluate(data, out) == 2
    assert "no utterance of the test side has audio" in capsys.readouterr().err
    assert not (out / "eval_test").exists()
    assert evaluate(data, out, "--split", "dev") == 0
    assert train(data, out, "--modalities", "at") == 0
    caplog.clear()
    assert evaluate(data, out) == 0
    assert "the test side has audio, as the dialogue file tells" in caplog.text
    assert train(data, out, "--modalities", "t") == 0
    caplog.clear()
    assert evaluate(data, out) == 0
    assert "as the dialogue file tells" not in caplog.text


def test_scores_are_written_to_a_file_of_their_own(data, out, tmp_path, capsys, monkeypatch):
    assert train(data, out) == 0
    record = (out / "run.json").read_bytes()
    capsys.readouterr()
    assert evaluate(data, out, "--out", str(out / "run.json")) == 2
    assert "is --pt_dir as well" in capsys.readouterr().err
    assert (out / "run.json").read_bytes() == record
    monkeypatch.chdir(tmp_path)
    for folder in (".", "/"):
        assert evaluate(data, out, "--out", folder) == 2
        assert "is a folder; name a file" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name",
    ["predictions.csv", "Reliability.PNG", "PREDICTIONS_seed-12.csv", "predictions_Seed0.CSV"],
)
def test_scores_do_not_take_the_name_of_a_file_that_is_written_beside_them(
    data, out, tmp_path, capsys, name
):
    assert train(data, out) == 0
    capsys.readouterr()
    folder = tmp_path / "scores"
    assert evaluate(data, out, "--out", str(folder / name)) == 2
    error = capsys.readouterr().err
    assert f"--out {folder / name}: predictions or their picture" in error
    assert f"name another file, as {folder / 'eval.json'}" in error
    assert not folder.exists()
    assert evaluate(data, out, "--out", str(folder / "predictions.json")) == 0
    assert len([*folder.iterdir()]) == 3
