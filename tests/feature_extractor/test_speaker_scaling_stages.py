"""Speaker scaling through the stages: training, scores, dialogue file and predictions agree."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from feature_extractor import eval as eval_command
from feature_extractor import extract as extract_command
from feature_extractor import train as train_command
from feature_extractor.corpora.table import read_table
from feature_extractor.execution import Execution, resolve_device
from feature_extractor.extraction.prediction import predict
from feature_extractor.extraction.shard import WHOLE, Shard
from feature_extractor.extraction.stage2 import trained_extractor
from feature_extractor.extraction.vectors import extract_corpus
from feature_extractor.networks.checkpoint import load_checkpoint
from feature_extractor.splits.splitting import split_corpus
from feature_extractor.training.preparation import prepare
from graph_er.conversations.turn_table import turns_of_rows
from graph_er.dialogues import read_dialogues
from graph_er.errors import InputError
from graph_er.inference.predictor import EmotionPredictor
from graph_er.inference.turn_vectors import vectors_of
from graph_er.packing.bundle_writing import Sources, write_bundle
from graph_er.running.cli import run_command
from graph_er.running.files import sha256
from tests.feature_extractor.tiny_corpus import EMOTIONS, SECONDS, make_audio_folder
from tests.graph_er.tiny_models import CONTEXTUAL
from tests.graph_er.tiny_predictor import save_graph

CPU = Execution(resolve_device("cpu"))
QUICK = ("--epochs", "2", "--batch_size", "16", "--accumulate_grad", "1", "--num_workers", "0")
SCALED = ("--modalities", "a", "--audio_encoder", "mfcc", "--speaker_scaling")
SILENT = "d2_1"  # without audio


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Six dialogues of two speakers each, who are loud or quiet; one utterance has no audio."""
    root = tmp_path_factory.mktemp("table")
    rng = np.random.default_rng(0)
    rows = []
    for dialogue in range(6):
        for number in range(5):
            name = f"d{dialogue}_{number}"
            samples = rng.standard_normal(round(16_000 * SECONDS[number % 4]))
            level = 0.02 * (1 + dialogue) * (1 + 3 * (number % 2))
            soundfile.write(root / f"{name}.wav", level * np.tanh(samples), 16_000)
            rows.append(
                {
                    **{"session": f"s{dialogue}", "dialogue": f"d{dialogue}", "utterance": name},
                    **{"speaker": "AB"[number % 2], "start": float(number), "text": "그래"},
                    "wav": "" if name == SILENT else f"{name}.wav",
                    "emotion": EMOTIONS[(dialogue + number) % 3],
                }
            )
    with (root / "table.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return root / "table.csv"


def corpus_options(table):
    return ["--corpus", "table", "--root", str(table), "--device", "cpu"]


def train_options(table, out, *options):
    cache = ("--cache_dir", str(table.parent / "cache"))
    return [*corpus_options(table), "--out", str(out), *cache, *QUICK, *options]


@pytest.fixture(scope="module")
def run(table, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "scaled"
    assert run_command(train_command.main, train_options(table, out, *SCALED)) == 0
    return out


@pytest.fixture(scope="module")
def file(table, run):
    out = run.parent / "x.pkl"
    assert extract(table, run, out) == 0
    return out


def extract(table, run, out, *options):
    argv = [*corpus_options(table), "--checkpoint", str(run), "--out", str(out), *options]
    return run_command(extract_command.main, argv)


def audio_of(path):
    found = read_dialogues(path).dialogues
    return {i: row for d in found for i, row in zip(d.utterance_ids, d.audio, strict=True)}


def test_all_that_is_heard_is_told(table, tmp_path, capsys):
    assert run_command(train_command.main, train_options(table, tmp_path / "run", *SCALED)) == 0
    told = "features scaled by speaker: 12 speakers, by the audio of all 30 utterances, test among"
    assert told in capsys.readouterr().out
    assert json.loads((tmp_path / "run" / "config.json").read_text())["speaker_scaling"] is True
    other = train_options(table, tmp_path / "run", *SCALED[:-1], "--resume")
    assert run_command(train_command.main, other) == 2
    assert "speaker_scaling was True, is False" in capsys.readouterr().err


def test_stage_2_gives_the_vectors_that_training_saw(table, run, file, tmp_path):
    options = train_options(table, tmp_path / "other", *SCALED)
    ready = prepare(*train_command._read(options), tell=print)
    trained = load_checkpoint(run)
    for name, values in ready.checkpoint.model.audio_scaler.state_dict().items():
        assert np.array_equal(values, trained.model.audio_scaler.state_dict()[name])
    vectors = audio_of(file)
    for side in (ready.train, ready.dev):
        seen = predict(trained.model, trained.collator(), side, CPU, 25.0)["audio"]
        for utterance, row in zip(side.utterances, seen, strict=True):
            np.testing.assert_allclose(vectors[utterance.id], row, atol=1e-5)
    assert not vectors[SILENT].any()


def test_scores_are_those_of_training(table, run):
    argv = [*corpus_options(table), "--checkpoint", str(run), "--side", "dev"]
    assert run_command(eval_command.main, argv) == 0
    dev = json.loads((run / "run.json").read_text())["metrics"]["dev"]
    again = json.loads((run / "eval_dev" / "eval.json").read_text())
    assert (again["n"], again["weighted_f1"]) == (dev["n"], pytest.approx(dev["weighted_f1"]))


@pytest.mark.parametrize("scaling", [(), ("--speaker_scaling",)])
@pytest.mark.parametrize(
    "model", [("--fusion", "late_fusion"), ("--fusion_options", "pooling=layers")]
)
def test_models_that_read_layers_take_acoustic_features_for_one(table, tmp_path, model, scaling):
    named = (*SCALED[:-1], *model, *scaling)
    assert run_command(train_command.main, train_options(table, tmp_path / "run", *named)) == 0
    argv = [*corpus_options(table), "--checkpoint", str(tmp_path / "run"), "--side", "dev"]
    assert run_command(eval_command.main, argv) == 0
    assert extract(table, tmp_path / "run", tmp_path / "x.pkl") == 0
    vectors = audio_of(tmp_path / "x.pkl")
    again = train_options(table, tmp_path / "other", *named)
    ready = prepare(*train_command._read(again), tell=print)
    trained = load_checkpoint(tmp_path / "run")
    seen = predict(trained.model, trained.collator(), ready.dev, CPU, 25.0)["audio"]
    for utterance, row in zip(ready.dev.utterances, seen, strict=True):
        np.testing.assert_allclose(vectors[utterance.id], row, atol=1e-4)


def test_without_the_option_vectors_are_others(table, file, tmp_path):
    plain = tmp_path / "plain"
    assert run_command(train_command.main, train_options(table, plain, *SCALED[:-1])) == 0
    assert extract(table, plain, tmp_path / "x.pkl") == 0
    found, scaled = audio_of(tmp_path / "x.pkl"), audio_of(file)
    assert sum(not np.allclose(found[i], scaled[i], atol=1e-2) for i in found) == 29
    infos = [read_dialogues(path).info for path in (file, tmp_path / "x.pkl")]
    assert [info["speaker_scaling"] for info in infos] == [True, False]


def test_shards_write_what_one_process_writes(table, run, tmp_path):
    corpus, extractor = read_table(table), trained_extractor(run)
    whole, shared = tmp_path / "whole.pkl", tmp_path / "shared.pkl"

    def write(out, shard=WHOLE):
        return extract_corpus(extractor, corpus, split_corpus(corpus), out, CPU, shard, 7)

    assert write(whole)
    assert [write(shared, Shard(number, 3)) for number in (2, 0, 1)] == [False, False, True]
    assert shared.read_bytes() == whole.read_bytes()


def test_fold_checkpoints_scale_by_speakers_of_the_whole_corpus(table, run, file, tmp_path):
    folds = [tmp_path / f"fold{number}" for number in (1, 2)]
    for number, fold in enumerate(folds, 1):
        inner = ("--split", "inner:2", "--fold", str(number))
        assert run_command(train_command.main, train_options(table, fold, *SCALED, *inner)) == 0
    names = ("--fold_checkpoints", *map(str, folds), "--no-align")
    assert extract(table, run, tmp_path / "x.pkl", *names) == 0
    found, whole = audio_of(tmp_path / "x.pkl"), audio_of(file)
    train = read_dialogues(file).side("train")
    trained = {i for dialogue in train for i in dialogue.utterance_ids} - {SILENT}
    for utterance, row in found.items():
        assert np.array_equal(row, whole[utterance]) == (utterance not in trained)


@pytest.mark.parametrize("at_once", [128, 3])
def test_predictions_read_the_vectors_of_stage_2(table, run, file, monkeypatch, at_once):
    monkeypatch.setattr("graph_er.inference.turn_vectors._TURNS_AT_ONCE", at_once)
    with table.open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    turns = turns_of_rows(rows, table.parent)
    found = vectors_of(trained_extractor(run), turns, CPU, str, progress=False)
    expected = audio_of(file)
    for turn, row in zip(turns, found.audio, strict=True):
        np.testing.assert_allclose(row, expected[turn.id], atol=1e-5)
    assert not found.silent


def test_silence_is_still_noticed_and_bad_audio_named(table, run, tmp_path):
    soundfile.write(tmp_path / "still.wav", np.zeros(4000), 16_000)
    rows = [{"speaker": "A", "wav": "still.wav"}, {"speaker": "B", "wav": "still.wav"}]
    turns = turns_of_rows(rows, tmp_path)
    extractor = trained_extractor(run)
    assert vectors_of(extractor, turns, CPU, str, progress=False).silent == {t.id for t in turns}
    (tmp_path / "still.wav").write_bytes(b"RIFF")
    with pytest.raises(InputError, match=r"row 1: .*still\.wav: no readable audio"):
        vectors_of(extractor, turns, CPU, str, progress=False)


def test_a_bundle_answers_but_not_live(run, file, table, tmp_path):
    graph, bundle = tmp_path / "graph", tmp_path / "bundle"
    save_graph(graph, read_dialogues(file), "a", replace(CONTEXTUAL, wf=0))
    data = {"name": file.name, "sha256": sha256(file)}
    record = {"config": {"corpus": "table"}, "seed": [0, 1], "metrics": {}, "data": data}
    (graph / "run.json").write_text(json.dumps(record))
    write_bundle(Sources(run, graph), bundle)
    assert "features are scaled by" in (bundle / "README.md").read_text(encoding="utf-8")
    predictor = EmotionPredictor.load(bundle, device="cpu")
    with table.open(encoding="utf-8", newline="") as opened:
        rows = [row for row in csv.DictReader(opened) if row["dialogue"] == "d0"]
    assert len(predictor.predict(rows, folder=table.parent)) == 5
    with pytest.raises(InputError, match="no live mode; train one without --speaker_scaling"):
        predictor.stream()
    with pytest.raises(InputError, match="no live mode; train one without --speaker_scaling"):
        write_bundle(Sources(run, graph, graph), tmp_path / "live")
    assert not (tmp_path / "live").exists()


def test_other_encoders_and_texts_alone_are_refused(table, tmp_path, capsys):
    audio = str(make_audio_folder(tmp_path / "audio"))
    options = ("--modalities", "a", "--audio_encoder", audio, "--speaker_scaling")
    assert run_command(train_command.main, train_options(table, tmp_path / "run", *options)) == 2
    assert "give --audio_encoder mfcc or egemaps" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
