"""Stages 1 and 2 on corpora other than the demo: splits, no audio, long and silent clips."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from feature_extractor import eval as eval_command
from feature_extractor import extract as extract_command
from feature_extractor import train as train_command
from feature_extractor.corpora import registry
from feature_extractor.corpora.registry import Reader
from feature_extractor.utterance import Corpus
from graph_er.dialogues import read_dialogues
from graph_er.running.cli import run_command
from tests.feature_extractor.tiny_corpus import (
    EMOTIONS,
    make_audio_folder,
    make_text_folder,
    make_utterance,
)


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    root = tmp_path_factory.mktemp("encoders")
    text, audio = make_text_folder(root / "text"), make_audio_folder(root / "audio")
    return ("--text_encoder", str(text), "--audio_encoder", str(audio))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Nine readers of six sentences: each reading is a dialogue whose id tells no session."""
    root = tmp_path_factory.mktemp("corpus")
    rows = []
    for speaker in range(9):
        for sentence in range(6):
            row = make_utterance(root, speaker, sentence)
            identifier = f"r{sentence}-s{speaker}"
            rows.append(
                replace(
                    row,
                    **{"id": identifier, "dialogue": identifier, "session": f"reader{speaker}"},
                    **{"speaker_id": f"reader{speaker}", "sentence": f"r{sentence}"},
                )
            )
    return Corpus("table", EMOTIONS, tuple(rows))


@pytest.fixture
def read(monkeypatch):
    """Return a function that makes a corpus the one which every reader returns."""

    def use(corpus):
        reader = Reader(lambda root: corpus, {}, {})
        monkeypatch.setattr(registry, "reader_of", lambda name: reader)

    return use


def changed(corpus, *numbers, **fields):
    """Return the corpus with other fields in some utterances, or in all."""
    rows = [
        replace(row, **fields) if not numbers or number in numbers else row
        for number, row in enumerate(corpus.utterances)
    ]
    return replace(corpus, utterances=tuple(rows))


def train(out, *options):
    argv = ["--corpus", "table", "--root", ".", "--out", str(out), "--device", "cpu"]
    quick = ["--epochs", "1", "--batch_size", "16", "--accumulate_grad", "1", "--num_workers", "0"]
    return run_command(train_command.main, [*argv, *quick, *options])


def extract(out, *options):
    argv = ["--corpus", "table", "--root", ".", "--out", str(out), "--device", "cpu", *options]
    return run_command(extract_command.main, argv)


def evaluate(run, *options):
    argv = ["--corpus", "table", "--root", ".", "--checkpoint", str(run), "--device", "cpu"]
    return run_command(eval_command.main, [*argv, *options])


@pytest.fixture(scope="module")
def folds_run(corpus, encoders, tmp_path_factory):
    """A run of both modalities under fold 2 of 3."""
    out = tmp_path_factory.mktemp("runs") / "folds"
    with pytest.MonkeyPatch.context() as patch:
        reader = Reader(lambda root: corpus, {}, {})
        patch.setattr(registry, "reader_of", lambda name: reader)
        assert train(out, "--split", "folds:3", "--fold", "2", *encoders) == 0
    return out


def test_all_stages_run_under_one_fold(corpus, read, folds_run, tmp_path, capsys):
    read(corpus)
    tested = {u.id for u in corpus.utterances if u.session in ("reader3", "reader4", "reader5")}
    config = json.loads((folds_run / "config.json").read_text())
    assert config["split"] == {
        **{"name": "folds:3", "fold": 2, "unit": "session"},
        "sides": {
            "train": ["reader0", "reader1", "reader2", "reader6", "reader7"],
            "dev": ["reader8"],
            "test": ["reader3", "reader4", "reader5"],
        },
    }
    record = json.loads((folds_run / "run.json").read_text())["config"]
    assert (record["corpus"], record["split"], record["fold"]) == ("table", "folds:3", 2)
    assert extract(tmp_path / "x.pkl", "--checkpoint", str(folds_run)) == 0
    assert "split folds:3, fold 2: train 30, dev 6, test 18 dialogues" in capsys.readouterr().out
    file = read_dialogues(tmp_path / "x.pkl")
    assert set(file.test_ids) == tested
    assert {i.split("-")[1] for i in file.dev_ids} == {"s8"}
    assert len(file.train_ids) == 30
    assert file.emotions == EMOTIONS
    assert file.info["corpus"] == "table"
    assert file.info["split"] == {"name": "folds:3", "fold": 2}
    assert file.info["sessions"]["r0-s3"] == "reader3"
    assert (file.info["without_audio"], file.info["chunked"]) == ([], [])
    assert evaluate(folds_run) == 0
    scores = json.loads((folds_run / "eval_test" / "eval.json").read_text())
    assert (scores["n"], scores["split"]) == (18, "test")
    assert scores["corpus_split"] == {"name": "folds:3", "fold": 2}


