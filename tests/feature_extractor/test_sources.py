import json
import os
from dataclasses import replace

import pytest

from feature_extractor import sources
from feature_extractor.configuration import UtteranceConfig
from feature_extractor.demo_corpus import generate
from feature_extractor.demo_corpus.generate import (
    DemoSettings,
    generate_demo,
    refuse_other_version,
)
from feature_extractor.sources import (
    audio_digest,
    corpus_digest,
    open_corpus,
    readable_context,
    refuse_other_emotions,
    require_audio,
    require_text,
    utterances_by_side,
)
from feature_extractor.splits.splitting import Split
from graph_er.errors import InputError
from tests.feature_extractor.tiny_corpus import EMOTIONS, make_corpus


@pytest.fixture
def corpus(tmp_path):
    return make_corpus(tmp_path / "corpus", sessions=4, utterances=1)


def test_other_emotions_are_refused(tmp_path, corpus):
    with pytest.raises(InputError, match="knows the emotions sad, glad; corpus demo has neutral"):
        refuse_other_emotions(UtteranceConfig(emotions=["sad", "glad"]), corpus, tmp_path)
    refuse_other_emotions(UtteranceConfig(emotions=list(EMOTIONS)), corpus, tmp_path)


def test_no_context_is_read_where_every_utterance_is_a_dialogue_of_its_own(tmp_path, corpus):
    told = []
    assert readable_context(make_corpus(tmp_path / "two", utterances=2), 4, told.append) == 4
    alone = [replace(u, dialogue=u.id) for u in corpus.utterances]
    alone = replace(corpus, utterances=tuple(alone))
    assert readable_context(alone, 0, told.append) == 0
    assert not told
    assert readable_context(alone, 4, told.append) == 0
    assert told[0].startswith("every utterance is a dialogue of its own")


def test_audio_replaced_in_place_shows_in_its_digest_all_else_in_the_other(corpus, tmp_path):
    said, heard = corpus_digest(corpus), audio_digest(corpus)
    wav = corpus.utterances[0].wav
    os.utime(wav, ns=(0, 1))
    touched = audio_digest(corpus)
    wav.write_bytes(wav.read_bytes() + b"0")
    os.utime(wav, ns=(0, 1))
    assert len({heard, touched, audio_digest(corpus)}) == 3
    assert corpus_digest(corpus) == said
    moved = replace(corpus.utterances[0], wav=tmp_path / "elsewhere.wav")
    assert corpus_digest(replace(corpus, utterances=(moved, *corpus.utterances[1:]))) == said
    for changes in ({"text": "다른 말"}, {"dialogue": "Sess01_impro01"}, {"speaker_id": "Kim"}):
        other = replace(corpus.utterances[0], **changes)
        changed = replace(corpus, utterances=(other, *corpus.utterances[1:]))
        assert corpus_digest(changed) != said
    assert corpus_digest(replace(corpus, emotions=EMOTIONS[::-1])) != said


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


def test_utterances_without_audio_count_in_the_digest(corpus):
    first = replace(corpus.utterances[0], wav=None, duration=0.0)
    without = replace(corpus, utterances=(first, *corpus.utterances[1:]))
    assert audio_digest(without) != audio_digest(corpus)
    require_audio(without.utterances, "the corpus", "sing")
    with pytest.raises(InputError, match="the corpus has no audio at all; sing"):
        require_audio([first], "the corpus", "sing")


def test_utterances_without_a_word_have_no_text(corpus):
    first, *others = (replace(utterance, text="") for utterance in corpus.utterances)
    require_text([*others, corpus.utterances[0]], "the corpus", "hum")
    with pytest.raises(InputError, match="the corpus has no text at all; hum"):
        require_text([first, *others], "the corpus", "hum")


def test_utterances_on_no_side_are_left_out(corpus):
    first, second, third, _ = corpus.dialogues()
    split = Split("mine", (second,), (first,), (third,))
    found = {
        side: [u.dialogue for u in rows] for side, rows in utterances_by_side(corpus, split).items()
    }
    assert found == {"train": [second], "dev": [first], "test": [third]}


@pytest.mark.parametrize(("policies", "record"), [({"classes": 4}, "config"), (None, "run")])
def test_a_recorded_policy_that_its_corpus_does_not_know_is_the_fault_of_its_file(
    tmp_path, policies, record
):
    run = {"config": {"corpus": "kemdy19", "classes": 4}, "metrics": {}}
    (tmp_path / "run.json").write_text(json.dumps(run))
    trained = UtteranceConfig(corpus="kemdy19", policies=policies)
    choice = sources.CorpusChoice("kemdy19", tmp_path)
    with pytest.raises(InputError, match=rf"{record}\.json: records the policy 'classes', which"):
        sources.open_choice(choice, print, trained, tmp_path)


def test_the_demo_is_made_where_it_is_not_there_and_taken_as_it_is_after_that(
    tmp_path, monkeypatch
):
    made = []

    def small(root, *, progress):
        made.append(progress)
        return generate_demo(root, DemoSettings(sessions=1, dialogues=1, utterances=2))

    monkeypatch.setattr(generate, "generate_demo", small)
    monkeypatch.setattr(sources, "project_root", lambda: tmp_path)
    root, told = tmp_path / "data" / "demo", []
    corpora = [open_corpus("demo", root, told.append) for _ in range(2)]
    assert made == [True]
    assert told.count(f"making the demo corpus in {root}") == 1
    assert corpora[0] == corpora[1]
    assert len(corpora[0].utterances) == 2


def test_a_demo_is_not_made_where_a_root_is_named_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"demmo: no such folder; .*demo\.py --out"):
        open_corpus("demo", tmp_path / "demmo", print)
    assert not list(tmp_path.iterdir())


def test_a_demo_without_a_record_is_let_pass(tmp_path):
    root = tmp_path / "demo"
    generate_demo(root, DemoSettings(sessions=1, dialogues=1, utterances=2))
    record = root / "demo.json"
    record.write_text('{"version": 0}')
    with pytest.raises(InputError, match="another release"):
        refuse_other_version(root)
    record.unlink()
    refuse_other_version(root)
