import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from feature_extractor import extract as extract_command
from feature_extractor import train as train_command
from feature_extractor.demo_corpus.generate import DemoSettings, generate_demo
from feature_extractor.execution import Execution
from feature_extractor.extraction.fold_checkpoints import Fold
from feature_extractor.extraction.out_of_fold import OutOfFold, extract_out_of_fold
from feature_extractor.extraction.parts_plan import PartsPlan
from feature_extractor.extraction.shard import WHOLE, Shard
from feature_extractor.extraction.store import PartStore
from feature_extractor.extraction.vectors import Extractor, extract_corpus
from feature_extractor.splits.splitting import split_corpus
from graph_er.dialogues import read_dialogues
from graph_er.running.cli import run_command
from graph_er.running.files import sha256
from tests.feature_extractor.tiny_corpus import make_checkpoint, make_corpus

CPU = Execution(torch.device("cpu"), batch_size=2)
NAMES = ("full", "fold1", "fold2")


@pytest.fixture
def corpus(tmp_path):
    return make_corpus(tmp_path / "corpus", sessions=8, utterances=3)  # 1 to 5 are train


@pytest.fixture
def extractors(tmp_path):
    """Three networks from the same beginnings, fine-tuned apart: here moved at random."""
    made = {}
    for seed, name in enumerate(NAMES):
        checkpoint = make_checkpoint(tmp_path / "encoders")
        torch.manual_seed(seed)
        with torch.no_grad():
            for parameter in checkpoint.model.parameters():
                parameter += 0.02 * torch.randn_like(parameter)
        info = {"checkpoint": name, "checkpoint_sha256": f"digest of {name}"}
        made[name] = Extractor(
            checkpoint.model, checkpoint.collator(), checkpoint.sampling_rate, name, info
        )
    return made


def folds_of(corpus, tmp_path):
    return [
        Fold(tmp_path / f"fold{k}", frozenset(split_corpus(corpus, "inner:2", k).test))
        for k in (1, 2)
    ]


def extract(extractors, corpus, out, *, align, shard=WHOLE):
    def load(folder):
        return extractors[folder.name]

    out_of_fold = OutOfFold(folds_of(corpus, out.parent), load, align)
    split = split_corpus(corpus)
    return extract_out_of_fold(
        extractors["full"], out_of_fold, corpus, split, out, CPU, shard, chunk_size=3
    )


def alone(extractor, corpus, out):
    extract_corpus(extractor, corpus, split_corpus(corpus), out, CPU)
    return rows_of(out)


def rows_of(path):
    return {
        utterance: (dialogue.text[row], dialogue.audio[row])
        for dialogue in read_dialogues(path).dialogues
        for row, utterance in enumerate(dialogue.utterance_ids)
    }


def same(rows, expected, utterances):
    return all(
        np.allclose(found, wanted, atol=1e-5)
        for u in utterances
        for found, wanted in zip(rows[u.id], expected[u.id], strict=True)
    )


def test_vectors_come_from_the_extractor_that_has_not_seen_the_utterance(
    tmp_path, corpus, extractors
):
    assert extract(extractors, corpus, tmp_path / "x.pkl", align=False)
    rows = rows_of(tmp_path / "x.pkl")
    assert list(rows) == [u.id for u in corpus.utterances]
    expected = {name: alone(extractors[name], corpus, tmp_path / f"{name}.pkl") for name in NAMES}
    split, folds = split_corpus(corpus), folds_of(corpus, tmp_path)
    source = {u.id: "full" for u in corpus.utterances if u.dialogue not in split.train}
    for number, fold in enumerate(folds, start=1):
        source |= {u.id: f"fold{number}" for u in corpus.utterances if u.dialogue in fold.group}
    for utterance in corpus.utterances:
        agrees = [name for name in NAMES if same(rows, expected[name], [utterance])]
        assert agrees == [source[utterance.id]]


def test_the_file_tells_of_its_folds(tmp_path, corpus, extractors):
    extract(extractors, corpus, tmp_path / "x.pkl", align=True)
    file = read_dialogues(tmp_path / "x.pkl")
    told = file.info["out_of_fold"]
    assert file.info["checkpoint_sha256"] == "digest of full"
    assert told["folds"] == ["fold1", "fold2"]
    assert told["sha256s"] == ["digest of fold1", "digest of fold2"]
    assert told["fold_of"].keys() == set(file.train_ids)
    assert told["fold_of"]["Sess01_script01"] == 1
    assert told["fold_of"]["Sess05_script01"] == 2
    assert told["aligned"] is True
    assert [sorted(alike) for alike in told["likeness"]] == [["audio", "text"]] * 2
    assert all(0 < value < 1 for alike in told["likeness"] for value in alike.values())


def test_alignment_moves_training_vectors_alone_and_towards_the_whole_extractor(
    tmp_path, corpus, extractors
):
    extract(extractors, corpus, tmp_path / "raw.pkl", align=False)
    extract(extractors, corpus, tmp_path / "aligned.pkl", align=True)
    raw, aligned = rows_of(tmp_path / "raw.pkl"), rows_of(tmp_path / "aligned.pkl")
    full = alone(extractors["full"], corpus, tmp_path / "full.pkl")
    train = split_corpus(corpus).train
    others = [u for u in corpus.utterances if u.dialogue not in train]
    assert same(raw, full, others)
    assert same(aligned, full, others)

    def distance(rows):
        ids = [u.id for u in corpus.utterances if u.dialogue in train]
        return sum(np.linalg.norm(rows[i][1] - full[i][1]) for i in ids)

    assert distance(aligned) < distance(raw)


