"""Numbers that are none, and data that is hardly any: stopped and named, or done without NaN."""

import json
import pickle
import re
from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch

from feature_extractor.batches.dataset import UtteranceDataset
from feature_extractor.settings import TrainingSettings
from feature_extractor.training.fit import Job, fit
from feature_extractor.utterance import Corpus
from graph_er import compare, crossval, tune
from graph_er import eval as eval_command
from graph_er import study as study_command
from graph_er import train as train_command
from graph_er.answers.prediction import predict_logits
from graph_er.dialogues import read_dialogues, write_dialogues
from graph_er.errors import InputError
from graph_er.running.cli import run_command
from graph_er.running.paths import CHECKPOINT_NAME
from graph_er.running.run_record import RECORD_NAME
from graph_er.running.tracking import Tracker
from graph_er.training import fit as graph_training
from tests.feature_extractor.tiny_corpus import TEXTS, make_checkpoint, make_corpus
from tests.graph_er.dialogue_factory import EMOTIONS, make_dialogue, make_file
from tests.graph_er.tiny_models import CONFIGS, SPEC, TRAINING, make_graphs

KIND = "Numerics"
NUMBERS_THAT_ARE_NONE = (float("nan"), float("inf"), -float("inf"))
CPU = torch.device("cpu")


# Stage 3: features, losses, gradients, outputs.


@pytest.mark.parametrize("modality", ["text", "audio"])
@pytest.mark.parametrize("bad", NUMBERS_THAT_ARE_NONE)
def test_a_feature_that_is_no_number_is_named_with_its_utterance(tmp_path, modality, bad, records):
    file = make_file()
    dialogue = file.dialogues[1]
    write_dialogues(tmp_path / "data.pkl", file)
    raw = pickle.loads((tmp_path / "data.pkl").read_bytes())  # by others: ours is not written so
    raw[{"text": 3, "audio": 4}[modality]][dialogue.id][4][2] = bad
    (tmp_path / "data.pkl").write_bytes(pickle.dumps(raw))
    message = f"utterance {dialogue.utterance_ids[4]}: the {modality} feature is not finite"
    with pytest.raises(InputError, match=message):
        read_dialogues(tmp_path / "data.pkl")
    records.add(KIND, tried=1, survived=1)


def fit_graph(preset, build=None, lengths=(6, 4, 5), dev=(), **changes):
    config = CONFIGS[preset]
    graphs = make_graphs(config, lengths)
    return graph_training.fit(
        build or (lambda: SPEC.build(config)),
        graphs,
        list(dev),
        EMOTIONS,
        replace(TRAINING, **changes),
        seed=0,
    )


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("preset", CONFIGS)
def test_a_rate_that_is_too_high_is_told_with_epoch_step_and_dialogues(preset, dtype, records):
    changes = {"learning_rate": 1e30, "schedule": "plateau", "ema": 0.0, "clip_norm": 0.0}
    named = r"became (nan|inf) in epoch 1, step 2 \(dialogues S\d_\d.*of utterance S\d_\d_\d{3}\)"
    with pytest.raises(InputError, match=rf"{named}; lower --learning_rate"):
        fit_graph(preset, dtype=dtype, weight_decay=0.0, **changes)
    records.add(KIND, tried=1, survived=1)


def spoiling(preset, step):
    """Build models whose gradient is infinite in one step, while the loss is a number."""

    def build():
        model, seen = SPEC.build(CONFIGS[preset]), []

        def spoil(gradient):
            seen.append(None)
            return gradient * float("inf") if len(seen) == step else gradient

        next(iter(model.parameters())).register_hook(spoil)
        return model

    return build


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("preset", CONFIGS)
def test_a_gradient_that_is_no_number_is_told_of_its_own_step(preset, dtype, records):
    build = spoiling(preset, step=3)  # of 2 an epoch
    message = r"the gradient of the training loss is not finite in epoch 2, step 1 \(dialogues S"
    with pytest.raises(InputError, match=message):
        fit_graph(preset, build, dtype=dtype, ema=0.0)
    records.add(KIND, tried=1, survived=1)


