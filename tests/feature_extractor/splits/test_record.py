import json
from dataclasses import replace
from pathlib import Path

import pytest

from feature_extractor.configuration import UtteranceConfig
from feature_extractor.splits.record import (
    choose_split,
    is_split_record,
    refuse_seen,
    split_digest,
    split_name,
    split_record,
)
from feature_extractor.splits.splitting import split_corpus
from graph_er.errors import InputError
from tests.feature_extractor.splits.test_splitting import (
    conversations,
    corpus_of,
    readings,
    utterance,
)

RUN = Path("runs/one")


def trained_on(corpus, spec=None, fold=None, /, **fields):
    record = json.loads(json.dumps(split_record(split_corpus(corpus, spec, fold), corpus)))
    return UtteranceConfig(**{"corpus": corpus.name, "split": record, **fields})


@pytest.mark.parametrize(
    ("corpus", "spec", "fold", "unit"),
    [
        (conversations(), None, None, "session"),
        (conversations(), "folds:3", 2, "session"),
        (readings(), "speakers:3", 2, "session"),
        (readings(), "sentences:3", 1, "dialogue"),
        (readings(), "crossed:3", 4, "dialogue"),
    ],
)
def test_a_recorded_split_is_taken_up_again(corpus, spec, fold, unit):
    trained = trained_on(corpus, spec, fold)
    assert is_split_record(trained.split)
    assert trained.split["unit"] == unit
    split = choose_split(corpus, None, None, trained, RUN)
    assert replace(split, warnings=()) == replace(split_corpus(corpus, spec, fold), warnings=())


def test_sessions_are_recorded_in_natural_order():
    record = trained_on(conversations(), "sessions:10,2").split
    assert (record["name"], record["fold"]) == ("sessions:10,2", None)
    assert record["sides"]["test"] == ["Sess02", "Sess10"]


def test_what_the_record_does_not_name_is_left_out():
    trained = trained_on(conversations(sessions=12), "session3")
    split = choose_split(conversations(sessions=14), None, None, trained, RUN)
    assert {dialogue[:6] for dialogue in split.left_out} == {"Sess13", "Sess14"}


def test_a_corpus_without_the_recorded_test_dialogues_is_refused():
    trained = trained_on(conversations(sessions=12))
    with pytest.raises(InputError, match=r"no dialogue of corpus tiny here is a test dialogue of"):
        choose_split(conversations(sessions=4), None, None, trained, RUN)


@pytest.mark.parametrize("side", ["train", "dev"])
def test_what_was_trained_on_is_no_test_under_another_split(side):
    corpus = conversations()
    trained = trained_on(corpus, "folds:4", 1)
    session = trained.split["sides"][side][0]
    with pytest.raises(InputError, match=rf"one was trained with {session} \({side}\) of corpus"):
        choose_split(corpus, f"sessions:{session}", None, trained, RUN)
    again = choose_split(corpus, "folds:4", 1, trained, RUN)
    assert again == split_corpus(corpus, "folds:4", 1)


def test_what_a_checkpoint_was_fit_to_is_no_dev_under_another_split():
    """Epoch, temperature and decoding would be chosen on utterances that it knows by heart."""
    corpus = conversations()
    trained = trained_on(corpus, "folds:4", 1)
    own = split_corpus(corpus, "folds:4", 1)
    refuse_seen(corpus, replace(own, train=own.train[1:], left_out=own.train[:1]), trained, RUN)
    swapped = replace(own, name="ids:x", train=own.train[1:], dev=(*own.dev, own.train[0]))
    session = own.train[0].split("_")[0]
    told = rf"with {session} \(train\) of corpus tiny, which --split ids:x makes dev; choose a"
    with pytest.raises(InputError, match=told):
        refuse_seen(corpus, swapped, trained, RUN)
    refuse_seen(corpus, swapped, trained, RUN, held_out=("test",))


def test_single_dialogues_that_were_trained_on_are_named():
    corpus = readings()
    with pytest.raises(InputError, match=r"s\d_r\d\d \((train|dev)\), .* and \d+ more of corpus"):
        choose_split(corpus, "sentences:5", 2, trained_on(corpus, "sentences:5", 1), RUN)


@pytest.mark.parametrize("fields", [{"corpus": "another"}, {"split": None}, {"corpus": None}])
def test_encoders_of_another_corpus_or_without_a_record_may_have_seen_anything(fields):
    corpus = conversations()
    seen = split_corpus(corpus, "folds:4", 2)
    with pytest.raises(InputError, match=r"one was trained with Sess\d\d"):
        refuse_seen(corpus, seen, trained_on(corpus, "folds:4", 1), RUN)
    refuse_seen(corpus, seen, trained_on(corpus, "folds:4", 1, **fields), RUN)


@pytest.mark.parametrize("fields", [{"corpus": "another"}, {"split": None}, {"corpus": None}])
def test_another_corpus_or_no_record_leaves_the_choice(fields):
    corpus = conversations()
    trained = trained_on(corpus, "folds:4", 1, **fields)
    assert choose_split(corpus, None, None, trained, RUN) == split_corpus(corpus)
    assert choose_split(corpus, "folds:4", 3, trained, RUN) == split_corpus(corpus, "folds:4", 3)
    assert choose_split(corpus, "session3", None) == split_corpus(corpus, "session3")


