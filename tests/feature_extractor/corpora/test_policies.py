"""What a checkpoint remembers of how its corpus was read."""

import json
import re
from dataclasses import replace
from types import SimpleNamespace

import pytest

from feature_extractor.corpora import CORPORA
from feature_extractor.corpora.aihub_dialogue_labels import DEFAULT_MAP
from feature_extractor.corpora.policies import (
    choose_policies,
    is_policy_record,
    named_policies,
    policy_record,
)
from feature_extractor.corpora.registry import expected_counts, reader_of
from graph_er.errors import InputError
from tests.feature_extractor.tiny_corpus import make_corpus


def checkpoint(corpus, **policies):
    """Return a checkpoint's configuration, as far as it is read here."""
    return SimpleNamespace(corpus=corpus, policies=policies)


def choose(corpus, given, trained, folder=None):
    """Return the policies chosen and what was told."""
    told = []
    return choose_policies(corpus, given, trained, folder, told.append), told


@pytest.fixture
def older(tmp_path):
    """Return a function that makes the folder of a checkpoint whose run.json alone tells."""

    def make(**config):
        (tmp_path / "run.json").write_text(json.dumps({"config": config, "metrics": {}}))
        return SimpleNamespace(corpus=config.get("corpus"), policies=None), tmp_path

    return make


@pytest.fixture
def write_map(tmp_path):
    """Return a function that writes an emotion map with one entry changed."""

    def write(name, **changes):
        content = json.loads(DEFAULT_MAP.read_text(encoding="utf-8"))
        content["codes"] |= changes
        path = tmp_path / name
        path.write_text(json.dumps(content), encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize("name", CORPORA)
def test_what_every_reader_does_by_default_is_a_record(name):
    defaults = reader_of(name).policies
    assert policy_record(defaults) == defaults
    assert is_policy_record(defaults)


@pytest.mark.parametrize(
    "value",
    [
        *(None, [], {"x": "y"}, {"labels_of": "nobody"}, {"emotion_map": "m.json"}),
        *({"classes": "6"}, {"classes": 4.0}, {"classes": [4]}),
    ],
)
def test_anything_else_is_no_record(value):
    assert not is_policy_record(value)


def test_what_is_not_given_is_as_recorded():
    trained = checkpoint("kemdy19", labels_of="listener", multi_label="soft")
    assert choose("kemdy19", {}, trained) == (trained.policies, [])
    assert choose("kemdy19", {"labels_of": "listener"}, trained) == (trained.policies, [])


def test_another_corpus_is_read_as_asked_for():
    trained = checkpoint("kemdy19", labels_of="listener", multi_label="soft")
    assert choose("demo", {"multi_label": "first"}, trained) == ({"multi_label": "first"}, [])


@pytest.mark.parametrize(
    ("corpus", "policy", "was", "now"),
    [
        ("kemdy19", "labels_of", "listener", "speaker"),
        ("aihub263", "target", "raters", "situation"),
        ("iemocap", "classes", 4, 6),
    ],
)
def test_labels_that_were_not_learnt_are_refused(corpus, policy, was, now):
    said = (
        rf"x was trained with --{policy} {was}, so --{policy} {now} would .* leave --{policy} out"
    )
    with pytest.raises(InputError, match=said):
        choose(corpus, {policy: now}, checkpoint(corpus, **{policy: was}), "x")


@pytest.mark.parametrize("config", [None, [], "x"])
def test_a_run_record_of_another_form_is_named(tmp_path, config):
    (tmp_path / "run.json").write_text(json.dumps({"config": config, "metrics": {}}))
    with pytest.raises(InputError, match=r"run\.json: does not tell how kemdy19 was read"):
        choose("kemdy19", {}, SimpleNamespace(corpus="kemdy19", policies=None), tmp_path)


def test_ties_read_in_another_way_are_told_of():
    chosen, told = choose(
        "kemdy20", {"multi_label": "drop"}, checkpoint("kemdy20", multi_label="soft")
    )
    assert chosen == {"multi_label": "drop"}
    assert [
        bool(re.search("with --multi_label soft.*with --multi_label drop", t)) for t in told
    ] == [True]


def test_an_emotion_map_is_recorded_by_content(tmp_path, write_map):
    path, same, other = (
        write_map(name, E18=emotion)
        for name, emotion in (("a", "fear"), ("b", "fear"), ("c", "sad"))
    )
    record = json.loads(json.dumps(policy_record({"emotion_map": path})))
    assert is_policy_record(record)
    trained = checkpoint("aihub_dialogue", **record)
    path.unlink()
    assert choose("aihub_dialogue", {}, trained) == (record, [])
    assert choose("aihub_dialogue", {"emotion_map": same}, trained)[0] == {"emotion_map": same}
    with pytest.raises(InputError, match=f"an --emotion_map of its own, so --emotion_map {other}"):
        choose("aihub_dialogue", {"emotion_map": other}, trained, tmp_path)
    none = checkpoint("aihub_dialogue", emotion_map=None)
    with pytest.raises(InputError, match="with no --emotion_map of its own, so"):
        choose("aihub_dialogue", {"emotion_map": other}, none, tmp_path)
    same_by_hash, other_by_hash = (
        named_policies(policy_record({"emotion_map": path})) for path in (same, other)
    )
    assert named_policies(record) == same_by_hash != other_by_hash
    assert re.fullmatch("[0-9a-f]{64}", same_by_hash["emotion_map"])
    corpus = make_corpus(tmp_path / "corpus", sessions=2, utterances=2)
    assert expected_counts(replace(corpus, name="aihub_dialogue"), **record)


def test_a_checkpoint_of_an_earlier_release_tells_by_its_run(older):
    trained, folder = older(corpus="kemdy19", labels_of="listener", multi_label="drop", seed=0)
    expected = {"labels_of": "listener", "multi_label": "drop"}
    assert choose("kemdy19", {}, trained, folder)[0] == expected
    assert choose("demo", {}, trained, folder)[0] == {}
    with pytest.raises(InputError, match="was trained with --labels_of listener"):
        choose("kemdy19", {"labels_of": "speaker"}, trained, folder)
    assert choose("kemdy19", {}, *older(corpus="kemdy19"))[0] == {}
    with pytest.raises(InputError, match=r"run\.json: does not tell how kemdy19 was read"):
        choose("kemdy19", {}, *older(corpus="kemdy19", labels_of="nobody"))


def test_an_emotion_map_that_is_not_there_any_more_is_asked_for(older, write_map):
    given = write_map("given")
    for path, found in ((None, None), (str(given), given)):
        run = older(corpus="aihub_dialogue", emotion_map=path)
        assert choose("aihub_dialogue", {}, *run)[0] == {"emotion_map": found}
    for lost in ("gone.json", "long" * 2000):
        run = older(corpus="aihub_dialogue", emotion_map=lost)
        with pytest.raises(InputError, match=f"with --emotion_map {lost}, which is not there; gi"):
            choose("aihub_dialogue", {}, *run)
        assert choose("aihub_dialogue", {"emotion_map": given}, *run)[0] == {"emotion_map": given}
