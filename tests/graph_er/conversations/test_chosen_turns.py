"""`--explain`: which utterances are meant."""

import re
from pathlib import Path

import pytest

from graph_er.conversations.chosen_turns import wanted_ids
from graph_er.conversations.recording_folder import read_recording_folder
from graph_er.conversations.turn_table import turns_of_rows
from graph_er.display.page import render_page
from graph_er.display.shown_turns import shown_dialogues
from graph_er.errors import InputError

IDS = ["a", "b", "c,d", "4"]


def turns(*dialogues):
    """Turns of dialogues that are given by the ids of their utterances."""
    rows = [
        {"dialogue": f"d{number}", "utterance": name, "speaker": "A", "text": "그래"}
        for number, ids in enumerate(dialogues)
        for name in ids
    ]
    return turns_of_rows(rows, Path())


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ([], []),
        (["b"], ["b"]),
        (["b", "a"], ["b", "a"]),
        (["4,a , b"], ["4", "a", "b"]),
        (["c,d"], ["c,d"]),
        (["a", "a,b,"], ["a", "b"]),
        (["2, 1", "3"], ["b", "a", "c,d"]),
        (["2", "b"], ["b"]),
    ],
)
def test_utterances_by_option(given, wanted):
    assert wanted_ids(given, turns(IDS)) == wanted


def test_unknown_utterances_are_named():
    with pytest.raises(InputError, match=r"--explain x, y: no such utterance; there are 4, such"):
        wanted_ids(["x,a", "y"], turns(IDS))
    for name in ("0", "5", "-1", "9" * 5000):
        with pytest.raises(InputError, match="no such utterance"):
            wanted_ids([name], turns(IDS))


def test_numbers_are_those_of_the_pages_table_whatever_the_order_of_rows(models, predictor):
    rows = [{"speaker": "A", "text": f"그래 {n}", "start": 10 - n} for n in range(3)]
    talk = turns_of_rows(rows, models.graph)
    shown = shown_dialogues(talk, predictor.predict_turns(talk)[0], predictor.emotions)
    page = render_page(shown, predictor.emotions, "talk", "at")
    table = re.findall(r'<td class="number">(\d)</td>.*?<td class="text"[^>]*>(.*?)</td>', page)
    assert [text for _, text in table] == ["그래 2", "그래 1", "그래 0"]
    for number, text in table:
        (wanted,) = wanted_ids([number], talk)
        assert {own.id: own.text for own in talk}[wanted] == text


def test_numbers_tell_nothing_among_several_dialogues():
    several = turns(["a", "b"], ["c", "1"])
    assert wanted_ids(["1", "b"], several) == ["1", "b"]
    with pytest.raises(InputError, match=r"--explain 2: .*several dialogues; .* such as b, 1$"):
        wanted_ids(["2"], several)


def test_an_utterance_may_be_named_as_the_output_names_it(tmp_path):
    one, two = tmp_path / "fold", tmp_path / "all"
    for folder in (one, two / "x", two / "y"):
        folder.mkdir(parents=True)
        for name in ("mina_1", "jun_2"):
            (folder / f"{name}.txt").write_text("x")
    turns = read_recording_folder(one)
    assert wanted_ids(["jun_2,fold/mina_1"], turns) == ["fold/jun_2", "fold/mina_1"]
    with pytest.raises(InputError, match="mina_1: 2 utterances are called so; name one as x/mina"):
        wanted_ids(["mina_1"], read_recording_folder(two))
