from __future__ import annotations

from itertools import pairwise

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from graph_er.report.canvas import plain_labels, to_png, to_svg
from graph_er.report.example import Example, Turn
from graph_er.report.figures import confusion_figure, emotion_figure, weighted_f1_figure
from graph_er.report.fonts import families
from graph_er.report.palette import DARK, LIGHT, emotion_colours
from graph_er.report.timeline import dialogue_figure

EMOTIONS = ("neutral", "angry", "sad")


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


@pytest.fixture
def example():
    turns = (
        Turn("u1", "F", "응.", "angry", "angry", 0.9),
        Turn("u2", "여자", "왜?", "sad", "angry", 0.4),
    )
    return Example("d1", "graph", "at", 2, turns)


def test_the_same_record_gives_the_same_bytes(results):
    settings = dict(matplotlib.rcParams)
    assert to_svg(weighted_f1_figure(results)) == to_svg(weighted_f1_figure(results))
    assert to_png(emotion_figure(results), dpi=50) == to_png(emotion_figure(results), dpi=50)
    assert dict(matplotlib.rcParams) == settings


def test_bars_stand_at_the_means_and_missing_runs_are_named(results):
    figure = weighted_f1_figure(results)
    bars = [p.get_height() for p in figure.axes[0].patches if isinstance(p, Rectangle)]
    assert bars == pytest.approx([200 / 3, 250 / 3])
    assert texts(figure).count("missing") == 7
    assert "majority\nclass 33.3" in texts(figure)


def test_the_heat_map_has_a_row_for_each_measured_condition(results):
    figure = emotion_figure(results)
    shown = figure.axes[0].images[0].get_array()
    np.testing.assert_allclose(shown, [[1, 2 / 3, 0], [1, 5 / 6, 0.5]])


def many(results, count, name):
    """The same study of another number of emotions."""
    if isinstance(results, list):
        return [many(value, count, name) for value in results]
    if not isinstance(results, dict):
        return results
    emotions = [f"{name} {number}" for number in range(count)]
    changes = {"emotions": emotions} if "emotions" in results else {}
    if "per_class" in results:
        (first, *_) = results["per_class"].values()
        changes["per_class"] = dict.fromkeys(emotions, first)
        changes["confusion_matrix"] = np.eye(count, dtype=int).tolist()
    return {key: many(value, count, name) for key, value in results.items()} | changes


@pytest.mark.parametrize(
    ("count", "name", "slanted"),
    [(2, "of some length", 0), (7, "surpris", 0), (7, "embarrassed", 40), (26, "joy", 40)],
)
def test_names_above_the_heat_map_do_not_run_into_each_other(results, count, name, slanted):
    figure = emotion_figure(many(results, count, name))
    to_png(figure, dpi=figure.dpi)
    heads = figure.axes[0].get_xticklabels()
    assert {head.get_rotation() for head in heads} == {slanted}
    boxes = [head.get_window_extent() for head in heads]
    assert all(box.x0 >= 0 and box.x1 <= figure.bbox.width for box in boxes)
    if slanted:
        distance = (boxes[1].x0 - boxes[0].x0) * np.sin(np.radians(slanted))
        assert distance > heads[0].get_fontsize() * figure.dpi / 72
    else:
        assert all(a.x1 < b.x0 for a, b in pairwise(boxes))


def test_confusions_are_normalised_by_row_and_show_counts():
    figure = confusion_figure([[3, 1, 0], [0, 0, 0], [0, 2, 2]], EMOTIONS)
    shown = figure.axes[0].images[0].get_array()
    np.testing.assert_allclose(shown, [[0.75, 0.25, 0], [0, 0, 0], [0, 0.5, 0.5]])
    assert texts(figure) == ["75", "3", "25", "1", "50", "2", "50", "2"]


def test_the_dialogue_shows_gold_above_predicted_in_the_lane_of_the_speaker(example):
    figure = dialogue_figure(example, EMOTIONS)
    colours = emotion_colours(EMOTIONS)
    cells = {
        (round(p.get_x()), p.get_y()): matplotlib.colors.to_hex(p.get_facecolor()).upper()
        for p in figure.axes[0].patches
        if p.get_height() == 0.84
    }
    in_order = [colour for _, colour in sorted(cells.items())]
    assert in_order == [colours[e] for e in ("angry", "angry", "sad", "angry")]
    tops = [y for _, y in sorted(cells)]
    assert tops[0] < tops[1] < tops[2] < tops[3]
    assert "90" in texts(figure)
    assert "40" in texts(figure)


def test_only_a_wrong_prediction_is_framed(example):
    figure = dialogue_figure(example, EMOTIONS)
    framed = [p for p in figure.axes[0].patches if p.get_height() == 0.84 and p.get_linewidth() > 1]
    assert [round(p.get_x()) for p in framed] == [1]


def drawn_korean(example, theme):
    """Names in two pictures; matplotlib warns of a glyph it lacks, and warnings are errors here."""
    figures = (
        dialogue_figure(example, EMOTIONS, theme),
        confusion_figure([[1, 0], [0, 1]], ("분노", "$슬픔$"), theme),
    )
    for figure in figures:
        to_svg(figure)
    return texts(figures[0]), [tick.get_text() for tick in figures[1].axes[0].get_yticklabels()]


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_hangul_never_reaches_fonts_without_it(example, theme, no_hangul):
    speakers, emotions = drawn_korean(example, theme)
    assert "speaker 2" in speakers
    assert emotions == ["emotion 1", "emotion 2"]
    assert plain_labels(("F", "여자"), "speaker") == ["F", "speaker 2"]


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_korean_is_drawn_where_a_font_has_it(example, theme):
    if len(families()) == 1:
        pytest.skip("no font with Korean letters is installed")
    speakers, emotions = drawn_korean(example, theme)
    assert "여자" in speakers
    assert emotions == ["분노", "$슬픔$"]


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_pale_bars_have_an_outline_that_is_seen(results, theme):
    bars = weighted_f1_figure(results, theme).axes[0].patches
    assert {to_hex(bar.get_edgecolor()) for bar in bars} == {theme.muted.lower()}


@pytest.mark.parametrize(("count", "length", "lines"), [(7, 20, 1), (26, 60, 2), (26, 26, 3)])
def test_a_legend_of_many_emotions_stands_within_the_picture(count, length, lines):
    emotions = [f"emotion {number}" for number in range(count)]
    turns = tuple(
        Turn(str(n), "F", "", emotions[n % count], emotions[n % count], 0.5) for n in range(length)
    )
    figure = dialogue_figure(Example("d", "graph", "at", 1, turns), emotions)
    to_png(figure, dpi=figure.dpi)
    (legend,) = figure.legends
    assert legend.get_window_extent().x1 <= figure.bbox.width
    heights = {text.get_window_extent().y0 for text in legend.get_texts()}
    assert (len(legend.get_texts()), len(heights)) == (count, lines)
