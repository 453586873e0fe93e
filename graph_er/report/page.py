"""``report.html``: the study on one self-contained page (no scripts, nothing fetched)."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from matplotlib.figure import Figure

from graph_er.report.canvas import to_svg
from graph_er.report.example import Example
from graph_er.report.figures import confusion_figure, emotion_figure, weighted_f1_figure
from graph_er.report.markdown import missing_note, provenance, scores_caption
from graph_er.report.palette import DARK, LIGHT, emotion_colours, text_on
from graph_er.report.runs import METHODS
from graph_er.report.summary import condition_title, findings, percent, synthetic_note
from graph_er.report.tables import compact_table, emotion_table, scores_table
from graph_er.report.timeline import dialogue_figure
from graph_er.running.templates import render

_PIXELS_PER_INCH = 96


@dataclass(frozen=True)
class Picture:
    """A figure on a light and on a dark page, as data URIs, with its natural size in pixels."""

    light: str
    dark: str
    width: int
    height: int
    text: str


@dataclass(frozen=True)
class Confusion:
    """A confusion matrix and what was scored."""

    title: str
    source: str
    picture: Picture


def render_html(results: dict[str, Any], example: Example | None) -> str:
    """Return the report as one HTML page; every text is escaped.

    Args:
        results: the study's record.
        example: a dialogue to show turn by turn, or None to leave that section out.
    """
    colours = emotion_colours(results["emotions"])
    return render(
        "graph_er.report",
        "report.html.jinja",
        study=results["study"],
        note=synthetic_note(results),
        missing=missing_note(results),
        findings=findings(results),
        compact=compact_table(results),
        scores=scores_table(results),
        caption=scores_caption(results),
        emotions=emotion_table(results),
        bars=_picture(partial(weighted_f1_figure, results), "Weighted F1 of every condition"),
        heat=_picture(partial(emotion_figure, results), "F1 of each emotion in every condition"),
        confusions=_confusions(results),
        example=example,
        example_title=example and condition_title((example.method, example.modalities)),
        timeline=example and _timeline(results, example),
        provenance=provenance(results),
        percent=percent,
        colours={name: (colour, text_on(colour)) for name, colour in colours.items()},
    )


def _timeline(results: dict[str, Any], example: Example) -> Picture:
    return _picture(
        partial(dialogue_figure, example, results["emotions"]),
        f"Emotions of dialogue {example.dialogue} over time; the table below holds the same",
    )


def _confusions(results: dict[str, Any]) -> list[Confusion]:
    """Return the matrices on audio and text: the ensemble's where there is one."""
    confusions = []
    for method, title in METHODS.items():
        scored = [
            scores
            for scores in (*results["ensembles"], *results["entries"])
            if (scores["method"], scores["modalities"]) == (method, "at")
        ]
        if scored:
            draw = partial(confusion_figure, scored[0]["confusion_matrix"], results["emotions"])
            seeds = scored[0].get("seeds")
            source = f"ensemble of {len(seeds)} seeds" if seeds else f"seed {scored[0]['seed']}"
            confusions.append(
                Confusion(title, source, _picture(draw, f"Confusion matrix: {title}"))
            )
    return confusions


def _picture(draw: Callable[..., Figure], text: str) -> Picture:
    light, dark = draw(theme=LIGHT), draw(theme=DARK)
    width, height = light.get_size_inches() * _PIXELS_PER_INCH
    return Picture(_data_uri(light), _data_uri(dark), round(width), round(height), text)


def _data_uri(figure: Figure) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(to_svg(figure).encode()).decode()
