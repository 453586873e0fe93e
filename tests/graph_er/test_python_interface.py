"""What others import from Python; these names and places are a promise."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("line", "light"),
    [
        ("from graph_er.dialogues import read_dialogues, write_dialogues", True),
        ("from graph_er.graph import relation_types, window_edges", False),
        ("from graph_er.predict import EmotionPredictor", False),
    ],
)
def test_a_line_that_others_import_by(line, light):
    """In a process of its own: nothing else was imported before."""
    tell = "import sys; print('torch' in sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", f"{line}; {tell}"], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout.strip() == str(not light)


def test_edges_and_relations_are_those_of_the_graphs():
    from graph_er import graph
    from graph_er.graphs.graph import relation_types, window_edges

    assert (graph.relation_types, graph.window_edges) == (relation_types, window_edges)
