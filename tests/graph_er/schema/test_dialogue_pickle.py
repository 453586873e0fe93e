import io
import os
import pickle
from collections import OrderedDict, defaultdict

import numpy as np
import pytest

from graph_er.errors import InputError
from graph_er.schema.dialogue_pickle import read_plain_pickle

PLAIN = {
    "array": np.arange(6, dtype=np.float32).reshape(2, 3),
    "big-endian": np.arange(3, dtype=">f8"),
    "numbers": [np.float64(3.5), np.int64(-2), 7, 2.5, True, None],
    "containers": [(1, 2), {"가": "나"}, {3}, frozenset({4}), OrderedDict(a=1)],
    "bytes": b"\x00\xff",
}


class Exploit:
    def __init__(self, function, *arguments):
        self.reduction = function, arguments

    def __reduce__(self):
        return self.reduction


def assert_plain(loaded):
    for name in ("array", "big-endian"):
        # numpy itself turns foreign byte orders into its own on loading.
        assert loaded[name].dtype.newbyteorder("=") == PLAIN[name].dtype.newbyteorder("=")
        np.testing.assert_array_equal(loaded[name], PLAIN[name])
    for name in ("numbers", "containers", "bytes"):
        assert loaded[name] == PLAIN[name]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_values_of_every_protocol_are_read(tmp_path, protocol):
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps(PLAIN, protocol=protocol))
    assert_plain(read_plain_pickle(path))


def test_a_python_2_pickle_is_read(tmp_path):
    # {'a': [numpy.arange(3)]} as Python 2's numpy wrote it, protocol 2, names of numpy 1.
    content = (
        b"\x80\x02}q\x00U\x01aq\x01]q\x02cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\n"
        b"ndarray\nq\x04K\x00\x85U\x01b\x87Rq\x05(K\x01K\x03\x85cnumpy\ndtype\nq\x06U\x02i8K\x00K"
        b"\x01\x87Rq\x07(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x18"
        + np.arange(3).tobytes()
        + b"tbas."
    )
    path = tmp_path / "py2.pkl"
    path.write_bytes(content)
    np.testing.assert_array_equal(read_plain_pickle(path)["a"][0], [0, 1, 2])


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (
            b"cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\nU\x02f8K\x00K\x01\x87R(K\x03U\x01<NNN"
            b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tbU\x08"
            + np.float64(2.5).tobytes()
            + b"\x86R.",
            2.5,
        ),
        (b"c__builtin__\nbytearray\nX\x03\x00\x00\x00a\xc3\xbfU\x07latin-1\x86R.", b"a\xff"),
        (b"c__builtin__\nbytearray\nX\x03\x00\x00\x00a\xc3\xbf\x85R.", b"a\xff"),
        (b"c__builtin__\nbytearray\n)R.", b""),
    ],
    ids=["number", "bytearray", "bytearray of text alone", "no bytes"],
)
def test_single_values_of_python_2_are_read(tmp_path, content, value):
    path = tmp_path / "py2.pkl"
    path.write_bytes(b"\x80\x02" + content)
    assert read_plain_pickle(path) == value


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (b"J\x00\x00\x00\x40\x85", "without its data"),
        (b"U\x01aU\x05utf-8\x86", "encoded as 'utf-8'"),
    ],
    ids=["size", "encoding"],
)
def test_bytearrays_of_a_bare_size_or_another_encoding_are_refused(tmp_path, arguments, told):
    path = tmp_path / "x.pkl"
    path.write_bytes(b"\x80\x02c__builtin__\nbytearray\n" + arguments + b"R.")
    with pytest.raises(InputError, match=told):
        read_plain_pickle(path)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("others", [(), (1, 2, 3)])
def test_a_tuple_that_holds_itself_is_read(tmp_path, protocol, others):
    box = []
    box.append((box, *others))
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps(box[0], protocol=protocol))
    found = read_plain_pickle(path)
    assert found[1:] == others
    assert found[0][0] is found


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    ("exploit", "named"),
    [
        (Exploit(os.mkdir, "made"), "mkdir"),
        (Exploit(eval, "1 + 1"), "eval"),
        ([{"deep": (Exploit(exec, "x = 1"),)}], "exec"),
        (Exploit(getattr, "x", "upper"), "getattr"),
    ],
)
def test_a_named_callable_is_refused_and_not_run(tmp_path, monkeypatch, protocol, exploit, named):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps(exploit, protocol=protocol))
    with pytest.raises(InputError, match=named):
        read_plain_pickle(path)
    assert not (tmp_path / "made").exists()


def test_persistent_references_are_refused(tmp_path):
    class Outside(pickle.Pickler):
        def persistent_id(self, value):
            return "x" if value == "secret" else None

    buffer = io.BytesIO()
    Outside(buffer).dump(["secret"])
    path = tmp_path / "x.pkl"
    path.write_bytes(buffer.getvalue())
    with pytest.raises(InputError, match="outside"):
        read_plain_pickle(path)


