"""What is drawn of a turn and of a conversation, without models."""

import re
from dataclasses import replace

import pytest

from graph_er.answers.explanation import Explanation, Influence, TurnInfluence
from graph_er.display.shown_turns import ShownDialogue, ShownTurn
from graph_er.web.drawings import reasons_html, timeline_html

TURN = ShownTurn(
    1,
    "고객상담센터 야간담당 김서연",
    "왜?",
    0.0,
    9.0,
    "sad",
    0.8,
    {"sad": 0.8, "neutral": 0.2},
    "",
    "at",
)
OTHER = TurnInfluence(4, "u4", "M", "그래", Influence(0.17, 1.0, "sad"))
EXPLANATION = Explanation(
    dialogue="d", position=0, utterance_id="u0", speaker="M", sentence="왜?", emotion="sad",
    probability=0.8, probabilities=TURN.probabilities, turn=Influence(0.786, 3.0, "neutral"),
    turn_modalities={"audio": Influence(-1e-6, 0.0, "sad")},
    dialogue_modalities={"audio": Influence(0.4, 2.0, "sad")}, context=Influence(-1e-6, 0.0, "sad"),
    turns=(OTHER,), far=Influence(-0.2, -1.0, "sad"), far_turns=99,
)  # fmt: skip


@pytest.mark.parametrize("language", ["ko", "en"])
def test_lengths_of_bars_compare_across_groups(language):
    page = reasons_html(TURN, 0, EXPLANATION, "", language)
    bars = re.findall(
        r'class="(for|against)" style="width: ([\d.]+)%"></i></b><em>(\S+?)[ <]', page
    )
    assert [number for _, _, number in bars] == ["+78.6", "+40.0", "+0.0", "−20.0", "+17.0"]
    widths = [float(width) for _, width, _ in bars]
    assert widths == pytest.approx([50, 25.4, 0, 12.7, 10.8], abs=0.1)


def test_next_to_no_influence_looks_like_it():
    nothing = Influence(1e-6, 0.0, "sad")
    still = replace(
        EXPLANATION, turn=nothing, dialogue_modalities={}, context=None, far=None, turns=()
    )
    page = reasons_html(TURN, 0, still, "", "en")
    assert re.findall(r'style="width: ([\d.]+)%"></i></b><em>', page)[-1] == "0.0"


@pytest.mark.parametrize(("language", "label"), [("ko", "슬픔"), ("en", "sad")])
def test_names_and_emotions_take_the_room_that_they_have(language, label):
    shown = ShownDialogue("d", (TURN,), clock=True)
    page = timeline_html([shown], ("sad", "neutral"), language)
    assert re.findall(r'class="label"[^>]*>(.*?)<', page) == [label]
    assert re.findall(r'class="name"[^>]*>(.*?)<', page) == ["고객상담센터…"]


def test_a_turn_has_one_number_wherever_it_is_shown():
    shown = [ShownDialogue(name, (TURN, replace(TURN, number=2)), clock=True) for name in "de"]
    page = timeline_html(shown, ("sad", "neutral"), "en")
    places = [int(place) for place in re.findall(r'data-turn="(\d+)"', page)]
    assert places == [0, 1, 2, 3]
    assert [int(number) - 1 for number in re.findall(r"<title>(\d+)\.", page)] == places
    reasons = reasons_html(TURN, 2, EXPLANATION, "", "en")
    assert f"3. <b>{TURN.speaker}" in reasons
    assert f"{2 + OTHER.position + 1}. M: 그래" in reasons
