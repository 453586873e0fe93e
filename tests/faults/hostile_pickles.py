"""Hostile pickles by name, made by plain code: every way to call, to claim memory, to never end."""

from __future__ import annotations

import io
import pickle
import struct
from pickle import (
    ADDITEMS,
    APPEND,
    APPENDS,
    BINBYTES8,
    BINFLOAT,
    BINGET,
    BININT1,
    BINPERSID,
    BINPUT,
    BINUNICODE,
    BINUNICODE8,
    BUILD,
    BYTEARRAY8,
    DUP,
    EMPTY_DICT,
    EMPTY_LIST,
    EMPTY_SET,
    EMPTY_TUPLE,
    EXT1,
    EXT2,
    EXT4,
    FRAME,
    FROZENSET,
    GET,
    GLOBAL,
    INST,
    LONG4,
    LONG_BINGET,
    LONG_BINPUT,
    MARK,
    MEMOIZE,
    NEWOBJ,
    NEWOBJ_EX,
    NEXT_BUFFER,
    NONE,
    OBJ,
    PERSID,
    POP,
    PROTO,
    PUT,
    READONLY_BUFFER,
    REDUCE,
    SETITEM,
    SETITEMS,
    STACK_GLOBAL,
    STOP,
    TUPLE,
    TUPLE1,
    TUPLE2,
    TUPLE3,
)
from typing import Any

import numpy as np

_COMMAND = b"touch canary"
CALLABLES = (
    *(("os", "system"), ("posix", "system"), ("nt", "system"), ("subprocess", "Popen")),
    *(("builtins", "eval"), ("builtins", "exec"), ("builtins", "getattr"), ("builtins", "open")),
    *(("__builtin__", "apply"), ("__builtin__", "execfile"), ("builtins", "__import__")),
    *(("builtins", "object"), ("builtins", "type"), ("builtins", "map"), ("builtins", "bytes")),
    *(("functools", "partial"), ("functools", "reduce"), ("operator", "attrgetter")),
    *(("operator", "methodcaller"), ("importlib", "import_module"), ("runpy", "run_path")),
    *(("types", "CodeType"), ("types", "FunctionType"), ("copyreg", "_reconstructor")),
    *(
        ("copyreg", "add_extension"),
        ("codecs", "decode"),
        ("codecs", "encode"),
        ("code", "interact"),
    ),
    *(("pickle", "loads"), ("_pickle", "loads"), ("marshal", "loads"), ("numpy", "load")),
    *(("numpy", "fromfile"), ("numpy", "memmap"), ("numpy", "frombuffer"), ("numpy", "dtype.type")),
    *(("numpy.testing._private.utils", "runstring"), ("numpy.f2py.crackfortran", "myeval")),
    *(("torch", "load"), ("torch.storage", "_load_from_bytes"), ("torch.hub", "load")),
    *(("torch._utils", "_rebuild_tensor_v2"), ("torch.jit", "load"), ("pandas", "read_pickle")),
    *(("pathlib", "Path"), ("shutil", "rmtree"), ("socket", "create_connection"), ("pty", "spawn")),
    *(
        ("urllib.request", "urlopen"),
        ("webbrowser", "open"),
        ("asyncio", "run"),
        ("timeit", "timeit"),
    ),
    *(("collections", "OrderedDict.fromkeys"), ("builtins", "list.__class__")),
    *(
        ("graph_er.running.files", "write_text"),
        ("graph_er.schema.dialogue_pickle", "read_plain_pickle"),
    ),
    *(("", ""), ("__main__", "x"), ("os\x1b[31m", "sys\rtem"), ("o" * 5000, "s" * 5000)),
)


def _text(value: str | bytes) -> bytes:
    value = value.encode() if isinstance(value, str) else value
    return BINUNICODE + struct.pack("<I", len(value)) + value


def _global(module: str, name: str) -> bytes:
    return GLOBAL + module.encode() + b"\n" + name.encode() + b"\n"


