import json
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from feature_extractor import merge as merge_command
from feature_extractor.execution import Execution
from feature_extractor.extraction import assembly
from feature_extractor.extraction.merging import merge_parts
from feature_extractor.extraction.shard import WHOLE, Shard
from feature_extractor.extraction.vectors import Extractor, extract_corpus
from feature_extractor.splits.splitting import split_corpus
from graph_er.dialogues import read_dialogues, write_dialogues
from graph_er.errors import InputError
from graph_er.running.cli import run_command
from graph_er.running.files import sha256
from tests.feature_extractor.extraction.test_out_of_fold import corpus as fold_corpus
from tests.feature_extractor.extraction.test_out_of_fold import extract as extract_out_of_fold
from tests.feature_extractor.extraction.test_out_of_fold import extractors as fold_extractors
from tests.feature_extractor.tiny_corpus import make_checkpoint, make_corpus

CPU = Execution(torch.device("cpu"), batch_size=2)
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return make_corpus(tmp_path_factory.mktemp("corpus"), sessions=5)


@pytest.fixture(scope="module")
def extractor(tmp_path_factory):
    made = make_checkpoint(tmp_path_factory.mktemp("encoders"), "at")
    return Extractor(made.model, made.collator(), made.sampling_rate, "id", {"frozen": False})


def extract(extractor, corpus, out, shard=WHOLE, execution=CPU):
    split = split_corpus(corpus)
    return extract_corpus(extractor, corpus, split, out, execution, shard, chunk_size=3)


@pytest.fixture
def apart(tmp_path, extractor, corpus):
    """Folders of three shards that ran on machines of their own."""
    folders = []
    for index in range(3):
        out = tmp_path / f"machine{index}" / "x.pkl"
        command = "python feature_extractor/extract.py --out x.pkl"
        assert not extract(extractor, corpus, out, Shard(index, 3, command))
        assert not out.exists()
        folders.append(out.with_name("x.pkl.parts"))
    return folders


@pytest.fixture
def whole(tmp_path, extractor, corpus):
    assert extract(extractor, corpus, tmp_path / "whole.pkl")
    return (tmp_path / "whole.pkl").read_bytes()


def test_merged_folders_give_the_file_of_one_process(tmp_path, apart, whole, corpus):
    assert merge_parts(apart[::-1], tmp_path / "x.pkl") == len(corpus.utterances)
    assert (tmp_path / "x.pkl").read_bytes() == whole
    assert all(folder.is_dir() for folder in apart)


def test_two_shards_in_one_folder_give_it_too(tmp_path, extractor, corpus, whole):
    done = [extract(extractor, corpus, tmp_path / "x.pkl", Shard(i, 2)) for i in (1, 0)]
    assert done == [False, True]
    assert (tmp_path / "x.pkl").read_bytes() == whole


def test_folders_copied_together_give_it_too(tmp_path, apart, whole):
    for folder in apart:
        shutil.copytree(folder, tmp_path / "all", dirs_exist_ok=True)
    merge_parts([tmp_path / "all"], tmp_path / "x.pkl")
    assert (tmp_path / "x.pkl").read_bytes() == whole


def test_workers_change_no_byte(tmp_path, extractor, corpus, whole):
    assert extract(extractor, corpus, tmp_path / "x.pkl", WHOLE, replace(CPU, num_workers=2))
    assert (tmp_path / "x.pkl").read_bytes() == whole


def test_one_missing_part_is_told_as_one(tmp_path, apart):
    next(apart[1].rglob("*.safetensors")).unlink()
    with pytest.raises(InputError, match=r"^1 part is missing, .* first; made by\n.* --shard 1$"):
        merge_parts(apart, tmp_path / "x.pkl")


def test_missing_parts_are_named_with_what_makes_them(tmp_path, apart):
    with pytest.raises(InputError, match=r"--num_shards 3 --shard 1$") as error:
        merge_parts([apart[0], apart[2]], tmp_path / "x.pkl")
    assert "2 parts are missing" in str(error.value)
    assert "00001.safetensors the first" in str(error.value)
    assert "python feature_extractor/extract.py --out x.pkl --num" in str(error.value)
    assert not (tmp_path / "x.pkl").exists()


def test_a_part_cut_short_is_refused_by_name(tmp_path, apart):
    part = apart[1] / "00004.safetensors"
    part.write_bytes(part.read_bytes()[:-4])
    with pytest.raises(InputError, match=r"machine1.*00004\.safetensors is cut short"):
        merge_parts(apart, tmp_path / "x.pkl")


def test_a_part_with_a_changed_value_is_refused_by_name(tmp_path, apart):
    part = apart[1] / "00004.safetensors"
    content = bytearray(part.read_bytes())
    content[-1] ^= 1
    part.write_bytes(content)
    with pytest.raises(InputError, match=r"00004\.safetensors is .*damaged; copy it again"):
        merge_parts(apart, tmp_path / "x.pkl")


