"""Good files with bytes changed at random: each is read, or refused as any bad file is."""

import pickle
from contextlib import suppress
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings

from feature_extractor.caches.state_store import StateStore
from feature_extractor.corpora.frame_pickle_columns import read_frame_pickle
from feature_extractor.extraction.store import PartStore
from graph_er.dialogues import read_dialogues, write_dialogues
from graph_er.errors import InputError
from graph_er.networks.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from graph_er.probabilities.finish import Finish
from tests.faults.hostile_pickles import valid_list
from tests.graph_er.dialogue_factory import make_file
from tests.graph_er.tiny_models import CONTEXTUAL, SPEC

KIND = "Files with bytes changed at random"
# Opcodes and sizes at which pickles, archives and headers turn.
TELLING = st.sampled_from(
    [b"\0", b"\xff", b"(", b"t", b"R", b"b", b"h\0", b"r\xff\xff\xff\x7f", b"\x85", b"2", b"0",
     b".", b"\x8e\0\0\0\0\0\1\0\0", b"c", b"\n", b"}", b"s", b"u", b"\x94", b"9" * 30, b"PK\1\2"]
)  # fmt: skip
CHANGE = st.tuples(
    st.sampled_from(["flip", "delete", "insert", "repeat", "cut"]),
    st.floats(0, 1, exclude_max=True),
    st.integers(1, 64),
    st.one_of(TELLING, st.binary(min_size=1, max_size=8)),
)
CHANGES = st.lists(CHANGE, min_size=1, max_size=5)


def changed(content, changes):
    """Return a file's content after a few changes."""
    for kind, where, size, data in changes:
        place = int(where * len(content))
        end = place + size
        if kind == "flip":
            content = content[:place] + data + content[place + len(data) :]
        elif kind == "delete":
            content = content[:place] + content[end:]
        elif kind == "insert":
            content = content[:place] + data + content[place:]
        elif kind == "repeat":
            content = content[:end] + content[place:]
        else:
            content = content[: max(place, 1)]
    return content


def goods(folder):
    """Write a good file of each kind; return what reads it, by name."""
    file = make_file(num_sessions=3, dialogues_per_session=1, length=3)
    write_dialogues(folder / "ours.pkl", file)
    for protocol in (0, 2, 4, 5):
        (folder / f"list{protocol}.pkl").write_bytes(pickle.dumps(valid_list(), protocol=protocol))
    frame = pd.DataFrame(
        {"person": [3, 4], "audio": [np.arange(3), np.ones(2)], "text": ["a", "b"]}
    )
    for protocol in (2, 5):
        (folder / f"frame{protocol}.pkl").write_bytes(pickle.dumps(frame, protocol=protocol))
    torch.manual_seed(0)
    members = ({"seed": 1, "epoch": 1, "dev": {}, "weights": SPEC.build(CONTEXTUAL).state_dict()},)
    finish = Finish(1.0, 0.0, np.eye(3), causal=False)
    save_checkpoint(folder, Checkpoint(CONTEXTUAL, SPEC, members, finish))
    PartStore([folder], ["a", "b"], "f").write(0, {"text": np.ones((2, 3), np.float32)})
    StateStore(folder / "states").append([("u", "c", np.ones((3, 4), np.float32))])
    return {
        **dict.fromkeys(("ours.pkl", *(f"list{p}.pkl" for p in (0, 2, 4, 5))), read_dialogues),
        **dict.fromkeys(("frame2.pkl", "frame5.pkl"), read_frame_pickle),
        "model.pt": load_checkpoint,
        "00000.safetensors": read_part,
        "states/index.jsonl": read_states,
    }  # fmt: skip


def read_part(path):
    return PartStore([path.parent], ["a", "b"], "f").rows("text", 0, 2)


def read_states(path):
    store = StateStore(path.parent)
    return None if "u" in store.missing({"u": "c"}) else store["u"]


NAMES = (
    *("ours.pkl", "list0.pkl", "list2.pkl", "list4.pkl", "list5.pkl", "frame2.pkl", "frame5.pkl"),
    *("model.pt", "00000.safetensors", "states/index.jsonl"),
)


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz")
    return folder, goods(folder)


def fuzz(ground, name, examples, records):
    folder, readers = ground
    path: Path = folder / name
    good = path.read_bytes()

    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(CHANGES)
    def each(changes):
        path.write_bytes(changed(good, changes))
        records.add(KIND, tried=1, survived=0)
        with suppress(InputError):
            readers[name](path)
        records.add(KIND, tried=0, survived=1)

    try:
        each()
    finally:
        path.write_bytes(good)


@pytest.mark.parametrize("name", NAMES)
def test_a_changed_file_is_read_or_refused(ground, records, name):
    fuzz(ground, name, 20 if name == "model.pt" else 60, records)


@pytest.mark.fault
@pytest.mark.parametrize("name", NAMES)
def test_thousands_of_changed_files_are_read_or_refused(ground, records, name):
    fuzz(ground, name, 500 if name == "model.pt" else 5000, records)
