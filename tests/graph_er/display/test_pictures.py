import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.image import imread
from matplotlib.patches import Rectangle

from graph_er.conversations.turns import Turn
from graph_er.display import picture
from graph_er.display.page import NAMES, WIDTH, render_page
from graph_er.display.picture import conversation_figure, write_picture
from graph_er.display.shown_turns import shown_dialogues
from graph_er.report.canvas import to_png
from graph_er.report.palette import emotion_colours

EMOTIONS = ("neutral", "happy", "sad")


def conversation(
    count,
    speakers=("민아", "B"),
    text="그래",
    seconds=2.0,
    dialogues=1,
    gap=1.0,
    timed=True,
    used=("a", "t"),
):
    """Turns one after the other, `happy` with 90 % and `sad` with 50 % in turn."""
    turns, rows = [], []
    for d in range(dialogues):
        for n in range(count):
            start = n * (seconds + gap)
            sure = n % 2 == 0
            turns.append(
                Turn(
                    *(f"{d}_{n}", f"talk {d}", speakers[n % len(speakers)], None, 0.0, text),
                    *(start, start + seconds, timed),
                    position=len(turns),
                )
            )
            p = (0.05, 0.9, 0.05) if sure else (0.3, 0.2, 0.5)
            best = int(np.argmax(p))
            rows.append(
                {"emotion": EMOTIONS[best], "confidence": p[best], "marks": "",
                 "modalities_used": used[n % len(used)],
                 **{f"prob_{e}": x for e, x in zip(EMOTIONS, p, strict=True)}}
            )  # fmt: skip
    return shown_dialogues(turns, rows, EMOTIONS)


class Elements(HTMLParser):
    """All elements of a page with their attributes."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def all(self, tag, **wanted):
        return [a for t, a in self.found if t == tag and wanted.items() <= a.items()]


def blocks(page):
    return Elements(page).all("rect", **{"class": "box"})


def test_every_turn_is_a_block_in_the_colour_of_its_emotion_as_opaque_as_sure():
    page = render_page(conversation(4), EMOTIONS, "t", "at")
    colours = emotion_colours(EMOTIONS)
    found = blocks(page)
    assert [block["fill"] for block in found] == [colours["happy"], colours["sad"]] * 2
    sure, unsure = (float(block["fill-opacity"]) for block in found[:2])
    assert 0 < unsure < sure <= 1
    lanes = [float(block["y"]) for block in found]
    assert lanes[0] == lanes[2] < lanes[1] == lanes[3]


def test_a_tooltip_says_text_and_probabilities_and_the_link_leads_to_the_row():
    page = render_page(conversation(2), EMOTIONS, "t", "at")
    elements = Elements(page)
    tips = re.findall(r"<a [^>]*><title>(.*?)</title>", page, re.DOTALL)
    assert "그래" in tips[0]
    assert "happy 90 %" in tips[0]
    links = {link["href"] for link in elements.all("a")}
    assert links == {f"#{row['id']}" for row in elements.all("tr") if "id" in row}
    assert elements.all("tr", id="t1-1")[0]["data-p"] == "0.050 0.900 0.050"


def test_what_the_user_wrote_is_escaped():
    bad = "</script><img src=x onerror=alert(1)>\"'&"
    page = render_page(conversation(2, speakers=(bad,), text=bad), EMOTIONS, bad, "at")
    assert "<img" not in page
    assert page.count("<script>") == page.count("</script>") == 1


def test_nothing_is_fetched():
    page = render_page(conversation(3), EMOTIONS, "t", "at")
    assert not re.search(r"https?://|src=|@import|url\(", page)


def test_blocks_stay_within_the_drawing_and_can_be_seen():
    shown = conversation(200, seconds=0.05, gap=0.5)
    for block in blocks(render_page(shown, EMOTIONS, "t", "at")):
        assert NAMES <= float(block["x"]) <= NAMES + WIDTH - float(block["width"]) + 0.1
        assert float(block["width"]) >= 3


def test_long_names_end_before_the_lane_whatever_their_letters():
    speakers = ("고객상담센터 야간담당 김서연 선임", "Professor Bartholomew", "민아")
    page = render_page(conversation(3, speakers=speakers), EMOTIONS, "t", "at")
    names = re.findall(r'<text class="name"[^>]*>(.*?)<title>(.*?)</title></text>', page)
    assert names == [*zip(("고객상담센터…", "Professor Bar…", "민아"), speakers, strict=True)]
    figure, _ = conversation_figure(conversation(3, speakers=speakers[1:]), EMOTIONS)
    assert labels(figure.axes[0], "y")[0] == "Professor Bar…"


def browse(tmp_path, page, *options):
    """What chromium makes of a page, with these options."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no chromium or google-chrome on the path")
    (tmp_path / "c.html").write_text(page, encoding="utf-8")
    own = ("--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/u")
    return subprocess.run(
        [browser, *own, *options, (tmp_path / "c.html").as_uri()],
        capture_output=True, text=True, check=True, timeout=100,
    ).stdout  # fmt: skip


