"""Parts, manifests, encoder states, bundles and records made to harm whoever reads them."""

import hashlib
import json
import os
import shutil
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from feature_extractor.caches.state_store import StateStore
from feature_extractor.extraction.merging import merge_parts
from feature_extractor.extraction.parts_plan import PartsPlan, Source
from graph_er.bundles.bundle_folder import digests_of, open_bundle
from graph_er.report.runs import read_runs
from graph_er.running.run_record import read_run_record
from graph_er.training.config_file import read_config_file
from tests.faults.changed_files import link, make_folder, pipe, put
from tests.faults.hostile import Limits, outcome, refused
from tests.faults.hostile_pickles import bombs, calling
from tests.graph_er.dialogue_factory import make_file

KIND = "Hostile stores and records"
MANY_NAMES = json.dumps(dict.fromkeys(map(str, range(10**5)))).encode()
BOMBS = {**calling(), **bombs()}

# Parts of an extraction, and the plan beside them.


@pytest.fixture(scope="module")
def good_parts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("good") / "x.pkl.parts"
    file = make_file()
    bare = tuple(replace(dialogue, text=None, audio=None) for dialogue in file.dialogues)
    source = Source("", "f" * 64, tuple(dialogue.id for dialogue in bare))
    plan = PartsPlan(replace(file, dialogues=bare), (source,), chunk_size=30)
    (store,) = plan.stores([folder])
    folder.mkdir()
    for number, chunk in enumerate(store.chunks):
        store.write(number, {"text": np.ones((len(chunk), 4), np.float32)})
    plan.write(folder, 1, "python extract.py")
    out = folder.parent / "whole.pkl"
    found = outcome(
        merge_parts, [folder], out, limits=Limits(inside=(folder,), writes=(folder.parent,))
    )
    assert (found.kind, found.acts) == ("value", []), found
    return folder


def manifest(**changes):
    def change(folder):
        path = folder / "manifest.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return change


def source(**changes):
    def change(folder):
        path = folder / "manifest.json"
        content = json.loads(path.read_text())
        content["sources"][0].update(changes)
        path.write_text(json.dumps(content))

    return change


def header(content, after=bytes(64)):
    """A part whose header says anything."""
    told = content if isinstance(content, bytes) else json.dumps(content).encode()
    return put("00000.safetensors", struct.pack("<Q", len(told)) + told + after)