@pytest.mark.parametrize(
    "value",
    [
        np.array([1, None, "x"], dtype=object),
        Exploit(np.ndarray, (10**12,), "<f8"),
        Exploit(np.dtype, "O"),
    ],
)
def test_object_arrays_and_arrays_without_data_are_refused(tmp_path, value):
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps(value))
    with pytest.raises(InputError):
        read_plain_pickle(path)


def state_of_an_array(shape, kind):
    """An array of protocol 2, made empty and then given a state."""
    name = kind.encode()
    return (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01"
        + pickle.dumps(shape, protocol=2)[2:-1]
        + b"cnumpy\ndtype\nU"
        + bytes([len(name)])
        + name
        + b"K\x00K\x01\x87R\x89U\x00tb."
    )


@pytest.mark.parametrize("shape", [(-1,), (10**12,), (2, -1)])
@pytest.mark.parametrize("kind", ["S0", "V0", "U0"])
def test_elements_of_no_bytes_are_refused(tmp_path, shape, kind):
    # numpy divides by their size: the process would end by a signal.
    path = tmp_path / "x.pkl"
    for content in (
        pickle.dumps(Exploit(np.ndarray, shape, kind, bytearray())),
        state_of_an_array(shape, kind),
    ):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"of no bytes|of shape"):
            read_plain_pickle(path)


def test_negative_sizes_are_refused(tmp_path):
    path = tmp_path / "x.pkl"
    reduce = np.zeros(1).__reduce_ex__(5)[0]
    for content in (
        pickle.dumps(Exploit(np.ndarray, (-1,), "<f4", bytearray(8))),
        pickle.dumps(Exploit(reduce, b"\0" * 8, "<f4", (-1,), "C")),
        state_of_an_array((-1,), "f4"),
    ):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"shape \(-1,\)"):
            read_plain_pickle(path)


@pytest.mark.parametrize("content", [b"", b"\x80\x04]", b"not a pickle", b"<html></html>"])
def test_what_is_no_pickle_is_refused_by_name(tmp_path, content):
    path = tmp_path / "broken.pkl"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"broken\.pkl"):
        read_plain_pickle(path)


def test_factories_of_default_dicts_are_plain(tmp_path):
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps(defaultdict(list, {"a": [1]})))
    assert read_plain_pickle(path) == {"a": [1]}


def test_state_for_a_constructor_is_refused_and_changes_nothing(tmp_path):
    # GLOBAL numpy.ndarray, then BUILD with a state that would set attributes on the constructor.
    for state in (b"(N(dS'__defaults__'\n(I1\ntstt", b"(dS'_function'\nI1\ns"):
        path = tmp_path / "state.pkl"
        path.write_bytes(b"(cnumpy\nndarray\n" + state + b"bl.")
        with pytest.raises(InputError):
            read_plain_pickle(path)
    path.write_bytes(pickle.dumps(PLAIN))
    assert_plain(read_plain_pickle(path))


class Crafted:
    """A numpy type with a state of its own."""

    def __init__(self, state):
        self.state = state

    def __reduce__(self):
        return np.dtype, ("f8", False, True), self.state


@pytest.mark.parametrize(
    "state",
    [
        (3, "|", (np.dtype("f8"), (3,)), None, None, 24, 8, 63),
        (3, "|", None, ("a",), {"a": (np.dtype("O"), 0)}, 8, 8, 63),
        (3, "?", None, None, None, -1, -1, 0),
        (),
    ],
)
def test_crafted_types_are_refused(tmp_path, state):
    path = tmp_path / "type.pkl"
    path.write_bytes(pickle.dumps([Crafted(state)], protocol=2))
    with pytest.raises(InputError):
        read_plain_pickle(path)


def test_flags_of_a_type_do_not_reach_numpy(tmp_path):
    path = tmp_path / "type.pkl"
    path.write_bytes(pickle.dumps([Crafted((3, "<", None, None, None, 1, 1, 63))], protocol=2))
    (kind,) = read_plain_pickle(path)
    assert kind.numpy == np.dtype("f8")
    assert not kind.numpy.hasobject


def test_records_are_refused(tmp_path):
    path = tmp_path / "records.pkl"
    path.write_bytes(pickle.dumps(np.zeros(2, dtype=[("a", "f4"), ("b", "O")])))
    with pytest.raises(InputError):
        read_plain_pickle(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("mine.csv", b"dialogue,utterance\na,b\n", "is a table, not a dialogue file; make one"),
        ("mine", '\ufeff"대화"\t"발화"\n'.encode(), "is a table, not a dialogue file"),
        ("mine.jsonl", b'{"dialogue": "a"}', "is a table, not a dialogue file"),
        ("mine.pkl", b"", "is empty; restore the file"),
    ],
)
def test_what_is_no_dialogue_file_is_called_by_its_name(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_plain_pickle(tmp_path / name)