def test_a_chosen_turn_is_not_hidden_by_the_legend(tmp_path):
    page = render_page(conversation(100), EMOTIONS, "t", "at")
    measure = (
        "<script>onload = () => { location.hash = 't1-60'; setTimeout(() => {"
        "const at = (e) => document.querySelector(e).getBoundingClientRect();"
        "document.title = [at('.legend').bottom, at('#t1-60').top].join(' '); }, 200); };</script>"
    )
    shown = browse(
        tmp_path,
        page.replace("</body>", f"{measure}</body>"),
        *("--window-size=420,800", "--virtual-time-budget=3000", "--dump-dom"),
    )
    legend, row = map(float, re.search(r"<title>([\d. ]+)</title>", shown)[1].split())
    assert 0 < legend <= row < 200


def test_dozens_of_emotions_hide_neither_the_turns_nor_what_one_says(tmp_path):
    emotions = [f"a long name of emotion {n}" for n in range(30)]
    (dialogue,) = conversation(100)
    probabilities = dict.fromkeys(emotions, 0.0) | {emotions[-1]: 1.0}
    told = {"emotion": emotions[-1], "probabilities": probabilities}
    dialogue = replace(dialogue, turns=tuple(replace(turn, **told) for turn in dialogue.turns))
    page = render_page([dialogue], emotions, "t", "at")
    measure = (
        "<script>onload = () => { location.hash = 't1-60'; setTimeout(() => {"
        "const at = (e) => document.querySelector(e).getBoundingClientRect();"
        "const places = [at('.legend').bottom, at('#t1-60').top];"
        "document.querySelector('svg a').focus();"
        "const bars = [...document.querySelectorAll('.bar')].map((bar) => +!bar.hidden);"
        "document.title = [...places, at('.who').top, ...bars].join(' '); }, 200); };</script>"
    )
    shown = browse(
        tmp_path,
        page.replace("</body>", f"{measure}</body>"),
        *("--window-size=500,700", "--virtual-time-budget=3000", "--dump-dom"),
    )
    measured = re.search(r"<title>([-\d. ]+)</title>", shown)[1].split()
    legend, row, said, *bars = map(float, measured)
    assert 0 < legend <= row < 200
    assert said > 0
    assert (sum(bars), bars[-1]) == (12, 1)


def test_names_do_not_run_into_the_turns_whatever_their_letters(tmp_path):
    speakers = ("B", "W" * 20, "Speaker numbers")
    page = render_page(conversation(3, speakers=speakers), EMOTIONS, "t", "at")
    measure = (
        "<script>document.title = [...document.querySelectorAll('.name')].map((name, lane) => {"
        "const at = document.querySelectorAll('.lane')[lane].getBoundingClientRect();"
        "return document.elementFromPoint(at.left + 1, at.top + 15).className.baseVal; })"
        ".concat(document.querySelectorAll('.name')[2].getComputedTextLength()).join(' ')"
        "</script></body>"
    )
    shown = browse(tmp_path, page.replace("</body>", measure), "--dump-dom")
    *under, length = re.search(r"<title>(.*?)</title>", shown)[1].split()
    assert under == ["box", "lane", "lane"]
    assert float(length) < NAMES - 5


def test_names_that_begin_alike_are_told_apart():
    shown = conversation(3, speakers=("interviewer_no_01", "interviewer_no_02", "guest"))
    page = render_page(shown, EMOTIONS, "t", "at")
    names = ["interv…r_no_01", "interv…r_no_02", "guest"]
    assert re.findall(r'class="name"[^>]*>(.*?)<', page) == names
    figure, _ = conversation_figure(shown, EMOTIONS)
    assert labels(figure.axes[0], "y") == names