def test_another_fold_would_test_on_what_was_trained_on(corpus, read, folds_run, tmp_path, capsys):
    read(corpus)
    other = ("--split", "folds:3", "--fold", "1")
    assert extract(tmp_path / "x.pkl", "--checkpoint", str(folds_run), *other) == 2
    assert "reader0 (train), reader1 (train), reader2 (train)" in capsys.readouterr().err
    assert evaluate(folds_run, *other) == 2
    assert evaluate(folds_run, "--split", "folds:3", "--fold", "2") == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("options", [("--side", "dev"), ("--split", "dev")])
def test_the_side_that_is_scored(corpus, read, folds_run, tmp_path, options):
    read(corpus)
    assert evaluate(folds_run, "--out", str(tmp_path / "eval.json"), *options) == 0
    scores = json.loads((tmp_path / "eval.json").read_text())
    assert (scores["n"], scores["split"]) == (6, "dev")


def test_a_run_does_not_go_on_under_another_fold(corpus, read, folds_run, encoders, capsys):
    read(corpus)
    same, other = (("--split", "folds:3", "--fold", fold, "--resume") for fold in "23")
    assert train(folds_run, *same, *encoders) == 0
    assert train(folds_run, *other, *encoders) == 2
    assert "fold was 2, is 3" in capsys.readouterr().err


def test_what_a_split_leaves_out_is_in_the_file_but_on_no_side(
    corpus, read, encoders, tmp_path, capsys
):
    read(corpus)
    crossed = ("--split", "crossed:3", "--fold", "5")
    assert train(tmp_path / "run", *crossed, "--modalities", "t", *encoders) == 0
    assert "(0 longer than" in capsys.readouterr().out
    assert extract(tmp_path / "x.pkl", "--checkpoint", str(tmp_path / "run")) == 0
    file = read_dialogues(tmp_path / "x.pkl")
    assert len(file.dialogues) == 54
    assert [len(ids) for ids in (file.train_ids, file.dev_ids, file.test_ids)] == [6, 6, 6]
    sides = [
        {part for i in ids for part in i.split("-")} for ids in (file.train_ids, file.test_ids)
    ]
    assert not sides[0] & sides[1]
    assert evaluate(tmp_path / "run") == 0


def test_a_corpus_of_texts_runs_end_to_end(corpus, read, encoders, tmp_path, capsys):
    read(changed(corpus, wav=None, duration=0.0))
    run, out = tmp_path / "run", tmp_path / "x.pkl"
    split = ("--split", "folds:3", "--fold", "1")
    assert train(run, *split, "--modalities", "t", *encoders) == 0
    assert extract(out, "--checkpoint", str(run)) == 0
    file = read_dialogues(out)
    assert file.modalities == "t"
    assert "without_audio" not in file.info
    assert evaluate(run) == 0
    capsys.readouterr()
    for modalities in ("a", "at"):
        assert train(tmp_path / "no", *split, "--modalities", modalities, *encoders) == 2
        assert "--modalities t" in capsys.readouterr().err
    assert extract(tmp_path / "y.pkl", "--frozen", *encoders) == 2
    assert "corpus table has no audio at all; give --modalities t" in capsys.readouterr().err
    assert extract(tmp_path / "y.pkl", "--frozen", "--modalities", "t", *encoders) == 0
    file = read_dialogues(tmp_path / "y.pkl")
    assert (file.modalities, list(file.info["encoders"])) == ("t", ["text"])
    assert not (tmp_path / "no").exists()


def test_a_model_that_reads_is_refused_where_there_is_nothing_to_read(
    corpus, read, encoders, tmp_path, capsys
):
    read(changed(corpus, text=""))
    for modalities in ("t", "at"):
        given = ("--split", "folds:3", "--fold", "1", "--modalities", modalities, *encoders)
        assert train(tmp_path / "no", *given) == 2
        assert "the train side has no text at all; " in capsys.readouterr().err
    assert not (tmp_path / "no").exists()


def test_a_model_that_hears_is_refused_where_nothing_can_be_heard(
    corpus, read, folds_run, tmp_path, capsys
):
    read(changed(corpus, wav=None, duration=0.0))
    assert extract(tmp_path / "x.pkl", "--checkpoint", str(folds_run)) == 2
    assert "take a checkpoint of --modalities t" in capsys.readouterr().err
    assert evaluate(folds_run) == 2
    assert "the test side has no audio at all" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_record_names_a_corpus_that_is_one_file(
    corpus, read, encoders, folds_run, tmp_path, capsys
):
    read(corpus)
    table = tmp_path / "table.csv"
    table.write_bytes(b"any rows")
    quick = ("--split", "folds:3", "--fold", "2", "--modalities", "t")
    assert train(tmp_path / "run", *quick, *encoders, "--root", str(table)) == 0
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    digest = hashlib.sha256(b"any rows").hexdigest()
    assert record["data"] == {"name": "table.csv", "sha256": digest}
    assert json.loads((folds_run / "run.json").read_text())["data"] is None  # a folder