@pytest.mark.parametrize("preset", CONFIGS)
def test_the_last_step_of_all_is_looked_at_too(preset, records):
    # Neither a further loss nor a dev side would tell, as in a refit.
    with pytest.raises(InputError, match=r"weights became NaN.* in epoch 2, step 2 \(dialogues S"):
        fit_graph(preset, spoiling(preset, step=4), ema=0.0, clip_norm=0.0)
    records.add(KIND, tried=1, survived=1)


@pytest.mark.parametrize("value", [3e38, -1e20])
@pytest.mark.parametrize("preset", CONFIGS)
def test_a_feature_too_large_to_be_scaled_is_refused_not_dropped(preset, value, records):
    config = CONFIGS[preset]
    graphs = make_graphs(config, [5, 5])
    graphs[1].x[3, 2] = value
    with pytest.raises(InputError, match=r"dialogue S1_5, utterance S1_5_003: a feature of \d"):
        graph_training.fit(lambda: SPEC.build(config), graphs, [], EMOTIONS, TRAINING, seed=0)
    records.add(KIND, tried=1, survived=1)


@pytest.mark.parametrize("preset", CONFIGS)
def test_an_output_that_is_no_number_is_named_with_its_utterance(preset, records):
    graphs = make_graphs(CONFIGS[preset], [5, 7, 6])
    graphs[1].x[2] = 3e38
    with torch.random.fork_rng():
        model = SPEC.build(CONFIGS[preset])
    with pytest.raises(
        InputError, match=r"of 18 utterances, the first S1_7_\d{3} of dialogue S1_7"
    ):
        predict_logits(model, graphs)
    records.add(KIND, tried=1, survived=1)


def run(main, *argv):
    return run_command(main, [str(word) for word in argv])


QUICK = ("--epochs", "1", "--hidden_size", "8", "--jobs", "1")


def test_a_training_that_fails_leaves_the_run_before_as_it_was(tmp_path, capsys, records):
    write_dialogues(tmp_path / "data.pkl", make_file())
    out = tmp_path / "run"
    options = ("--data_dir", tmp_path / "data.pkl", "--out", out, *QUICK, "--epochs", "3")
    failing = ("--learning_rate", "1e30", "--schedule", "plateau", "--clip_norm", "0")
    assert run(train_command.main, *options) == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    assert {*before} == {CHECKPOINT_NAME, RECORD_NAME}
    assert run(train_command.main, *options, *failing, "--ema", "0") == 2
    told = capsys.readouterr().err
    assert re.search(r"error: the weights became .* in epoch 1, step 1 \(dialogues Sess", told)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    records.add(KIND, tried=1, survived=1)


# Stage 3: data that is hardly any.


def of_sides(file, change, sides=("train", "dev", "test")):
    """Change the dialogues of some sides."""
    ids = {i for side in sides for i in getattr(file, f"{side}_ids")}
    return replace(file, dialogues=tuple(change(d) if d.id in ids else d for d in file.dialogues))


def labelled(label):
    return lambda d: replace(d, labels=np.array([label(old) for old in d.labels]))


def alone(d):
    """Return a dialogue's first utterance."""
    fields = ("utterance_ids", "speakers", "labels", "sentences", "text", "audio")
    return replace(d, **{name: getattr(d, name)[:1] for name in fields})


def kept(file, **sides):
    """Leave that many dialogues on each side."""
    ids = {f"{side}_ids": getattr(file, f"{side}_ids")[:count] for side, count in sides.items()}
    file = replace(file, **ids)
    listed = {*file.train_ids, *file.dev_ids, *file.test_ids}
    return replace(file, dialogues=tuple(d for d in file.dialogues if d.id in listed))


def constant(d):
    text = d.text.copy()
    text[:, 1] = 3.7
    return replace(d, text=text, audio=np.zeros_like(d.audio))


def one_of_a_kind(file):
    file = of_sides(file, labelled(lambda label: min(label, 1)))
    first, *rest = file.dialogues
    labels = first.labels.copy()
    labels[0] = 2
    return replace(file, dialogues=(replace(first, labels=labels), *rest))


def silent(d):
    return replace(d, text=np.zeros_like(d.text), audio=np.zeros_like(d.audio))


