import json

import numpy as np
import pytest

from feature_extractor.caches.state_store import StateStore
from graph_er.errors import InputError


def states(*lengths, width=3):
    rng = np.random.default_rng(sum(lengths))
    return [rng.standard_normal((length, width)).astype(np.float32) for length in lengths]


def fill(store, **rows):
    with store.locked():
        store.append((name, f"of {name}", values) for name, values in rows.items())


def test_what_was_appended_is_read_back(tmp_path):
    a, b, c = states(4, 0, 2)
    store = StateStore(tmp_path / "x")
    fill(store, a=a, b=b)
    fill(store, c=c)
    for opened in (store, StateStore(tmp_path / "x")):
        for name, expected in (("a", a), ("b", b), ("c", c)):
            assert np.array_equal(opened[name], expected)
        assert opened["b"].shape == (0, 3)
        assert opened.missing({"a": "of a", "b": "of b", "c": "of c"}) == []


def test_other_content_is_missing_and_made_anew(tmp_path):
    old, new = states(4, 5)
    store = StateStore(tmp_path)
    fill(store, a=old)
    assert store.missing({"a": "another text", "b": "of b"}) == ["a", "b"]
    with store.locked():
        store.append([("a", "another text", new)])
    assert np.array_equal(StateStore(tmp_path)["a"], new)
    assert store.missing({"a": "of a"}) == ["a"]


def test_half_precision_is_kept_in_half_the_bytes_and_read_as_float32(tmp_path):
    (a,) = states(100)
    for dtype in ("float32", "float16"):
        fill(StateStore(tmp_path / dtype, dtype), a=a)
    sizes = [(tmp_path / d / "states.bin").stat().st_size for d in ("float32", "float16")]
    assert sizes[0] == 2 * sizes[1]
    read = StateStore(tmp_path / "float16", "float16")["a"]
    assert read.dtype == np.float32
    np.testing.assert_allclose(read, a, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("kept", ["nothing", "half of the states", "half of the line"])
def test_a_killed_run_leaves_nothing_that_counts(tmp_path, kept):
    a, b = states(4, 5)
    store = StateStore(tmp_path)
    fill(store, a=a)
    before = {name: (tmp_path / name).read_bytes() for name in ("states.bin", "index.jsonl")}
    fill(store, b=b)
    after = {name: (tmp_path / name).read_bytes() for name in before}
    written, line = after["states.bin"], after["index.jsonl"][len(before["index.jsonl"]) :]
    cut = {
        "nothing": (before["states.bin"], b""),
        "half of the states": (written[:-30], b""),
        "half of the line": (written, line[: len(line) // 2]),
    }[kept]
    (tmp_path / "states.bin").write_bytes(cut[0])
    (tmp_path / "index.jsonl").write_bytes(before["index.jsonl"] + cut[1])
    again = StateStore(tmp_path)
    assert again.missing({"a": "of a", "b": "of b"}) == ["b"]
    fill(again, b=b)
    for opened in (again, StateStore(tmp_path)):
        assert np.array_equal(opened["a"], a)
        assert np.array_equal(opened["b"], b)


def test_a_line_without_its_states_does_not_count(tmp_path):
    a, b = states(4, 5)
    fill(StateStore(tmp_path), a=a, b=b)
    path = tmp_path / "states.bin"
    path.write_bytes(path.read_bytes()[:-1])
    assert StateStore(tmp_path).missing({"a": "of a", "b": "of b"}) == ["b"]


def test_changed_bytes_are_noticed(tmp_path):
    fill(StateStore(tmp_path), a=states(4)[0])
    path = tmp_path / "states.bin"
    raw = bytearray(path.read_bytes())
    raw[7] ^= 1
    path.write_bytes(raw)
    with pytest.raises(InputError, match="states of a are damaged; remove the folder"):
        StateStore(tmp_path)["a"]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_states_that_are_not_finite_are_refused_by_name(tmp_path, bad):
    values = states(4)[0]
    values[2, 1] = bad
    store = StateStore(tmp_path)
    with pytest.raises(InputError, match="utterance a: its encoder states are not finite"):
        fill(store, a=values)
    assert store.missing({"a": "of a"}) == ["a"]


def test_states_too_large_for_half_precision_are_refused(tmp_path):
    with pytest.raises(InputError, match="--cache_dtype float32"):
        fill(StateStore(tmp_path, "float16"), a=np.full((1, 1), 1e6, np.float32))


@pytest.mark.parametrize(
    "line",
    [
        "[1]",
        "{}",
        '{"id": "a", "content": "x", "start": -1, "length": 1, "width": 1, "crc": 0}',
        '{"id": "a", "content": "x", "start": "0", "length": 1, "width": 1, "crc": 0}',
        '{"id": "a", "content": "x", "start": 1.5, "length": 1, "width": 1, "crc": 0}',
        '{"id": [], "content": "x", "start": 0, "length": 1, "width": 1, "crc": 0}',
        '{"id": "a", "content": "x", "start": 0, "length": 0, "width": 1'
        + "0" * 30
        + ', "crc": 0}',
        "[" * 100_000,
        "\ufffd",
    ],
)
def test_foreign_lines_are_passed_over(tmp_path, line):
    store = StateStore(tmp_path)
    fill(store, b=states(2)[0])
    with (tmp_path / "index.jsonl").open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    assert StateStore(tmp_path).missing({"a": "x", "b": "of b"}) == ["a"]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="give another --cache_dir"):
        StateStore(tmp_path / "file" / "cache")


def test_copies_for_other_processes_read_the_same(tmp_path):
    import pickle

    a = states(4)[0]
    store = StateStore(tmp_path)
    fill(store, a=a)
    assert np.array_equal(store["a"], a)
    copy = pickle.dumps(store)
    assert len(copy) < 2000
    assert np.array_equal(pickle.loads(copy)["a"], a)


def test_the_index_tells_where_and_of_what(tmp_path):
    fill(StateStore(tmp_path), a=states(4)[0])
    entry = json.loads((tmp_path / "index.jsonl").read_text())
    assert {k: entry[k] for k in ("id", "content", "start", "length", "width")} == {
        "id": "a", "content": "of a", "start": 0, "length": 4, "width": 3,
    }  # fmt: skip
