"""What docs and READMEs quote of the benchmark is what its results file says."""

import re
from pathlib import Path

import pytest

from scripts.benchmarks.document import read_document
from scripts.benchmarks.plan import render_plan

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def document():
    return read_document(DOCS / "benchmark.json")


def test_the_table_is_made_from_the_results(document):
    assert document.size == "full"
    assert (DOCS / "benchmark.md").read_text("utf-8") == document.markdown()
    assert document.failed == []


def test_the_plan_is_made_from_the_results(document):
    assert render_plan(document) in (DOCS / "scale.md").read_text("utf-8")


@pytest.mark.parametrize("name", ["README.md", "README.ko.md"])
def test_the_readme_quotes_rows_of_the_table(name):
    text = (ROOT / name).read_text("utf-8")
    quoted = re.search(r"<!-- benchmark:begin -->\n+(.*?)\n+<!-- benchmark:end -->", text, re.S)
    rows = quoted[1].splitlines()
    assert len(rows) >= 8
    table = (DOCS / "benchmark.md").read_text("utf-8").splitlines()
    assert [row for row in rows if row not in table] == []
