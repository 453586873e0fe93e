import json
import os
from dataclasses import replace

import pytest

from feature_extractor.configuration import UtteranceConfig
from feature_extractor.demo_corpus.generate import DemoSettings, generate_demo
from feature_extractor.sources import (
    audio_digest,
    corpus_digest,
    open_corpus,
    refuse_unfit_corpus,
)
from graph_er.errors import InputError
from tests.feature_extractor.tiny_corpus import EMOTIONS, make_corpus


def config(corpus="demo", **sides):
    sessions = {"train": [], "dev": [], "test": [], **sides}
    return UtteranceConfig(emotions=list(EMOTIONS), corpus=corpus, sessions=sessions)


@pytest.fixture
def corpus(tmp_path):
    # Sessions 3 and 4 of four are test.
    return make_corpus(tmp_path / "corpus", sessions=4, utterances=1)


@pytest.mark.parametrize("side", ["train", "dev"])
def test_a_test_session_seen_in_training_is_refused(tmp_path, corpus, side):
    seen = config(**{side: ["Sess02", "Sess03"]})
    with pytest.raises(InputError, match=rf"run was trained with Sess03 \({side}\).*--root"):
        refuse_unfit_corpus(seen, corpus, tmp_path / "run")


@pytest.mark.parametrize(
    "unseen",
    [
        config(train=["Sess01"], dev=["Sess02"], test=["Sess03", "Sess04"]),
        config(corpus="kemdy19", train=["Sess03"]),
        UtteranceConfig(emotions=list(EMOTIONS)),
    ],
)
def test_other_sessions_or_another_corpus_or_no_record_pass(tmp_path, corpus, unseen):
    refuse_unfit_corpus(unseen, corpus, tmp_path / "run")


def test_other_emotions_are_refused(tmp_path, corpus):
    with pytest.raises(InputError, match="knows the emotions sad, glad; corpus demo has neutral"):
        refuse_unfit_corpus(UtteranceConfig(emotions=["sad", "glad"]), corpus, tmp_path)


def test_audio_replaced_in_place_shows_in_the_digest(corpus):
    said, heard = corpus_digest(corpus), audio_digest(corpus)
    wav = corpus.utterances[0].wav
    os.utime(wav, ns=(0, 1))
    touched = audio_digest(corpus)
    wav.write_bytes(wav.read_bytes() + b"0")
    os.utime(wav, ns=(0, 1))
    assert len({heard, touched, audio_digest(corpus)}) == 3
    assert corpus_digest(corpus) == said
    other = replace(corpus.utterances[0], text="다른 말")
    changed = replace(corpus, utterances=(other, *corpus.utterances[1:]))
    assert corpus_digest(changed) != said


def test_a_demo_made_by_another_release_is_refused(tmp_path):
    root = tmp_path / "demo"
    generate_demo(root, DemoSettings(sessions=1, dialogues=1, utterances=2))
    assert len(open_corpus("demo", root, print).utterances) == 2
    record = json.loads((root / "demo.json").read_text())
    (root / "demo.json").write_text(json.dumps({**record, "version": 1}))
    with pytest.raises(InputError, match=r"another release \(version 1.*delete it"):
        open_corpus("demo", root, print)
    (root / "demo.json").write_text("{}")
    with pytest.raises(InputError, match="damaged"):
        open_corpus("demo", root, print)
