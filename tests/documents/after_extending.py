"""What holds once docs/extending.md is followed; test_extending.py runs it in such a copy."""

import argparse
from dataclasses import asdict

import pytest
import torch

from feature_extractor.corpora.problems import CorpusProblems
from feature_extractor.corpora.registry import read_corpus
from feature_extractor.settings import FUSION_CHOICES
from feature_extractor.splits.splitting import split_corpus
from graph_er.ablation import VARIANTS
from graph_er.networks.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from graph_er.training.recipe import GivenSettings, recipe_of
from graph_er.training.recipe_options import add_recipe_options, read_recipe
from tests.documents.commands import ROOT, fenced
from tests.graph_er.networks.test_checkpoint import FINISH
from tests.graph_er.tiny_models import CONTEXTUAL, SPEC, build, logits, make_graphs

TURNS = "A|neutral|밥 먹었어?\nB|happy|응, 맛있었어!\n"


@pytest.fixture
def scenes(tmp_path):
    for session in range(1, 7):
        (tmp_path / f"Sess{session:02}_scene01.txt").write_text(TURNS, encoding="utf-8")
    return tmp_path


def test_the_fusion_model_is_on_offer():
    assert "mean_sum" in FUSION_CHOICES


def test_the_scenes_are_read_and_split(scenes):
    corpus = read_corpus("scenes", scenes)
    assert corpus.utterances[1].text == "응, 맛있었어!"
    assert [corpus.label(u) for u in corpus.utterances] == [0, 1] * 6
    split = split_corpus(corpus)
    assert split.test == ("Sess05_scene01", "Sess06_scene01")
    assert len(split.train) == 3
    assert split_corpus(corpus, "folds:3", 1).test == ("Sess01_scene01", "Sess02_scene01")


def test_all_that_is_wrong_with_the_scenes_is_told_at_once(scenes):
    (scenes / "Sess02_scene01.txt").write_text(TURNS + "C|bored|흠\nD\n", encoding="utf-8")
    with pytest.raises(CorpusProblems, match=r"Sess02_scene01\.txt: line 3: write") as told:
        read_corpus("scenes", scenes)
    assert len(told.value.problems) == 2
    assert len(told.value.usable.utterances) == 12


def recipe(*argv):
    parser = argparse.ArgumentParser()
    add_recipe_options(parser)
    return read_recipe(parser.parse_args(argv))


def test_the_option_is_a_flag_a_key_of_a_file_and_a_row_of_the_ablation(tmp_path):
    assert recipe().model.shortcut is True
    assert recipe("--no-shortcut").model.shortcut is False
    (settings,) = fenced((ROOT / "docs" / "extending.md").read_text(encoding="utf-8"), "json")
    (tmp_path / "settings.json").write_text(settings, encoding="utf-8")
    by_flags = recipe("--no-shortcut", "--wp", "10", "--epochs", "20")
    assert recipe("--config", str(tmp_path / "settings.json")) == by_flags
    (row,) = (values for values in VARIANTS.values() if "shortcut" in values)
    assert recipe_of(GivenSettings("default", "at"), row) == recipe("--no-shortcut")


def test_a_checkpoint_from_before_the_option_gives_what_it_gave(tmp_path):
    model = build(CONTEXTUAL)
    member = {"seed": 1, "epoch": 1, "dev": {}, "weights": model.state_dict()}
    path = save_checkpoint(tmp_path, Checkpoint(CONTEXTUAL, SPEC, (member,), FINISH))
    content = torch.load(path, weights_only=True)
    assert content["config"] == asdict(CONTEXTUAL)
    del content["config"]["shortcut"]
    torch.save(content, path)
    (again,) = load_checkpoint(path).models()
    graphs = make_graphs(CONTEXTUAL, [3, 5])
    assert torch.equal(logits(again, graphs), logits(model, graphs))
