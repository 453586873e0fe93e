"""Checkpoints of all stages made to harm whoever loads them."""

import json
import os
import shutil
import struct
import zipfile

import pytest
import torch
import transformers.models.roberta.modeling_roberta
import transformers.models.wav2vec2.modeling_wav2vec2  # noqa: F401

from feature_extractor.networks.checkpoint import load_checkpoint as load_stage1
from graph_er.networks.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from graph_er.probabilities.finish import Finish
from tests.faults import hostile_pickles
from tests.faults.changed_files import link, pipe, put
from tests.faults.hostile import Limits, outcome, refused
from tests.feature_extractor.tiny_corpus import make_checkpoint
from tests.graph_er.tiny_models import CONTEXTUAL, SPEC

KIND = "Hostile checkpoints"
PROGRAMS = {
    **hostile_pickles.calling(),
    **hostile_pickles.arrays(),
    **hostile_pickles.bombs(),
    **dict(list(hostile_pickles.naming().items())[::8]),
}
EVIL = "import os\nos.system('touch canary')\nEvil = 1\n"


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    """A good checkpoint as the dictionary that it holds."""
    torch.manual_seed(0)
    members = ({"seed": 1, "epoch": 1, "dev": {}, "weights": SPEC.build(CONTEXTUAL).state_dict()},)
    finish = Finish(1.0, 0.0, torch.eye(3).numpy(), causal=False)
    folder = tmp_path_factory.mktemp("good")
    save_checkpoint(folder, Checkpoint(CONTEXTUAL, SPEC, members, finish))
    found = outcome(load_checkpoint, folder, limits=Limits(seconds=30, inside=(folder,)))
    assert (found.kind, found.acts) == ("value", [])
    return torch.load(folder / "model.pt", weights_only=True)


@pytest.fixture
def judged(tmp_path, records):
    path = tmp_path / "model.pt"

    def judge():
        records.add(KIND, tried=1, survived=0)
        refused(load_checkpoint, path, naming=path, seconds=30)
        assert os.listdir(tmp_path) == ["model.pt"]
        records.add(KIND, tried=0, survived=1)

    return path, judge


def rewrite(content, path, change=lambda name, data: (name, data), **options):
    """Save a checkpoint's content, each entry of the archive changed."""
    torch.save(content, path)
    with zipfile.ZipFile(path) as archive:
        entries = [change(name, archive.read(name)) for name in archive.namelist()]
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, data in entries:
            archive.writestr(name, data)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_hostile_program_in_an_archive_is_refused(content, judged, name):
    path, judge = judged
    program = PROGRAMS[name]
    rewrite(content, path, lambda entry, data: (entry, program if "data.pkl" in entry else data))
    judge()


def test_compressed_repeated_and_overlapping_entries_are_refused(content, judged):
    path, judge = judged
    rewrite(content, path, compression=zipfile.ZIP_DEFLATED)
    judge()
    bomb = {**content, "members": [{"seed": 1, "weights": {"w": torch.zeros(1 << 26)}}]}
    rewrite(bomb, path, compression=zipfile.ZIP_DEFLATED)
    judge()
    with pytest.warns(UserWarning, match="Duplicate"):
        rewrite(
            content, path, lambda name, data: ("archive/data/0" if "data/" in name else name, data)
        )
    judge()
    rewrite(content, path)
    whole = path.read_bytes()
    start = whole.index(b"PK\1\2")
    path.write_bytes(
        whole[: start + 20] + struct.pack("<II", 1 << 30, 1 << 30) + whole[start + 28 :]
    )
    judge()
    rewrite(content, path, lambda name, data: ("../../" + name.partition("/")[2], data))
    judge()
    rewrite(content, path, lambda name, data: (name, b"" if "/data/" in name else data))
    judge()
    rewrite(content, path, lambda name, data: (name, data * 2 if "/data/" in name else data))
    judge()


