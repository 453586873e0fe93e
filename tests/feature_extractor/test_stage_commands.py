"""The commands of stages 1 and 2 as a user runs them, on a demo corpus of a dozen utterances."""

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import huggingface_hub.constants
import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file, save_file

from feature_extractor import eval as eval_command
from feature_extractor import extract as extract_command
from feature_extractor import train as train_command
from feature_extractor.demo_corpus.generate import DemoSettings, generate_demo
from feature_extractor.extraction import stage2
from feature_extractor.networks.mfcc import mfcc
from feature_extractor.training.preparation import prepare
from graph_er.dialogues import read_dialogues
from graph_er.running.cli import run_command
from graph_er.validation.folds import extractor_trained_on
from tests.feature_extractor.tiny_corpus import make_audio_folder, make_text_folder

ROOT = Path(__file__).resolve().parents[2]
QUICK = ("--epochs", "1", "--device", "cpu")


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    root = tmp_path_factory.mktemp("corpus") / "demo"
    generate_demo(root, DemoSettings(sessions=4, dialogues=1, utterances=3))
    return root


@pytest.fixture(scope="module")
def trained(demo, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "at"
    assert train(demo, out) == 0
    return out


def train(demo, out, *options):
    argv = ["--root", str(demo), "--out", str(out), *QUICK, *options]
    return run_command(train_command.main, argv)


def extract(demo, out, *options):
    return run_command(extract_command.main, ["--root", str(demo), "--out", str(out), *options])


def test_the_checkpoint_folder_is_what_the_contract_names(trained):
    names = {path.name for path in trained.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "run.json"} <= names
    assert {"preprocessor_config.json", "tokenizer_config.json"} <= names
    assert "checkpoints" not in names
    record = json.loads((trained / "run.json").read_text())
    assert record["seed"] == 0
    assert record["config"]["modalities"] == "at"
    assert record["config"]["synthetic"] is True
    assert record["metrics"]["dev"]["n"] == 3
    assert "test" not in record["metrics"]
    assert len(record["config"]["corpus_sha256"]) == 64
    config = json.loads((trained / "config.json").read_text())
    assert config["corpus"] == "demo"
    assert config["split"] == {
        "name": "official",
        "fold": None,
        "unit": "session",
        "sides": {"train": ["Sess01"], "dev": ["Sess02"], "test": ["Sess03", "Sess04"]},
    }
    assert config["clip_length"] == 25.0
    assert config["policies"] == {"labels_of": "speaker", "multi_label": "drop"}
    assert (record["config"]["split"], record["config"]["fold"]) == ("official", None)
    assert record["config"]["labels_of"] == "speaker"


def test_eval_writes_scores_and_predictions(demo, trained, tmp_path, capsys):
    out = tmp_path / "scores" / "eval.json"
    argv = ["--checkpoint", str(trained), "--root", str(demo), "--out", str(out)]
    assert run_command(eval_command.main, argv) == 0
    assert "weighted F1" in capsys.readouterr().out
    scores = json.loads(out.read_text())
    assert (scores["n"], scores["split"], scores["modalities"], scores["seed"]) == (
        6,
        "test",
        "at",
        0,
    )
    assert scores["synthetic"] is True
    with (out.parent / "predictions.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["utterance"].split("_")[0] for row in rows} == {"Sess03", "Sess04"}
    probabilities = [float(v) for k, v in rows[0].items() if k.startswith("prob_")]
    assert sum(probabilities) == pytest.approx(1, abs=1e-4)
    record = json.loads((trained / "run.json").read_text())
    assert record["metrics"]["test"]["weighted_f1"] == scores["weighted_f1"]


def test_the_record_keeps_the_scores_of_the_checkpoint_s_own_split(demo, trained, tmp_path, capsys):
    run, ids = shutil.copytree(trained, tmp_path / "run"), tmp_path / "ids.json"
    names = {path.stem[:15] for path in demo.rglob("Sess*.wav")}
    sides = {"train": "Sess01", "dev": "Sess03", "test": "Sess04"}
    chosen = {side: [n for n in names if n.startswith(sides[side])] for side in sides}
    ids.write_text(json.dumps(chosen))
    before = (run / "run.json").read_text()
    argv = ["--checkpoint", str(run), "--root", str(demo), "--out", str(tmp_path / "e.json")]
    assert run_command(eval_command.main, [*argv, "--split", f"ids:{ids}"]) == 0
    assert "run.json is left as it is" in capsys.readouterr().out
    assert (run / "run.json").read_text() == before
    scores = json.loads((tmp_path / "e.json").read_text())
    assert (scores["trained_on"], scores["ids_trained_on"]) == (False, 0)
    assert run_command(eval_command.main, [*argv, "--side", "train"]) == 0
    assert "was trained on 1 dialogue of these ids" in capsys.readouterr().out
    scores = json.loads((tmp_path / "e.json").read_text())
    assert (scores["trained_on"], scores["ids_trained_on"]) == (True, 1)
    assert json.loads((run / "run.json").read_text())["metrics"]["train"]["n"] == scores["n"]


def test_extract_writes_every_utterance(demo, trained, tmp_path):
    assert extract(demo, tmp_path / "x.pkl", "--checkpoint", str(trained)) == 0
    file = read_dialogues(tmp_path / "x.pkl")
    assert sum(len(dialogue) for dialogue in file.dialogues) == 12
    assert file.modalities == "at"
    assert len(file.info["checkpoint_sha256"]) == 64
    assert file.info["frozen"] is False


def test_labels_are_those_that_the_checkpoint_learnt(demo, trained, tmp_path, capsys):
    listening = shutil.copytree(trained, tmp_path / "listening")
    config = json.loads((listening / "config.json").read_text())
    config["policies"]["labels_of"] = "listener"
    (listening / "config.json").write_text(json.dumps(config))
    labels, wanted = {}, {"labels_of": "listener", "multi_label": "drop"}
    for name, folder in (("speaker", trained), ("listener", listening)):
        assert extract(demo, tmp_path / name, "--checkpoint", str(folder)) == 0
        file = read_dialogues(tmp_path / name)
        labels[name] = {
            u: n for d in file.dialogues for u, n in zip(d.utterance_ids, d.labels, strict=True)
        }
        assert file.info["policies"] == {**wanted, "labels_of": name}
    assert labels["speaker"] != labels["listener"]
    told = f"the corpus is read with --labels_of listener, as {listening} was trained"
    assert told in capsys.readouterr().out
    argv = ["--root", str(demo), "--checkpoint", str(listening)]
    assert run_command(eval_command.main, argv) == 0
    scores = json.loads((listening / "eval_test" / "eval.json").read_text())
    assert scores["policies"] == wanted
    with (listening / "eval_test" / "predictions.csv").open(encoding="utf-8") as file:
        gold = {row["utterance"]: row["gold"] for row in csv.DictReader(file)}
    emotions = scores["labels"]
    assert gold == {name: emotions[labels["listener"][name]] for name in gold}
    for command, out in ((eval_command, "eval.json"), (extract_command, "x.pkl")):
        given = [*argv, "--labels_of", "speaker", "--out", str(tmp_path / out)]
        assert run_command(command.main, given) == 2
        assert "was trained with --labels_of listener, so" in capsys.readouterr().err
        assert not (tmp_path / out).exists()


def test_dialogues_that_an_encoder_was_tuned_on_before_are_not_scored_as_test(
    demo, trained, tmp_path, capsys
):
    again = shutil.copytree(trained, tmp_path / "again")
    path = again / "config.json"
    config = json.loads(path.read_text())
    before = {"name": "first", "corpus": "demo", "split": config["split"]}
    path.write_text(json.dumps({**config, "corpus": "another", "started_from": [before]}))
    argv = ["--root", str(demo), "--checkpoint", str(again), "--split", "sessions:1"]
    for command, out in ((eval_command, "eval.json"), (extract_command, "x.pkl")):
        assert run_command(command.main, [*argv, "--out", str(tmp_path / out)]) == 2
        said = capsys.readouterr().err
        assert f"first, which {again} started from, was trained with Sess01 (train)" in said
        assert not (tmp_path / out).exists()


def test_encoders_that_were_tuned_before_are_told_of_frozen_features(
    demo, trained, tmp_path, capsys
):
    options = ("--frozen", "--modalities", "t", "--text_encoder", str(trained))
    assert extract(demo, tmp_path / "x.pkl", *options) == 0
    assert f"stage 1 tuned {trained.name} with dialogues" in capsys.readouterr().out
    file = read_dialogues(tmp_path / "x.pkl")
    assert file.info["tuned_encoders"] == [trained.name]
    assert extractor_trained_on(file, file.dialogues) == ["Sess01"]


def test_frozen_features_need_no_checkpoint(demo, tmp_path):
    assert extract(demo, tmp_path / "x.pkl", "--frozen") == 0
    file = read_dialogues(tmp_path / "x.pkl")
    assert file.modalities == "at"
    assert file.info["frozen"] is True


@pytest.mark.parametrize(("name", "modalities"), [("audio", "a"), ("text", "t")])
def test_the_older_names_of_modalities(demo, tmp_path, name, modalities):
    assert train(demo, tmp_path / "run", "--using_model", name) == 0
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["modalities"] == modalities


def test_encoders_of_any_width_by_folder(demo, tmp_path):
    text, audio = make_text_folder(tmp_path / "t"), make_audio_folder(tmp_path / "a", "group")
    options = ("--text_encoder", str(text), "--audio_encoder", str(audio), "--loss", "ce_cosine")
    assert train(demo, tmp_path / "run", *options) == 0
    shutil.rmtree(text)
    shutil.rmtree(audio)
    assert extract(demo, tmp_path / "x.pkl", "--checkpoint", str(tmp_path / "run")) == 0
    dialogue = read_dialogues(tmp_path / "x.pkl").dialogues[0]
    assert (dialogue.text.shape[1], dialogue.audio.shape[1]) == (16, 16)


def test_a_finished_run_is_replaced_on_request_only(demo, trained, tmp_path, capsys):
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    before = (run / "run.json").read_bytes()
    assert train(demo, run) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert train(demo, run, "--resume") == 0
    assert "finished already" in capsys.readouterr().out
    assert train(demo, run, "--resume", "--lr", "0.5") == 2
    assert "lr was" in capsys.readouterr().err
    assert (run / "run.json").read_bytes() == before
    assert train(demo, run, "--overwrite", "--seed", "3") == 0
    assert json.loads((run / "run.json").read_text())["seed"] == 3


def test_sessions_seen_in_training_are_no_test_sessions(trained, tmp_path, capsys):
    smaller = tmp_path / "smaller"
    generate_demo(smaller, DemoSettings(sessions=4, dialogues=1, utterances=3, seed=1))
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    config = json.loads((run / "config.json").read_text())
    sides = {"train": ["Sess01", "Sess02", "Sess03"], "dev": ["Sess04"], "test": []}
    config["split"]["sides"] = sides
    (run / "config.json").write_text(json.dumps(config))
    out = tmp_path / "x.pkl"
    assert extract(smaller, out, "--checkpoint", str(run)) == 2
    assert f"is a test dialogue of {run}" in capsys.readouterr().err
    assert extract(smaller, out, "--checkpoint", str(run), "--split", "official") == 2
    assert "Sess03 (train), Sess04 (dev)" in capsys.readouterr().err
    argv = ["--checkpoint", str(run), "--root", str(smaller), "--split", "sessions:3,4"]
    assert run_command(eval_command.main, argv) == 2
    assert "Sess03 (train), Sess04 (dev)" in capsys.readouterr().err
    assert not (tmp_path / "x.pkl.parts").exists()


@pytest.mark.parametrize("options", [("--seed", "-1"), ("--seed", "4294967296"), ("--lr", "nan")])
def test_a_number_out_of_range_makes_no_folder(tmp_path, capsys, options):
    assert train(tmp_path / "demo", tmp_path / "run", *options) == 2
    assert f"{options[0]} is {options[1]}; it must be" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_an_extraction_out_of_range_makes_no_folder(tmp_path, capsys):
    for options in (("--batch_size", "0"), ("--num_shards", "0"), ("--num_workers", "-1")):
        assert extract(tmp_path / "demo", tmp_path / "x.pkl", "--frozen", *options) == 2
        assert f"{options[0]} is {options[1]}; it must be" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_an_unfinished_run_goes_on_with_the_same_options_only(demo, tmp_path, capsys, monkeypatch):
    from feature_extractor.networks.checkpoint import Checkpoint

    def killed(self, folder):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "save", killed)
        assert train(demo, tmp_path / "run") == 1
    assert not (tmp_path / "run" / "run.json").exists()
    assert extract(demo, tmp_path / "x.pkl", "--checkpoint", str(tmp_path / "run")) == 2
    assert train(demo, tmp_path / "run") == 2
    assert "--resume" in capsys.readouterr().err
    assert train(demo, tmp_path / "run", "--resume", "--lr", "0.5") == 2
    assert "lr was" in capsys.readouterr().err
    assert train(demo, tmp_path / "run", "--resume") == 0
    assert (tmp_path / "run" / "run.json").exists()


def test_an_unfinished_run_does_not_go_on_with_other_audio(demo, tmp_path, capsys, monkeypatch):
    from feature_extractor.networks.checkpoint import Checkpoint

    def killed(self, folder):
        raise KeyboardInterrupt

    copy = shutil.copytree(demo, tmp_path / "demo", copy_function=shutil.copyfile)
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "save", killed)
        assert train(copy, tmp_path / "run") == 1
    first, *_ = sorted((copy / "wav").rglob("*.wav"))
    content = first.read_bytes()
    sound, rate = soundfile.read(first)
    soundfile.write(first, sound[::-1], rate)
    assert train(copy, tmp_path / "run", "--resume") == 2
    said = capsys.readouterr().err
    assert "audio_sha256 was" in said
    assert "audio files: " in said  # all of which are read, which may take minutes
    first.write_bytes(content)
    assert train(copy, tmp_path / "run", "--resume") == 0