def _called(function: bytes, arguments: bytes) -> bytes:
    return function + MARK + arguments + TUPLE + REDUCE


def _pickled(program: bytes, protocol: int = 4) -> bytes:
    return PROTO + bytes([protocol]) + program + STOP


def naming() -> dict[str, bytes]:
    """Pickles that name what must not be called."""
    found = {}
    for number, (module, name) in enumerate(CALLABLES):
        key = f"{module[:30]}.{name[:30]}".encode("unicode_escape").decode()
        if "\n" not in module + name:
            found[f"reduce {key}"] = _called(_global(module, name), _text(_COMMAND)) + STOP
        stack = _text(module) + _text(name) + STACK_GLOBAL
        found[f"stack global {key}"] = _pickled(_called(stack, _text(_COMMAND)), number % 2 + 4)
    return found


def calling() -> dict[str, bytes]:
    """Pickles that call by each operation that can, in each place where an object can stand."""
    system, argument = _global("os", "system"), _text(_COMMAND)
    line = b"S'touch canary'\n"
    call = _called(system, argument)
    one = argument + TUPLE1
    programs = {
        "inst": MARK + line + INST + b"os\nsystem\n",
        "obj": MARK + system + argument + OBJ,
        "newobj": _global("subprocess", "Popen") + one + NEWOBJ,
        "newobj ex": _global("subprocess", "Popen") + one + EMPTY_DICT + NEWOBJ_EX,
        "build": _global("collections", "OrderedDict") + EMPTY_DICT
        + _text("__setstate__") + system + SETITEM + BUILD + argument + BUILD,
        "build slots": _global("builtins", "list") + NONE + EMPTY_DICT + _text("append") + system
        + SETITEM + TUPLE2 + BUILD,
        "ext1": EXT1 + b"\x01" + one + REDUCE,
        "ext2": EXT2 + b"\x01\x01" + one + REDUCE,
        "ext4": EXT4 + b"\x01\x01\x00\x00" + one + REDUCE,
        "persid": PERSID + b"os.system\n",
        "binpersid": argument + BINPERSID,
        "binpersid of a tuple": one + BINPERSID,
        "next buffer": NEXT_BUFFER,
        "readonly buffer": NEXT_BUFFER + READONLY_BUFFER,
        "from the table": system + PUT + b"0\n" + POP + GET + b"0\n" + one + REDUCE,
        "memoize": system + MEMOIZE + POP + BINGET + b"\0" + one + REDUCE,
        "append by a method": system + MARK + argument + APPENDS,
        "set item of a function": system + MARK + argument + argument + SETITEMS,
        "add items of a function": system + MARK + argument + ADDITEMS,
        "in a list": EMPTY_LIST + call + APPEND,
        "in a tuple": call + TUPLE1,
        "as a key": EMPTY_DICT + call + NONE + SETITEM,
        "as a value": EMPTY_DICT + _text("a") + call + SETITEM,
        "in a set": EMPTY_SET + MARK + call + ADDITEMS,
        "in a frozenset": MARK + call + FROZENSET,
        "deep in lists": EMPTY_LIST * 500 + call + APPEND * 500,
        "after the end": EMPTY_LIST + POP + call,
        "as what makes a default": _global("collections", "defaultdict") + system + TUPLE1 + REDUCE,
        "as a state": _global("collections", "OrderedDict") + EMPTY_TUPLE + REDUCE + call + BUILD,
        "as a shape": _called(_global("numpy", "ndarray"), call),
        "as a type": _called(_global("numpy", "dtype"), call),
        "nested names": _called(_global("builtins", "list"), call),
    }  # fmt: skip
    return {name: _pickled(program, number % 3 + 3) for number, (name, program) in
            enumerate(programs.items())}  # fmt: skip


