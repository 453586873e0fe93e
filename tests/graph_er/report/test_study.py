from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from graph_er import study
from graph_er.errors import InputError
from graph_er.report.collect import collect_study
from graph_er.report.markdown import BEGIN, END, updated_readme
from graph_er.report.runs import read_runs
from graph_er.report.tables import main_table

ROOT = Path(study.__file__).resolve().parents[1]


def test_it_writes_four_files_and_prints_the_table(
    runs, data_path, dialogue_file, tmp_path, capsys
):
    readme = tmp_path / "README.md"
    readme.write_text(f"{BEGIN}\n{END}\n")
    out = tmp_path / "out"
    arguments = ["--runs", runs, "--data_dir", data_path, "--out", out, "--readme", readme]
    study.main([str(argument) for argument in arguments])
    names = ["report.html", "report.md", "results.json", "results.png"]
    assert sorted(path.name for path in out.iterdir()) == names
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    expected = collect_study(read_runs(runs), dialogue_file)
    assert results["entries"] == expected["entries"]
    assert capsys.readouterr().out == main_table(results)
    assert updated_readme(readme.read_text(), results, readme) == readme.read_text()
    assert (out / "results.png").read_bytes().startswith(b"\x89PNG")


def test_results_can_be_rendered_again_without_the_runs(results, tmp_path, capsys):
    path = tmp_path / "results.json"
    path.write_text(json.dumps(results))
    study.main(["--from", str(path)])
    assert capsys.readouterr().out == main_table(results)


def test_selections_that_were_not_asked_for_are_left_out(write_run, tmp_path, data_path, capsys):
    write_run("concat_t", [[0, 0, 1, 1]])
    arguments = ["--runs", str(tmp_path / "runs"), "--data_dir", str(data_path)]
    study.main([*arguments, "--modalities", "t"])
    shown = capsys.readouterr().out
    assert "| Concat (stage 1 alone) " in shown
    assert [line.split("|")[2].strip() for line in shown.splitlines() if "missing" in line] == [
        *("text", "text"),
    ]
    for name in ("report.md", "report.html"):
        report = (tmp_path / "runs" / name).read_text(encoding="utf-8")
        assert "audio" not in report


def test_bad_input_writes_nothing(runs, data_path, tmp_path):
    (runs / "graph_at" / "eval.json").write_text("{")
    command = [sys.executable, str(ROOT / "graph_er" / "study.py")]
    arguments = ["--runs", runs, "--data_dir", data_path, "--out", tmp_path / "out"]
    done = subprocess.run(
        [*command, *map(str, arguments)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert str(Path("graph_at", "eval.json")) in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("arguments", [[], ["--runs", "a", "--from", "b"]])
def test_one_source_is_required(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        study.main(arguments)
    assert caught.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_help_works_by_module_from_any_folder(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "graph_er.study", "--help"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "--readme" in done.stdout


def test_no_file_that_is_read_is_replaced(tmp_path):
    own = tmp_path / "report.md"
    own.write_text("mine", encoding="utf-8")
    for option in ("--data_dir", "--readme"):
        with pytest.raises(InputError, match=f"would be replaced, which is {option}"):
            study.main(["--runs", str(tmp_path), option, str(own)])
    assert own.read_text(encoding="utf-8") == "mine"