def test_a_refused_run_does_not_block_the_corrected_command(demo, tmp_path, capsys):
    broken = tmp_path / "demo"
    shutil.copytree(demo, broken)
    wav = min((broken / "wav").rglob("*.wav"))  # of the first session, which is trained on
    whole = wav.read_bytes()
    soundfile.write(wav, np.full(8000, np.nan, dtype=np.float32), 16_000, subtype="FLOAT")
    assert train(broken, tmp_path / "run") == 2
    assert wav.name in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
    wav.write_bytes(whole)
    assert train(broken, tmp_path / "run") == 0


def test_weights_that_are_not_finite_get_no_scores(demo, trained, tmp_path, capsys):
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    weights = load_file(run / "model.safetensors")
    weights["fusion.classifier.bias"][0] = float("nan")
    save_file(weights, run / "model.safetensors", metadata={"format": "pt"})
    argv = ["--checkpoint", str(run), "--root", str(demo)]
    assert run_command(eval_command.main, argv) == 2
    assert f"{run}: its output on 6 utterances" in capsys.readouterr().err
    assert not (run / "eval_test").exists()


def test_a_foreign_folder_is_never_emptied(demo, tmp_path, capsys):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "one.jpg").write_text("x")
    assert train(demo, tmp_path / "photos", "--overwrite") == 2
    assert "holds other files" in capsys.readouterr().err
    assert (tmp_path / "photos" / "one.jpg").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--corpus", "kemdy19"), "nowhere"),
        (("--audio_encoder", "no/such-model"), "no/such-model"),
        (("--clip_length", "0.001"), "--clip_length"),
    ],
)
def test_bad_input_is_told_in_one_line(demo, tmp_path, capsys, monkeypatch, options, message):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    root = tmp_path / "nowhere" if "--corpus" in options else demo
    assert train(root, tmp_path / "run", *options) == 2
    error = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    assert len(error) == 1
    assert message in error[0]
    assert not (tmp_path / "run").exists()


