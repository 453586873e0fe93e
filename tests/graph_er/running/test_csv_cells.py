import pytest

from graph_er.running.csv_cells import guarded, unguarded

FORMULAS = ("=1+1", "+A1", "-A1", "@SUM(A1)", "\t=1", "\r=1", "＝1", "'=1", "''=1", "-", "=", "--1")
TEXTS = ("", "안녕", "a=1", "'quoted'", "it's", "1", "-1", "+1.5", "-1e-3", "'", " =1")


@pytest.mark.parametrize("cell", FORMULAS)
def test_what_a_spreadsheet_would_run_becomes_text_and_comes_back(cell):
    assert guarded(cell) == f"'{cell}"
    assert unguarded(guarded(cell)) == cell


@pytest.mark.parametrize("cell", [*TEXTS, 1, -1.5, None])
def test_everything_else_stays_as_it_is(cell):
    assert guarded(cell) == cell
    assert cell is None or unguarded(str(cell)) == str(cell)
