from __future__ import annotations

import time

import pytest

from feature_extractor.corpora.text_files import (
    decode_file,
    one_line,
    plain_name,
    read_table_file,
)
from graph_er.errors import InputError

UTF8 = ("utf-8-sig", "cp949")


def read(path, content, required=("a",), **options):
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    problems = []
    records = read_table_file(path, UTF8, required=required, problems=problems, **options)
    return [(r.source.removeprefix(f"{path}, "), r.cells) for r in records], problems


def test_rows_of_a_csv_have_the_line_they_begin_on(tmp_path):
    content = '\n A ,b\n1,"x\ny"\n\n,,\n2, z \n'
    rows, problems = read(tmp_path / "t.csv", content.replace(",,", ","))
    assert problems == []
    assert rows == [("line 3", {"a": "1", "b": "x\ny"}), ("line 7", {"a": "2", "b": "z"})]


def test_the_suffix_tells_the_delimiter(tmp_path):
    rows, _ = read(tmp_path / "t.TSV", "a\tb\n1,5\t2\n")
    assert rows == [("line 2", {"a": "1,5", "b": "2"})]


def test_json_lines_are_rows_of_text(tmp_path):
    content = '{"a": 3, "b": null}\r\n\n{"a": " x\u2028y ", "c": 0.5}\n'
    rows, problems = read(tmp_path / "t.jsonl", content)
    assert problems == []
    assert rows == [("line 1", {"a": "3", "b": ""}), ("line 3", {"a": "x\u2028y", "c": "0.5"})]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"a": 1', "not JSON"),
        ("[1]", "not a JSON object"),
        ('{"a": [1]}', "'a' is '[1]'"),
        ('{"a": true}', "'a' is 'True'"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_bad_json_is_named_by_line_and_the_rest_is_read(tmp_path, line, told):
    rows, problems = read(tmp_path / "t.jsonl", f'{{"a": 1}}\n{line}\n')
    assert rows == [("line 1", {"a": "1"})]
    assert problems[0].startswith(f"{tmp_path / 't.jsonl'}, line 2: {told}")


def test_rows_of_another_length_are_named(tmp_path):
    rows, problems = read(tmp_path / "t.csv", "a,b\n1\n1,2\n1,2,3\n")
    assert rows == [("line 3", {"a": "1", "b": "2"})]
    assert [p.split(": ")[0][-6:] for p in problems] == ["line 2", "line 4"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("b,c\n1,2\n", "1 column missing (a); it has b, c"),
        ("a, A\n1,2\n", "1 column occurs twice ('a')"),
        ("a,b\n", "holds a header row and no row below it"),
        ("", "is empty"),
        ("a;b\n1;2\n", "its cells are separated by ';'"),
        ('a,b\n1,"2\n3,4\n', "line 3: not CSV"),
        (b"a,b\n\xff\xff,2\n", "is neither UTF-8 nor CP949"),
    ],
)
def test_files_without_rows_to_use_are_one_problem(tmp_path, content, told):
    rows, problems = read(tmp_path / "t.csv", content)
    assert rows == []
    assert len(problems) == 1
    assert told in problems[0]


def test_one_of_several_columns_is_enough(tmp_path):
    path = tmp_path / "t.csv"
    assert read(path, "a,c\n1,2\n", one_of=("b", "c"))[1] == []
    assert "1 column missing (b or c)" in read(path, "a,d\n1,2\n", one_of=("b", "c"))[1][0]


def test_encodings_are_tried_in_order(tmp_path):
    path = tmp_path / "t.txt"
    for content in ("안녕".encode(), "안녕".encode("utf-8-sig"), "안녕".encode("cp949")):
        path.write_bytes(content)
        assert decode_file(path, UTF8) == "안녕"
    with pytest.raises(InputError, match=r"absent\.txt: no such file"):
        decode_file(tmp_path / "absent.txt", UTF8)


