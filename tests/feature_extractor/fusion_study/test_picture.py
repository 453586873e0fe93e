"""The picture of the study: nothing runs through what is written in it."""

import json
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex

from feature_extractor.fusion_study.picture import comparison_figure
from graph_er.report.palette import LIGHT

ROOT = Path(__file__).resolve().parents[3]


def test_numbers_cover_the_lines_and_names_stand_above_the_first_model():
    results = json.loads((ROOT / "docs" / "fusions.json").read_text("utf-8"))
    figure = comparison_figure(results)
    FigureCanvasAgg(figure).draw()
    (axes,) = figure.axes
    numbers = [text for text in axes.texts if text.get_text()[0].isdigit()]
    assert len(numbers) == sum(row["modalities"] == "at" for row in results["rows"])
    below = {to_hex(text.get_bbox_patch().get_facecolor()).upper() for text in numbers}
    assert below == {LIGHT.paper}
    dots = [line.get_window_extent().y1 for line in axes.lines if line.get_marker() == "o"]
    names = [text.get_window_extent().y0 for text in axes.texts if text not in numbers]
    assert len(names) == 3
    assert max(dots) < min(names)
