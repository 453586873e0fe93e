"""Dialogues to try: the example, and the test side of the demo corpus, without its labels."""

import pytest

from feature_extractor.corpora.registry import read_corpus
from feature_extractor.demo_corpus.generate import DemoSettings, generate_demo
from feature_extractor.splits.splitting import split_corpus
from graph_er.conversations.demo_dialogues import demo_names, demo_turns
from graph_er.errors import InputError
from tests.graph_er.conversation_factory import talk, write_table


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    data = tmp_path_factory.mktemp("data")
    generate_demo(data / "demo", DemoSettings(sessions=4, dialogues=2, utterances=4))
    write_table(data / "example" / "conversation.csv", talk(3))
    return data


def test_the_example_and_the_test_dialogues_in_time_order(data):
    corpus = read_corpus("demo", data / "demo")
    names = list(split_corpus(corpus).test)
    assert names
    assert demo_names(data) == ["example", *names]
    assert [turn.speaker for turn in demo_turns(data, "example")] == ["A", "B", "A"]
    own = corpus.dialogues()[names[0]]
    turns = demo_turns(data, names[0])
    assert [(turn.id, turn.wav, turn.text) for turn in turns] == [
        (utterance.id, utterance.wav, utterance.text) for utterance in own
    ]
    assert [turn.start for turn in turns] == sorted(turn.start for turn in turns)
    assert not any("emotion" in turn.row for turn in turns)


def test_nothing_is_there_and_nothing_else_is_opened(data, tmp_path):
    assert demo_names(tmp_path) == []
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "demo.json").write_text("{}")
    assert demo_names(tmp_path) == []
    for name in ("example", "../demo", "Sess01_script01"):
        with pytest.raises(InputError, match="no demo dialogue"):
            demo_turns(tmp_path, name)