def test_a_part_with_a_changed_value_is_made_anew(tmp_path, extractor, corpus, whole):
    out = tmp_path / "x.pkl"
    assert not extract(extractor, corpus, out, Shard(0, 2))
    part = tmp_path / "x.pkl.parts" / "00002.safetensors"
    content = bytearray(part.read_bytes())
    content[-1] ^= 1
    part.write_bytes(content)
    assert not extract(extractor, corpus, out, Shard(1, 2))
    assert extract(extractor, corpus, out, Shard(0, 2))
    assert out.read_bytes() == whole


def test_a_part_that_vanishes_is_told_though_there_is_an_older_file(
    tmp_path, extractor, corpus, monkeypatch
):
    out, assemble = tmp_path / "x.pkl", assembly.assemble
    out.write_bytes(b"older")

    def vanishing(plan, stores, path):
        (tmp_path / "x.pkl.parts" / "00004.safetensors").unlink()
        assemble(plan, stores, path)

    monkeypatch.setattr(assembly, "assemble", vanishing)
    with pytest.raises(InputError, match=r"00004\.safetensors is missing"):
        extract(extractor, corpus, out)
    assert out.read_bytes() == b"older"


def test_what_vanishes_beside_the_parts_is_no_success(tmp_path, extractor, corpus, monkeypatch):
    out = tmp_path / "x.pkl"
    out.write_bytes(b"older")

    def gone(*_):
        raise FileNotFoundError("gone")

    monkeypatch.setattr(assembly.PartsPlan, "write", gone)
    with pytest.raises(FileNotFoundError, match="gone"):
        extract(extractor, corpus, out)


def test_a_shard_without_chunks_leaves_no_folder(tmp_path, extractor, corpus, whole):
    out = tmp_path / "x.pkl"
    assert extract(extractor, corpus, out, Shard(8, 9)) is None
    assert [path.name for path in tmp_path.iterdir()] == ["whole.pkl"]
    out.write_bytes(b"older")  # not of this extraction, as far as that shard can tell
    assert extract(extractor, corpus, out, Shard(8, 9)) is None
    for index in range(7):
        if index == 3:
            assert extract(extractor, corpus, out, Shard(8, 9)) is None
        done = extract(extractor, corpus, out, Shard(index, 9))
    assert done
    extract(extractor, corpus, out, Shard(8, 9))
    assert out.read_bytes() == whole
    assert sorted(path.name for path in tmp_path.iterdir()) == ["whole.pkl", "x.pkl"]


def test_a_part_of_another_extraction_is_refused_by_name(tmp_path, extractor, corpus, apart):
    other = tmp_path / "other" / "x.pkl"
    extract(replace(extractor, identity="other"), corpus, other, Shard(1, 3))
    part = apart[1] / "00001.safetensors"
    shutil.copy(other.with_name("x.pkl.parts") / part.name, part)
    with pytest.raises(InputError, match=r"00001\.safetensors is of another extraction"):
        merge_parts(apart, tmp_path / "x.pkl")
    with pytest.raises(InputError, match=r"different extractions \(sources\)"):
        merge_parts([*apart, other.with_name("x.pkl.parts")], tmp_path / "x.pkl")


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"version": 2}, "version is 2"),
        ({"chunk_size": 0}, "chunk_size is 0"),
        ({"chunk_size": True}, "chunk_size is True"),
        ({"num_shards": "3"}, "num_shards is '3'"),
        ({"more": 1}, "no manifest of this release"),
        ({"sources": []}, "sources is"),
        ({"sources": [{"name": "../up", "fingerprint": "", "dialogues": []}]}, "sources is"),
        ({"sources": [{"name": "", "fingerprint": "", "dialogues": ["D"]}]}, "every dialogue once"),
    ],
)
def test_a_manifest_is_checked(tmp_path, apart, changed, named):
    path = apart[0] / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))
    with pytest.raises(InputError, match=named):
        merge_parts(apart[:1], tmp_path / "x.pkl")


def test_dialogues_other_than_the_manifest_says_are_refused(tmp_path, apart):
    with (apart[0] / "dialogues.pkl").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(InputError, match=r"dialogues\.pkl: not as"):
        merge_parts(apart, tmp_path / "x.pkl")


def test_what_is_no_folder_of_parts_is_refused(tmp_path):
    gone = tmp_path / "a.pkl.parts"
    with pytest.raises(InputError, match=r"no such folder; copy it here, or leave it out if"):
        merge_parts([gone], tmp_path / "x.pkl")
    (tmp_path / "a.pkl").touch()
    with pytest.raises(InputError, match=r"no such folder; no part was .*a\.pkl was written"):
        merge_parts([gone], tmp_path / "x.pkl")
    with pytest.raises(InputError, match=r"no manifest\.json"):
        merge_parts([tmp_path], tmp_path / "x.pkl")