def test_an_option_of_the_fusion_model_is_a_pair(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        train_command.main(["--out", str(tmp_path / "run"), "--fusion_options", "width"])
    assert ended.value.code == 2
    assert "'width' is not of the form KEY=VALUE" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there(demo, tmp_path):
    assert train(demo, tmp_path / "run", "--device", "cuda") == 2


@pytest.mark.parametrize("command", ["train", "extract", "eval"])
def test_help_by_path_and_module_from_elsewhere(command, tmp_path):
    by_path = [sys.executable, str(ROOT / "feature_extractor" / f"{command}.py"), "--help"]
    by_module = [sys.executable, "-m", f"feature_extractor.{command}", "--help"]
    for argv, folder in ((by_path, tmp_path), (by_module, ROOT)):
        done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "--corpus" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("modalities", ["a", "t", "at"])
def test_full_width_encoders_pass_through_both_stages(demo, tmp_path, modalities):
    """The real models' shapes, with random weights."""
    from transformers import RobertaConfig, RobertaModel

    audio = make_audio_folder(
        tmp_path / "audio", hidden_size=1024, num_hidden_layers=24, num_attention_heads=16,
        intermediate_size=4096, conv_dim=(512,) * 7, conv_kernel=(10, 3, 3, 3, 3, 2, 2),
        conv_stride=(5, 2, 2, 2, 2, 2, 2), num_feat_extract_layers=7, conv_bias=True,
        num_conv_pos_embeddings=128, num_conv_pos_embedding_groups=16,
    )  # fmt: skip
    text = make_text_folder(tmp_path / "text")
    RobertaModel(
        RobertaConfig(vocab_size=32_000, type_vocab_size=1, pad_token_id=1)
    ).save_pretrained(text)
    run = tmp_path / "run"
    encoders = ("--text_encoder", str(text), "--audio_encoder", str(audio))
    options = (
        "--modalities",
        modalities,
        "--batch_size",
        "2",
        "--lr",
        "1e-5",
        "--fusion_options",
        "audio_size=768",
    )
    assert train(demo, run, *encoders, *options) == 0
    shutil.rmtree(audio)
    shutil.rmtree(text)
    assert extract(demo, tmp_path / "x.pkl", "--checkpoint", str(run)) == 0
    dialogue = read_dialogues(tmp_path / "x.pkl").dialogues[0]
    widths = {name: dialogue.features(name).shape[1] for name in modalities}
    assert widths == dict.fromkeys(modalities, 768)


def test_a_shard_that_does_not_write_the_file_says_who_does(
    demo, trained, tmp_path, capsys, monkeypatch
):
    out = tmp_path / "x.pkl"
    options = ("--checkpoint", str(trained), "--num_shards", "2", "--shard")
    assert extract(demo, out, *options, "1") == 0  # all utterances are in one part, the first's
    assert "nothing to do for shard 1: the corpus makes fewer" in capsys.readouterr().out
    assert not out.exists()
    with monkeypatch.context() as patch:
        patch.setattr(stage2, "extract_corpus", lambda *_: False)
        assert extract(demo, out, *options, "1") == 0
    assert f"this shard is done; {out} is written by the last one" in capsys.readouterr().out
    assert extract(demo, out, *options, "0") == 0
    assert f"12 utterances written to {out}" in capsys.readouterr().out
    assert sum(len(dialogue) for dialogue in read_dialogues(out).dialogues) == 12


@pytest.mark.parametrize(
    ("encoder", "given", "kept"),
    [("mfcc", (), True), ("mfcc", ("--fusion_options", "level=no"), False), (None, (), None)],
)
def test_ours_knows_the_level_of_mfcc_unless_told_otherwise(demo, tmp_path, encoder, given, kept):
    heard = ("--audio_encoder", encoder) if encoder else ()
    options = ("--modalities", "a", "--fusion", "distilled_gate", *heard, *given)
    assert train(demo, tmp_path, *options, "--cache_dir", str(tmp_path / "cache")) == 0
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["fusion_options"].get("level") is kept
    normalised = "fusion.summaries.audio.narrow.0.weight" in load_file(
        tmp_path / "model.safetensors"
    )
    assert normalised is not bool(kept)
    argv = ["--checkpoint", str(tmp_path), "--root", str(demo), "--device", "cpu"]
    assert run_command(eval_command.main, argv) == 0


@pytest.mark.parametrize("given", [(), ("--fusion_options", "follow=no")])
@pytest.mark.parametrize("frozen", [(), ("--freeze_text", "all", "--freeze_audio", "all")])
def test_ours_follows_earlier_utterances_unless_told_otherwise(demo, tmp_path, given, frozen):
    out, cache = tmp_path / "model", ("--cache_dir", str(tmp_path / "cache"))
    options = ("--fusion", "distilled_gate", "--context", "2", *given, *frozen, *cache)
    assert train(demo, out, *options) == 0
    config = json.loads((out / "config.json").read_text())
    assert config["fusion_options"] == {"follow": not given}
    weights = load_file(out / "model.safetensors")
    assert ("fusion.following.transitions" in weights) is not bool(given)
    argv = ["--checkpoint", str(out), "--root", str(demo), "--device", "cpu"]
    assert run_command(eval_command.main, argv) == 0
    assert extract(demo, tmp_path / "x.pkl", "--checkpoint", str(out)) == 0
    assert train(demo, out, *options, "--resume") == 0


def test_training_hears_no_more_of_an_earlier_clip_than_the_clip_length(demo, tmp_path):
    argv = ["--root", str(demo), "--out", str(tmp_path / "out"), *QUICK, "--context", "2"]
    argv += ["--fusion", "distilled_gate", "--clip_length"]
    ready = prepare(*train_command._read([*argv, "25"]), tell=print)
    shortest, *_, longest = sorted(u.duration for u in ready.train.utterances)
    limit = (shortest + longest) / 2
    ready = prepare(*train_command._read([*argv, str(limit)]), tell=print)
    clips = [clip for example in ready.train for clip in example["earlier_audio"]]
    assert max(map(len, clips)) == int(limit * 16_000)
    assert not ready.train.needs_chunks(limit)


def test_acoustic_features_are_kept_and_standardised_by_the_training_side(demo, tmp_path, capsys):
    out, cache = tmp_path / "mfcc", tmp_path / "cache"
    options = ("--modalities", "a", "--audio_encoder", "mfcc", "--speed_perturbation", "0.2")
    assert train(demo, out, *options, "--cache_dir", str(cache)) == 0
    assert "--speed_perturbation 0.2 is left out" in capsys.readouterr().out
    assert any(cache.iterdir())
    weights = load_file(out / "model.safetensors")
    clips = sorted(demo.rglob("Sess01*.wav"))
    frames = np.concatenate(
        [mfcc(soundfile.read(clip, dtype="float32")[0], 16_000, 800, 400) for clip in clips]
    )
    assert len(clips) == 3
    np.testing.assert_allclose(weights["audio_scaler.shift"], frames.mean(axis=0), atol=1e-2)
    np.testing.assert_allclose(weights["audio_scaler.scale"], 1 / frames.std(axis=0), rtol=1e-2)