@pytest.mark.parametrize("align", [True, False])
def test_folds_that_are_the_whole_extractor_give_its_file(tmp_path, corpus, extractors, align):
    full = extractors["full"]
    equal = {name: replace(full, identity=name) for name in NAMES}
    extract(equal, corpus, tmp_path / "x.pkl", align=align)
    expected = alone(full, corpus, tmp_path / "full.pkl")
    assert same(rows_of(tmp_path / "x.pkl"), expected, corpus.utterances)


def test_killed_it_goes_on_and_shards_make_the_same_bytes(
    tmp_path, corpus, extractors, monkeypatch
):
    extract(extractors, corpus, tmp_path / "whole.pkl", align=True)
    write, written = PartStore.write, []

    def killed(store, chunk, vectors):
        if len(written) == 4:
            raise KeyboardInterrupt
        written.append((store.folders[0].name, chunk))
        write(store, chunk, vectors)

    with monkeypatch.context() as patch:
        patch.setattr(PartStore, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            extract(extractors, corpus, tmp_path / "x.pkl", align=True)
    made = []

    def counted(store, chunk, vectors):
        made.append((store.folders[0].name, chunk))
        write(store, chunk, vectors)

    monkeypatch.setattr(PartStore, "write", counted)
    done = [
        extract(extractors, corpus, tmp_path / "x.pkl", align=True, shard=Shard(i, 2))
        for i in (1, 0)
    ]
    assert done == [False, True]
    assert not set(made) & set(written)
    assert (tmp_path / "x.pkl").read_bytes() == (tmp_path / "whole.pkl").read_bytes()
    assert [path for path in tmp_path.iterdir() if path.name.endswith(".parts")] == []


class NotSearched(tuple):
    """Ids that are never searched one by one: whoever asks often makes a set of them."""

    def __contains__(self, value):
        raise AssertionError(f"all ids are looked through for {value}")


def test_the_dev_side_is_not_looked_through_for_each_dialogue(
    tmp_path, corpus, extractors, monkeypatch
):
    asked, plain = [], PartsPlan.dev_ids.fget
    counted = property(lambda plan: asked.append(plan) or plain(plan))
    monkeypatch.setattr(PartsPlan, "dev_ids", counted)
    split = split_corpus(corpus)
    split = replace(split, dev=NotSearched(split.dev))
    out_of_fold = OutOfFold(
        folds_of(corpus, tmp_path), lambda folder: extractors[folder.name], align=True
    )
    assert extract_out_of_fold(
        extractors["full"], out_of_fold, corpus, split, tmp_path / "x.pkl", CPU, WHOLE
    )
    # Once for each fold wherever its parts are listed, and once to assemble; not for 8 dialogues.
    assert len(asked) < 8


def run(command, root, *options):
    return run_command(command.main, ["--root", str(root), *map(str, options)])


def test_the_commands_from_corpus_to_file(tmp_path, capsys):
    root, out = tmp_path / "demo", tmp_path / "x.pkl"
    generate_demo(root, DemoSettings(sessions=5, dialogues=1, utterances=3))
    quick = ("--epochs", 1, "--device", "cpu", "--modalities", "t")
    names = [tmp_path / name for name in NAMES]
    assert run(train_command, root, *quick, "--out", names[0]) == 0
    recipe = (root / "encoders" / "recipe.json").read_bytes()
    for number in (1, 2):
        inner = ("--split", "inner:2", "--fold", number)
        assert run(train_command, root, *quick, *inner, "--out", names[number]) == 0
    assert (root / "encoders" / "recipe.json").read_bytes() == recipe
    record = json.loads((names[1] / "config.json").read_text())["split"]
    assert record["name"] == "inner:2@official"
    assert record["sides"] == {"train": ["Sess02"], "dev": ["Sess03"], "test": ["Sess01"]}

    options = ("--out", out, "--checkpoint", names[0], "--fold_checkpoints")
    assert run(extract_command, root, *options, names[1]) == 2
    assert "was trained with Sess02" in capsys.readouterr().err
    assert run(extract_command, root, *options, *names[1:], "--no-align") == 0
    file = read_dialogues(out)
    assert file.info["out_of_fold"]["aligned"] is False
    digests = [sha256(name / "model.safetensors") for name in names]
    assert [file.info["checkpoint_sha256"], *file.info["out_of_fold"]["sha256s"]] == digests
    assert run(extract_command, root, *options, *names[1:]) == 0
    assert read_dialogues(out).info["out_of_fold"]["aligned"] is True

    path = names[1] / "config.json"
    split = json.loads((names[0] / "config.json").read_text())["split"]
    seen = {**split, "sides": {"train": split["sides"]["test"], "dev": [], "test": []}}
    before = {"name": "first", "corpus": "demo", "split": seen}
    path.write_text(json.dumps({**json.loads(path.read_text()), "started_from": [before]}))
    assert run(extract_command, root, *options, *names[1:]) == 2
    assert f"first, which {names[1]} started from, was trained with" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [("--frozen", "--fold_checkpoints", "x"), ("--checkpoint", "x", "--no-align")],
)
def test_options_that_do_not_go_together(tmp_path, options, capsys):
    with pytest.raises(SystemExit, match="2"):
        run(extract_command, tmp_path, "--out", tmp_path / "x.pkl", *options)
    assert "goes with" in capsys.readouterr().err
