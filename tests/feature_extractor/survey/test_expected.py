"""data/README.md is held to the readers: its table of counts, and a section for every corpus."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from feature_extractor.check import main
from feature_extractor.corpora import CORPORA
from feature_extractor.survey.expected import expected_table

PAGE = (Path(__file__).resolve().parents[3] / "data" / "README.md").read_text(encoding="utf-8")


def test_the_page_quotes_the_table_that_the_command_prints(capsys):
    main(["--expected"])
    printed = capsys.readouterr().out.rstrip()
    assert printed == expected_table()
    quoted = PAGE.split("<!-- expected:begin -->")[1].split("<!-- expected:end -->")[0].strip()
    assert quoted == printed


def test_the_table_has_known_counts_and_none_that_are_unknown():
    rows = {row.split("|")[1].strip(): row for row in expected_table().splitlines()[2:]}
    assert "| 40 | 240 | 12,828 | neutral 11,120, angry 144, happy 1,183," in rows["`kemdy20`"]
    assert "| 20 | 200 | 9,627 | neutral 3,835," in rows["`kemdy19`"]
    assert {"`iemocap --classes 4`", "`iemocap --classes 6`", "`meld`"} <= set(rows)
    assert not {"`demo`", "`table`"} & set(rows)


@pytest.mark.parametrize("name", [name for name in CORPORA if name != "demo"])
def test_the_page_tells_of_every_corpus_how_to_check_it_and_what_is_odd(name):
    (section,) = (part for part in PAGE.split("\n## ") if f"(`--corpus {name}`)" in part[:80])
    assert re.search(rf"python -m feature_extractor.check --corpus {name} --root \S+", section)
    assert "odd about it" in section
    assert "licence" in section or "terms of use" in section or "registration" in section
    assert all(f"--{policy}" in section for policy in CORPORA[name].policies)