def two(label):
    return min(label, 1)


FILE = make_file(num_sessions=5)
HARDLY_ANY = {
    "class absent from train": of_sides(FILE, labelled(two), ("train",)),
    "class absent from dev": of_sides(FILE, labelled(two), ("dev",)),
    "class absent from test": of_sides(FILE, labelled(two), ("test",)),
    "class absent everywhere": of_sides(FILE, labelled(two)),
    "class of one utterance": one_of_a_kind(FILE),
    "one class of three": of_sides(FILE, labelled(lambda label: 0)),
    "one class of one": replace(of_sides(FILE, labelled(lambda label: 0)), emotions=EMOTIONS[:1]),
    "constant feature, audio of zeros": of_sides(FILE, constant),
    "zeros alone": of_sides(FILE, silent),
    "one speaker": of_sides(FILE, lambda d: replace(d, speakers=("F",) * len(d))),
    "one utterance per dialogue": of_sides(FILE, alone),
    "one dialogue per side": kept(FILE, train=1, dev=1, test=1),
    "one utterance per side": of_sides(kept(FILE, train=1, dev=1, test=1), alone),
}
SOME = ("class absent from train", "one class of one", "one utterance per side")
FEW_SESSIONS = ("one dialogue per side", "one utterance per side")


def assert_json_has_no_nan(folder):
    paths = list(folder.rglob("*.json"))
    assert paths
    for path in paths:
        json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)


@pytest.mark.parametrize("name", SOME)
def test_hardly_any_data_is_trained_on_and_scored(tmp_path, name, records, capsys):
    path, out = tmp_path / "data.pkl", tmp_path / "run"
    write_dialogues(path, HARDLY_ANY[name])
    assert run(train_command.main, "--data_dir", path, "--out", out, *QUICK, "--members", "1") == 0
    assert run(eval_command.main, "--data_dir", path, "--pt_dir", out) == 0
    scores = json.loads((out / "eval_test" / "eval.json").read_text())
    assert all(0 <= scores[metric] <= 1 for metric in ("accuracy", "macro_f1", "uar"))
    assert_json_has_no_nan(tmp_path)
    assert "Traceback" not in capsys.readouterr().err
    records.add(KIND, tried=1, survived=1)


@pytest.mark.fault
@pytest.mark.parametrize("preset", CONFIGS)
@pytest.mark.parametrize("name", HARDLY_ANY)
def test_every_command_bears_hardly_any_data(tmp_path, name, preset, records, capsys):
    path, few = tmp_path / "data.pkl", name in FEW_SESSIONS
    write_dialogues(path, HARDLY_ANY[name])
    data, runs = ("--data_dir", path), tmp_path / "runs"
    recipe = ("--preset", preset, "--epochs", "2", "--hidden_size", "8", "--decode", "--refit")
    for number in (1, 2):
        method = ("graph", "graph_frozen")[number - 1]
        out, scores = tmp_path / f"run{number}", runs / f"{method}_at" / "eval.json"
        seeds = ("--seeds", str(number), "--jobs", "1")
        assert run(train_command.main, *data, "--out", out, *seeds, *recipe) == 0
        for side in ("train", "dev", "test"):
            assert run(eval_command.main, *data, "--pt_dir", out, "--split", side) == 0
        assert run(eval_command.main, *data, "--pt_dir", out, "--out", scores) == 0
    several = 2 if few else 0  # told in one message where there is too little
    assert run(crossval.main, *data, "--out", tmp_path / "folds", *recipe) == several
    counts = ("--choose_epochs", "1", "2", "--select", "last")
    assert run(crossval.main, *data, "--out", tmp_path / "epochs", *recipe, *counts) == several
    search = ("--trials", "2", "--seeds", "1", "--only", "dropout")
    assert run(tune.main, *data, "--out", tmp_path / "search", *recipe, *search) == several
    pair = (tmp_path / "run1", tmp_path / "run2", "--out", tmp_path / "compared.json")
    assert run(compare.main, *pair) == several
    assert run(study_command.main, "--runs", runs, *data, "--out", tmp_path / "report") == 0
    assert_json_has_no_nan(tmp_path)
    assert "Traceback" not in capsys.readouterr().err
    records.add(KIND, tried=8, survived=8)