def test_one_line_composes_letters_and_joins_lines():
    assert one_line(" \u1100\u1161\n\t나\u00a0다 ") == "가 나 다"


def test_a_table_of_very_many_columns_is_read_in_time_with_its_size(tmp_path):
    names = [f"c{number}" for number in range(60_000)]
    path = tmp_path / "wide.csv"
    path.write_text(",".join(names) + "\n" + ",".join("x" for _ in names) + "\n")
    begun, problems = time.monotonic(), []
    assert len(read_table_file(path, ["utf-8"], required=["c1"], problems=problems)) == 1
    path.write_text(",".join([*names, *names]) + "\nx\n")
    read_table_file(path, ["utf-8"], required=["c1"], problems=problems)
    assert "occur twice" in problems[0]
    assert len(problems[0]) < 1000
    assert time.monotonic() - begun < 20


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a,b,,\n1,2,,\n3,4\n", [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]),
        (",a,,b\n,1,,2\n", [{"a": "1", "b": "2"}]),
        (",a,\n0,1,\n1,2,\n", [{"": "0", "a": "1"}, {"": "1", "a": "2"}]),
    ],
)
def test_columns_without_name_and_values_are_left_out(tmp_path, content, expected):
    rows, problems = read(tmp_path / "t.csv", content)
    assert problems == []
    assert [cells for _, cells in rows] == expected


def test_columns_with_values_and_no_name_are_to_be_named_or_removed(tmp_path):
    rows, problems = read(tmp_path / "t.csv", "a,,b,\n1,2,3,\n1,,3,4\n")
    assert rows == []
    assert "columns 2, 4 have values and no name; name them in the header" in problems[0]
    rows, problems = read(tmp_path / "t.csv", "a,b,,\n1\n1,2,,,\n1,2,,\n")
    assert [p.split("line ")[1] for p in problems] == [
        "2: 1 cell where the header names 2; correct the row",
        "3: 5 cells where the header names 2; correct the row",
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", "sep=,\na,b\n1,2\n"),
        ("t.csv", "\ufeffSEP=;\r\na;b\r\n1;2\r\n"),
        ("t.csv", '"sep=\t"\na\tb\n1\t2\n'),
        ("t.tsv", "sep=,,\na,b\n1,2\n"),
    ],
)
def test_a_first_line_that_tells_the_delimiter(tmp_path, name, content):
    rows, problems = read(tmp_path / name, content)
    assert problems == []
    assert rows == [("line 3", {"a": "1", "b": "2"})]


def test_json_columns_that_are_not_checked_may_hold_anything(tmp_path):
    content = '{"A": 1, "b": ["가", {"c": true}]}\n'
    rows, problems = read(tmp_path / "t.jsonl", content, checked=["a"])
    assert problems == []
    assert rows == [("line 1", {"a": "1", "b": '["가", {"c": true}]'})]
    assert "'b' is" in read(tmp_path / "t.jsonl", content, checked=["a", "b"])[1][0]


@pytest.mark.parametrize(
    "sign", ["\u200b", "\ufeff", "\u200e", "\u2060", "\xad", "\u3164", "\U000e0041"]
)
def test_signs_that_nobody_sees_are_no_part_of_a_name(sign):
    assert plain_name(f"{sign}민{sign} 아 {sign} 1{sign}") == "민 아 1"
    assert plain_name(sign) == ""
    assert one_line(f"민{sign}아") == f"민{sign}아"


def test_signs_that_nobody_sees_are_no_part_of_a_column(tmp_path):
    rows, problems = read(tmp_path / "t.csv", "\ufeff\ufeffa\u200b,b\n1,x\u200by\n")
    assert (rows, problems) == ([("line 2", {"a": "1", "b": "x\u200by"})], [])


@pytest.mark.parametrize("name", ["می\u200cخواهم", "\U0001f468\u200d\U0001f469", "❤\ufe0f"])
def test_signs_that_spelling_needs_stay_within_a_name(name):
    assert plain_name(f"\u200d{name}\u200b\u200c") == name
