import pickle
import pickletools

import numpy as np
import pytest

from graph_er.schema.dialogue_pickle import read_plain_pickle
from graph_er.schema.pickle_writing import PickleStream


def write(path, *entries):
    with path.open("wb") as file:
        stream = PickleStream(file)
        with stream.list():
            for entry in entries:
                entry(stream)
    return path


def row_lists(arrays):
    return lambda stream: stream.mapping(
        ((str(number), array) for number, array in enumerate(arrays)), stream.rows
    )


@pytest.mark.parametrize("read", [read_plain_pickle, lambda path: pickle.loads(path.read_bytes())])
def test_entries_come_back_in_order(tmp_path, read):
    values = [{"가": (1, None)}, "text", [], 2.5, {3}, np.arange(3.0)]
    path = write(
        tmp_path / "x.pkl",
        *(lambda stream, value=value: stream.value(value) for value in values),
        lambda stream: stream.mapping({"a": [1], "b": [2]}.items()),
    )
    *found, array, mapping = read(path)
    assert found == values[:-1]
    np.testing.assert_array_equal(array, values[-1])
    assert mapping == {"a": [1], "b": [2]}


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", "<i2"])
@pytest.mark.parametrize("shape", [(3, 2), (1, 300), (0, 4), (2, 0), (2, 3, 4)])
def test_rows_come_back_as_arrays_of_their_own(tmp_path, dtype, shape):
    rows = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    path = write(tmp_path / "x.pkl", row_lists([rows, rows[:, ::-1], None]))
    for loaded in (pickle.loads(path.read_bytes()), read_plain_pickle(path)):
        (found,) = loaded
        for key, expected in (("0", rows), ("1", rows[:, ::-1])):
            assert [row.dtype for row in found[key]] == [rows.dtype] * len(rows)
            for row, wanted in zip(found[key], expected, strict=True):
                np.testing.assert_array_equal(row, wanted)
                assert row.flags.writeable
        assert found["2"] == []


def test_more_shapes_than_the_table_of_objects_holds(tmp_path):
    arrays = [np.full((2, width), width, np.float32) for width in range(1, 301)]
    found = pickle.loads(write(tmp_path / "x.pkl", row_lists(arrays)).read_bytes())[0]
    assert [found[str(n)][1].shape for n in range(300)] == [(width,) for width in range(1, 301)]


def test_the_program_is_of_an_early_protocol_and_names_nothing_of_one_numpy_alone(tmp_path):
    rows = np.ones((2, 3), np.float32)
    content = write(tmp_path / "x.pkl", row_lists([rows]), lambda s: s.value(rows)).read_bytes()
    operations = list(pickletools.genops(content))
    assert max(operation.proto for operation, _, _ in operations) <= 3
    assert content[1] <= 4
    named = {argument for operation, argument, _ in operations if operation.name == "GLOBAL"}
    assert named == {"numpy ndarray", "builtins bytearray"}


def test_pieces_are_written_as_they_come(tmp_path):
    sizes = []

    def arrays(path):
        for number in range(3):
            sizes.append(path.stat().st_size)
            yield str(number), np.zeros((100, 1000), np.float32)

    path = tmp_path / "x.pkl"
    with path.open("wb") as file:
        stream = PickleStream(file)
        with stream.list():
            stream.mapping(arrays(path), stream.rows)
    assert 400_000 < sizes[1] < sizes[2]
