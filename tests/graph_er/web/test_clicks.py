"""What the page does on each click, without a server: a stand-in for Gradio calls what is wired."""

import importlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from graph_er.web.texts import LANGUAGES, TEXTS
from tests.graph_er.conversation_factory import talk, write_table
from tests.graph_er.web.small_gradio import small_gradio, update
from tests.graph_er.web.test_desk import zipped


@pytest.fixture
def page(desk, monkeypatch):
    """The components of the page by their ids, and the page itself as ``page``."""
    gradio, parts = small_gradio()
    monkeypatch.setitem(sys.modules, "gradio", gradio)
    monkeypatch.delitem(sys.modules, "graph_er.web.page", raising=False)
    module = importlib.import_module("graph_er.web.page")
    del sys.modules["graph_er.web.page"]  # nobody else is to get it
    parts["page"] = module.build_page(desk)
    # They have no ids: what a prediction goes to, and the box of what is shown of it.
    (_, _, (parts["state"], _), _), (_, _, shown, _) = parts["predict"].wired["click"]
    parts["results"] = shown[1]
    return parts


@pytest.fixture
def opened(page):
    page["open_demo"].fire("click")
    return page


def kept(desk):
    return sorted(path.name for path in desk._work.iterdir())


def state_of(page):
    return page["state"].value


def test_the_page_starts_in_korean_with_the_demo_and_no_results(page):
    assert page["language"].value == "ko"
    assert page["language"].shown["choices"] == list(LANGUAGES.items())
    assert page["demo"].value == "example"
    assert page["results"].shown["visible"] is False
    assert TEXTS["ko"]["title"] in page["head"].value


def test_nothing_that_is_wired_can_be_called_from_outside(page):
    events = {id(calls): calls for part in page.values() for calls in part.wired.values()}
    wired = [settings for calls in events.values() for *_, settings in calls]
    assert len(wired) == 11
    assert {settings["api_visibility"] for settings in wired} == {"private"}


def test_what_draws_waits_for_what_is_being_drawn(page):
    """So that the page ends with what was asked last: a long conversation takes seconds."""
    events = {id(calls): calls for part in page.values() for calls in part.wired.values()}
    drawing = [
        settings
        for calls in events.values()
        for _, _, outputs, settings in calls
        if page["reasons"] in outputs
    ]
    assert len(drawing) == 6
    assert {settings.get("concurrency_id") for settings in drawing} == {"shown"}
    assert {settings.get("concurrency_limit") for settings in drawing} == {1}


def test_both_buttons_predict_one_after_the_other(page):
    """Else each takes the place of the same conversation, and that of the first is kept."""
    for button in ("predict", "open_demo"):
        (*_, settings), _ = page[button].wired["click"]
        assert (settings["concurrency_id"], settings["concurrency_limit"]) == ("predicted", 1)


@pytest.mark.parametrize("button", ["predict", "open_demo"])
def test_a_prediction_is_drawn_even_while_the_one_before_is(page, button):
    """Gradio drops what is asked again while it is under way, unless told otherwise."""
    _, (*_, settings) = page[button].wired["click"]
    assert settings.get("trigger_mode") == "multiple"


def test_an_upload_is_predicted_and_its_first_turn_chosen(page, tmp_path):
    write_table(tmp_path / "talk" / "talk.csv", talk(5))
    page["files"].shown["value"] = [str(zipped(tmp_path / "talk.zip", tmp_path / "talk"))]
    page["predict"].fire("click")
    assert "5" in page["message"].value
    assert page["results"].shown["visible"] is True
    assert page["timeline"].value.count("data-turn=") == 5
    table = page["table"].value
    assert [row[3] for row in table["data"]] == [f"그래 {n}" for n in range(5)]
    assert len(table["headers"]) == len(table["data"][0])
    assert page["turn"].shown["choices"][4] == ("5. A: 그래 4", 4)
    assert page["turn"].value == 0
    assert page["audio"].value[0] == 16_000
    assert "그래 0" in page["reasons"].value
    assert page["csv"].value == str(state_of(page).csv)
    assert page["html"].value == str(state_of(page).html["ko"])


def test_another_conversation_takes_the_place_and_the_files_of_the_one_before(opened, desk):
    (first,) = kept(desk)
    opened["open_demo"].fire("click")
    (second,) = kept(desk)
    assert first != second
    assert state_of(opened).folder.name == second


@pytest.mark.parametrize("files", [None, []])
def test_a_refusal_hides_what_was_shown_before(opened, desk, files):
    opened["files"].shown["value"] = files
    opened["predict"].fire("click")
    assert 'role="alert"' in opened["message"].value
    assert opened["results"].shown["visible"] is False
    assert opened["timeline"].value == ""
    assert opened["turn"].shown["choices"] == []
    assert opened["turn"].value is None
    assert kept(desk) == []


