"""The command itself: results, exit statuses, options."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from scripts import benchmark
from scripts.benchmarks import processes
from scripts.benchmarks.document import joined, read_document
from scripts.benchmarks.measurements import MEASUREMENTS, graph
from scripts.benchmarks.reference.graph import batch_edges
from tests.benchmarks.test_rows import make_document

ROOT = Path(__file__).resolve().parents[2]


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["benchmark.py", *map(str, arguments)])
    return benchmark.cli()


def test_it_runs_from_any_folder(tmp_path):
    command = [sys.executable, str(ROOT / "scripts" / "benchmark.py"), "--tiny"]
    done = subprocess.run(
        [*command, "--only", "files", "--out", "results"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    document = read_document(tmp_path / "results" / "benchmark.json")
    assert {row.stage for row in document.rows} == {"files"}
    assert all(row.check.passed for row in document.rows if row.check)
    assert sum(row.check is not None for row in document.rows) == 1
    files = [row for row in document.rows if row.stage == "files"]
    assert all(row.memory_ours and row.memory_reference for row in files)
    assert (tmp_path / "results" / "benchmark.md").read_text("utf-8") in done.stdout


def test_a_result_that_differs_ends_with_status_1(tmp_path, monkeypatch, capsys):
    def shifted(*arguments):
        edge_index, edge_type = batch_edges(*arguments)
        return edge_index, edge_type + 1

    monkeypatch.setattr(graph, "batch_edges", shifted)
    assert run(monkeypatch, "--tiny", "--only", "graph", "--out", tmp_path) == 1
    assert "differ from the reference" in capsys.readouterr().err
    assert "**NO**" in (tmp_path / "benchmark.md").read_text("utf-8")


def test_results_can_be_rendered_again(tmp_path, monkeypatch):
    make_document().write(tmp_path)
    page = (tmp_path / "benchmark.md").read_text("utf-8")
    out = tmp_path / "again"
    assert run(monkeypatch, "--from", tmp_path / "benchmark.json", "--out", out) == 0
    assert (out / "benchmark.md").read_text("utf-8") == page
    assert (out / "benchmark.png").exists()


def test_results_of_two_sittings_become_one(tmp_path, monkeypatch):
    whole = make_document()
    stages = list(dict.fromkeys(row.stage for row in whole.rows))
    assert len(stages) > 1
    for name, chosen in (("first", stages[:1]), ("second", stages[1:])):
        rows = [row for row in whole.rows if row.stage in chosen]
        replace(whole, rows=rows).write(tmp_path / name)
    sources = [tmp_path / name / "benchmark.json" for name in ("first", "second")]
    assert run(monkeypatch, "--from", *sources, "--out", tmp_path) == 0
    found = read_document(tmp_path / "benchmark.json").rows
    assert {row.title: row for row in found} == {row.title: row for row in whole.rows}


@pytest.mark.parametrize(
    ("clean", "joint"),
    [((True, True), True), ((True, None), None), ((None, False), False), ((True, False), False)],
)
def test_dates_and_trees_of_two_sittings_are_told_of_both(clean, joint):
    whole, dates = make_document(), ("2026-01-01T00:00+00:00", "2026-01-02T00:00+00:00")
    machine = joined(
        [
            replace(whole, machine={**whole.machine, "date": date, "tree_clean": tree})
            for date, tree in zip(dates, clean, strict=True)
        ]
    ).machine
    assert machine["date"] == " and ".join(dates)
    assert machine["tree_clean"] is joint


def test_results_of_different_sizes_are_not_joined(tmp_path, monkeypatch, capsys):
    make_document().write(tmp_path / "first")
    replace(make_document(), size="tiny").write(tmp_path / "second")
    sources = [tmp_path / name / "benchmark.json" for name in ("first", "second")]
    assert run(monkeypatch, "--from", *sources, "--out", tmp_path) == 2
    assert "different size" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--from", "--plan"])
def test_a_missing_file_ends_with_status_2(tmp_path, monkeypatch, capsys, option):
    assert run(monkeypatch, option, tmp_path / "none.json") == 2
    assert "no such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "given"),
    [
        ("--from", ("--only", "graph")),
        ("--from", ("--data_dir", "x.pkl")),
        ("--from", ("--full",)),
        ("--plan", ("--tiny",)),
        ("--plan", ("--out", "folder")),
    ],
)
def test_options_that_would_not_be_read_are_refused(monkeypatch, capsys, option, given):
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, option, "benchmark.json", *given)
    assert ended.value.code == 2
    assert f"leave {given[0]} out" in capsys.readouterr().err


def test_a_bad_dialogue_file_ends_with_status_2(tmp_path, monkeypatch, capsys):
    missing = tmp_path / "none.pkl"
    options = ("--tiny", "--only", "epoch", "--data_dir", missing, "--out", tmp_path)
    assert run(monkeypatch, *options) == 2
    assert "none.pkl" in capsys.readouterr().err


def test_help_names_every_measurement(monkeypatch, capsys):
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, "--help")
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in MEASUREMENTS)


def test_costs_are_those_of_the_process():
    code = "import time; block = bytearray(200_000_000); time.sleep(0.2); print('done')"
    cost = processes.measured(processes.python("-c", code))
    assert cost.output.strip() == "done"
    assert cost.seconds >= 0.2
    assert 200_000_000 < cost.peak_bytes < 300_000_000
    # Not what this large process holds.
    assert processes.measured(processes.python("-S", "-c", "pass")).peak_bytes < 40_000_000


def test_a_failing_process_is_told_with_its_last_words():
    with pytest.raises(RuntimeError, match="status 3"):
        processes.measured(processes.python("-c", "import sys; sys.exit(3)"))
