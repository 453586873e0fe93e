from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from graph_er.report.example import choose_example
from graph_er.report.page import render_html
from graph_er.report.runs import read_runs
from tests.graph_er.report.test_figures import many

VOID = {"meta", "img", "source"}


class Outline(HTMLParser):
    """Collects tags and attributes, and checks that tags close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open, self.tags, self.links = [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.links += [value for key, value in attributes if key in ("src", "href", "srcset")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def outline(page: str) -> Outline:
    parser = Outline()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    return parser


def test_sentences_are_escaped(results, runs, dialogue_file):
    page = render_html(results, choose_example(read_runs(runs), dialogue_file))
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "script" not in outline(page).tags
    assert "정말 너무해." in page


def test_the_page_fetches_nothing(results, runs, dialogue_file):
    links = outline(render_html(results, choose_example(read_runs(runs), dialogue_file))).links
    # Bars, heat map, two confusion matrices and the dialogue, each on light and dark.
    assert sum(link.startswith("data:image/svg+xml;base64,") for link in links) == 10
    assert all(link.startswith(("data:", "#")) for link in links)


def test_it_holds_every_section_and_every_link_has_a_target(results, runs, dialogue_file):
    page = render_html(results, choose_example(read_runs(runs), dialogue_file))
    sections = re.findall(r'<section id="(\w+)"', page)
    assert sections == ["scores", "emotions", "confusions", "dialogue", "provenance"]
    assert re.findall(r'href="#(\w+)"', page) == sections
    assert "not comparable with published ones" in page
    assert "Missing runs:" in page


def test_sections_without_content_are_left_out(results):
    for key in ("entries", "ensembles"):
        results[key] = [{**entry, "modalities": "a"} for entry in results[key]]
    page = render_html(results, None)
    assert re.findall(r'<section id="(\w+)"', page) == ["scores", "emotions", "provenance"]
    outline(page)


@pytest.mark.parametrize(("count", "side_by_side"), [(9, 1), (10, 0)])
def test_confusions_of_many_emotions_are_as_large_as_drawn(results, count, side_by_side):
    page = render_html(many(results, count, "emotion"), None)
    assert page.count('class="matrices"') == side_by_side
    assert page.count('alt="Confusion matrix: ') > 1


def test_paper_holds_the_whole_page(results):
    page = render_html(results, None)
    printed = page[page.index("@media print") : page.index("</style>")]
    assert ".scroll { overflow: visible; }" in printed
    assert "print-color-adjust: exact" in printed
    assert "details::details-content { content-visibility: visible; }" in printed