@pytest.mark.parametrize(
    ("component", "event", "told"),
    [
        ("timeline", "click", SimpleNamespace(turn=2)),
        # Sorted by something else: the third turn stands in the first row.
        ("table", "select", SimpleNamespace(row_value=["3", "", "A"], index=[0, 0])),
    ],
)
def test_a_turn_is_chosen_in_the_timeline_and_in_the_table(opened, component, event, told):
    changed = opened[component].fire(event, told)
    assert [opened["turn"], opened["audio"], opened["reasons"]] == changed
    assert opened["turn"].value == 2
    assert "그래 2" in opened["reasons"].value


def test_a_turn_is_chosen_in_the_list(opened):
    opened["turn"].shown["value"] = 3
    opened["turn"].fire("input")
    assert "그래 3" in opened["reasons"].value
    assert opened["audio"].shown["label"] == TEXTS["ko"]["audio"]


@pytest.mark.parametrize("told", [SimpleNamespace(), SimpleNamespace(turn=99)])
def test_a_click_beside_the_turns_changes_nothing(opened, told):
    before = opened["reasons"].value
    assert "그래 0" in before
    opened["timeline"].fire("click", told)
    assert (opened["turn"].value, opened["reasons"].value) == (0, before)


def test_a_conversation_is_there_for_as_long_as_its_tab_is_open(page):
    assert page["state"].shown.get("time_to_live") is None


def lose(page):
    """Take the conversation away under an open page, as Gradio does to a tab it lost sight of."""
    page["state"].shown["value"] = None


def test_a_click_on_a_conversation_that_is_gone_says_so(opened):
    lose(opened)
    opened["timeline"].fire("click", SimpleNamespace(turn=2))
    assert TEXTS["ko"]["gone"] in opened["reasons"].value
    assert 'role="alert"' in opened["reasons"].value


def test_the_other_language_says_that_the_conversation_is_gone(opened):
    lose(opened)
    for _ in range(2):
        opened["language"].shown["value"] = "en"
        opened["language"].fire("change")
        assert TEXTS["en"]["gone"] in opened["message"].value
        assert opened["results"].shown["visible"] is False


def test_a_refusal_is_told_in_the_other_language_and_no_conversation_is_missed(opened):
    opened["demo"].shown["value"] = "gone"
    opened["open_demo"].fire("click")
    assert TEXTS["ko"]["refused"] in opened["message"].value
    opened["language"].shown["value"] = "en"
    opened["language"].fire("change")
    assert TEXTS["en"]["refused"] in opened["message"].value
    assert TEXTS["en"]["gone"] not in opened["message"].value


def choosing(page, desk, monkeypatch, language):
    """Make each prediction take until somebody has chosen a language; return where it notes it."""
    predict, seen = desk.predictor.predict_turns, []

    def meanwhile(turns, **options):
        page["language"].shown["value"] = language
        page["language"].fire("change")
        seen.append(page["message"].value)
        return predict(turns, **options)

    monkeypatch.setattr(desk.predictor, "predict_turns", meanwhile)
    return seen


@pytest.mark.parametrize("predicted_before", [False, True])
def test_the_other_language_chosen_during_a_prediction_is_that_of_all_of_it(
    page, desk, monkeypatch, predicted_before
):
    if predicted_before:
        page["open_demo"].fire("click")
    seen = choosing(page, desk, monkeypatch, "en")
    page["open_demo"].fire("click")
    ko, en = TEXTS["ko"], TEXTS["en"]
    done = "4 turns of 2 speakers predicted."
    assert [done in message for message in seen] == [predicted_before]
    assert done in page["message"].value
    assert en["timeline"] in page["timeline"].value
    assert page["table"].value["headers"][1] == en["time"]
    assert [page[name].shown["label"] for name in ("csv", "html", "turn", "audio")] == [
        en[name] for name in ("csv", "html", "turn", "audio")
    ]
    assert page["html"].value == str(state_of(page).html["en"])
    assert en["why"] in page["reasons"].value
    shown = "".join(page[name].value for name in ("head", "message", "timeline", "reasons"))
    assert not any(ko[name] in shown for name in ("title", "timeline", "why", "why_help"))


def test_the_other_language_chosen_during_a_prediction_that_fails_is_that_of_the_message(
    opened, desk, monkeypatch
):
    def fail(turns, **options):
        raise ZeroDivisionError

    monkeypatch.setattr(desk.predictor, "predict_turns", fail)
    choosing(opened, desk, monkeypatch, "en")
    opened["open_demo"].fire("click")
    assert TEXTS["en"]["failed"] in opened["message"].value


