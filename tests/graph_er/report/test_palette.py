from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from graph_er.report.palette import DARK, LIGHT, emotion_colours, luminance, text_on
from graph_er.schema.emotions import DATASET_EMOTIONS, KEMDY_EMOTIONS

# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
VISION = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def lab(colour: str, vision: np.ndarray) -> np.ndarray:
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(vision @ linear, 0, 1) / np.array([0.9505, 1, 1.089])
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("vision", VISION)
def test_emotions_differ_for_every_kind_of_colour_vision(vision):
    colours = emotion_colours(KEMDY_EMOTIONS).values()
    seen = [lab(colour, VISION[vision]) for colour in colours]
    assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) >= 15


@pytest.mark.parametrize("dataset", DATASET_EMOTIONS)
def test_no_two_emotions_of_a_dataset_share_a_colour(dataset):
    colours = emotion_colours(DATASET_EMOTIONS[dataset])
    assert len(set(colours.values())) == len(colours)


def test_an_emotion_keeps_its_colour_in_every_dataset():
    assert emotion_colours(("joy", "anger")) == {
        "joy": emotion_colours(KEMDY_EMOTIONS)["happy"],
        "anger": emotion_colours(KEMDY_EMOTIONS)["angry"],
    }


@pytest.mark.parametrize(
    "names",
    [
        ("anxious", "calm", "happy", "neutral"),
        ("기쁨", "당황", "분노", "중립", "불안", "상처"),
        ("happy", "joy", "기쁨", "행복"),
        tuple(f"mood {n}" for n in range(28)),
    ],
)
def test_no_two_labels_of_a_users_table_share_a_colour(names):
    colours = emotion_colours(names)
    assert len(set(colours.values())) == len(names)


def test_known_labels_keep_their_colours_beside_unknown_ones():
    own = emotion_colours(KEMDY_EMOTIONS)
    found = emotion_colours(("당황", "Happy", "중립", "분노", "화남"))
    assert found["Happy"] == own["happy"]
    assert found["중립"] == own["neutral"]
    assert found["분노"] == own["angry"]
    assert {found["당황"], found["화남"]}.isdisjoint({own["happy"], own["neutral"], own["angry"]})


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_text_is_readable_on_every_emotion_and_theme():
    for colour in emotion_colours(
        [e for names in DATASET_EMOTIONS.values() for e in names]
    ).values():
        assert contrast(colour, text_on(colour)) >= 4.5
    for theme in (LIGHT, DARK):
        assert contrast(theme.ink, theme.paper) >= 7
        assert contrast(theme.muted, theme.paper) >= 4.5


def test_colours_that_are_made_are_taken_for_none_that_a_known_label_has():
    found = [*emotion_colours([f"label {number}" for number in range(40)]).values()]
    known = {emotion_colours([name])[name] for names in DATASET_EMOTIONS.values() for name in names}
    channels = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in found])
    is_known = np.isin(found, [*known])
    apart = np.linalg.norm(channels[~is_known][:, None] - channels[is_known], axis=2)
    assert apart.shape == (40 - len(known), len(known))
    assert apart.min() > 40
