import io
import pickle
import random
import re

import numpy as np
import pandas as pd
import pytest

from feature_extractor.corpora.frame_pickle_columns import read_frame_pickle
from graph_er.errors import InputError
from tests.feature_extractor.old_frame_pickles import old_pickle

PROTOCOLS = (2, 3, 4, 5)


def clips(**columns):
    audio = [np.array([1, -2, 3], dtype="int16"), np.arange(4), np.zeros(0, dtype=">i4")]
    content = {"person_ix": [3, 4, 5], "audio": audio, "Sentence": ["가나", "다 라", "마"]}
    return pd.DataFrame(
        {**content, "Emotion": ["공포", "분노", "행복"], **columns}, index=[7, 2, 30]
    )


def dump(path, value, protocol=5):
    path.write_bytes(pickle.dumps(value, protocol=protocol))
    return path


def assert_same(columns, frame):
    assert list(columns) == list(frame.columns)
    for name, cells in columns.items():
        for cell, wanted in zip(cells, frame[name], strict=True):
            if isinstance(wanted, np.ndarray):
                assert cell.dtype == wanted.dtype
                np.testing.assert_array_equal(cell, wanted)
            else:
                assert cell == wanted


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "change",
    [
        lambda frame: frame,
        lambda frame: frame.reset_index(drop=True),
        lambda frame: frame[["Emotion", "audio", "person_ix", "Sentence"]],
        lambda frame: frame.iloc[[2, 0]],
        lambda frame: frame.astype(object),
        lambda frame: frame.astype({"Sentence": object}).sort_values("Sentence"),
        lambda frame: frame[["Sentence"]],
        lambda frame: frame.assign(score=[0.5, 1.5, 2.5], good=[True, False, True]),
        lambda frame: pd.concat([frame, frame]),
    ],
)
def test_what_pandas_wrote_is_read_back(tmp_path, protocol, change):
    frame = change(clips())
    assert_same(read_frame_pickle(dump(tmp_path / "frame.pkl", frame, protocol)), frame)


def test_texts_of_pyarrow_are_refused_with_the_remedy(tmp_path):
    pytest.importorskip("pyarrow")
    path = tmp_path / "frame.pkl"
    with pd.option_context("mode.string_storage", "pyarrow"):
        frame = clips(name=pd.Series(["a", "b", "c"], dtype="str", index=[7, 2, 30]))
        frame = frame.set_index(pd.Index(["x", "y", "z"], dtype="str"))
        with pytest.raises(InputError, match=r"ArrowStringArray; nothing in it was run") as caught:
            read_frame_pickle(dump(path, frame))
        (remedy,) = re.findall("`(.+)`", str(caught.value))
        eval(remedy, {"df": frame, "FILE": path})
    assert_same(read_frame_pickle(path), frame)


@pytest.mark.parametrize("age", [0, 1, 2])
@pytest.mark.parametrize("state_key", ["_data", "_mgr"])
def test_what_old_pandas_wrote_is_read_back(tmp_path, age, state_key):
    frame = clips()
    path = tmp_path / "frame.pkl"
    path.write_bytes(old_pickle({name: list(frame[name]) for name in frame}, age, state_key))
    assert_same(read_frame_pickle(path), frame)


@pytest.mark.parametrize("state_key", ["_data", "_mgr"])
def test_the_first_columns_of_pandas_s_own_texts_are_read_back(tmp_path, state_key):
    frame = clips()
    path = tmp_path / "frame.pkl"
    cells = {name: list(frame[name]) for name in frame}
    texts = {name: cells.pop(name) for name in ("Sentence", "Emotion")}
    path.write_bytes(old_pickle(cells, 0, state_key, texts))
    assert_same(read_frame_pickle(path), frame)


def test_numbers_inside_object_columns_are_numbers(tmp_path):
    frame = pd.DataFrame({"person": pd.Series([np.int64(3), np.float32(0.5), None], dtype=object)})
    assert read_frame_pickle(dump(tmp_path / "f.pkl", frame))["person"] == [3, 0.5, None]


class Call:
    """Pickles as a call of any function."""

    def __init__(self, function, *arguments):
        self.reduced = (function, arguments)

    def __reduce__(self):
        return self.reduced


