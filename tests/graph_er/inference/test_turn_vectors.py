import numpy as np

from feature_extractor.extraction.vectors import Extractor
from graph_er.conversations.turns import Turn
from graph_er.inference import turn_vectors

TURNS = [
    Turn(f"{dialogue}{n}", dialogue, "A", None, 0.0, f"{dialogue}{n}", float(n), n + 1.0)
    for dialogue in "xy"
    for n in range(4)
]


def test_turns_before_are_read_along_across_parts_but_not_across_dialogues(monkeypatch):
    read = {}

    def predict(model, collate, dataset, *_):
        examples = [dataset[index] for index in range(len(dataset))]
        read.update({example["text"]: example.get("earlier", []) for example in examples})
        return {"text": np.array([[float(len(read))]] * len(examples)), "logits": None}

    monkeypatch.setattr(turn_vectors, "predict", predict)
    monkeypatch.setattr(turn_vectors, "_TURNS_AT_ONCE", 3)
    extractor = Extractor(None, None, None, "", {}, context=2)
    vectors = turn_vectors.vectors_of(extractor, TURNS, None, str, progress=False)
    assert list(read) == [turn.id for turn in TURNS]
    assert read["x3"] == ["x2", "x1"]
    assert read["y0"] == []
    assert read["y2"] == ["y1", "y0"]
    assert vectors.text[:, 0].tolist() == [3, 3, 3, 6, 6, 6, 8, 8]
    assert vectors.audio is None
    assert vectors.texts == tuple(turn.id for turn in TURNS)
