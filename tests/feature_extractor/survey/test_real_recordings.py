"""Real Korean recordings, where they are at hand, through the `table` reader and stage 1."""

from __future__ import annotations

import csv
import json
import os
from collections import Counter
from pathlib import Path

import pytest

from feature_extractor import extract as extract_command
from feature_extractor import train as train_command
from feature_extractor.corpora.table import read_table
from feature_extractor.splits.splitting import split_corpus
from graph_er.dialogues import read_dialogues
from graph_er.running.cli import run_command
from tests.feature_extractor.tiny_corpus import make_audio_folder, make_text_folder

_BESIDE = Path(__file__).resolve().parents[4] / "shared" / "data"
METADATA = (
    Path(os.environ.get("GRAPH_ER_SHARED_DATA", _BESIDE))
    / "korean_emotional_speech"
    / "metadata.csv"
)
pytestmark = pytest.mark.skipif(
    not METADATA.is_file(),
    reason="needs korean_emotional_speech/ in ../shared/data or $GRAPH_ER_SHARED_DATA",
)


@pytest.fixture(scope="module")
def corpus():
    return read_table(METADATA)


def test_all_recordings_are_read_as_the_table_says(corpus):
    with METADATA.open(encoding="utf-8-sig", newline="") as file:
        rows = {row["utterance"]: row for row in csv.DictReader(file)}
    assert len(corpus.utterances) == len(rows) == 300
    assert corpus.emotions == ("neutral", "angry", "happy", "sad")
    assert set(Counter(u.emotion for u in corpus.utterances).values()) == {75}
    for utterance in corpus.utterances:
        row = rows[utterance.id]
        assert utterance.emotion == row["emotion"]
        assert utterance.speaker == utterance.speaker_id == utterance.session == row["speaker"]
        assert utterance.sentence == f"{row['part']}_{row['sentence']}"
        assert utterance.wav == METADATA.parent / row["wav"]
        assert utterance.duration == pytest.approx(float(row["duration"]), abs=0.01)
        # Not compared as such, so that no failure prints the words.
        assert bool(utterance.text) == bool(row["text"])
    assert corpus.notices[0] == "unknown columns ignored: duration, gender."


def test_crossed_folds_share_neither_speaker_nor_sentence(corpus):
    tested = Counter()
    for fold in range(1, 10):
        sides = split_corpus(corpus, "crossed:3", fold).by_dialogue()
        for what in ("speaker_id", "sentence"):
            found = {
                side: {getattr(u, what) for u in corpus.utterances if sides.get(u.dialogue) == side}
                for side in ("train", "dev", "test")
            }
            assert not found["train"] & (found["dev"] | found["test"])
            assert not found["dev"] & found["test"]
        tested.update(dialogue for dialogue, side in sides.items() if side == "test")
    assert set(tested) == {u.dialogue for u in corpus.utterances}
    assert set(tested.values()) == {1}


@pytest.mark.slow
def test_stage_1_trains_on_the_audio_of_a_crossed_fold(tmp_path):
    out = tmp_path / "run"
    argv = ["--corpus", "table", "--root", str(METADATA), "--modalities", "a", "--out", str(out)]
    argv += ["--split", "crossed:3", "--fold", "1", "--epochs", "1", "--device", "cpu"]
    argv += ["--audio_encoder", str(make_audio_folder(tmp_path / "audio"))]
    argv += ["--text_encoder", str(make_text_folder(tmp_path / "text"))]
    assert run_command(train_command.main, argv) == 0
    record = json.loads((out / "run.json").read_text(encoding="utf-8"))
    expected = split_corpus(read_table(METADATA), "crossed:3", 1)
    assert record["metrics"]["dev"]["n"] == len(expected.dev)
    assert record["config"]["corpus"] == "table"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["mfcc", "egemaps"])
def test_features_scaled_by_speaker_on_a_crossed_fold(tmp_path, kind):
    if kind == "egemaps":
        pytest.importorskip("opensmile", reason="openSMILE is not installed")
    out, file = tmp_path / "run", tmp_path / "x.pkl"
    corpus = ["--corpus", "table", "--root", str(METADATA), "--device", "cpu"]
    argv = [*corpus, "--modalities", "a", "--audio_encoder", kind, "--speaker_scaling"]
    argv += ["--split", "crossed:3", "--fold", "1", "--epochs", "1", "--out", str(out)]
    argv += ["--cache_dir", str(tmp_path / "cache"), "--num_workers", "0"]
    assert run_command(train_command.main, argv) == 0
    argv = [*corpus, "--checkpoint", str(out), "--out", str(file)]
    assert run_command(extract_command.main, argv) == 0
    found = read_dialogues(file)
    assert sum(len(dialogue.utterance_ids) for dialogue in found.dialogues) == 300
    assert found.info["speaker_scaling"] is True
