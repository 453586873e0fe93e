"""The drawing of the rooms: what is written in a box stays in it."""

from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from scripts.rooms.house import read_house
from scripts.rooms.picture import house_figure

ROOT = Path(__file__).resolve().parents[2]


def test_texts_stay_in_their_boxes_and_arrows_below_the_texts():
    house = read_house(ROOT)
    figure = house_figure(house)
    FigureCanvasAgg(figure).draw()
    (axes,) = figure.axes
    frames = [patch for patch in axes.patches if isinstance(patch, FancyBboxPatch)]
    boxes = [frame.get_window_extent() for frame in frames]
    texts = [text for text in axes.texts if text.get_path_effects()]
    assert len(texts) == 2 * len(boxes) > 40
    for text in texts:
        extent = text.get_window_extent()
        assert any(
            box.x0 <= extent.x0 and extent.x1 <= box.x1 and box.y0 <= extent.y0
            and extent.y1 <= box.y1 for box in boxes
        ), text.get_text()  # fmt: skip
    arrows = [patch for patch in axes.patches if isinstance(patch, FancyArrowPatch)]
    assert max(arrow.zorder for arrow in arrows) < min(text.zorder for text in texts)