def test_paper_holds_the_whole_page():
    page = render_page(conversation(200), EMOTIONS, "t", "at")
    printed = page[page.index("@media print") : page.index("</style>")]
    assert ".scroll { overflow: visible; }" in printed
    assert "svg { min-width: 0; }" in printed
    assert "print-color-adjust: exact" in printed
    assert "details::details-content { content-visibility: visible; }" in printed
    assert "beforeprint" in page


def test_two_thousand_turns_stay_small_and_all_are_there():
    page = render_page(conversation(2000), EMOTIONS, "t", "at")
    assert len(page) < 3e6
    assert len({link["href"] for link in Elements(page).all("a")}) == 2000
    assert Elements(page).all("details") == [{}]


def test_the_page_has_every_dialogue():
    page = render_page(conversation(2, dialogues=3), EMOTIONS, "t", "t")
    assert [f"talk {n}" in page for n in range(4)] == [True, True, True, False]
    assert "predicted from text in" in page


@pytest.mark.parametrize(
    ("used", "told"),
    [(("t", "t"), "text"), (("a", ""), "speech"), (("t", "at"), "speech and text")],
)
def test_the_page_tells_what_was_used_of_what_the_model_reads(used, told):
    page = render_page(conversation(2, used=used), EMOTIONS, "t", "at")
    assert f"2 turns, predicted from {told} in the light of" in page


def test_a_korean_page_says_nothing_in_english_but_what_the_user_and_the_model_call_so():
    emotions = (*EMOTIONS, "calm")
    (talk,) = conversation(3, speakers=("민아", "준호"), text="")
    turns = [
        replace(
            turn, marks="no text; silent audio", probabilities={**turn.probabilities, "calm": 0}
        )
        for turn in talk.turns
    ]
    page = render_page([replace(talk, id="통화", turns=tuple(turns))], emotions, "통화", "at", "ko")
    assert page.startswith('<!doctype html>\n<html lang="ko">')
    assert "3개의 감정을 앞뒤 발화까지 살펴 음성과 텍스트에서 예측했습니다" in page
    assert "기쁨 90%" in page
    assert "텍스트 없음; 무음" in page
    shown = re.sub(r"<(style|script)>.*?</\1>", "", page, flags=re.DOTALL)
    labels = re.findall(r'aria-label="(.*?)"', shown)
    said = " ".join([re.sub(r"<[^>]*>", " ", shown), *labels])
    assert set(re.findall(r"[A-Za-z]+", said)) == {"calm"}


def test_a_title_is_no_template():
    bad = "<b>{turns} {0} {title}"
    for language in ("en", "ko"):
        page = render_page(conversation(1), EMOTIONS, bad, "at", language)
        assert page.count("&lt;b&gt;{turns} {0} {title}") == 2


def test_korean_lines_end_between_words_and_the_card_writes_percent_as_the_table():
    english, korean = (
        render_page(conversation(2), EMOTIONS, "t", "at", language) for language in ("en", "ko")
    )
    assert ["word-break: keep-all" in page for page in (english, korean)] == [False, True]
    assert "`${Math.round(100 * p)} %`" in english
    assert "`${Math.round(100 * p)}%`" in korean


@pytest.mark.parametrize("count", [1, 2, 60])
def test_the_picture_shows_colours_of_the_emotions(tmp_path, count):
    assert write_picture(tmp_path / "c.png", conversation(count), EMOTIONS) == 1
    pixels = (imread(tmp_path / "c.png")[..., :3] * 255).round().astype(int)
    happy = [int(emotion_colours(EMOTIONS)["happy"][i : i + 2], 16) for i in (1, 3, 5)]
    assert (np.abs(pixels - happy).sum(axis=-1) < 6).any()


def test_long_conversations_take_several_strips_and_many_dialogues_are_left_out():
    figure, shown = conversation_figure(conversation(60), EMOTIONS)
    assert (len(figure.axes), shown) == (3, 1)
    figure, shown = conversation_figure(conversation(1, dialogues=50), EMOTIONS)
    assert (len(figure.axes), shown) == (40, 40)


def test_names_that_are_no_formulas_and_no_letters(tmp_path):
    names = ("$x^$", "민아", "😀", "a very long name of somebody", *(f"S{n}" for n in range(8)))
    write_picture(tmp_path / "c.png", conversation(24, speakers=names), EMOTIONS)
    assert (tmp_path / "c.png").stat().st_size > 5000


def labels(axes, which):
    return [label.get_text() for label in getattr(axes, f"get_{which}ticklabels")()]


