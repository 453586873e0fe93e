import json

import pytest
from transformers import RobertaConfig

from feature_extractor.configuration import UtteranceConfig
from feature_extractor.extraction.fold_checkpoints import read_folds
from feature_extractor.networks.checkpoint import load_configuration
from feature_extractor.splits.record import choose_split, split_record
from feature_extractor.splits.splitting import split_corpus
from graph_er.errors import InputError
from tests.feature_extractor.splits.test_splitting import conversations, corpus_of

CORPUS = conversations(sessions=12)  # 1 to 8 are train, 9 and 10 dev, 11 and 12 test
SPLIT = split_corpus(CORPUS)


def write(folder, spec=None, fold=None, *, digest="abc", sides=None, **changes):
    """Write what a checkpoint folder says, without a model."""
    record = split_record(split_corpus(CORPUS, spec, fold), CORPUS)
    record["sides"].update(sides or {})
    fields = {
        "emotions": ["happy", "sad"],
        "modalities": "t",
        "text_config": RobertaConfig(hidden_size=16, num_attention_heads=2),
        "corpus": CORPUS.name,
        "split": record,
    }
    UtteranceConfig(**{**fields, **changes}).save_pretrained(folder)
    run = {"config": {"corpus_sha256": digest}, "metrics": {}}
    (folder / "run.json").write_text(json.dumps(run))
    return folder


@pytest.fixture
def full(tmp_path):
    return write(tmp_path / "full")


@pytest.fixture
def folders(tmp_path):
    return [write(tmp_path / f"fold{k}", "inner:3", k) for k in (1, 2, 3)]


def test_each_training_dialogue_is_in_the_group_of_one_fold(full, folders):
    folds = read_folds(full, folders[::-1], CORPUS, SPLIT)
    assert [fold.folder for fold in folds] == folders[::-1]
    assert sorted(d for fold in folds for d in fold.group) == sorted(SPLIT.train)
    for fold, number in zip(folds, (3, 2, 1), strict=True):
        assert fold.group == set(split_corpus(CORPUS, "inner:3", number).test)


def test_folds_missing_or_given_twice_are_told(full, folders):
    with pytest.raises(InputError, match=r"was trained with Sess04_script0, .*; give those of all"):
        read_folds(full, [folders[0], folders[2]], CORPUS, SPLIT)
    with pytest.raises(InputError, match=r"fold1 and .*fold1 both left out Sess01_script0"):
        read_folds(full, [*folders, folders[0]], CORPUS, SPLIT)


@pytest.mark.parametrize(
    ("spec", "fold", "sides", "message"),
    [
        ("folds:3", 1, {}, r"trained with Sess09_script0, Sess09_script1, Sess10"),
        ("sessions:1,2,3", None, {}, r"trained with Sess09"),
        ("inner:3", 1, {"train": ["Sess04", "Sess11"]}, "trained with Sess11_script0"),
        ("inner:3", 1, {"train": ["Sess04", "Sess09"], "dev": ["Sess10"]}, "trained with Sess09"),
        ("inner:3", 1, {"dev": ["Sess09", "Sess12"]}, "was chosen by Sess12"),
        ("inner:3", 1, {"test": ["Sess01", "Sess11"]}, r"left out Sess11.*\(test there\)"),
        ("inner:3", 1, {"test": ["Sess01", "Sess09"], "dev": ["Sess10"]}, r"\(dev there\)"),
        ("inner:3", 1, {"train": ["Sess01", "Sess04"]}, "Sess01 is both train and test"),
        ("inner:3", 1, {"dev": ["Sess01", "Sess09"]}, "Sess01 is both dev and test"),
        ("inner:3", 1, {"test": []}, "left out nothing"),
    ],
)
def test_a_fold_that_saw_what_it_must_not_is_refused(full, folders, spec, fold, sides, message):
    write(folders[0], spec, fold, sides=sides)
    with pytest.raises(InputError, match=message):
        read_folds(full, folders, CORPUS, SPLIT)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"emotions": ["sad", "happy"]}, "differs from .*full in emotions"),
        ({"modalities": "a"}, r"in modalities \('a', not 't'\)"),
        (
            {"fusion_options": {"audio_size": 9}},
            r"in fusion_options \(\{'audio_size': 9\}, not \{\}\)",
        ),
        ({"text_config": RobertaConfig(hidden_size=32, num_attention_heads=2)}, "in text_config;"),
        ({"text_config": None}, "in text_config;"),
        ({"transcript_version": 1}, "in transcript_version"),
        ({"clip_length": 3.0}, "in clip_length"),
        ({"speaker_scaling": True}, r"in speaker_scaling \(True, not False\)"),
        ({"corpus": "another"}, "in corpus "),
        ({"digest": "xyz"}, r"in corpus_sha256 \('xyz', not 'abc'\)"),
        ({"split": None}, "does not record the split"),
    ],
)
def test_a_fold_of_another_model_or_corpus_is_refused(full, folders, changes, message):
    write(folders[1], "inner:3", 2, **changes)
    with pytest.raises(InputError, match=rf"fold2.*{message}"):
        read_folds(full, folders, CORPUS, SPLIT)


def test_an_option_that_is_given_or_left_out_as_a_default_is_no_difference(full, folders):
    write(folders[1], "inner:3", 2, fusion_options={"audio_size": 0})
    assert len(read_folds(full, folders, CORPUS, SPLIT)) == 3


def test_where_an_encoder_was_loaded_from_is_no_difference(full, folders):
    elsewhere = RobertaConfig(hidden_size=16, num_attention_heads=2, name_or_path="elsewhere")
    write(folders[1], "inner:3", 2, text_config=elsewhere, text_source="elsewhere")
    assert len(read_folds(full, folders, CORPUS, SPLIT)) == 3


def test_the_whole_checkpoint_must_be_trained_on_the_training_side(full, folders):
    with pytest.raises(InputError, match=r"full was trained on other dialogues.*folds:4"):
        read_folds(full, folders, CORPUS, split_corpus(CORPUS, "folds:4", 1))
    write(full, split=None)
    with pytest.raises(InputError, match="full does not record the split"):
        read_folds(full, folders, CORPUS, SPLIT)


def test_sessions_that_a_smaller_copy_lacks_are_no_matter(full, folders):
    smaller = corpus_of(u for u in CORPUS.utterances if u.session != "Sess05")
    split = choose_split(smaller, None, None, load_configuration(full), full)
    folds = read_folds(full, folders, smaller, split)
    assert sorted(d for fold in folds for d in fold.group) == sorted(split.train)


def test_a_fold_that_is_not_finished_is_told(full, folders):
    (folders[2] / "run.json").unlink()
    with pytest.raises(InputError, match="fold3: training did not finish"):
        read_folds(full, folders, CORPUS, SPLIT)