def test_single_utterances_without_audio(corpus, read, encoders, folds_run, tmp_path, capsys):
    # The first, the second and the last are of train, train and dev.
    read(changed(corpus, 0, 1, 53, wav=None, duration=0.0))
    assert train(tmp_path / "run", "--split", "folds:3", "--fold", "2", *encoders) == 0
    told = capsys.readouterr().out
    assert "2 train utterances without audio left out" in told
    assert "1 dev utterance without audio left out" in told
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["metrics"]["dev"]["n"] == 6
    assert extract(tmp_path / "x.pkl", "--checkpoint", str(folds_run)) == 0
    file = read_dialogues(tmp_path / "x.pkl")
    audio = {d.id: d.audio[0] for d in file.dialogues}
    assert file.info["without_audio"] == ["r0-s0", "r1-s0", "r5-s8"]
    assert {i for i, vector in audio.items() if not vector.any()} == {"r0-s0", "r1-s0", "r5-s8"}
    assert all(bool(d.text.any()) == bool(d.sentences[0]) for d in file.dialogues)
    assert "train: 2 of 30 utterances have no audio" in (told := capsys.readouterr().out)
    assert "dev: 1 of 6 utterances have no audio" in told
    assert "test: no" not in told
    assert evaluate(folds_run, "--side", "train", "--out", str(tmp_path / "eval.json")) == 0


def test_long_clips_are_not_trained_on_but_extracted(corpus, read, encoders, tmp_path, capsys):
    read(corpus)
    options = ("--split", "folds:3", "--fold", "2", "--clip_length", "0.25", *encoders)
    assert train(tmp_path / "run", *options) == 0
    assert "train 15 utterances (15 longer than 0.25 s left out)" in capsys.readouterr().out
    assert extract(tmp_path / "x.pkl", "--checkpoint", str(tmp_path / "run")) == 0
    file = read_dialogues(tmp_path / "x.pkl")
    long = [u.id for u in corpus.utterances if u.duration > 0.25]
    assert (file.info["clip_length"], file.info["chunked"]) == (0.25, long)
    assert len(long) == 27
    assert all(np.isfinite(d.audio).all() and d.audio.any() for d in file.dialogues)
    assert evaluate(tmp_path / "run") == 0


def test_frozen_encoders_take_a_clip_length_and_a_split(corpus, read, encoders, tmp_path, capsys):
    read(corpus)
    options = ("--frozen", *encoders, "--split", "session3", "--modalities", "a")
    for length in ("0.25", "25"):
        assert extract(tmp_path / f"{length}.pkl", *options, "--clip_length", length) == 0
    cut, whole = (read_dialogues(tmp_path / f"{length}.pkl") for length in ("0.25", "25"))
    assert (cut.modalities, list(cut.info["encoders"])) == ("a", ["audio"])
    assert {i.split("-")[1] for i in cut.test_ids} == {"s3"}
    differing = [
        one.id
        for one, other in zip(cut.dialogues, whole.dialogues, strict=True)
        if not np.allclose(one.audio, other.audio, atol=1e-4)
    ]
    assert set(differing) == set(cut.info["chunked"])
    assert extract(tmp_path / "x.pkl", *options, "--clip_length", "0") == 2
    assert "--clip_length is 0.0; it must be" in capsys.readouterr().err


def test_options_of_frozen_encoders_do_not_go_with_a_checkpoint(folds_run, tmp_path, capsys):
    for option in (("--clip_length", "3"), ("--modalities", "t"), ("--text_encoder", "x")):
        with pytest.raises(SystemExit) as stopped:
            extract(tmp_path / "x.pkl", "--checkpoint", str(folds_run), *option)
        assert stopped.value.code == 2
        assert f"{option[0]} goes with --frozen" in capsys.readouterr().err


@pytest.mark.parametrize("workers", ["0", "1"])
def test_silent_clips_of_training_are_named(corpus, read, encoders, tmp_path, capsys, workers):
    still = tmp_path / "still.wav"
    soundfile.write(still, np.zeros(4800), 16_000)
    read(changed(corpus, 3, 20, wav=still, duration=0.3))
    options = ("--split", "folds:3", "--fold", "2", "--num_workers", workers, *encoders)
    assert train(tmp_path / "run", *options) == 0
    # The other of the two is on the test side, which training never opens.
    assert "1 utterance in which nothing is heard: r3-s0\n" in capsys.readouterr().out


