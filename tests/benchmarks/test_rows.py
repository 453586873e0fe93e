"""Ratios, goals and the files made of them."""

import json

import pytest

from graph_er.errors import InputError
from scripts.benchmarks.document import Document, read_document
from scripts.benchmarks.picture import ratio_figure
from scripts.benchmarks.rows import Check, Goal, Row, at_most, failed_checks, row_from
from scripts.benchmarks.tables import quantity, ratio_text

MACHINE = {
    **{"cpu": "a processor", "cores": 2, "memory_bytes": 16_000_000_000, "gpu": None},
    **{"torch": "2", "torch_geometric": "2", "transformers": "5", "threads": 2, "python": "3.11"},
    **{"platform": "Linux", "date": "2026-01-01T00:00+00:00", "commit": "0" * 40},
    "tree_clean": True,
}


def make_rows():
    same = Check("difference", 1e-6, 1e-4, True)
    return [
        Row("graph", "edges", "s", 0.001, 0.5, items=100, item="edges", check=same,
            goal=Goal("ratio at least", 200), memory_ours=50_000_000),
        Row("run", "a run", "s", 10.0, 20.0, goal=Goal("ratio at least", 15), note="from 3 epochs"),
        Row("imports", "start-up", "s", 0.2, goal=Goal("ours at most", 0.3)),
        Row("run", "weighted F1", "score", 0.6, 0.5, goal=Goal("ratio at least", 1)),
        Row("cuda", "on a GPU", "s", None, note="no GPU here"),
    ]  # fmt: skip


def make_document(rows=None, size="full", **unit_costs):
    return Document(size, MACHINE, make_rows() if rows is None else rows, unit_costs)


def test_ratios_say_how_much_better_ours_is():
    edges, run, start, score, gpu = make_rows()
    assert edges.ratio == pytest.approx(500)
    assert run.ratio == pytest.approx(2)
    assert score.ratio == pytest.approx(1.2)
    assert start.ratio is None
    assert gpu.ratio is None
    assert edges.throughput == pytest.approx(100_000)


def test_goals_are_judged_in_their_own_terms():
    assert [row.met for row in make_rows()] == [True, False, True, True, None]
    assert Row("x", "x", "bytes", 7e9, goal=Goal("ours at most", 6e9)).met is False
    assert Row("x", "x", "s", 1.0, goal=Goal("ratio at least", 2)).met is None
    nothing = Row("x", "x", "score", 0.0, 0.5, goal=Goal("ratio at least", 1))
    assert (nothing.ratio, nothing.met) == (0, False)
    assert Row("x", "x", "s", 0.0, 0.5, goal=Goal("ratio at least", 1)).met is None
    with pytest.raises(InputError, match="goal kind"):
        Goal("at best", 1)


def test_a_difference_that_is_no_number_does_not_pass():
    assert at_most("x", 0.0, 0).passed
    assert not at_most("x", float("nan"), 1).passed
    bad = Row("x", "x", "s", 1.0, check=at_most("x", 2, 1))
    assert failed_checks([*make_rows(), bad]) == [bad]


def test_the_file_gives_back_what_was_written(tmp_path):
    make_document(cost=1.5).write(tmp_path)
    found = read_document(tmp_path / "benchmark.json")
    assert found == make_document(cost=1.5)
    assert (tmp_path / "benchmark.png").read_bytes().startswith(b"\x89PNG")
    written = json.loads((tmp_path / "benchmark.json").read_text("utf-8"))
    assert [row["met"] for row in written["rows"]] == [True, False, True, True, None]


@pytest.mark.parametrize(
    "content", ["", "[]", '{"schema_version": 9}', '{"schema_version": 1, "rows": [{"x": 1}]}']
)
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "benchmark.json"
    path.write_text(content, "utf-8")
    with pytest.raises(InputError, match="benchmark"):
        read_document(path)


def test_rows_of_the_wrong_kind_are_refused():
    with pytest.raises(InputError):
        row_from({**make_rows()[0].plain(), "ours": "fast"})


def test_the_table_has_a_line_for_every_row():
    page = make_document().markdown()
    lines = [line for line in page.splitlines() if line.startswith("| ")]
    assert len(lines) == 2 * (2 + len(make_rows()))
    edges = next(line for line in lines if "edges" in line)
    cells = [cell.strip() for cell in edges.split("|")[1:-1]]
    assert cells == ["1", "edges", "1 ms", "500 ms", "× 500", "≥ × 200", "yes", "yes"]
    assert "**no**" in next(line for line in lines if "a run" in line)
    assert "from 3 epochs" in page
    assert "no GPU here" in page
    assert "a processor, 2 cores, 16 GB" in page
    assert "clean tree" in page


def test_quantities_are_readable():
    assert quantity(None, "s") == "–"
    assert quantity(0.0123, "s") == "12.3 ms"
    assert [quantity(s, "s") for s in (0.9994, 0.9997)] == ["999 ms", "1 s"]
    assert quantity(1234.5, "s") == "1,234 s"
    assert [quantity(b, "bytes") for b in (9.994e8, 9.996e8)] == ["999 MB", "1.00 GB"]
    assert quantity(2.5e9, "bytes") == "2.50 GB"
    assert quantity(0.6, "score") == "0.600"
    assert ratio_text(1234.0) == "× 1,234"
    assert ratio_text(0.98765) == "× 0.988"


def test_the_picture_has_a_bar_for_every_ratio_and_a_mark_for_every_goal():
    (axes,) = ratio_figure(make_rows()).axes
    widths = [bar.get_x() + bar.get_width() for bar in axes.patches]
    assert widths == pytest.approx([500, 2, 1.2])
    marks = [line.get_xdata()[0] for line in axes.lines if len(line.get_xdata()) == 2]
    assert [mark for mark in marks if mark in (200, 15)] == [200, 15]
    assert axes.get_xscale() == "log"


@pytest.mark.filterwarnings("error")
def test_a_ratio_of_nothing_can_be_drawn():
    nothing = Row("x", "x", "score", 0.0, 0.5, goal=Goal("ratio at least", 1))
    (axes,) = ratio_figure([*make_rows(), nothing]).axes
    assert axes.get_xlim()[0] == 0.5


def test_a_picture_without_ratios_can_be_drawn(tmp_path):
    make_document(rows=[]).write(tmp_path)
    assert (tmp_path / "benchmark.png").exists()