def test_without_times_the_axis_counts_turns():
    for timed, ticks in ((True, ["0:00", "0:01", "0:02"]), (False, ["1", "2", "3"])):
        shown = conversation(3, seconds=1.0, gap=0.0, timed=timed)
        figure, _ = conversation_figure(shown, EMOTIONS)
        assert labels(figure.axes[0], "x")[:3] == ticks


def test_lanes_are_named_as_the_fonts_allow(no_hangul):
    speakers = ("Zoë", "a very long name of somebody", "$x", "민아 M", "\U0010fffd", "M \U0010fffd")
    figure, _ = conversation_figure(conversation(6, speakers=speakers), EMOTIONS)
    assert labels(figure.axes[0], "y") == [
        "Zoë", "a very long n…", "$x", "speaker 4", "speaker 5", "M",
    ]  # fmt: skip


def test_without_a_korean_font_titles_and_emotions_are_numbered(no_hangul, caplog):
    emotions = (*EMOTIONS, "기쁨")
    first, second = conversation(2, dialogues=2, seconds=20.0)
    turns = tuple(replace(turn, emotion="기쁨") for turn in second.turns)
    shown = [first, replace(second, id="대화 2", turns=turns)]
    for _ in range(2):
        figure, _ = conversation_figure(shown, emotions)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["talk 0", "dialogue 2"]
    assert {text.get_text() for text in figure.axes[1].texts} == {"emotion 4 90", "emotion 4 50"}
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["happy", "sad", "emotion 4", "pale: little confidence"]
    (warning,) = caplog.messages
    assert "no font with Korean letters is installed" in warning
    assert "fonts-nanum" in warning


def drawn_words(figure):
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    return legend, {text.get_text() for text in figure.axes[0].texts}


def test_the_picture_in_korean(monkeypatch):
    monkeypatch.setattr(picture, "drawable_or", lambda text, instead: text)
    monkeypatch.setattr(picture, "plain_labels", lambda labels, *_: list(labels))
    figure, _ = conversation_figure(conversation(2, seconds=20.0), EMOTIONS, "ko")
    assert drawn_words(figure) == (["기쁨", "슬픔", "옅은 색: 낮은 확신도"], {"기쁨 90", "슬픔 50"})


def test_the_picture_in_korean_is_in_english_without_a_korean_font(no_hangul):
    shown = conversation(2, seconds=20.0)
    english, korean = (
        drawn_words(conversation_figure(shown, EMOTIONS, language)[0]) for language in ("en", "ko")
    )
    assert korean == english


def test_what_pale_means_is_shown_by_steps_in_no_colour_of_an_emotion():
    figure, _ = conversation_figure(conversation(2), EMOTIONS)
    patches = figure.legends[0].findobj(Rectangle)
    named = {to_hex(patch.get_facecolor()) for patch in patches if patch.get_alpha() is None}
    steps = [patch for patch in patches if patch.get_alpha() is not None]
    opacity = [patch.get_alpha() for patch in steps]
    assert len(steps) > 1
    assert opacity == sorted(opacity, reverse=True)
    assert named.isdisjoint(to_hex(patch.get_facecolor()) for patch in steps)


def test_the_legend_of_many_emotions_stands_within_the_picture():
    emotions = [f"emotion {number}" for number in range(26)]
    (dialogue,) = conversation(26)
    turns = zip(dialogue.turns, emotions, strict=True)
    dialogue = replace(dialogue, turns=tuple(replace(turn, emotion=e) for turn, e in turns))
    figure, _ = conversation_figure([dialogue], emotions)
    to_png(figure, dpi=figure.dpi)
    assert len(figure.legends[0].get_texts()) == 27
    assert figure.legends[0].get_window_extent().x1 <= figure.bbox.width


def test_pointing_at_a_turn_shows_its_words_and_probabilities_in_a_browser(tmp_path):
    page = render_page(conversation(3, text="정말?"), EMOTIONS, "t", "at")
    point = (
        "<script>document.querySelectorAll('.box')[1]"
        ".dispatchEvent(new MouseEvent('mouseover', {bubbles: true}))</script></body>"
    )
    shown = browse(tmp_path, page.replace("</body>", point), "--dump-dom")
    card = shown[shown.index('<div class="card"') :]
    assert "hidden" not in card[: card.index(">")]
    assert "정말?" in card
    assert re.findall(r"<em>(.*?)</em>", card) == ["30 %", "20 %", "50 %"]
    assert not re.search("<a [^>]*><title>", shown)
