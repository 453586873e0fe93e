import json
import unicodedata
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from graph_er.conversations.conversation_input import read_turns
from graph_er.conversations.turn_table import read_turn_table, turns_of_rows
from graph_er.errors import InputError
from tests.graph_er.conversation_factory import talk, write_noise, write_table


def refused(path):
    with pytest.raises(InputError) as error:
        read_turn_table(path)
    return str(error.value)


def test_a_table_without_ids_or_times_is_one_conversation_in_the_order_of_its_rows(tmp_path):
    turns = read_turn_table(write_table(tmp_path / "lunch.csv", talk()))
    assert [turn.dialogue for turn in turns] == ["lunch"] * 3
    assert [turn.speaker for turn in turns] == ["A", "B", "A"]
    assert [turn.text for turn in turns] == ["그래 0", "그래 1", "그래 2"]
    assert [turn.wav for turn in turns] == [tmp_path / f"wav/{n}.wav" for n in range(3)]
    assert [turn.start for turn in turns] == pytest.approx([0, 0.3, 0.6])
    assert not any(turn.timed for turn in turns)


def test_starts_decide_the_order_and_positions_remember_the_rows(tmp_path):
    rows = [{**row, "start": start} for row, start in zip(talk(), (5, 1.5, 3), strict=True)]
    turns = read_turn_table(write_table(tmp_path / "t.csv", rows))
    assert [turn.position for turn in turns] == [1, 2, 0]
    assert [turn.start for turn in turns] == [1.5, 3, 5]


def test_interleaved_dialogues_are_put_apart(tmp_path):
    rows = [{**row, "dialogue": "xy"[n % 2], "utterance": n // 2} for n, row in enumerate(talk(4))]
    turns = read_turn_table(write_table(tmp_path / "t.csv", rows))
    assert [(turn.dialogue, turn.position) for turn in turns] == [
        *(("x", 0), ("x", 2), ("y", 1), ("y", 3))
    ]
    assert len({turn.id for turn in turns}) == 4


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949"])
def test_encodings(tmp_path, encoding):
    (turn,) = read_turn_table(write_table(tmp_path / "t.csv", talk(1), encoding))
    assert (turn.speaker, turn.text) == ("A", "그래 0")


def test_the_users_values_are_kept_as_they_were_written(tmp_path):
    row = {
        "Speaker": "A",
        "text": "그래",
        "start": 0.50,
        "topic": "x",
        "emotion": "?",
        "split": "q",
    }
    path = tmp_path / "t.jsonl"
    path.write_text(json.dumps(row, ensure_ascii=False), encoding="utf-8")
    (turn,) = read_turn_table(path)
    assert turn.row == row
    (turn,) = read_turn_table(write_table(tmp_path / "t.csv", [row]))
    assert turn.row == {**row, "start": "0.5"}


def test_all_problems_at_once_with_row_and_remedy(tmp_path):
    (tmp_path / "no.wav").write_text("not audio")
    write_noise(tmp_path / "ok.wav")
    rows = [
        {"utterance": "a", "speaker": "A", "wav": "gone.wav"},
        {"utterance": "b", "speaker": "A", "wav": "no.wav"},
        {"utterance": "c", "speaker": "A", "text": "x\0y"},
        {"utterance": "d", "speaker": "A", "text": "x", "start": "nan"},
        {"utterance": "e", "speaker": "A"},
        {"utterance": "f", "speaker": "", "text": "x"},
        {"utterance": "g", "speaker": "A", "wav": "../ok.wav"},
        {"utterance": "h", "speaker": "A", "text": "x", "start": -1},
        {"utterance": "i", "speaker": "A", "text": "x", "start": 5, "end": 4},
        {"utterance": "j", "speaker": "A", "wav": "ok.wav", "start": 1},
        {"utterance": "j", "speaker": "B", "wav": "ok.wav", "start": 2},
    ]
    path = tmp_path / "t.csv"
    message = refused(_written(path, rows))
    for line, words in [
        (2, "gone.wav' is not there"),
        (3, "no readable audio"),
        (4, "U+0000"),
        (5, "start 'nan' is not a number"),
        (6, "neither wav nor text"),
        (7, "no speaker; fill it in"),
        (8, "may lead out of the table's folder"),
        (9, "negative"),
        (10, "before start"),
        (11, "occurs 2 times"),
    ]:
        assert any(f"line {line}" in told and words in told for told in message.splitlines()), words
    assert "11 problem" not in message
    assert f"{path}: 10 problems" in message


def _written(path, rows):
    import csv

    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(n for row in rows for n in row)))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("speaker,text\n", "no row below it"),
        ("name,text\nA,x\n", r"1 column missing \(speaker\)"),
        ("speaker\nA\n", r"missing \(wav or text\)"),
        ("speaker;text\nA;x\n", "separated by ';'"),
    ],
)
def test_files_that_are_no_tables(tmp_path, content, message):
    path = tmp_path / "t.csv"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        read_turn_table(path)


