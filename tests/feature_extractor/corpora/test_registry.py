import argparse
import inspect
from dataclasses import replace
from pathlib import Path

import pytest

from feature_extractor.corpora import CORPORA
from feature_extractor.corpora import registry as registry_module
from feature_extractor.corpora.problems import CorpusProblems
from feature_extractor.corpora.registry import (
    Reader,
    effective_policies,
    expected_counts,
    read_corpus,
    reader_of,
)
from feature_extractor.options import (
    add_corpus_options,
    add_split_options,
    corpus_choice,
    corpus_policies,
)
from graph_er.errors import InputError
from tests.feature_extractor.tiny_corpus import make_corpus


def parse(*argv):
    parser = argparse.ArgumentParser()
    add_corpus_options(parser)
    add_split_options(parser, default="its own")
    return parser.parse_args(argv)


@pytest.mark.parametrize("name", CORPORA)
def test_each_corpus_has_a_reader_whose_policies_are_all_on_offer(name):
    parameters = inspect.signature(reader_of(name).read).parameters.values()
    policies = [p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY]
    assert sorted(policies) == sorted(CORPORA[name].policies)
    options = vars(parse("--corpus", name))
    assert all(options[policy] is None for policy in policies)


@pytest.mark.parametrize(
    ("argv", "policies"),
    [
        ((), {"labels_of": "speaker", "multi_label": "drop"}),
        (("--labels_of", "listener"), {"labels_of": "listener", "multi_label": "drop"}),
        (("--corpus", "kemdy20", "--multi_label", "soft"), {"multi_label": "soft"}),
        (("--corpus", "aihub263", "--target", "raters"), {"target": "raters"}),
        (("--corpus", "iemocap", "--classes", "4"), {"classes": 4}),
        (
            ("--corpus", "aihub_dialogue", "--emotion_map", "m.json"),
            {"emotion_map": Path("m.json")},
        ),
        (("--corpus", "meld"), {}),
    ],
)
def test_policies_are_those_given_and_the_readers_defaults(argv, policies):
    assert corpus_policies(parse(*argv)) == policies


@pytest.mark.parametrize(
    ("argv", "known"),
    [
        (("--corpus", "meld", "--labels_of", "speaker"), "--labels_of; it knows none"),
        (("--corpus", "kemdy20", "--labels_of", "speaker"), "it knows --multi_label"),
        (("--classes", "4"), "demo does not know --classes; it knows --labels_of, --multi_label"),
        (("--corpus", "table", "--emotion_map", "x"), "table does not know --emotion_map"),
    ],
)
def test_a_policy_that_the_corpus_does_not_know_is_refused(argv, known):
    with pytest.raises(InputError, match=known):
        corpus_policies(parse(*argv))


def test_the_choice_holds_how_the_corpus_is_split():
    choice = corpus_choice(parse("--corpus", "meld", "--root", "m", "--split", "folds:5"))
    assert (choice.name, choice.root, choice.policies) == ("meld", Path("m"), {})
    assert (choice.split, choice.fold) == ("folds:5", None)


def test_an_unknown_corpus_lists_the_known():
    with pytest.raises(InputError, match="unknown corpus 'x'; known are demo, kemdy19, kemdy20"):
        effective_policies("x", {})


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """Stands for every reader: returns a corpus of four utterances, or what `result` holds."""
    corpus = make_corpus(tmp_path, sessions=2, utterances=2)
    result = {"corpus": replace(corpus, name="iemocap"), "error": None}

    def read(root, *, classes=6):
        if result["error"]:
            raise result["error"]
        return result["corpus"]

    counts = {6: {"utterances": 4, "sessions": 3}, 4: {"utterances": 2}}
    result["reader"] = Reader(read, {"classes": 6}, counts)
    monkeypatch.setattr(registry_module, "reader_of", lambda name: result["reader"])
    return result


def test_found_counts_stand_beside_expected_ones_in_the_last_notice(reader):
    last = read_corpus("iemocap", Path()).notices[-1]
    assert last.startswith(
        "counts: sessions 2 (expected 3); dialogues 2; utterances 4 (expected 4)"
    )
    last = read_corpus("iemocap", Path(), classes=4).notices[-1]
    assert last.startswith("counts: sessions 2; dialogues 2; utterances 4 (expected 2)")


def test_another_policy_leaves_the_expected_layout_only(reader):
    counts = {"sessions": 2, "dialogues": 4, "utterances": 4, "angry": 9}
    reader["reader"] = replace(reader["reader"], counts=counts)
    expected = {name: number for name, _, number in expected_counts(reader["corpus"], classes=4)}
    assert expected == {
        **{"sessions": 2, "dialogues": None, "utterances": None},
        **{"neutral": None, "angry": None, "happy": None},
    }
    assert 9 in [number for *_, number in expected_counts(reader["corpus"])]


def test_what_is_usable_bears_the_name_that_was_asked_for(reader):
    reader["error"] = CorpusProblems(["a", "b"], "there", replace(reader["corpus"], name="inner"))
    with pytest.raises(CorpusProblems) as caught:
        read_corpus("iemocap", Path())
    assert caught.value.usable.name == "iemocap"
    assert caught.value.problems == ("a", "b")


def test_ids_that_stage_2_could_not_write_are_refused_when_the_corpus_is_read(tmp_path):
    lines = ["dialogue,utterance,speaker,text,emotion"]
    for number in range(5):
        dialogue = "가" * 150 if number == 2 else f"d{number}"
        # Joined by one sign: 250 letters may be, 251 may not.
        for length in (97, 99 + (number == 2)):
            lines.append(f"{dialogue},{'x' * length},A,말,neutral")
    path = tmp_path / "table.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(CorpusProblems) as caught:
        read_corpus("table", path)
    (problem,) = caught.value.problems
    assert problem.startswith(f"dialogue {'가' * 150}: utterance ids: an id of 251 characters, ")
    assert problem.endswith("250 are the most; shorten or correct what names it in the corpus")
    usable = caught.value.usable
    assert [*usable.dialogues()] == ["d0", "d1", "d3", "d4"]
    path.write_text("\n".join(lines).replace("x" * 100, "x" * 99), encoding="utf-8")
    assert max(len(u.id) for u in read_corpus("table", path).utterances) == 250