def test_what_is_shown_can_be_looked_at_while_another_is_predicted(opened, desk, monkeypatch):
    before = state_of(opened)
    there = []
    predict = desk.predictor.predict_turns

    def meanwhile(turns, **options):
        there.append(before.csv.is_file() and before.html["ko"].is_file())
        return predict(turns, **options)

    monkeypatch.setattr(desk.predictor, "predict_turns", meanwhile)
    opened["open_demo"].fire("click")
    assert there == [True]
    assert not before.folder.exists()


@pytest.mark.parametrize(("part", "event"), [("page", "load"), ("language", "change")])
def test_the_browser_is_told_the_language_on_load_and_on_a_switch(page, part, event):
    (told,) = [call for call in page[part].wired[event] if call[0] is None]
    _, inputs, outputs, settings = told
    assert (inputs, outputs) == ([page["language"]], [])
    assert "document.documentElement.lang = language" in settings["js"]
    assert all(json.dumps(t["title"]) in settings["js"] for t in TEXTS.values())
    assert page[part].wired[event][-1] is told  # on load, the language is chosen before


def test_the_files_to_download_are_named_after_what_tells_the_turns(page, tmp_path):
    table = write_table(tmp_path / "talk.csv", talk(1))
    for files in ([tmp_path / "wav" / "0.wav", table], [table, tmp_path / "wav" / "0.wav"]):
        table.write_text("speaker,wav\nA,0.wav\n")
        page["files"].shown["value"] = [str(path) for path in files]
        page["predict"].fire("click")
        shown = state_of(page).html["en"].read_text(encoding="utf-8")
        assert "<title>Emotions in talk.csv</title>" in shown


def test_the_other_language_renames_everything_and_keeps_the_chosen_turn(opened):
    opened["timeline"].fire("click", SimpleNamespace(turn=1))
    opened["language"].shown["value"] = "en"
    opened["language"].fire("change")
    t = TEXTS["en"]
    assert t["title"] in opened["head"].value
    assert opened["predict"].value == t["predict"]
    assert opened["open_demo"].value == t["open_demo"]
    assert opened["files"].shown["label"] == t["upload"]
    assert opened["demo"].shown["choices"] == [(t["example"], "example")]
    assert "4 turns of 2 speakers predicted." in opened["message"].value
    assert opened["table"].value["headers"][1] == t["time"]
    assert [opened[name].shown["label"] for name in ("csv", "html")] == [t["csv"], t["html"]]
    assert opened["turn"].shown["label"] == t["turn"]
    assert opened["turn"].value == 1
    assert t["why"] in opened["reasons"].value


def test_what_is_downloaded_is_in_the_language_that_the_page_is_in_by_then(opened):
    for language in ("ko", "en", "ko"):
        opened["language"].shown["value"] = language
        opened["language"].fire("change")
        page = Path(opened["html"].value).read_text(encoding="utf-8")
        assert f'<html lang="{language}">' in page
        assert f"<h1>{TEXTS[language]['example']}</h1>" in page


def test_the_other_language_of_an_empty_page_shows_no_results(page):
    page["language"].shown["value"] = "en"
    page["language"].fire("change")
    assert page["message"].value == ""
    assert page["results"].shown["visible"] is False
    assert page["csv"].shown["label"] == TEXTS["en"]["csv"]


def test_the_other_language_chosen_before_any_turn_shows_the_first(opened):
    opened["turn"].shown["value"] = None
    opened["reasons"].shown["value"] = ""
    opened["language"].shown["value"] = "en"
    opened["language"].fire("change")
    assert opened["turn"].value == 0
    assert TEXTS["en"]["why"] in opened["reasons"].value


@pytest.mark.parametrize(
    ("headers", "language"),
    [
        ({"accept-language": "ko-KR,ko;q=0.9,en;q=0.8"}, "ko"),
        ({"accept-language": "KO"}, "ko"),
        ({"accept-language": "en-US"}, "en"),
        ({"accept-language": "de,ko;q=0.5"}, "en"),
        ({}, "en"),
    ],
)
def test_the_page_opens_in_the_language_of_the_browser(page, headers, language):
    page["page"].fire("load", SimpleNamespace(headers=headers))
    assert page["language"].value == language


@pytest.mark.slow
def test_the_stand_in_marks_changes_as_gradio_does():
    gradio = pytest.importorskip("gradio")
    assert gradio.update(label="x", value=1) == update(label="x", value=1)
    assert gradio.skip() == update()