def tensor(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def with_metadata(**tensors):
    """A part that has the metadata of the good one and other tensors."""

    def change(folder):
        path = folder / "00000.safetensors"
        content = path.read_bytes()
        (size,) = struct.unpack("<Q", content[:8])
        known = json.loads(content[8 : 8 + size])
        header({"__metadata__": known["__metadata__"], **tensors})(folder)

    return change


def flipped(name, share):
    def change(folder):
        content = bytearray((folder / name).read_bytes())
        content[int(len(content) * share)] ^= 0xFF
        (folder / name).write_bytes(content)

    return change


def program(content):
    """The plan's dialogues as any pickle, with the digest that fits it."""

    def change(folder):
        (folder / "dialogues.pkl").write_bytes(content)
        manifest(dialogues_sha256=hashlib.sha256(content).hexdigest())(folder)

    return change


PARTS = {
    "manifest: nothing": put("manifest.json", b""),
    "manifest: no UTF-8": put("manifest.json", b"\xff\xfe{}"),
    "manifest: deep": put("manifest.json", b"[" * 10**6),
    "manifest: a number of a million digits": put("manifest.json", b"9" * 10**6),
    "manifest: many names": put("manifest.json", MANY_NAMES),
    "manifest: a device": link("manifest.json", "/dev/zero"),
    "manifest: a pipe": pipe("manifest.json"),
    "manifest: parts of no utterance": manifest(chunk_size=0),
    "manifest: parts of a trillion": manifest(chunk_size=10**12),
    "manifest: parts of 1e400": manifest(chunk_size=float("inf")),
    "manifest: a billion shards": manifest(num_shards="many"),
    "manifest: no sources": manifest(sources=[]),
    "manifest: a source above": source(name="../../etc"),
    "manifest: a source from the root": source(name="/etc"),
    "manifest: a source with a zero": source(name="a\0"),
    "manifest: a dialogue twice": source(dialogues=["Sess01_script01"] * 8),
    "manifest: dialogues without end": source(dialogues=["x" * 10**6] * 8),
    "manifest: another fingerprint": source(fingerprint="0"),
    "manifest: aligned": manifest(aligned=True),
    "manifest: an unknown key": manifest(more=1),
    "dialogues: changed": flipped("dialogues.pkl", 0.5),
    "dialogues: a device": link("dialogues.pkl", "/dev/zero"),
    "dialogues: a pipe": pipe("dialogues.pkl"),
    "dialogues: gone": lambda folder: (folder / "dialogues.pkl").unlink(),
    "part: nothing": put("00000.safetensors", b""),
    "part: a header of an exabyte": put("00000.safetensors", b"\xff" * 8 + b"{}"),
    "part: a header beyond the end": put("00000.safetensors", struct.pack("<Q", 10**6)),
    "part: a deep header": header(b"[" * 10**6),
    "part: a header that is none": header(b"\0" * 100),
    "part: beyond the end": header({"text": tensor(shape=[10**12], offsets=[0, 4 * 10**12])}),
    "part: before the beginning": header({"text": tensor(offsets=[-8, 0])}),
    "part: backwards": header({"text": tensor(offsets=[8, 0])}),
    "part: over each other": header({"text": tensor(), "audio": tensor()}),
    "part: overflow": header({"text": tensor(shape=[2**63, 4], offsets=[0, 64])}),
    "part: another type": header({"text": tensor(dtype="O")}),
    "part: no rows' end": with_metadata(text=tensor(shape=[10**12, 0], offsets=[0, 0])),
    "part: other rows": with_metadata(text=tensor(shape=[16], offsets=[0, 64])),
    "part: short floats": with_metadata(text=tensor("BF16", [30, 1], [0, 60])),
    "part: no tensors": with_metadata(),
    "part: a pickle": put("00000.safetensors", BOMBS["inst"]),
    "part: a device": link("00000.safetensors", "/dev/zero"),
    "part: a pipe": pipe("00000.safetensors"),
    "part: a folder": make_folder("00000.safetensors"),
    "part: one byte in the header": flipped("00000.safetensors", 0.1),
    "part: one byte in the rows": flipped("00000.safetensors", 0.99),
    **{f"dialogues: {name}": program(BOMBS[name]) for name in list(BOMBS)[::4]},
}  # fmt: skip


@pytest.mark.parametrize("name", PARTS)
def test_hostile_parts_are_refused_and_nothing_is_written(good_parts, tmp_path, records, name):
    folder = tmp_path / "x.pkl.parts"
    shutil.copytree(good_parts, folder)
    PARTS[name](folder)
    records.add(KIND, tried=1, survived=0)
    refused(
        merge_parts, [folder], tmp_path / "out.pkl", naming="", inside=[folder], writes=[tmp_path]
    )
    assert os.listdir(tmp_path) == ["x.pkl.parts"]
    records.add(KIND, tried=0, survived=1)


# Encoder states.


def read_states(folder, utterance_id):
    store = StateStore(folder)
    if utterance_id in store.missing({utterance_id: "c"}):
        return "made again"
    return store[utterance_id].shape


@pytest.fixture
def states(tmp_path):
    folder = tmp_path / "states"
    StateStore(folder).append([("u", "c", np.ones((3, 4), np.float32))])
    return folder


def entry(**changes):
    good = {"id": "u", "content": "c", "start": 0, "length": 3, "width": 4, "crc": 0}
    return json.dumps({**good, **changes}).encode()


LINES = {
    "start beyond": entry(start=1 << 40),
    "start below": entry(start=-48),
    "length beyond": entry(length=1 << 49),
    "both beyond": entry(length=1 << 49, width=1 << 49),
    "width of nothing": entry(width=0),
    "sizes as texts": entry(width="4"),
    "sizes as floats": entry(width=4.0),
    "size of 400 digits": b'{"id": "u", "content": "c", "start": ' + b"9" * 400 + b"}",
    "deep": b"[" * 10**6,
    "an id that is a list": entry(id=["u"]),
    "more than there is": entry(more=1),
    "no UTF-8": b"\xff\xfe\x00",
    "another checksum": entry(crc=1),
}


@pytest.mark.parametrize("name", LINES)
def test_hostile_lines_about_states_are_passed_over_or_refused(states, records, name):
    path = states / "index.jsonl"
    path.write_bytes(path.read_bytes() + LINES[name] + b"\n")
    records.add(KIND, tried=1, survived=0)
    found = outcome(read_states, states, "u", limits=Limits(inside=(states,), writes=(states,)))
    assert found.kind in ("value", "refused"), found
    assert found.acts == []
    records.add(KIND, tried=0, survived=1)


@pytest.mark.parametrize("name", ["states.bin", "index.jsonl"])
@pytest.mark.parametrize("kind", ["/dev/zero", "pipe", "folder", "cut"])
def test_states_that_are_no_file_are_refused(states, records, name, kind):
    path = states / name
    if kind == "cut":
        path.write_bytes(path.read_bytes()[:-1])
    else:
        path.unlink()
        {"pipe": os.mkfifo, "folder": os.mkdir}.get(kind, lambda p: p.symlink_to(kind))(path)
    records.add(KIND, tried=1, survived=0)
    found = outcome(read_states, states, "u", limits=Limits(inside=(states,), writes=(states,)))
    assert found.kind == "refused" or (kind, found.kind) == ("cut", "value"), found
    assert found.acts == []
    records.add(KIND, tried=0, survived=1)


# Bundles.


@pytest.fixture
def bundle(tmp_path):
    folder = tmp_path / "bundle"
    for part in ("extractor", "graph"):
        (folder / part).mkdir(parents=True)
        (folder / part / "file").write_text(part)
    content = {"format": "graph_er bundle", "version": 1, "files": digests_of(folder)}
    (folder / "bundle.json").write_text(json.dumps(content))
    return folder


def contents(**changes):
    def change(folder):
        path = folder / "bundle.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return change


BUNDLES = {
    "contents: nothing": put("bundle.json", b""),
    "contents: a list": put("bundle.json", b"[]"),
    "contents: deep": put("bundle.json", b'{"a":' * 10**6),
    "contents: a device": link("bundle.json", "/dev/zero"),
    "contents: a pipe": pipe("bundle.json"),
    "contents: another release": contents(version=[["x" * 10**5]]),
    "contents: files as a list": contents(files=[1]),
    "contents: files as a number": contents(files=7),
    "contents: a path that leads out": contents(files={"../../etc/passwd": "0"}),
    "contents: a path from the root": contents(files={"/etc/passwd": "0"}),
    "contents: a name of a megabyte": contents(files={"x" * 10**6: "0"}),
    "contents: a million files": contents(files=dict.fromkeys(map(str, range(10**5)), "0")),
    "a file more": put("graph/more", b"x"),
    "a file changed": put("graph/file", b"x"),
    "a file of another place": link("graph/file", "/etc/passwd"),
    "a file without end": link("graph/file", "/dev/zero"),
    "a pipe": pipe("graph/file"),
    "a link to itself": link("graph/file", "file"),
}


@pytest.mark.parametrize("name", BUNDLES)
def test_hostile_bundles_are_refused(bundle, records, name):
    BUNDLES[name](bundle)
    records.add(KIND, tried=1, survived=0)
    refused(open_bundle, bundle, naming=bundle, inside=[Path("/etc/passwd")])
    records.add(KIND, tried=0, survived=1)


# Records in JSON.


def read_record(folder):
    return read_run_record(folder)


def read_settings(folder):
    return read_config_file(folder / "config.json")


def read_study(folder):
    return read_runs(folder)


READERS = {
    "run.json": read_record,
    "config.json": read_settings,
    "graph_at/eval.json": read_study,
}
JSON = {
    "nothing": b"",
    "cut off": b'{"metrics": {',
    "a list": b"[]",
    "a text": b'"x"',
    "no number": b"NaN",
    "deep lists": b"[" * 10**6,
    "deep objects": b'{"a":' * 10**6,
    "deep and closed": b"[" * 10**5 + b"]" * 10**5,
    "a number of a million digits": b'{"metrics": ' + b"9" * 10**6 + b"}",
    "an exponent": b'{"metrics": 1e999999999}',
    "no UTF-8": b"\xff\xfe\x00",
    "half a character": b'{"metrics": "\\ud800"}',
    "zeros": bytes(10**5),
    "a name of a megabyte": b'{"' + b"x" * 10**6 + b'": 1}',
    "many names": MANY_NAMES,
    "html": b"<script>alert(1)</script>",
}


@pytest.mark.parametrize("record", READERS)
@pytest.mark.parametrize("name", [*JSON, "/dev/zero", "folder", "pipe", "loop", "holes"])
def test_hostile_records_are_refused(tmp_path, records, record, name):
    path = tmp_path / record
    path.parent.mkdir(exist_ok=True)
    if name in JSON:
        path.write_bytes(JSON[name])
    elif name == "folder":
        path.mkdir()
    elif name == "pipe":
        os.mkfifo(path)
    elif name == "holes":
        with path.open("wb") as file:
            file.truncate(1 << 40)
    else:
        path.symlink_to(path if name == "loop" else name)
    records.add(KIND, tried=1, survived=0)
    refused(READERS[record], tmp_path, naming="")
    records.add(KIND, tried=0, survived=1)
