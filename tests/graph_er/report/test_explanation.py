from dataclasses import replace
from types import SimpleNamespace

import pytest
from matplotlib.font_manager import fontManager

from graph_er.answers.explanation import Explanation, Influence, TurnInfluence
from graph_er.report import fonts
from graph_er.report.canvas import to_png, to_svg
from graph_er.report.explanation import explanation_figure
from graph_er.report.fonts import drawable, drawable_or, families
from graph_er.report.lettering import shortened, shortened_apart, text_width

FOR, AGAINST = Influence(0.21, 1.1, "sad"), Influence(-0.034, -0.2, "angry")
TURNS = tuple(
    TurnInfluence(position, f"u{position}", speaker, sentence, influence)
    for position, speaker, sentence, influence in (
        (7, "지민", "너무하잖아, 정말 어떻게 나한테 그럴 수가 있어!", FOR),
        (2, "M", "I can't $pay$ it 😀", AGAINST),
        (4, ("M", 2), "", Influence(0.0, 0.0, "angry")),
    )
)
EXPLANATION = Explanation(
    dialogue="S1",
    position=3,
    utterance_id="u3",
    speaker="지민",
    sentence="그렇게 됐어.",
    emotion="angry",
    probability=0.62,
    probabilities={"neutral": 0.1, "angry": 0.62, "sad": 0.28},
    turn=FOR,
    turn_modalities={"audio": FOR, "text": AGAINST},
    dialogue_modalities={"audio": FOR, "text": AGAINST},
    context=AGAINST,
    turns=TURNS,
    far=AGAINST,
    far_turns=40,
)
ALONE = replace(
    EXPLANATION, turns=(), context=None, far=None, far_turns=0,
    turn_modalities={"text": FOR}, dialogue_modalities={"text": FOR},
)  # fmt: skip


def words(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def bars(figure):
    return [patch.get_width() for axes in figure.axes for patch in axes.patches]


def test_every_influence_is_a_bar_of_its_size_and_the_turns_stand_in_their_order():
    figure = explanation_figure(EXPLANATION)
    of_turns = [-3.4, 0.0, 21.0]  # turns 3, 5 and 8
    assert bars(figure) == pytest.approx([21, 21, -3.4, 21, -3.4, -3.4, -3.4, *of_turns])
    shown = words(figure)
    assert [word for word in shown if word in ("3", "5", "8")] == ["3", "5", "8"]
    assert "the 40 turns furthest away" in shown
    assert "('M', 2)" in shown


def test_numbers_tell_the_sign_and_what_would_be_predicted_else():
    shown = words(explanation_figure(EXPLANATION))
    assert "+21.0  else sad" in shown
    assert "−3.4" in shown


def test_support_and_opposition_differ_in_colour_as_the_legend_says():
    figure = explanation_figure(EXPLANATION)
    patches = figure.axes[0].patches
    by_sign = {patch.get_width() > 0: patch.get_facecolor() for patch in patches}
    legend = {
        text.get_text(): handle.get_facecolor()
        for text, handle in zip(
            figure.legends[0].get_texts(), figure.legends[0].get_patches(), strict=True
        )
    }
    assert legend == {"supports it": by_sign[True], "speaks against it": by_sign[False]}


def test_no_more_turns_than_asked_for_and_the_strongest():
    shown = words(explanation_figure(EXPLANATION, turns=1))
    assert [word for word in shown if word in ("3", "5", "8")] == ["8"]


def test_a_turn_alone_needs_no_room_for_others():
    figure = explanation_figure(ALONE)
    assert bars(figure) == pytest.approx([21, 21])
    assert not any("other" in word for word in words(figure))
    assert figure.get_size_inches()[1] < explanation_figure(EXPLANATION).get_size_inches()[1]


def test_all_bars_are_on_one_scale():
    figure = explanation_figure(EXPLANATION)
    assert len(figure.axes) == 1
    assert "percentage points" in figure.axes[0].get_xlabel()


def test_next_to_no_influence_looks_like_it():
    tiny = Influence(1e-6, 1e-6, "angry")
    still = replace(ALONE, turn=tiny, dialogue_modalities={"text": tiny})
    low, high = explanation_figure(still).axes[0].get_xlim()
    assert high - low > 0.4


@pytest.mark.parametrize("explanation", [EXPLANATION, ALONE])
def test_it_draws_whatever_was_said_without_a_warning(explanation):
    odd = replace(explanation, sentence="$x$ 😀\n\x07 ㅋㅋ" * 30, speaker="이름" * 30)
    for each in (explanation, odd):
        assert to_png(explanation_figure(each), dpi=50).startswith(b"\x89PNG")
        assert to_svg(explanation_figure(each)).startswith("<?xml")


def test_what_no_font_has_is_left_out(no_hangul):
    assert families() == ("DejaVu Sans",)
    assert drawable("응 ok \x07 yes") == "ok yes"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("응 ok", "it"),
        ("ok \U0010fffd", "ok"),
        ("\U0010fffd", "it"),
        ("", ""),
        (" ", ""),
        ("ok", "ok"),
    ],
)
def test_what_would_lose_letters_is_replaced(no_hangul, text, expected):
    assert drawable_or(text, "it") == expected


