"""The page itself: what is on it, and what its buttons call."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gradio as gr

from graph_er.web.analysis import Analysis, discard
from graph_er.web.desk import Desk, Outcome, alert, head, muted, said
from graph_er.web.texts import LANGUAGES, TEXTS
from graph_er.web.uploads import ARCHIVE, KINDS, turns_first

_SECONDS_KEPT = 24 * 3600
# Turns are chosen with the mouse, or with Enter and the blank, by their number.
_CHOOSE = """
const choose = (event) => {
  const turn = event.target.closest("[data-turn]");
  if (!turn || (event.type === "keydown" && event.key !== "Enter" && event.key !== " ")) return;
  event.preventDefault();
  trigger("click", {turn: Number(turn.dataset.turn)});
};
element.addEventListener("click", choose);
element.addEventListener("keydown", choose);
"""
# Screen readers choose their voice by it.
_SPEAK = f"""
(language) => {{
  document.documentElement.lang = language;
  document.title = {json.dumps({code: t["title"] for code, t in TEXTS.items()})}[language];
}}
"""
_LABELLED = ("head", "files", "upload_help", "predict", "demo", "demo_help", "open_demo")
_SHOWN = ("results", "timeline", "table", "csv", "html")
_CHOSEN = ("turn", "audio", "reasons")
_UPLOADED: dict[str, Any] = {
    **{"file_count": "multiple", "height": 150},
    "file_types": [*KINDS, ".TextGrid", ARCHIVE],
}
_TABLE: dict[str, Any] = {
    **{"interactive": False, "wrap": True, "show_label": False, "max_height": 640},
    **{"datatype": "str", "buttons": [], "column_widths": [44, 60, 92, 188, 84, 108, 96]},
}


def build_page(desk: Desk) -> gr.Blocks:
    """Return the page.

    A conversation and its files are there until another takes their place. Of a closed tab they are
    removed, by Gradio, an hour after they were predicted; its own copies of uploads and downloads
    after a day, be the tab closed or not; everything when the page is stopped.
    """
    # Gradio looks through its copies every five minutes.
    kept = (300, _SECONDS_KEPT)
    told: dict[str, Any] = {
        "analytics_enabled": False,
        "title": TEXTS["ko"]["title"],
        "fill_width": True,
    }
    with gr.Blocks(delete_cache=kept, **told) as blocks:
        # A time to live would end under an open tab, too.
        state = gr.State(delete_callback=discard)
        parts = {**_add_input(desk), **_add_results()}
        _connect(blocks, parts, state, _Clicks(desk))
    return blocks


def _add_input(desk: Desk) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    t, demos = TEXTS["ko"], desk.demos("ko")
    with gr.Row(equal_height=True):
        parts["head"] = gr.HTML(head("ko"), elem_id="head")
        codes = list(LANGUAGES.items())
        parts["language"] = gr.Radio(
            codes, value="ko", label=t["language"], elem_id="language", scale=0, min_width=260
        )
    with gr.Row():
        with gr.Column(scale=3, variant="panel"):
            parts["files"] = gr.File(label=t["upload"], elem_id="files", **_UPLOADED)
            parts["upload_help"] = gr.HTML(muted(t["upload_help"]))
            parts["predict"] = gr.Button(t["predict"], variant="primary", elem_id="predict")
        with gr.Column(scale=2, variant="panel", visible=bool(demos)):
            first = demos[0][1] if demos else None
            parts["demo"] = gr.Dropdown(demos, value=first, label=t["demo"], elem_id="demo")
            parts["demo_help"] = gr.HTML(muted(t["demo_help"]))
            parts["open_demo"] = gr.Button(t["open_demo"], elem_id="open_demo")
    parts["message"] = gr.HTML("", elem_id="message")
    return parts


def _add_results() -> dict[str, Any]:
    t = TEXTS["ko"]
    parts: dict[str, Any] = {}
    with gr.Column(visible=False) as parts["results"]:
        parts["timeline"] = gr.HTML("", elem_id="timeline", js_on_load=_CHOOSE)
        with gr.Row():
            with gr.Column(scale=3):
                parts["table"] = gr.Dataframe(elem_id="table", **_TABLE)
                with gr.Row():
                    parts["csv"] = gr.DownloadButton(t["csv"], elem_id="csv")
                    parts["html"] = gr.DownloadButton(t["html"], elem_id="html")
            with gr.Column(scale=2, variant="panel"):
                parts["turn"] = gr.Dropdown([], label=t["turn"], elem_id="turn")
                parts["audio"] = gr.Audio(
                    label=t["audio"], interactive=False, elem_id="audio", buttons=[]
                )
                parts["reasons"] = gr.HTML("", elem_id="reasons")
    return parts


def _connect(blocks: gr.Blocks, parts: dict[str, Any], state: gr.State, do: _Clicks) -> None:
    language, turn = parts["language"], parts["turn"]
    chosen = [parts[name] for name in _CHOSEN]
    shown = [parts["message"], *(parts[name] for name in _SHOWN), *chosen]
    named = [*(parts[name] for name in _LABELLED), *shown]
    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "minimal"}
    # What draws does so one after the other: what was asked last, with the newest state, stays.
    drawn = {**quiet, "concurrency_id": "shown", "concurrency_limit": 1}
    # The language may have been changed while it was predicted: it is read when that has ended.
    predicted = [state, parts["message"]]
    # One after the other, too: each finds, and removes, the conversation of the one before.
    predicting = {**quiet, "concurrency_id": "predicted", "concurrency_limit": 1}
    for button, predict, given in (("predict", do.upload, "files"), ("open_demo", do.demo, "demo")):
        ended = parts[button].click(predict, [parts[given], state], predicted, **predicting)
        # Also where the one before of the same button is still being drawn.
        ended.then(do.show, [language, state], shown, **drawn, trigger_mode="multiple")
    parts["timeline"].click(do.timeline, [language, state], chosen, **drawn)
    parts["table"].select(do.table, [language, state], chosen, **drawn)
    turn.input(do.turn, [turn, language, state], chosen, **drawn)
    language.change(do.language, [language, turn, state], named, **drawn)
    language.change(None, language, None, js=_SPEAK, **quiet)
    blocks.load(_preferred, None, language, **quiet).then(None, language, None, js=_SPEAK, **quiet)


def _preferred(request: gr.Request) -> str:
    """Return the language of the browser, English where it is neither."""
    wanted = request.headers.get("accept-language", "")
    return "ko" if wanted.lower().startswith("ko") else "en"


def _analysis(outcome: Outcome | None) -> Analysis | None:
    return outcome if isinstance(outcome, Analysis) else None


def _said(outcome: Outcome | None, number: int | None, language: str) -> str:
    """Return what is said of a conversation; a turn of none is of one that is no longer there."""
    if outcome is not None:
        return said(outcome, language)
    return "" if number is None else alert("gone", language)


class _Clicks:
    """What the components call, in their order of inputs and outputs."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def upload(self, files: list[str] | None, before: Outcome | None) -> list:
        paths = turns_first([Path(file) for file in files or []])
        return self._instead(before, self._desk.upload(paths))

    def demo(self, name: str, before: Outcome | None) -> list:
        return self._instead(before, self._desk.demo(name))

    def show(self, language: str, outcome: Outcome | None) -> list:
        analysis = _analysis(outcome)
        turn, *chosen = self._chosen(outcome, None if analysis is None else 0, language)
        choices = [] if analysis is None else self._desk.turns(analysis)
        turn = {"value": None, **turn, "choices": choices}
        return [_said(outcome, None, language), *self._shown(outcome, language), turn, *chosen]

    def timeline(self, language: str, outcome: Outcome | None, event: gr.EventData) -> list:
        return self._chosen(outcome, getattr(event, "turn", None), language)

    def table(self, language: str, outcome: Outcome | None, event: gr.SelectData) -> list:
        # Rows may have been sorted, so their place does not tell.
        return self._chosen(outcome, int(event.row_value[0]) - 1, language)

    def turn(self, number: int | None, language: str, outcome: Outcome | None) -> list:
        return self._chosen(outcome, number, language)

    def language(self, language: str, number: int | None, outcome: Outcome | None) -> list:
        t = TEXTS[language]
        named = [
            head(language),
            gr.update(label=t["upload"]),
            muted(t["upload_help"]),
            gr.update(value=t["predict"]),
            gr.update(label=t["demo"], choices=self._desk.demos(language)),
            muted(t["demo_help"]),
            gr.update(value=t["open_demo"]),
        ]
        shown = [_said(outcome, number, language), *self._shown(outcome, language)]
        # Predicted, and not yet drawn when the language was chosen: no turn is chosen yet.
        number = 0 if number is None and _analysis(outcome) else number
        return [*named, *shown, *self._chosen(outcome, number, language)]

    def _instead(self, before: Outcome | None, outcome: Outcome) -> list:
        # Not sooner: what is shown of it can be looked at for as long as the other is predicted.
        discard(before)
        return [outcome, gr.skip()]

    def _shown(self, outcome: Outcome | None, language: str) -> list:
        t, analysis = TEXTS[language], _analysis(outcome)
        if analysis is None:
            hidden = gr.update(visible=False)
            return [hidden, "", None, gr.update(label=t["csv"]), gr.update(label=t["html"])]
        results = self._desk.results(analysis, language)
        return [
            gr.update(visible=True),
            results.timeline,
            {"headers": results.headers, "data": results.rows},
            gr.update(label=t["csv"], value=str(analysis.csv)),
            gr.update(label=t["html"], value=str(analysis.html[language])),
        ]

    def _chosen(self, outcome: Outcome | None, number: int | None, language: str) -> list:
        t, analysis = TEXTS[language], _analysis(outcome)
        turn = gr.update(label=t["turn"])
        if number is None:
            return [turn, gr.skip(), gr.skip()]
        if analysis is None:
            return [turn, gr.skip(), alert("gone", language)]
        chosen = self._desk.choose(analysis, number, language)
        if chosen is None:
            return [turn, gr.skip(), gr.skip()]
        return [
            gr.update(label=t["turn"], value=chosen.number),
            gr.update(label=chosen.sound_label, value=chosen.sound),
            chosen.reasons,
        ]