class _Reduced:
    def __init__(self, *reduction: Any) -> None:
        self._reduction = reduction

    def __reduce__(self) -> tuple[Any, ...]:
        return self._reduction


def _array(shape: bytes, kind: bytes, data: bytes, *, core: str = "numpy.core") -> bytes:
    """An array by a state, of any shape, type and data."""
    made = _called(_global(f"{core}.multiarray", "_reconstruct"),
                   _global("numpy", "ndarray") + BININT1 + b"\0" + TUPLE1 + _text("b"))  # fmt: skip
    return made + MARK + BININT1 + b"\1" + shape + kind + NONE + data + TUPLE + BUILD


def _kind(name: str, state: bytes = b"") -> bytes:
    return _called(_global("numpy", "dtype"), _text(name) + NONE + NONE) + state


def _integer(value: int) -> bytes:
    return b"\x8a\x09" + struct.pack("<q", value) + b"\0"


def arrays() -> dict[str, bytes]:
    """Pickles of arrays that lie about shape, type or data."""

    def shape(*sizes: int) -> bytes:
        return MARK + b"".join(map(_integer, sizes)) + TUPLE

    data, floats = BINBYTES8 + struct.pack("<Q", 8) + bytes(8), _kind("f4")
    frombuffer = _global("numpy._core.numeric", "_frombuffer")
    programs = {
        "no rows' end": _array(shape(10**12, 0), floats, _text("")),
        "no rows' end within": _array(shape(1, 10**12, 0), floats, _text("")),
        "more than there is": _array(shape(10**12), floats, data),
        "less than there is": _array(shape(1), floats, data),
        "overflow": _array(shape(2**31, 2**31, 4), floats, data),
        "negative": _array(shape(-2), floats, data),
        "65 dimensions": _array(shape(*[1] * 65), floats, data),
        "shape of text": _array(_text("ab"), floats, data),
        "shape of floats": _array(MARK + BINFLOAT + bytes(8) + TUPLE, floats, data),
        "objects": _array(shape(1), _kind("O"), EMPTY_LIST + NONE + APPEND),
        "objects as bytes": _array(shape(1), _kind("O"), data),
        "texts of any length": _array(shape(1), _kind("T"), data),
        "records": _array(shape(1), _kind("f4,f4"), data),
        "records of objects": _array(shape(1), _kind("O,f4"), data),
        "arrays as elements": _array(shape(1), _kind("(1000000000,)f8"), data),
        "no bytes": _array(shape(10**12), _kind("V0"), _text("")),
        "void": _array(shape(1), _kind("V8"), data),
        "dates": _array(shape(1), _kind("M8[s]"), data),
        "texts of 8 GB": _array(shape(1), _kind("U2000000000"), data),
        "texts beyond": _array(shape(1), _kind("U99999999999999"), data),
        "a type that is none": _array(shape(1), _kind("no type"), data),
        "a type that is a class": _array(shape(1), _global("builtins", "list"), data),
        "a type that is a number": _called(_global("numpy", "dtype"), BININT1 + b"\1"),
        "a type of a dictionary": _called(_global("numpy", "dtype"), EMPTY_DICT),
        "a type of a list": _called(_global("numpy", "dtype"), EMPTY_LIST),
        "type with a state": _array(
            shape(1), _kind("f4", BININT1 + b"\3" + _text("|") + NONE + TUPLE3 + BUILD), data
        ),
        "data of a list": _array(shape(1), floats, EMPTY_LIST),
        "state twice": _array(shape(2), floats, data) + NONE + BUILD,
        "scalar of an object": _called(
            _global("numpy._core.multiarray", "scalar"), _kind("O") + data
        ),
        "scalar of no bytes": _called(
            _global("numpy._core.multiarray", "scalar"), floats + _text("")
        ),
        "buffer of objects": _called(frombuffer, data + _kind("O") + shape(1) + _text("C")),
        "buffer too short": _called(frombuffer, data + floats + shape(10**9) + _text("C")),
        "buffer of no rows' end": _called(
            frombuffer, _text("") + floats + shape(10**12, 0) + _text("C")
        ),
        "order": _called(frombuffer, data + floats + shape(2) + _text("Z")),
        "without data": _called(_global("numpy", "ndarray"), shape(10**10) + _text("f4")),
        "subclass": _called(
            _global("numpy.core.multiarray", "_reconstruct"),
            _global("numpy", "memmap") + BININT1 + b"\0" + TUPLE1 + _text("b"),
        ),
        "bytes of a size": _called(_global("builtins", "bytearray"), _integer(10**12)),
        "bytes in another code": _called(_global("_codecs", "encode"), _text("x") + _text("rot13")),
        "bytes by a bomb": _called(_global("_codecs", "encode"), _text("x") + _text("zlib")),
    }
    return {name: _pickled(EMPTY_LIST + program + APPEND) for name, program in programs.items()}