def test_warnings_about_the_split_are_told_once(corpus, read, encoders, tmp_path, capsys):
    read(corpus)
    options = ("--split", "sentences:3", "--fold", "1", "--modalities", "t", *encoders)
    assert train(tmp_path / "run", *options) == 0
    assert capsys.readouterr().out.count("9 speakers are on more than one side") == 1
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["split"]["unit"] == "dialogue"


def test_labels_that_training_never_meets_are_named(corpus, read, encoders, tmp_path, capsys):
    read(replace(corpus, emotions=(*EMOTIONS, "bored", "proud")))
    options = ("--split", "folds:3", "--fold", "1", "--modalities", "t", *encoders)
    assert train(tmp_path / "run", *options) == 0
    told = capsys.readouterr().out
    assert told.count("no train utterance is bored or proud: no model learns them\n") == 1


def test_training_on_one_emotion_is_told(corpus, read, encoders, tmp_path, capsys):
    alike = tuple(replace(utterance, emotion=EMOTIONS[0]) for utterance in corpus.utterances)
    read(replace(corpus, emotions=EMOTIONS[:1], utterances=alike))
    options = ("--split", "folds:3", "--fold", "1", "--modalities", "t", *encoders)
    assert train(tmp_path / "run", *options) == 0
    assert capsys.readouterr().out.count("train holds one emotion alone") == 1


def test_empty_texts_and_another_kind_of_audio_pass(corpus, read, encoders, tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "clip.mp3"
    soundfile.write(path, 0.1 * rng.standard_normal((22_050, 2)), 44_100)
    other = changed(corpus, *range(0, 54, 5), wav=path, duration=0.5)
    read(changed(other, *range(1, 54), text=""))  # one is left: without any, there is no text
    assert train(tmp_path / "run", "--split", "folds:3", "--fold", "3", *encoders) == 0
    assert extract(tmp_path / "x.pkl", "--checkpoint", str(tmp_path / "run")) == 0


def test_a_policy_of_another_corpus_makes_no_folder(corpus, read, tmp_path, capsys):
    read(corpus)
    assert train(tmp_path / "run", "--labels_of", "speaker") == 2
    assert "--corpus table does not know --labels_of" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_finished_run_can_be_used_elsewhere_under_its_split(corpus, read, folds_run, tmp_path):
    """The record holds ids, not files: a copy of the folder is enough."""
    read(corpus)
    shutil.copytree(folds_run, tmp_path / "copy")
    assert extract(tmp_path / "x.pkl", "--checkpoint", str(tmp_path / "copy")) == 0
    assert read_dialogues(tmp_path / "x.pkl").info["split"]["name"] == "folds:3"


def test_a_side_without_audio_or_text_is_told_and_recorded(
    corpus, read, folds_run, tmp_path, capsys
):
    sessions = ("reader3", "reader4", "reader5")
    tested = [n for n, u in enumerate(corpus.utterances) if u.session in sessions]
    read(changed(changed(changed(corpus, text="말"), *tested, wav=None, duration=0.0), 0, text=""))
    assert extract(tmp_path / "x.pkl", "--checkpoint", str(folds_run)) == 0
    told = capsys.readouterr().out
    assert "test: no utterance has audio, so its audio vectors tell nothing" in told
    assert "train: 1 of 30 utterances have no text" in told
    assert "no audio" not in told
    file = read_dialogues(tmp_path / "x.pkl")
    assert (file.absent("test"), file.absent("train"), file.absent("dev")) == ("a", "", "")
    assert file.info["without_text"] == ["r0-s0"]


def test_no_output_replaces_what_is_read(corpus, read, folds_run, tmp_path, capsys):
    read(corpus)
    for name in ("mine.csv", "predictions.csv"):
        table, before = tmp_path / name, b"the labels of years"
        table.write_bytes(before)
        for option in (("--root", table), ("--emotion_map", table), ("--split", f"ids:{table}")):
            given = [str(word) for word in option]
            out = table if name == "mine.csv" else tmp_path / "eval.json"  # beside its predictions
            assert evaluate(folds_run, *given, "--out", str(out)) == 2
            assert option[0] in capsys.readouterr().err
            assert extract(table, "--checkpoint", str(folds_run), *given) == 2
            assert f"is {option[0]} as well" in capsys.readouterr().err
            assert table.read_bytes() == before
    weights = folds_run / "model.safetensors"
    before = weights.read_bytes()
    assert extract(weights, "--checkpoint", str(folds_run)) == 2
    assert evaluate(folds_run, "--out", str(weights)) == 2
    assert weights.read_bytes() == before