def raw(module, name, argument):
    """Return a pickle by hand, for names that pickle itself would not write."""
    return f"c{module}\n{name}\n(S'{argument}'\ntR.".encode()


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("nested", ["cell", "attrs", "alone"])
def test_a_hostile_pickle_is_refused_before_anything_runs(tmp_path, protocol, nested):
    import os

    marker = tmp_path / "ran"
    for call in (Call(os.mkdir, str(marker)), Call(eval, f"open({str(marker)!r}, 'w')")):
        frame = clips()
        if nested == "cell":
            frame["Sentence"] = pd.Series([call, "b", "c"], index=frame.index, dtype=object)
        elif nested == "attrs":
            frame.attrs["note"] = [{"deep": call}]
        value = call if nested == "alone" else frame
        path = dump(tmp_path / "frame.pkl", value, protocol)
        with pytest.raises(InputError, match=r"frame\.pkl: refused, the file names \w+\.\w+"):
            read_frame_pickle(path)
        assert not marker.exists()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("posix", "system"),
        ("builtins", "eval"),
        ("builtins", "getattr"),
        ("builtins", "bytearray"),
        ("builtins", "slice.__class__"),
        ("numpy", "load"),
        ("numpy", "ndarray.tofile"),
        ("pandas", "read_pickle"),
        ("pandas", "DataFrame.to_pickle"),
        ("pandas.core.frame", "os"),
        ("copyreg", "add_extension"),
        ("feature_extractor.corpora.frame_pickle", "Record"),
    ],
)
def test_any_name_beyond_a_frames_own_is_refused_by_name(tmp_path, module, name):
    path = tmp_path / "frame.pkl"
    path.write_bytes(raw(module, name, "true"))
    with pytest.raises(InputError) as caught:
        read_frame_pickle(path)
    assert f"the file names {module}.{name}; nothing in it was run" in str(caught.value)


def test_an_outside_object_is_refused(tmp_path):
    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            return "secret" if value == "x" else None

    file = io.BytesIO()
    Pickler(file).dump(["x"])
    (tmp_path / "frame.pkl").write_bytes(file.getvalue())
    with pytest.raises(InputError, match="outside object 'secret'"):
        read_frame_pickle(tmp_path / "frame.pkl")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ([1, 2], "holds a list, no pandas DataFrame"),
        (np.arange(3), "holds a buffer, no pandas DataFrame"),
        (pd.DataFrame({"a": []}), "no DataFrame that can be read here"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "column 'a' occurs twice"),
        (pd.DataFrame({"a": [np.array(["x"], dtype=object)]}), "no DataFrame that can be read"),
        (pd.DataFrame({"a": pd.Categorical(["x"])}), "refused"),
        (pd.DataFrame({"a": [pd.Timestamp(0)]}), "refused"),
    ],
)
def test_other_content_is_named(tmp_path, value, told):
    with pytest.raises(InputError, match=told) as caught:
        read_frame_pickle(dump(tmp_path / "frame.pkl", value))
    assert str(tmp_path / "frame.pkl") in str(caught.value)


def test_no_claimed_size_reserves_memory(tmp_path):
    data = pickle.dumps(pd.DataFrame({"a": np.arange(3)}), protocol=2)
    shape, wrong = b"K\x01K\x03\x86", b"J\xff\xff\xff\x7fK\x00\x86"
    assert shape in data
    (tmp_path / "frame.pkl").write_bytes(data.replace(shape, wrong))
    with pytest.raises(InputError, match="an array of shape"):
        read_frame_pickle(tmp_path / "frame.pkl")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_damage_anywhere_is_an_input_error_or_harmless(tmp_path, protocol):
    whole = pickle.dumps(clips(), protocol=protocol)
    generator = random.Random(protocol)
    path = tmp_path / "frame.pkl"
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError):
            read_frame_pickle(path)
    for _ in range(150):
        damaged = bytearray(whole)
        for _ in range(generator.randint(1, 3)):
            damaged[generator.randrange(len(whole))] = generator.randrange(256)
        path.write_bytes(damaged)
        try:
            columns = read_frame_pickle(path)
        except InputError:
            continue
        assert all(isinstance(cells, list) for cells in columns.values())


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nothing\.pkl: no such file"):
        read_frame_pickle(tmp_path / "nothing.pkl")