def test_a_file_of_ids_is_named_without_its_folder(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("id,side\nSess01_script0,train\nSess02_script0,train\nSess03_script0,test\n")
    split = split_corpus(conversations(), f"ids:{path}")
    assert split_name(split) == {"name": "ids:mine.csv", "fold": None}


def test_the_digest_tells_splits_apart_by_their_sides():
    corpus = conversations()
    digests = {split_digest(split_corpus(corpus, "folds:4", fold)) for fold in (1, 2, 3, 4, 1)}
    assert len(digests) == 4


@pytest.mark.parametrize("value", [None, [], {}, {"sides": {"train": []}}, {"sides": 3}])
def test_other_values_are_no_records(value):
    assert not is_split_record(value)


@pytest.mark.parametrize(("spec", "fold"), [("inner:3", 2), ("inner:2@folds:4/1", 1)])
def test_a_recorded_inner_split_is_taken_up_again(spec, fold):
    corpus = conversations()
    trained = trained_on(corpus, spec, fold)
    split = choose_split(corpus, None, None, trained, RUN)
    assert replace(split, warnings=()) == replace(split_corpus(corpus, spec, fold), warnings=())


def test_an_inner_split_of_a_file_of_ids_is_named_without_its_folder(tmp_path):
    path = tmp_path / "mine@home.csv"
    rows = [f"Sess{s:02}_script0,{'test' if s > 8 else 'train'}" for s in range(1, 11)]
    path.write_text("\n".join(["id,side", *rows]))
    split = split_corpus(conversations(), f"inner:3@ids:{path}", 2)
    assert split_name(split) == {"name": "inner:3@ids:mine@home.csv", "fold": 2}


def own_table(prefix="", numbers=range(1, 7), own_names="dialogue"):
    """A user's table: sessions of two dialogues, which `numbers` name in this order."""
    rows = [
        utterance(f"{prefix}{place}_{d}", n, session=f"day{number}", speaker_id=f"{prefix}{place}")
        for place, number in enumerate(numbers)
        for d in range(2)
        for n in range(2)
    ]
    return corpus_of(rows, own_names=own_names)


def test_of_a_users_table_dialogues_are_recorded_and_sessions_may_be_named_anew():
    table = own_table()
    trained = trained_on(table)
    assert trained.split["unit"] == "dialogue"
    reversed_ = own_table(numbers=range(6, 0, -1))
    assert choose_split(reversed_, None, None, trained, RUN) == choose_split(
        table, None, None, trained, RUN
    )
    with pytest.raises(
        InputError, match=r"one was trained with 0_0 \(train\), .* leave --split out"
    ):
        choose_split(reversed_, "sessions:5,6", None, trained, RUN)
    assert choose_split(table, "sessions:5,6", None, trained, RUN).warnings == ()


def test_another_table_with_sessions_of_the_same_names_is_told_what_works():
    trained, other = trained_on(own_table()), own_table("x")
    with pytest.raises(
        InputError, match=r"give a --split whose test is among the 12 unknown to it$"
    ):
        choose_split(other, None, None, trained, RUN)
    assert choose_split(other, "sessions:1", None, trained, RUN).test == ("x0_0", "x0_1")


def test_what_was_trained_with_alone_is_not_to_be_split_by_the_checkpoint():
    trained, part = trained_on(own_table()), own_table(numbers=range(1, 4))
    remedy = "give them names of their own in this table"
    with pytest.raises(InputError, match=f"that it was trained on; if these are other .*{remedy}$"):
        choose_split(part, None, None, trained, RUN)
    with pytest.raises(InputError, match=rf"makes test; choose a --split .*; if .*{remedy}$"):
        choose_split(part, "sessions:1", None, trained, RUN)


def test_a_record_of_a_tables_sessions_is_read_with_a_warning():
    table = own_table()
    trained = trained_on(own_table(own_names=None))
    assert trained.split["unit"] == "session"
    for spec in (None, "sessions:5,6"):
        split = choose_split(table, spec, None, trained, RUN)
        assert split.test == ("4_0", "4_1", "5_0", "5_1")
        assert "names of sessions alone" in split.warnings[-1]
    with pytest.raises(InputError, match="if these are other sessions than the checkpoint's"):
        choose_split(own_table("x"), "sessions:1", None, trained, RUN)


def test_of_a_table_whose_ids_count_rows_sessions_are_recorded():
    table = own_table(own_names="session")
    trained = trained_on(table)
    assert trained.split["unit"] == "session"
    assert choose_split(table, None, None, trained, RUN).warnings == ()


def test_numbers_of_rows_that_were_recorded_are_doubted():
    numbered = own_table(own_names="session")
    trained = trained_on(own_table())  # as where speakers cross sides, so that rows are recorded
    assert trained.split["unit"] == "dialogue"
    split = choose_split(numbered, None, None, trained, RUN)
    assert "records numbers of rows" in split.warnings[-1]


def test_names_that_earlier_releases_recorded_with_hidden_signs_are_known():
    table = own_table()
    trained = trained_on(table)
    sides = trained.split["sides"]
    sides["train"] = [f"{name}\u200b" for name in sides["train"]]
    with pytest.raises(InputError, match=r"one was trained with 0_0 \(train\)"):
        choose_split(table, "sessions:1", None, trained, RUN)