@pytest.mark.parametrize("side", ["train", "dev", "test"])
def test_a_side_without_dialogues_is_named_with_the_remedy(tmp_path, side, capsys, records):
    write_dialogues(tmp_path / "data.pkl", kept(FILE, **{side: 0}))
    data, out = ("--data_dir", tmp_path / "data.pkl"), tmp_path / "run"
    status = run(train_command.main, *data, "--out", out, *QUICK)
    if side == "test":  # training does not look at it
        assert status == 0
        status = run(eval_command.main, *data, "--pt_dir", out)
    assert status == 2
    assert f"the dialogue file has no {side} dialogues; list some" in capsys.readouterr().err
    records.add(KIND, tried=1, survived=1)


def test_what_train_lacks_is_told(tmp_path, caplog, records):
    for name in ("class absent from train", "one class of three"):
        write_dialogues(tmp_path / "data.pkl", HARDLY_ANY[name])
        options = ("--data_dir", tmp_path / "data.pkl", "--out", tmp_path / "run", *QUICK)
        assert run(train_command.main, *options) == 0
    assert "no train utterance is happy: no model learns them" in caplog.text
    assert "train holds one emotion alone" in caplog.text
    records.add(KIND, tried=1, survived=1)


def test_labels_beyond_the_names_are_named_with_their_utterance(tmp_path, capsys, records):
    raw = make_dialogue("S1_a", 4)
    path = tmp_path / "data.pkl"
    write_dialogues(path, make_file())
    with pytest.raises(InputError, match=r"utterance S1_a_002: label 3 has no name among the 3"):
        replace(
            make_file(), dialogues=(replace(raw, labels=np.array([0, 1, 3, 2])),),
            train_ids=("S1_a",), dev_ids=(), test_ids=(),
        )  # fmt: skip
    assert run(train_command.main, "--data_dir", path, "--out", tmp_path / "run", *QUICK) == 0
    fewer = replace(of_sides(make_file(), labelled(two)), emotions=EMOTIONS[:2])
    write_dialogues(path, fewer)
    assert run(eval_command.main, "--data_dir", path, "--pt_dir", tmp_path / "run") == 2
    assert "Traceback" not in capsys.readouterr().err
    records.add(KIND, tried=2, survived=2)


# Stages 1 and 2.

SPEECH = TrainingSettings(
    epochs=2, batch_size=3, accumulate_grad=2, lr=1e-3, head_lr=1e-2, num_workers=0
)


def fit_speech(root, corpus, checkpoint, modalities="t", train=8, settings=SPEECH):
    rate = 16_000 if "a" in modalities else None
    halves = corpus.utterances[:train], corpus.utterances[train:]
    sides = (UtteranceDataset(corpus, half, sampling_rate=rate) for half in halves)
    return fit(checkpoint, *sides, settings, Job(root / "run", 0, CPU, Tracker()))


@pytest.fixture
def corpus(tmp_path):
    return make_corpus(tmp_path / "corpus", sessions=3)


@pytest.mark.parametrize("bad", NUMBERS_THAT_ARE_NONE)
def test_samples_that_are_no_numbers_are_named_with_their_utterance(corpus, bad, records):
    utterance = corpus.utterances[2]
    samples, rate = soundfile.read(utterance.wav, dtype="float32")
    samples[100] = bad
    soundfile.write(utterance.wav, samples, rate, subtype="FLOAT")
    dataset = UtteranceDataset(corpus, corpus.utterances, sampling_rate=16_000)
    with pytest.raises(InputError, match=rf"utterance {utterance.id}: .*holds NaN or infinite"):
        dataset[2]
    records.add(KIND, tried=1, survived=1)