def bombs() -> dict[str, bytes]:
    """Pickles that claim more memory or time than a file of their size may."""

    def claim(operation: bytes, size: int, code: str = "<Q") -> bytes:
        return operation + struct.pack(code, size) + b"x" * 10

    laughs = EMPTY_LIST + b"".join(
        BINPUT + bytes([level]) + POP + EMPTY_LIST + MARK + (BINGET + bytes([level])) * 10 + APPENDS
        for level in range(60)
    )
    tuples = NONE + b"".join(
        BINPUT + bytes([level]) + (BINGET + bytes([level])) + TUPLE2 for level in range(60)
    )
    copy = _global("builtins", "bytearray") + BINPUT + b"\0" + POP
    copy += BINBYTES8 + struct.pack("<Q", 1 << 18) + bytes(1 << 18) + BINPUT + b"\1" + POP
    copies = copy + EMPTY_LIST + MARK
    copies += (BINGET + b"\0" + BINGET + b"\1" + TUPLE1 + REDUCE) * 40_000 + APPENDS
    programs = {
        "bytes of a terabyte": claim(BINBYTES8, 1 << 40),
        "bytes of the highest size": claim(BINBYTES8, (1 << 64) - 1),
        "text of a terabyte": claim(BINUNICODE8, 1 << 40),
        "bytearray of a terabyte": claim(BYTEARRAY8, 1 << 40),
        "text of 4 GB": claim(BINUNICODE, (1 << 32) - 1, "<I"),
        "number of 2 GB": claim(LONG4, (1 << 31) - 1, "<i"),
        "number of negative size": claim(LONG4, -1, "<i"),
        "frame of a terabyte": claim(FRAME, 1 << 40) + NONE,
        "frame of the highest size": claim(FRAME, (1 << 64) - 1) + NONE,
        "object number 2**31": NONE + LONG_BINPUT + struct.pack("<I", 1 << 31),
        "object number 2**31 as text": NONE + PUT + b"2147483648\n",
        "object number with zeros": NONE + PUT + b"0" * 40 + b"2147483647\n",
        "object number with blanks": NONE + PUT + b" " * 40 + b"2147483647\n",
        "object number with a sign": NONE + PUT + b"+2147483647\n",
        "object number below zero": NONE + PUT + b"-1\n",
        "object number of a million digits": NONE + PUT + b"9" * 10**6 + b"\n",
        "number of a million digits": b"I" + b"9" * 10**6 + b"\n",
        "long of a million digits": b"L" + b"9" * 10**6 + b"L\n",
        "laughs of lists": laughs,
        "laughs of lists as an id": EMPTY_LIST + laughs + APPEND,
        "laughs of tuples as a key": EMPTY_DICT + tuples + NONE + SETITEM,
        "laughs of tuples in a set": MARK + tuples + FROZENSET,
        "laughs by doubling": EMPTY_DICT + NONE + (DUP + TUPLE2) * 80 + NONE + SETITEM,
        "wide laughs": EMPTY_DICT + NONE + (MARK + POP + BINPUT + b"\0" + MARK
            + (BINGET + b"\0") * 1000 + TUPLE) * 8 + NONE + SETITEM,
        "many times the same key": EMPTY_DICT + MARK + MARK + NONE * 20_000 + TUPLE + BINPUT + b"\0"
        + NONE + (BINGET + b"\0" + NONE) * 20_000 + SETITEMS,
        "a key a million deep": EMPTY_DICT + NONE + TUPLE1 * 10**6 + NONE + SETITEM,
        "a million marks deep": EMPTY_DICT + MARK * 10**6 + TUPLE * 10**6 + NONE + SETITEM,
        "hidden depth": EMPTY_DICT + NONE + (TUPLE1 + MARK + APPENDS) * 10**5 + NONE + SETITEM,
        "hidden depth by no state": EMPTY_DICT + NONE + (TUPLE1 + NONE + BUILD) * 10**5 + NONE
        + SETITEM,
        "lists a hundred thousand deep": EMPTY_LIST * 10**5 + APPEND * (10**5 - 1),
        "dictionaries in a cycle": EMPTY_DICT + BINPUT + b"\0" + _text("a") + BINGET + b"\0"
        + SETITEM,
        "a list in a cycle": EMPTY_LIST + BINPUT + b"\0" + BINGET + b"\0" + APPEND,
        "a tuple in a cycle": EMPTY_LIST + BINPUT + b"\0" + BINGET + b"\0" + TUPLE1 + APPEND,
        "copies": copies,
        "nothing but marks": MARK * 10**5,
        "nothing but pops": POP * 100,
        "no object by that number": BINGET + b"\7",
        "no object by that large number": LONG_BINGET + b"\xff\xff\xff\xff",
    }  # fmt: skip
    return {name: _pickled(program) for name, program in programs.items()}


