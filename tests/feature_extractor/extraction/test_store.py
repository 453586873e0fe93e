import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from feature_extractor.extraction import store as store_module
from feature_extractor.extraction.store import DAMAGED, MISSING, OTHER, PartStore
from graph_er.errors import InputError

IDS = [f"u{i}" for i in range(7)]


def vectors(indices):
    return {"text": np.array([[i, -i] for i in indices], dtype=np.float32)}


def filled(tmp_path, fingerprint="f"):
    store = PartStore([tmp_path / "parts"], IDS, fingerprint, chunk_size=3)
    for number, chunk in enumerate(store.chunks):
        store.write(number, vectors(chunk))
    return store


def missing(store):
    """Numbers of the parts still to be made."""
    return [chunk for chunk in range(len(store.chunks)) if store.problem(chunk)]


def test_any_range_comes_back_in_the_order_of_the_ids(tmp_path):
    store = filled(tmp_path)
    assert store.chunks == [[0, 1, 2], [3, 4, 5], [6]]
    assert missing(store) == []
    for start in range(7):
        for stop in range(start + 1, 8):
            found = store.rows("text", start, stop)
            assert np.array_equal(found, vectors(range(start, stop))["text"])
    assert store.rows("audio", 0, 7) is None


def test_missing_and_damaged_parts_are_made_again(tmp_path):
    store = filled(tmp_path)
    first, second, third = sorted(store.folders[0].iterdir())
    first.unlink()
    second.write_bytes(second.read_bytes()[:40])
    third.write_bytes(third.read_bytes()[:-1])
    assert missing(store) == [0, 1, 2]
    assert [store.problem(chunk) for chunk in range(3)] == [
        (first, MISSING),
        (second, DAMAGED),
        (third, DAMAGED),
    ]


def test_a_part_with_a_changed_value_is_damaged(tmp_path):
    path = filled(tmp_path).folders[0] / "00001.safetensors"
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    store = PartStore([tmp_path / "parts"], IDS, "f", chunk_size=3)
    with pytest.raises(InputError, match=r"00001\.safetensors is cut short or damaged"):
        store.rows("text", 2, 5)
    assert store.problem(1) == (path, DAMAGED)
    assert missing(store) == [1]
    store.write(1, vectors(store.chunks[1]))
    assert missing(store) == []
    assert np.array_equal(store.rows("text", 0, 7), vectors(range(7))["text"])


def test_a_part_that_is_gone_is_told(tmp_path):
    store = filled(tmp_path)
    assert missing(store) == []
    (store.folders[0] / "00001.safetensors").unlink()
    with pytest.raises(InputError, match=r"00001\.safetensors is missing"):
        store.rows("text", 2, 5)


def test_each_part_is_checked_once(tmp_path, monkeypatch):
    folders = filled(tmp_path).folders
    checked, digest = [], store_module._digest
    monkeypatch.setattr(
        store_module, "_digest", lambda arrays: (checked.append(arrays), digest(arrays))[1]
    )
    store = PartStore(folders, IDS, "f", chunk_size=3)
    assert missing(store) == []
    for _ in range(2):
        store.rows("text", 0, 7)
    assert len(checked) == 3


def test_parts_of_earlier_releases_do_not_count(tmp_path):
    store = filled(tmp_path)
    save_file(
        vectors([0, 1, 2]),
        store.folders[0] / "00000.safetensors",
        metadata={"fingerprint": "f", "ids": json.dumps(IDS[:3])},
    )
    assert store.problem(0)[1] == OTHER


def test_parts_of_another_extraction_do_not_count(tmp_path):
    folders = filled(tmp_path).folders
    assert missing(PartStore(folders, IDS, "g", chunk_size=3)) == [0, 1, 2]
    assert missing(PartStore(folders, [*IDS[:-1], "other"], "f", chunk_size=3)) == [2]
    assert missing(PartStore(folders, IDS, "f", chunk_size=3)) == []
    assert PartStore(folders, IDS, "g", chunk_size=3).problem(0)[1] == OTHER


def test_parts_may_lie_in_several_folders(tmp_path):
    (folder,) = filled(tmp_path).folders
    other = tmp_path / "other"
    other.mkdir()
    (folder / "00001.safetensors").rename(other / "00001.safetensors")
    store = PartStore([tmp_path / "none", other, folder], IDS, "f", chunk_size=3)
    assert missing(store) == []
    assert np.array_equal(store.rows("text", 1, 7), vectors(range(1, 7))["text"])


@pytest.mark.parametrize(
    "rows",
    [np.zeros((1, 2), np.float32), np.zeros((3, 2), np.float64), np.zeros((3, 3), np.float32)],
)
def test_a_part_that_holds_something_else_is_refused(tmp_path, rows):
    store = filled(tmp_path)
    store.write(1, {"text": rows})
    with pytest.raises(InputError, match="parts"):
        store.rows("text", 1, 6)


def test_a_folder_in_the_place_of_a_part_is_damage(tmp_path):
    store = filled(tmp_path)
    path = store.folders[0] / "00001.safetensors"
    path.unlink()
    path.mkdir()
    assert store.problem(1) == (path, DAMAGED)
    assert missing(store) == [1]
