"""A study small enough to be worked by hand: three emotions, four test utterances."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graph_er.dialogues import Dialogue, DialogueFile, write_dialogues
from graph_er.report.collect import collect_study
from graph_er.report.runs import read_runs
from graph_er.running.files import write_json
from graph_er.scoring.evaluation import EvaluatedUtterances, evaluate, write_evaluation

EMOTIONS = ("neutral", "angry", "sad")
SENTENCES = ("<script>alert(1)</script>", "정말 너무해.")


def dialogue(name: str, labels: list[int], speakers: tuple = ("F", "M")) -> Dialogue:
    count = len(labels)
    return Dialogue(
        id=name,
        utterance_ids=tuple(f"{name}_{i}" for i in range(count)),
        speakers=tuple(speakers[i % len(speakers)] for i in range(count)),
        labels=np.array(labels),
        sentences=tuple(SENTENCES[i % 2] for i in range(count)),
        text=np.ones((count, 2), dtype=np.float32),
        audio=np.ones((count, 2), dtype=np.float32),
    )


@pytest.fixture
def dialogue_file():
    """Train is mostly neutral, dev mostly sad; test is neutral, neutral | angry, sad."""
    return DialogueFile(
        dialogues=(
            dialogue("Sess1_a", [0, 0, 1]),
            dialogue("Sess2_a", [2, 2, 2, 2]),
            dialogue("Sess3_a", [0, 0]),
            dialogue("Sess3_b", [1, 2]),
        ),
        train_ids=("Sess1_a",),
        dev_ids=("Sess2_a",),
        test_ids=("Sess3_a", "Sess3_b"),
        emotions=EMOTIONS,
        info={"corpus": "demo"},
    )


@pytest.fixture
def write_run(tmp_path, dialogue_file):
    """Write a run of given predictions, one list of labels for each seed."""

    def write(name: str, predicted: list[list[int]], record: dict | None = None, **changes) -> Path:
        test = dialogue_file.side("test")
        utterances = EvaluatedUtterances(
            dialogues=[d.id for d in test for _ in d.labels],
            utterances=[i for d in test for i in d.utterance_ids],
            speakers=[s for d in test for s in d.speakers],
            gold=np.concatenate([d.labels for d in test]),
            emotions=EMOTIONS,
        )
        # The first seed is surest, so the ensemble answers as it does.
        sure = [0.8 if seed == 0 else 0.5 for seed in range(len(predicted))]
        probabilities = np.stack(
            [
                np.where(np.eye(3, dtype=bool)[labels], top, (1 - top) / 2)
                for labels, top in zip(predicted, sure, strict=True)
            ]
        )
        path = tmp_path / "runs" / name / "eval.json"
        evaluation = evaluate(utterances, probabilities, list(range(len(predicted))))
        evaluation |= {"modalities": name.rpartition("_")[2], "split": "test"} | changes
        write_evaluation(path, evaluation, utterances, probabilities)
        if record is not None:
            write_json(path.with_name("run.json"), record)
        return path

    return write


@pytest.fixture
def runs(tmp_path, write_run):
    """Two of the nine runs: concat on audio and text, one seed; the graph on both, two seeds."""
    record = {
        "versions": {"torch": "2.0", "graph-er": None},
        "commit": "abc",
        "tree_clean": True,
        "wall_time_s": 2.5,
    }
    write_run("concat_at", [[0, 0, 1, 1]], record)
    write_run("graph_at", [[0, 0, 1, 2], [0, 0, 1, 1]], record)
    return tmp_path / "runs"


@pytest.fixture
def results(runs, dialogue_file):
    return collect_study(read_runs(runs), dialogue_file)


@pytest.fixture
def data_path(tmp_path, dialogue_file):
    path = tmp_path / "demo.pkl"
    write_dialogues(path, dialogue_file)
    return path