def wrecks(valid: bytes) -> dict[str, bytes]:
    """Files that are no pickle, or the beginning of one."""
    found = {
        "nothing": b"",
        "a zero": b"\0",
        "a megabyte of zeros": bytes(1 << 20),
        "a stop": STOP,
        "no object": PROTO + b"\4" + STOP,
        "protocol 255": PROTO + b"\xff" + NONE + STOP,
        "text": b"dialogue,utterance\n",
        "html": b"<!doctype html><script>alert(1)</script>",
        "zip": b"PK\3\4" + bytes(100),
        "numpy": b"\x93NUMPY\1\0v\0{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
        + valid,
        "operations that are none": bytes(range(256)) * 100,
    }
    for share in range(1, 12):
        found[f"cut off after {share} twelfths"] = valid[: len(valid) * share // 12]
    found["cut off by a byte"] = valid[:-1]
    return found


def _parts(ids: list[str]) -> list[Any]:
    return [
        ids,
        {i: ["F", "M"] for i in ids},
        {i: [0, 1] for i in ids},
        {i: [np.ones(3), np.zeros(3)] for i in ids},
        {i: [np.ones(5), np.zeros(5)] for i in ids},
        {},
        {i: ["a", "b"] for i in ids},
        ids[:2],
        ids[2:],
        {i: [f"{i}_0", f"{i}_1"] for i in ids},
        {"dev_ids": ids[1:2], "emotions": ["x", "y"]},
    ]


def valid_list() -> list[Any]:
    """A small dialogue file as the list that it holds."""
    return _parts(["A_1", "B_1", "C_1"])


def lists() -> dict[str, bytes]:
    """Pickles of plain values that are no dialogue file, or more of one than they have bytes."""
    laughs: list[Any] = []
    for _ in range(60):
        laughs = [laughs] * 10
    deep: list[Any] = []
    for _ in range(600):
        deep = [deep]
    ids = [f"D{i}_1" for i in range(2000)]
    cycle: dict[str, Any] = {}
    cycle["a"] = cycle
    long = list(range(3000))
    changes: dict[str, tuple[int, Any]] = {
        "ids without end": (0, laughs),
        "ids as numbers": (0, 7),
        "an id of a megabyte": (0, ["A" * (1 << 20)]),
        "ids that are dictionaries": (0, [{}]),
        "speakers without end": (1, {"A_1": [laughs, laughs]}),
        "speakers as a number": (1, {"A_1": 3}),
        "no speakers at all": (1, None),
        "labels without end": (2, {"A_1": laughs}),
        "labels without end, two deep": (2, {"A_1": [laughs, laughs]}),
        "labels of texts": (2, {"A_1": ["0", "1"]}),
        "labels beyond": (2, {"A_1": [0, 2**100]}),
        "labels that are no numbers": (2, {"A_1": [0, float("nan")]}),
        "labels below zero": (2, {"A_1": [0, -1]}),
        "features without end": (3, {"A_1": [laughs, laughs]}),
        "features too deep": (3, {"A_1": [deep, deep]}),
        "features of texts": (3, {"A_1": ["1", "2"]}),
        "features that are no numbers": (3, {"A_1": [np.full(3, np.nan)] * 2}),
        "features beyond": (3, {"A_1": [np.full(3, np.inf)] * 2}),
        "features of a million shared": (3, {"A_1": [np.zeros(100_000)] * 100_000}),
        "features of lists shared": (3, {"A_1": [[0.0] * 50_000] * 50_000}),
        "features in dictionaries": (3, {"A_1": {0: 1, 1: 2}}),
        "features of dates": (3, {"A_1": [np.array(["2020"], "M8[s]")] * 2}),
        "features of complex numbers": (3, {"A_1": [np.ones(3, complex)] * 2}),
        "sentences without end": (6, {"A_1": [laughs, laughs]}),
        "sentences in a cycle": (6, {"A_1": [cycle, cycle]}),
        "sentences as a number": (6, {"A_1": 1}),
        "train ids without end": (7, laughs),
        "test ids without end": (8, [laughs]),
        "utterance ids without end": (9, {"A_1": [laughs, laughs]}),
        "info without end": (10, {"a": laughs, "dev_ids": [], "emotions": ["x", "y"]}),
        "info in a cycle": (10, cycle),
        "info too deep": (10, {"a": deep}),
        "info of a list": (10, [1, 2]),
        "emotions without end": (10, {"emotions": laughs}),
        "emotions of lists": (10, {"emotions": [["x"], ["y"]]}),
        "emotions as a text": (10, {"emotions": "xy"}),
        "dev ids without end": (10, {"dev_ids": laughs, "emotions": ["x", "y"]}),
        "a schema version without end": (10, {"schema_version": laughs}),
    }  # fmt: skip
    found: dict[str, Any] = {}
    for name, (position, value) in changes.items():
        changed = valid_list()
        changed[position] = value
        found[name] = changed
    shared = _parts(ids)
    shared[1] = dict.fromkeys(ids, ["F"] * 3000)
    shared[2] = dict.fromkeys(ids, [0] * 3000)
    shared[6] = dict.fromkeys(ids, ["a"] * 3000)
    shared[9] = dict.fromkeys(ids, long)
    found |= {
        "one list for every dialogue": shared,
        "a number": 7,
        "a dictionary": {"a": 1},
        "three elements": [1, 2, 3],
        "eleven times nothing": [None] * 11,
        "eleven lists": [[]] * 11,
        "eleven laughs": [laughs] * 11,
    }
    return {name: _dumped(value) for name, value in found.items()}


def _dumped(value: Any) -> bytes:
    file = io.BytesIO()
    pickler = pickle._Pickler(file, 4)  # the one in Python has no trouble with depth
    import sys

    before = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)
    try:
        pickler.dump(value)
    finally:
        sys.setrecursionlimit(before)
    return file.getvalue()