def test_starts_are_the_order_whatever_the_numbers_are_and_that_is_told(tmp_path, caplog):
    rows = [
        {**row, "utterance": n + 1, "start": start}
        for n, (row, start) in enumerate(zip(talk(), (5, 1.5, 3), strict=True))
    ]
    turns = read_turn_table(write_table(tmp_path / "t.csv", rows))
    assert [turn.id for turn in turns] == ["2", "3", "1"]
    assert "utterances are numbered in another order" in caplog.text


def test_rows_without_starts_stay_as_they_stand_whatever_the_numbers_are(tmp_path, caplog):
    rows = [{**row, "utterance": 3 - n} for n, row in enumerate(talk())]
    turns = read_turn_table(write_table(tmp_path / "t.csv", rows))
    assert [turn.id for turn in turns] == ["3", "2", "1"]
    assert "utterances are numbered in another order" in caplog.text


def test_times_in_some_rows_only_are_refused(tmp_path):
    rows = [{**row, "start": start} for row, start in zip(talk(), (1, "", 3), strict=True)]
    assert "line 3 has no start" in refused(write_table(tmp_path / "t.csv", rows))


def test_names_spelt_with_decomposed_syllables(tmp_path):
    (turn,) = turns_of_rows(
        [{"speaker": unicodedata.normalize("NFD", "민아"), "text": "x"}], tmp_path
    )
    assert turn.speaker == "민아"


def test_speakers_that_look_alike_are_one_and_words_stay_as_they_are(tmp_path):
    rows = [{"speaker": "A", "text": "x\u200by"}, {"speaker\u200b": "A\u200b", "text": "z"}]
    first, second = turns_of_rows(rows, tmp_path)
    assert (first.speaker, second.speaker) == ("A", "A")
    assert first.text == "x\u200by"
    assert second.row == rows[1]


def test_rows_of_python(tmp_path):
    wav = write_noise(tmp_path / "a.wav")
    rows = [
        {"speaker": "A", "wav": wav, "text": float("nan"), "extra": object()},
        {"speaker": "B", "wav": None, "text": "x", "start": None, "utterance": np.int64(7)},
    ]
    rows[0]["utterance"] = np.int64(6)
    first, second = turns_of_rows(rows, tmp_path)
    assert (first.wav, first.text, first.duration) == (wav, "", pytest.approx(0.3))
    assert (second.wav, second.text, second.row) == (None, "x", rows[1])


def test_what_a_data_frame_lacks_is_empty(tmp_path):
    wav = write_noise(tmp_path / "a.wav")
    rows = [
        {"speaker": "A", "text": "x", "wav": pd.NA, "start": pd.NA},
        {"speaker": "B", "text": pd.NA, "wav": str(wav), "start": pd.NaT},
    ]
    turns = turns_of_rows(rows, tmp_path)
    assert [(turn.text, turn.wav) for turn in turns] == [("x", None), ("", wav)]


def test_paths_may_be_texts(tmp_path):
    wav = write_noise(tmp_path / "a.wav")
    (turn,) = turns_of_rows([{"speaker": "A", "wav": "a.wav"}], str(tmp_path))
    assert turn.wav == wav
    assert replace(turn, wav=str(wav)) == turn
    table = write_table(tmp_path / "t.csv", [{"speaker": "A", "wav": "a.wav"}])
    assert [found.wav for found in read_turns(str(table))] == [wav]