@pytest.mark.parametrize("info", [{}, {"out_of_fold": "x"}])
def test_aligned_parts_without_a_record_of_folds_are_refused(tmp_path, apart, info):
    path = apart[0] / "dialogues.pkl"
    write_dialogues(path, replace(read_dialogues(path), info=info))
    manifest = apart[0] / "manifest.json"
    changed = {"aligned": True, "dialogues_sha256": sha256(path)}
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), **changed}))
    with pytest.raises(InputError, match=r"dialogues\.pkl: aligned, but without a record"):
        merge_parts(apart[:1], tmp_path / "x.pkl")


@pytest.mark.parametrize("align", [True, False])
def test_parts_of_several_extractors_are_merged_as_well(tmp_path, align):
    # Fixtures of the test of out_of_fold, called as functions.
    corpus = fold_corpus.__wrapped__(tmp_path)
    extractors = fold_extractors.__wrapped__(tmp_path)
    assert extract_out_of_fold(extractors, corpus, tmp_path / "whole.pkl", align=align)
    folders = []
    for index in range(2):
        out = tmp_path / f"machine{index}" / "x.pkl"
        shard = Shard(index, 2)
        assert not extract_out_of_fold(extractors, corpus, out, align=align, shard=shard)
        folders.append(out.with_name("x.pkl.parts"))
    merge_parts(folders, tmp_path / "x.pkl")
    assert (tmp_path / "x.pkl").read_bytes() == (tmp_path / "whole.pkl").read_bytes()


def test_killed_while_assembling_it_goes_on(tmp_path, extractor, corpus, whole, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(assembly._Vectors, "__call__", killed)
        with pytest.raises(KeyboardInterrupt):
            extract(extractor, corpus, tmp_path / "x.pkl")
    assert not (tmp_path / "x.pkl").exists()
    predict = "feature_extractor.extraction.vectors.predict_groups"
    monkeypatch.setattr(predict, lambda *_, **__: iter(()))
    assert extract(extractor, corpus, tmp_path / "x.pkl")
    assert (tmp_path / "x.pkl").read_bytes() == whole
    assert sorted(path.name for path in tmp_path.iterdir()) == ["whole.pkl", "x.pkl"]


def test_shards_that_end_at_once_write_one_whole_file(
    tmp_path, extractor, corpus, whole, monkeypatch
):
    """Both find that no part is missing; the second comes while the first one assembles."""
    out, shard = tmp_path / "x.pkl", Shard(1, 2)
    finish, assemble, waiting, results = assembly.finish, assembly.assemble, [], []

    def second(plan):
        results.append(finish(plan, out, shard))

    def slow(plan, stores, path):
        if not waiting:
            waiting.append(threading.Thread(target=second, args=(plan,)))
            waiting[0].start()
            time.sleep(0.2)  # in which the other comes as far as the lock
        assemble(plan, stores, path)

    monkeypatch.setattr(assembly, "assemble", slow)
    assert extract(extractor, corpus, out)
    waiting[0].join()
    assert results == [True]
    assert out.read_bytes() == whole
    assert sorted(path.name for path in tmp_path.iterdir()) == ["whole.pkl", "x.pkl"]


def test_a_shard_that_another_one_finished_leaves_nothing_behind(tmp_path, extractor, corpus):
    out = tmp_path / "x.pkl"
    written = []

    def finish_first(plan, path, shard):
        written.append(assembly.finish(plan, path, shard))
        return assembly.finish(plan, path, shard)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("feature_extractor.extraction.vectors.finish", finish_first)
        assert extract(extractor, corpus, out)
    assert written == [True]
    assert [path.name for path in tmp_path.iterdir()] == ["x.pkl"]


def test_the_command(tmp_path, apart, whole, capsys):
    options = ["--out", str(tmp_path / "x.pkl"), "--parts", *map(str, apart)]
    assert run_command(merge_command.main, options) == 0
    assert "20 utterances written" in capsys.readouterr().out
    assert (tmp_path / "x.pkl").read_bytes() == whole
    assert run_command(merge_command.main, options[:-1]) == 2
    assert "--shard 2" in capsys.readouterr().err
    part = next(apart[0].glob("*.safetensors"))
    before = part.read_bytes()
    assert run_command(merge_command.main, ["--out", str(part), *options[2:]]) == 2
    assert "is --parts as well" in capsys.readouterr().err
    assert part.read_bytes() == before


@pytest.mark.parametrize(
    "start", [["-m", "feature_extractor.merge"], [str(ROOT / "feature_extractor" / "merge.py")]]
)
def test_help_by_path_and_as_a_module(tmp_path, start):
    cwd = ROOT if start[0] == "-m" else tmp_path
    done = subprocess.run(
        [sys.executable, *start, "--help"], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "usage:" in done.stdout