def test_the_utterances_behind_a_bad_loss_are_named(tmp_path, corpus, records):
    checkpoint = make_checkpoint(tmp_path / "encoders", "t")
    spoilt = TEXTS[2]  # its tokens are in no other text
    tokens = checkpoint.tokenizer(spoilt, add_special_tokens=False)["input_ids"]
    others = checkpoint.tokenizer([t for t in TEXTS if t != spoilt])["input_ids"]
    own = [token for token in tokens if not any(token in other for other in others)]
    with torch.no_grad():
        checkpoint.model.text_encoder.embeddings.word_embeddings.weight[own] = float("nan")
    with pytest.raises(InputError, match="training loss became nan in epoch 1, step 1") as told:
        fit_speech(tmp_path, corpus, checkpoint, settings=replace(SPEECH, batch_size=8))
    guilty = {u.id for u in corpus.utterances[:8] if u.text == spoilt}
    assert guilty
    assert set(re.findall(r"Sess\w+", str(told.value))) == guilty
    records.add(KIND, tried=1, survived=1)


def test_a_dev_loss_names_dev_utterances(tmp_path, corpus, records):
    checkpoint = make_checkpoint(tmp_path / "encoders", "t")
    model, plain = checkpoint.model, checkpoint.model.forward

    def forward(**batch):
        output = plain(**batch)
        return output if model.training else replace_logits(output)

    def replace_logits(output):
        output.logits = output.logits * float("nan")
        return output

    model.forward = forward
    with pytest.raises(InputError, match=r"the dev loss became nan in epoch 1, step 2") as told:
        fit_speech(tmp_path, corpus, checkpoint)
    named = set(re.findall(r"Sess\w+", str(told.value)))
    assert named == {u.id for u in corpus.utterances[8:11]}  # the first batch of three
    records.add(KIND, tried=1, survived=1)


def test_a_gradient_of_stage_1_that_is_no_number_is_named(tmp_path, corpus, records):
    checkpoint = make_checkpoint(tmp_path / "encoders", "t")
    checkpoint.model.fusion.classifier.bias.register_hook(lambda g: g * float("inf"))
    with pytest.raises(InputError, match=r"gradient .* not finite in epoch 1, step 1") as told:
        fit_speech(tmp_path, corpus, checkpoint)
    named = re.findall(r"Sess\w+", str(told.value))
    assert len(named) == len(set(named)) == 6  # of both batches of the step
    assert set(named) <= {u.id for u in corpus.utterances[:8]}
    records.add(KIND, tried=1, survived=1)


def test_a_rate_that_is_too_high_for_stage_1_is_told(tmp_path, corpus, records):
    settings = replace(SPEECH, lr=1e30, head_lr=1e30, warmup=0.0)
    with pytest.raises(InputError, match=r"in epoch \d, step \d \(utterances Sess.*lower --lr"):
        fit_speech(tmp_path, corpus, make_checkpoint(tmp_path / "e", "t"), settings=settings)
    records.add(KIND, tried=1, survived=1)


def changed(corpus, **values):
    return Corpus(
        name=corpus.name,
        emotions=corpus.emotions,
        utterances=tuple(replace(u, **values) for u in corpus.utterances),
    )


def quiet(corpus):
    for utterance in corpus.utterances:
        count = soundfile.info(utterance.wav).frames
        soundfile.write(utterance.wav, np.zeros(count), 16_000)
    return corpus


HARDLY_ANY_SPEECH = {
    "one class": (lambda corpus: changed(corpus, emotion="angry"), 8),
    "no word": (lambda corpus: changed(corpus, text=""), 8),
    "silence": (quiet, 8),
    "one speaker": (lambda corpus: changed(corpus, speaker="F"), 8),
    "one training utterance": (lambda corpus: corpus, 1),
    "one dev utterance": (lambda corpus: corpus, 11),
}


@pytest.mark.parametrize("name", HARDLY_ANY_SPEECH)
def test_hardly_any_speech_is_trained_on(tmp_path, corpus, name, records):
    change, train = HARDLY_ANY_SPEECH[name]
    checkpoint = make_checkpoint(tmp_path / "encoders")
    result = fit_speech(tmp_path, change(corpus), checkpoint, "at", train)
    json.dumps(result, allow_nan=False)
    assert len(result["history"]) == SPEECH.epochs
    assert all(weight.isfinite().all() for weight in checkpoint.model.parameters())
    records.add(KIND, tried=1, survived=1)
