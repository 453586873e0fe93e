"""``scripts/make_docs.sh``: what it refuses; its parts are run by test_documented_commands.py."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def run(*options, cwd=ROOT):
    return subprocess.run(
        ["bash", str(ROOT / "scripts" / "make_docs.sh"), *options],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--what"], "unknown option --what"),
        (["--only"], "--only needs a value"),
        (["--only", "everything"], "--only must be one of study"),
        ([], "ablation needs --data"),
        (["--only", "real_dialogues", "--data", "nowhere"], "real_dialogues needs --data"),
    ],
)
def test_wrong_options_are_refused_before_any_work(tmp_path, options, message):
    done = run(*options, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.fixture
def make(tmp_path):
    """Make a part in a copy, with a stub as interpreter; return the steps that were not skipped."""
    copy, stub = tmp_path / "copy", tmp_path / "python"
    for name in ("scripts", "docs"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("README.md", "README.ko.md", "requirements.txt"):
        shutil.copy(ROOT / name, copy / name)
    for name in ("graph_er", "feature_extractor"):
        (copy / name).mkdir()
    stub.write_text(
        f"""#!/usr/bin/env bash
case "$1 $2" in
  -c*hashlib*) touch {tmp_path}/stamp && echo {tmp_path}/stamp ;;
  scripts/digest.py*) exec {sys.executable} "$@" ;;
esac
while [ $# -gt 0 ] && [ "$1" != --out ]; do shift; done
case ${{2:-}} in
  *.json) touch "$2" ;;
  */folds) mkdir -p "$2" && touch "$2"/plain-1.json ;;
  */benchmark) mkdir "$2" && touch "$2"/benchmark.{{json,md,png}} ;;
  ?*) mkdir -p "$2" && touch "$2"/{{results.json,session1.pkl}} ;;
esac
""",
        "utf-8",
    )
    stub.chmod(0o755)

    def make(part, *options):
        done = subprocess.run(
            ["bash", copy / "scripts" / "make_docs.sh", "--tiny", "--only", part, *options],
            env={**os.environ, "GRAPH_ER_PYTHON": str(stub)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return re.findall(r"^== (\w\S*)$", done.stderr, re.M)

    return copy, make


def test_the_benchmark_is_made_anew_with_its_own_code_alone(make, tmp_path):
    copy, make = make
    assert make("benchmark") == ["benchmark"]
    (tmp_path / "meld.pkl").touch()
    for name in ("scripts/documents/mended.json", "scripts/rooms/picture.py"):
        (copy / name).write_text("", "utf-8")
    assert make("benchmark", "--data", str(tmp_path)) == []
    for name in ("scripts/benchmarks/sizes.py", "graph_er/new.py", "requirements.txt"):
        (copy / name).write_text("# other", "utf-8")
        assert make("benchmark") == ["benchmark"]


def test_a_part_is_made_anew_with_the_data_that_it_reads(make, tmp_path):
    copy, make = make
    data = tmp_path / "data"
    (data / "korean_emotional_speech").mkdir(parents=True)
    for name in ("meld.pkl", "emorynlp.pkl", "dyadic_sessions1-4.pkl"):
        (data / name).touch()
    audio, table = (data / "korean_emotional_speech" / n for n in ("1.wav", "metadata.csv"))
    audio.touch()
    table.touch()
    scalings = ("as_they_are", "by_speaker", "mfcc_by_speaker")
    folds = [f"recordings_{scaling}_plain-1" for scaling in scalings]

    assert len(make("real_dialogues", "--data", str(data))) == 2 * 2 + 1 + 4 * 2
    assert make("recordings", "--data", str(data)) == ["recordings_folds", *folds]
    (data / "emorynlp.pkl").write_text("other", "utf-8")
    (copy / "scripts" / "documents" / "recordings.py").write_text("", "utf-8")
    made = make("real_dialogues", "--data", str(data))
    assert made == ["real_emorynlp", "real_emorynlp_eval"]
    assert make("recordings", "--data", str(data)) == ["recordings_folds"]
    audio.write_text("other", "utf-8")
    assert make("real_dialogues", "--data", str(data)) == []
    assert make("recordings", "--data", str(data)) == ["recordings_folds", *folds]


def test_help_names_every_results_file():
    done = run("--help")
    assert done.returncode == 0
    results = {path.name for path in (ROOT / "docs").glob("*.json")} - {"sbom.json"}
    assert [name for name in results if name.removesuffix(".json") not in done.stdout] == []
