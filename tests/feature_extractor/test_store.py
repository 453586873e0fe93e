import numpy as np

from feature_extractor.store import PartStore

IDS = [f"u{i}" for i in range(7)]


def vectors(indices):
    return {"text": np.array([[i, -i] for i in indices], dtype=np.float32)}


def filled(tmp_path, fingerprint="f"):
    store = PartStore(tmp_path / "x.pkl", IDS, fingerprint, chunk_size=3)
    for number, chunk in enumerate(store.chunks):
        store.write(number, vectors(chunk))
    return store


def test_parts_come_back_in_the_order_of_the_ids(tmp_path):
    store = filled(tmp_path)
    assert store.chunks == [[0, 1, 2], [3, 4, 5], [6]]
    assert store.missing() == []
    assert np.array_equal(store.read()["text"], vectors(range(7))["text"])
    store.remove()
    assert list(tmp_path.iterdir()) == []


def test_missing_and_damaged_parts_are_made_again(tmp_path):
    store = filled(tmp_path)
    first, second, _ = sorted(store.folder.iterdir())
    first.unlink()
    second.write_bytes(second.read_bytes()[:40])
    assert store.missing() == [0, 1]


def test_parts_of_another_extraction_do_not_count(tmp_path):
    filled(tmp_path)
    out = tmp_path / "x.pkl"
    assert PartStore(out, IDS, "g", chunk_size=3).missing() == [0, 1, 2]
    assert PartStore(out, [*IDS[:-1], "other"], "f", chunk_size=3).missing() == [2]
    assert PartStore(out, IDS, "f", chunk_size=3).missing() == []
