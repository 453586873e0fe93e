"""``scripts/compare_fusions.sh`` on a small demo corpus, and stages 1 and 2 with fusion models."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from feature_extractor import eval as evaluate
from feature_extractor import extract, train
from graph_er.dialogues import read_dialogues

ROOT = Path(__file__).resolve().parents[1]
SMALL = ("--sessions", "4", "--dialogues", "2", "--utterances", "8")


def run(*command, cwd=ROOT):
    environment = {**os.environ, "GRAPH_ER_PYTHON": sys.executable, "HF_HUB_OFFLINE": "1"}
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    root = tmp_path_factory.mktemp("fusions") / "demo"
    done = run(sys.executable, ROOT / "feature_extractor" / "demo.py", "--out", root, *SMALL)
    assert done.returncode == 0, done.stderr
    return root


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--what", "x"], "unknown option --what"),
        (["--corpus", "kemdy20"], "kemdy20 needs --root"),
        (["--encoders", "mine"], "--encoders must be tuned or pretrained"),
        (["--name", "../x"], "--name must be letters"),
        (["--fusions"], "--fusions needs a value"),
        (["--seeds"], "--seeds needs a value"),
        (["--speaker_scaling", "--modalities", "t"], "--speaker_scaling scales audio"),
    ],
)
def test_wrong_options_are_refused_before_any_work(options, message):
    done = run("bash", ROOT / "scripts" / "compare_fusions.sh", *options)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.fixture
def stub(tmp_path, monkeypatch):
    """Put a stub in the interpreter's place, which ends train.py with status 1 if $FAIL is set."""
    stub = tmp_path / "python"
    stub.write_text(
        f"""#!/bin/sh
case "$1 $2" in
  -c*hashlib*) touch {tmp_path}/stamp && echo {tmp_path}/stamp ;;
  -c*) ;;
  *) echo "$@" >>{tmp_path}/calls ;;
esac
case $1 in *train.py) exit ${{FAIL:-0}} ;; esac
""",
        "utf-8",
    )
    stub.chmod(0o755)
    monkeypatch.setenv("GRAPH_ER_PYTHON", str(stub))

    def compare(*options):
        command = ["bash", ROOT / "scripts" / "compare_fusions.sh", "--root", tmp_path, *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done, (tmp_path / "calls").read_text("utf-8").splitlines()

    return compare


def test_an_encoder_that_cannot_be_tuned_ends_the_comparison(stub, monkeypatch):
    monkeypatch.setenv("FAIL", "1")
    done, calls = stub()
    assert done.returncode == 1
    assert [call.split()[0] for call in calls] == ["feature_extractor/train.py"]


def test_tuned_encoders_are_compared_each_fold_under_a_name_of_its_own(stub):
    done, calls = stub("--split", "folds:5", "--fold", "2")
    assert done.returncode == 0, done.stderr
    assert [call.split()[0][18:] for call in calls] == ["train.py"] * 2 + ["compare_fusions.py"]
    assert "--split folds:5 --fold 2 " in calls[2]
    assert "--out runs/demo_fusions_fold2 " in calls[2]
    for kind, name in (("text", "t"), ("audio", "a")):
        assert f"--{kind}_encoder model_checkpoints/demo_fusions_fold2/encoder_{name}" in calls[2]


def test_help_needs_no_environment():
    done = run("bash", ROOT / "scripts" / "compare_fusions.sh", "--help")
    assert done.returncode == 0
    assert "--encoders HOW" in done.stdout


@pytest.mark.slow
def test_the_command_compares_and_goes_on_where_it_stopped(demo, tmp_path):
    command = [
        *(sys.executable, ROOT / "feature_extractor" / "compare_fusions.py"),
        *("--corpus", "demo", "--root", demo, "--out", tmp_path / "out"),
        *("--cache_dir", tmp_path / "cache", "--fusions", "concat"),
        *("--modalities", "t", "at", "--epochs", "1", "--seeds", "1", "--lanes", "1"),
    ]
    first = run(*command)
    assert first.returncode == 0, first.stderr
    results = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
    assert {row["fusion"] for row in results["rows"]} == {"concat"}
    assert "| concat" in first.stdout
    assert str(demo) not in json.dumps(results)
    assert (tmp_path / "out" / "results.png").read_bytes().startswith(b"\x89PNG")
    again = run(*command)
    assert again.returncode == 0, again.stderr
    assert again.stdout.splitlines()[-20:] == first.stdout.splitlines()[-20:]


@pytest.mark.parametrize(
    ("fusion", "modalities", "options"),
    [
        ("distilled_gate", "at", ["--freeze_text", "1", "--freeze_audio", "cnn"]),
        ("late_fusion", "at", ["--freeze_audio", "cnn"]),
        (
            "cross_modal_transformer",
            "at",
            ["--audio_encoder", "mfcc", "--freeze_text", "all", "--context", "2"],
        ),
        ("mfcc_transformer", "a", ["--audio_encoder", "mfcc", "--loss", "focal"]),
    ],
)
def test_stages_1_and_2_with_other_models(demo, tmp_path, fusion, modalities, options):
    corpus = ["--corpus", "demo", "--root", str(demo)]
    folder, out = tmp_path / "run", tmp_path / "features.pkl"
    trained = ["--fusion", fusion, "--modalities", modalities, "--epochs", "1", *options]
    places = ["--cache_dir", str(tmp_path / "cache"), "--out", str(folder)]
    train.main([*corpus, *trained, *places])
    evaluate.main([*corpus, "--checkpoint", str(folder), "--side", "dev"])
    scores = json.loads((folder / "eval_dev" / "eval.json").read_text(encoding="utf-8"))
    recorded = json.loads((folder / "run.json").read_text(encoding="utf-8"))["metrics"]["dev"]
    assert scores["weighted_f1"] == pytest.approx(recorded["weighted_f1"])
    extract.main([*corpus, "--checkpoint", str(folder), "--out", str(out)])
    file = read_dialogues(out)
    assert file.modalities == modalities
    assert sum(len(dialogue) for dialogue in file.dialogues) == 64