@pytest.mark.parametrize("blank", [None, "", " ", float("nan"), pd.NA, pd.NaT])
def test_a_session_need_not_be_named(blank, tmp_path):
    rows = [
        {"dialogue": "a", "speaker": "A", "text": "x", "session": blank},
        {"dialogue": "b", "speaker": "A", "text": "y", "session": 7},
        {"dialogue": "c", "speaker": "A", "text": "z"},
    ]
    assert [turn.session for turn in turns_of_rows(rows, tmp_path)] == [None, "7", None]


@pytest.mark.parametrize("name", ["dialogue", "utterance"])
def test_a_column_of_names_that_is_empty_from_end_to_end_is_as_none(name, tmp_path):
    rows = [{"speaker": "A", "text": text} for text in "xy"]
    expected = [replace(turn, row=None) for turn in turns_of_rows(rows, tmp_path)]
    blank = [{**row, name: cell} for row, cell in zip(rows, ("", float("nan")), strict=True)]
    assert [replace(turn, row=None) for turn in turns_of_rows(blank, tmp_path)] == expected
    with pytest.raises(InputError, match=f"row 2: no {name}; fill it in"):
        turns_of_rows([{**rows[0], name: "d"}, blank[1]], tmp_path)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [{"speaker": "A", "text": text, "session": text} for text in "xy"],
            "2 values of session",
        ),
        (["x"], "row 1: str 'x' is no dict"),
        ([{"text": "x"}], "row 1: no speaker"),
        ([{"txt": "x"}], "row 1: neither wav nor text; the keys given are 'txt', those read are"),
        (
            [{"dialogue": "\u0301" * 100_000, "speaker": "A", "text": "x"}],
            "row 1: a text holds more than 30",
        ),
        (
            [{"speaker": "A", 5: "x"}],
            "keys given are 'speaker', '5', those read are dialogue, session, utt",
        ),
        ([{}], "row 1: neither wav nor text; the keys given are none"),
        ([{"speaker": "A", " TEXT": ""}], "row 1: neither wav nor text; fill in one of them"),
        ([{"speaker": "A", "text": ["x"]}], "row 1: 'text' is"),
        ([{"speaker": "A", "wav": np.zeros(9)}], "row 1: 'wav' is"),
        ([{"speaker": "A", "wav": torch.zeros(9)}], "row 1: 'wav' is"),
        ([{"speaker": "A", "text": "x"}, {"speaker": "A", "wav": "gone.wav"}], "row 2: wav"),
    ],
)
def test_rows_of_python_that_are_refused(rows, message, tmp_path):
    with pytest.raises(InputError, match=message):
        turns_of_rows(rows, tmp_path)


def test_other_columns_of_json_lines_may_hold_anything(tmp_path):
    rows = [
        {"speaker": "A", "text": "x", "is_final": True},
        {"speaker": "B", "text": "y", "words": [{"w": "y", "t": [0, 1]}], "meta": {}, "n": None},
    ]
    path = tmp_path / "t.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    assert [turn.row for turn in read_turn_table(path)] == rows
    assert [turn.row for turn in turns_of_rows(rows, tmp_path)] == rows
    path.write_text('{"speaker": "A", "text": ["x"]}\n')
    assert "line 1: 'text' is" in refused(path)


def test_equal_starts_leave_rows_in_their_order(tmp_path):
    rows = [{"utterance": n, "speaker": "A", "text": "x", "start": 0} for n in "zay"]
    turns = read_turn_table(write_table(tmp_path / "t.csv", rows))
    assert [turn.id for turn in turns] == ["z", "a", "y"]


def test_equal_starts_of_numbered_turns_follow_the_numbers(tmp_path):
    rows = [{"utterance": n, "speaker": "A", "text": "x", "start": 0} for n in (10, 8, 9)]
    turns = read_turn_table(write_table(tmp_path / "t.csv", rows))
    assert [turn.id for turn in turns] == ["8", "9", "10"]


def test_ids_may_begin_anew_in_each_dialogue_and_come_out_as_written(tmp_path):
    rows = [{"dialogue": d, "utterance": "u1", "speaker": "A", "text": "x"} for d in "ab"]
    turns = read_turn_table(write_table(tmp_path / "t.csv", rows))
    assert [(turn.id, turn.row["utterance"]) for turn in turns] == [("a_u1", "u1"), ("b_u1", "u1")]
    rows[1]["dialogue"] = "a"
    assert "keep one row" in refused(write_table(tmp_path / "t.csv", rows))