@pytest.mark.parametrize("twelfths", range(12))
def test_a_checkpoint_that_was_cut_off_is_refused(content, judged, twelfths):
    path, judge = judged
    torch.save(content, path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * twelfths // 12])
    judge()


def test_other_formats_of_torch_are_refused(content, judged):
    path, judge = judged
    torch.save(content, path, _use_new_zipfile_serialization=False)
    judge()
    torch.save(torch.nn.Linear(2, 2), path)
    judge()
    path.write_bytes(b"\x1f\x8b" + bytes(100))
    judge()


WEIGHTS = {
    "one number shown as many": lambda w: torch.zeros(1).expand(10**9),
    "on no device": lambda w: torch.empty(10**9, device="meta"),
    "sparse": lambda w: torch.sparse_coo_tensor(size=(10**9,), check_invariants=True),
    "transposed": lambda w: torch.zeros(3, 4).T,
    "complex": lambda w: torch.zeros(w.shape, dtype=torch.complex64),
    "not finite": lambda w: torch.full(w.shape, torch.nan),
    "of another shape": lambda w: torch.zeros(7),
    "no tensor": lambda w: [1.0],
    "nothing": lambda w: None,
}  # fmt: skip


@pytest.mark.parametrize("name", WEIGHTS)
def test_weights_that_are_none_are_refused(content, judged, name):
    path, judge = judged
    weights = dict(content["members"][0]["weights"])
    key = next(key for key, value in weights.items() if value.is_floating_point())
    weights[key] = WEIGHTS[name](weights[key])
    torch.save({**content, "members": [{"seed": 1, "weights": weights}]}, path)
    judge()


def endless():
    value = []
    for _ in range(60):
        value = [value] * 10
    return value


CONTENTS = {
    "a width of a billion": {"config": {"hidden_size": 10**9}},
    "a billion layers": {"config": {"context_layers": 10**9}},
    "a config without end": {"config": {"hidden_size": endless()}},
    "a preset without end": {"preset": endless()},
    "a format without end": {"format": endless()},
    "emotions without end": {"spec": {"emotions": endless()}},
    "widths of a billion": {"spec": {"widths": [10**9, 10**9]}},
    "speakers below none": {"spec": {"num_speakers": -1}},
    "transitions without end": {"finish": {"transitions": endless()}},
    "a temperature without end": {"finish": {"temperature": endless()}},
    "no members": {"members": []},
    "members without end": {"members": endless()},
    "members that are a number": {"members": 3},
    "ids without end": {"trained_ids": endless()},
    "an option of ten megabytes": {"config": {"x" * 10**7: 1}},
}


@pytest.mark.parametrize("name", CONTENTS)
def test_values_that_are_none_are_refused(content, judged, name):
    path, judge = judged
    changed = dict(content)
    for key, value in CONTENTS[name].items():
        changed[key] = {**content[key], **value} if isinstance(value, dict) else value
    torch.save(changed, path)
    judge()


@pytest.mark.parametrize("kind", ["folder", "/dev/zero", "/dev/tty", "pipe", "loop"])
def test_what_is_no_file_is_refused(judged, kind):
    path, judge = judged
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(path if kind == "loop" else kind)
    judge()


# Stage 1: a folder in the format of transformers.


@pytest.fixture(scope="module")
def stage1(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stage1")
    make_checkpoint(folder / "encoders", "at").save(folder / "good")
    (folder / "good" / "run.json").write_text('{"metrics": {}}')
    found = outcome(
        load_stage1, folder / "good", limits=Limits(seconds=60, megabytes=2000, inside=(folder,))
    )
    assert (found.kind, found.acts) == ("value", []), found
    return folder / "good"


def config(**changes):
    def change(folder):
        path = folder / "config.json"
        content = json.loads(path.read_text())
        for key, value in changes.items():
            inner = isinstance(value, dict) and isinstance(content.get(key), dict)
            content[key] = {**content[key], **value} if inner else value
        path.write_text(json.dumps(content))

    return change


def header(**tensors):
    """A file of tensors that declares anything."""
    told = json.dumps(tensors).encode()
    return put("model.safetensors", struct.pack("<Q", len(told)) + told + bytes(64))


def tensor(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


FOLDERS = {
    "config: nothing": put("config.json", b""),
    "config: no JSON": put("config.json", b"{"),
    "config: a list": put("config.json", b"[1]"),
    "config: deep": put("config.json", b"[" * 10**6),
    "config: deep objects": put("config.json", b'{"a":' * 10**6),
    "config: a number of a million digits": put("config.json", b'{"a": ' + b"9" * 10**6 + b"}"),
    "config: code": config(
        auto_map={"AutoConfig": "evil.Evil", "AutoModel": "evil.Evil"}, model_type="evil"
    ),
    "config: another model": config(model_type="roberta"),
    "config: a path": config(model_type="../../../etc/passwd"),
    "config: an encoder at a path": config(text_config={"model_type": "../evil"}),
    "config: an encoder of code": config(
        text_config={"auto_map": {"AutoModel": "evil.Evil"}, "model_type": "evil"}
    ),
    "config: a width of a billion": config(text_config={"hidden_size": 10**9}),
    "config: a vocabulary of a trillion": config(text_config={"vocab_size": 10**12}),
    "config: a million layers": config(text_config={"num_hidden_layers": 10**6}),
    "config: a billion channels": config(audio_config={"conv_dim": [10**9] * 7}),
    "config: layers as text": config(text_config={"num_hidden_layers": "many"}),
    "config: emotions as a number": config(emotions=7),
    "config: emotions of lists": config(emotions=[[]]),
    "config: a million emotions": config(emotions=["x"] * 10**6),
    "config: an unknown fusion": config(fusion="os.system"),
    "config: options of a fusion": config(fusion_options={"x": "os.system"}),
    "config: no modality": config(modalities="zz"),
    "config: a split that is none": config(split={"sides": [1]}),
    "config: a device": link("config.json", "/dev/zero"),
    "config: a pipe": pipe("config.json"),
    "record: none": lambda folder: (folder / "run.json").unlink(),
    "tensors: none": lambda folder: (folder / "model.safetensors").unlink(),
    "tensors: nothing": put("model.safetensors", b""),
    "tensors: a header of an exabyte": put("model.safetensors", b"\xff" * 8 + b"{}"),
    "tensors: a header beyond the end": put("model.safetensors", struct.pack("<Q", 1 << 20)),
    "tensors: a deep header": put("model.safetensors", struct.pack("<Q", 10**5) + b"[" * 10**5),
    "tensors: beyond the end": header(a=tensor(shape=[10**12], offsets=[0, 4 * 10**12])),
    "tensors: before the beginning": header(a=tensor(offsets=[-8, 0])),
    "tensors: backwards": header(a=tensor(offsets=[8, 0])),
    "tensors: over each other": header(a=tensor(), b=tensor()),
    "tensors: with holes": header(a=tensor(), b=tensor(offsets=[56, 64])),
    "tensors: overflow": header(a=tensor(shape=[2**63, 4], offsets=[0, 64])),
    "tensors: another type": header(a=tensor(dtype="O")),
    "tensors: other names": header(a=tensor(shape=[16], offsets=[0, 64])),
    "tensors: a pickle instead": lambda folder: (
        (folder / "model.safetensors").unlink(),
        (folder / "pytorch_model.bin").write_bytes(PROGRAMS["inst"]),
    ),
    "tensors: a pickle by that name": put("model.safetensors", PROGRAMS["inst"]),
    "tensors: a device": link("model.safetensors", "/dev/zero"),
    "tensors: a pipe": pipe("model.safetensors"),
    "tokenizer: code": put("tokenizer_config.json", json.dumps(
        {"auto_map": {"AutoTokenizer": ["evil.Evil"] * 2}, "tokenizer_class": "Evil"}
    ).encode()),
    "tokenizer: nothing": put("tokenizer.json", b""),
    "tokenizer: deep": put("tokenizer.json", b"[" * 10**5),
    "tokenizer: a device": link("tokenizer.json", "/dev/zero"),
    "tokenizer: a pipe": pipe("tokenizer.json"),
    "audio: code": put("preprocessor_config.json", json.dumps(
        {"auto_map": {"AutoFeatureExtractor": "evil.E"}, "feature_extractor_type": "E"}
    ).encode()),
    "audio: a device": link("preprocessor_config.json", "/dev/zero"),
    "audio: a pipe": pipe("preprocessor_config.json"),
}  # fmt: skip


@pytest.mark.fault
@pytest.mark.parametrize("name", FOLDERS)
def test_a_hostile_folder_of_stage_1_is_refused(stage1, tmp_path, records, name):
    folder = tmp_path / "checkpoint"
    shutil.copytree(stage1, folder)
    (folder / "evil.py").write_text(EVIL)
    FOLDERS[name](folder)
    records.add(KIND, tried=1, survived=0)
    refused(load_stage1, folder, naming=folder, seconds=60, megabytes=800)
    assert not list(tmp_path.rglob("canary"))
    records.add(KIND, tried=0, survived=1)
