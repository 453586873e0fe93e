"""All three stages on a corpus of texts: the dialogue file says all that stage 3 asks."""

import json
import random

import pytest

from feature_extractor import extract as extract_command
from feature_extractor import train as stage1_command
from graph_er import eval as eval_command
from graph_er import train as stage3_command
from graph_er.dialogues import read_dialogues
from graph_er.running.cli import run_command
from tests.feature_extractor.meld_writer import Line, write_tables
from tests.feature_extractor.tiny_corpus import make_text_folder

WORDS = {"neutral": "okay", "joy": "great", "anger": "stop", "sadness": "sorry"}
NAMES = ["Ann", "Bob", "Cy"]
MELD = ("neutral", "surprise", "fear", "sadness", "joy", "disgust", "anger")


def talks(count, turns, seed):
    """Return the rows of dialogues among three people."""
    rng = random.Random(seed)
    emotions = [[rng.choice(list(WORDS)) for _ in range(turns)] for _ in range(count)]
    return [
        Line(dialogue, turn, emotion, text=f"{WORDS[emotion]}!", speaker=rng.choice(NAMES))
        for dialogue, said in enumerate(emotions)
        for turn, emotion in enumerate(said)
    ]


@pytest.mark.parametrize("turns", [4, 1])
def test_meld_as_text_goes_through_all_stages(tmp_path, caplog, turns):
    sizes = {"train": 6, "dev": 2, "test": 3}
    tables = {side: talks(count, turns, seed=count) for side, count in sizes.items()}
    corpus = ("--corpus", "meld", "--root", str(write_tables(tmp_path / "meld", tables)))
    encoder = ("--text_encoder", str(make_text_folder(tmp_path / "text", list(WORDS.values()))))
    stage1, data, stage3 = (str(tmp_path / name) for name in ("stage1", "meld.pkl", "stage3"))
    quick = ("--epochs", "1", "--num_workers", "0", "--device", "cpu")
    argv = [*corpus, *encoder, *quick, "--modalities", "t", "--out", stage1]
    assert run_command(stage1_command.main, argv) == 0
    argv = ["--checkpoint", stage1, *corpus, "--out", data, "--device", "cpu"]
    assert run_command(extract_command.main, argv) == 0

    file = read_dialogues(data)
    assert (file.info["corpus"], file.info["split"]["name"]) == ("meld", "official")
    assert [len(file.side(side)) for side in sizes] == list(sizes.values())
    assert sorted(file.emotions) == sorted(MELD)

    out = str(tmp_path / "eval.json")
    given = ("--data_dir", data, "--device", "cpu")
    argv = [*given, "--modalities", "t", "--epochs", "1", "--out", stage3]
    assert run_command(stage3_command.main, argv) == 0
    assert ("no context" in caplog.text) == (turns == 1)
    assert run_command(eval_command.main, ["--pt_dir", stage3, *given, "--out", out]) == 0
    scores = json.loads((tmp_path / "eval.json").read_text())
    assert (scores["n"], scores["labels"]) == (3 * turns, list(file.emotions))