def test_without_a_korean_font_ids_and_numbers_stand_for_korean(no_hangul, caplog):
    korean = replace(
        EXPLANATION,
        emotion="분노",
        probabilities={"중립": 0.1, "분노": 0.62, "sad": 0.2, "angry": 0.08},
    )
    korean = replace(korean, turn=Influence(0.2, 1.0, "중립"))
    for _ in range(2):
        figure = explanation_figure(korean)
        to_png(figure, dpi=50)
    shown = words(figure)
    assert "4   utterance u3" in shown
    assert "emotion 2   62 %" in shown
    assert "+20.0  else emotion 1" in shown
    assert "utterance u7" in shown
    assert figure.axes[-1].get_xlabel().startswith("percentage points of “emotion 2”")
    assert not any("□" in word for word in shown)
    (warning,) = caplog.messages
    assert "no font with Korean letters is installed" in warning
    assert "fonts-nanum" in warning


def test_without_a_korean_font_an_id_of_korean_is_left_out(no_hangul):
    assert "4" in words(explanation_figure(replace(EXPLANATION, utterance_id="발화")))


def test_a_change_that_rounds_to_nothing_has_no_minus():
    nothing = Influence(-1e-6, -1e-6, "angry")
    shown = words(explanation_figure(replace(EXPLANATION, turn=nothing)))
    assert "+0.0" in shown
    assert "−0.0" not in shown


def test_a_font_installed_after_matplotlib_listed_them_is_found(no_hangul, monkeypatch, tmp_path):
    added = []
    monkeypatch.setattr(fonts, "findSystemFonts", lambda: ["/f/malgun.ttf", "/f/NanumGothic.ttf"])
    monkeypatch.setattr(fontManager, "addfont", added.append)
    assert families() == ("DejaVu Sans", "NanumGothic")
    assert added == ["/f/NanumGothic.ttf"]


def test_a_korean_font_that_matplotlib_knows_is_taken_without_a_search(no_hangul, monkeypatch):
    monkeypatch.setattr(fontManager, "ttflist", [SimpleNamespace(name="Noto Sans KR")])
    monkeypatch.setattr(fonts, "findSystemFonts", lambda: ["/f/malgun.ttf"])
    assert families() == ("DejaVu Sans", "Noto Sans KR")


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("정말", 4, "정말"),
        ("정말로", 5, "정말…"),
        ("", 0, ""),
    ],
)
def test_text_is_cut_by_the_room_it_takes(text, width, expected):
    assert shortened(text, width) == expected


@pytest.mark.parametrize(
    ("texts", "cut"),
    [
        (["person 1", "person 12"], ["person 1", "person…"]),
        (["person no 1", "person no 2", "guest"], ["per…no 1", "per…no 2", "guest"]),
        (["person no 1"] * 2, ["person…"] * 2),
        (["상담센터 하나", "상담센터 둘"], ["상…하나", "상담…둘"]),
        (["person 1 a b c", "person 2 a b c"], ["per…b c"] * 2),
    ],
)
def test_what_is_cut_alike_keeps_its_end(texts, cut):
    assert shortened_apart(texts, 8) == cut
    assert all(text_width(text) <= 8 for text in cut)


def test_lines_and_gaps_become_one_space():
    assert drawable("a\n b\t c") == "a b c"
