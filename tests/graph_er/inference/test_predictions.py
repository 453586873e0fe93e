import csv
import json

import numpy as np
import pytest

from graph_er.conversations.turn_table import read_turn_table
from graph_er.conversations.turns import Turn
from graph_er.errors import InputError
from graph_er.inference.predictions import prediction_rows, write_prediction_rows

EMOTIONS = ("neutral", "happy")


def turn(position=0, row=None, **changes):
    named = {"wav": None, "duration": 0.0, "text": "그래", "start": 0.0, "end": 1.0, **changes}
    return Turn(f"u{position}", "d", "A", position=position, row=row or {}, **named)


def rows_of(*turns, modalities="at", silent=()):
    probabilities = np.array([[0.25, 0.75]] * len(turns))
    return prediction_rows(turns, probabilities, EMOTIONS, modalities, frozenset(silent))


def read_csv(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_new_columns_stand_behind_the_users():
    (row,) = rows_of(turn(row={"speaker": "A", "text": "그래"}))
    assert list(row) == [
        *("speaker", "text", "emotion", "confidence", "prob_neutral", "prob_happy"),
        *("modalities_used", "marks"),
    ]
    assert (row["emotion"], row["confidence"]) == ("happy", 0.75)


def test_the_users_own_column_of_a_new_columns_name_is_kept():
    (row,) = rows_of(turn(row={"emotion": "sad", "marks": "x", "prob_other": "1"}))
    assert (row["input_emotion"], row["input_marks"], row["input_prob_other"]) == ("sad", "x", "1")
    assert row["emotion"] == "happy"


def test_no_column_of_the_users_is_lost_to_the_new_name_of_another(tmp_path):
    both = {"emotion": "sad", "input_emotion": "glad", "input_input_emotion": "mad"}
    rows = rows_of(turn(0, both), turn(1, {"emotion": "bad"}))
    expected = {**both, "emotion": "happy", "input_input_input_emotion": "sad"}
    assert rows[0].items() >= expected.items()
    # One column has one name in all rows.
    assert rows[1]["input_input_input_emotion"] == "bad"
    assert "input_emotion" not in rows[1]
    write_prediction_rows(tmp_path / "p.csv", rows)
    assert read_csv(tmp_path / "p.csv")[0].items() >= expected.items()


def test_columns_of_new_names_in_other_letters_are_kept_apart_as_readers_see_them(tmp_path):
    own = {"Speaker": "A", "text": "x", "Emotion": "sad", "CONFIDENCE": 1, " Marks": "m"}
    own |= {"Input_Emotion": "glad"}
    rows = rows_of(turn(row=own))
    kept = {"input_input_Emotion": "sad", "input_CONFIDENCE": 1, "Input_Emotion": "glad"}
    assert rows[0].items() >= {**kept, "Speaker": "A", "emotion": "happy"}.items()
    for name in ("p.csv", "p.jsonl"):
        write_prediction_rows(tmp_path / name, rows)
        (again,) = read_turn_table(tmp_path / name)
        assert again.row["input_ Marks"] == "m"


def test_a_recognised_text_stands_in_the_users_column_and_is_marked():
    (row,) = rows_of(turn(row={"Text": ""}, text="응", transcribed=True), modalities="t")
    assert (row["Text"], row["marks"]) == ("응", "text by speech recognition")


def test_marks_tell_of_what_the_model_reads_alone():
    assert rows_of(turn(), modalities="t")[0]["marks"] == ""
    assert rows_of(turn(text=""), silent=["u0"])[0]["marks"] == "no audio; no text; silent audio"


def test_two_turns_in_one_place_are_refused():
    with pytest.raises(InputError, match="turn u0: its position, 0, is another turn's"):
        rows_of(turn(0), turn(0))


def test_csv_and_json_lines_say_the_same(tmp_path):
    rows = rows_of(
        turn(0, {"text": '=1+1, "x"\n@y', "start": 0.123456789}),
        turn(1, {"text": "나", "n": float("nan")}),
    )
    write_prediction_rows(tmp_path / "p.csv", rows)
    write_prediction_rows(tmp_path / "p.jsonl", rows)
    lines = (tmp_path / "p.jsonl").read_text(encoding="utf-8").splitlines()
    table = read_csv(tmp_path / "p.csv")
    # What a spreadsheet would run is kept from it; our readers and JSON have it as it was.
    assert [row["text"] for row in table] == ['\'=1+1, "x"\n@y', "나"]
    assert [json.loads(line)["text"] for line in lines] == ['=1+1, "x"\n@y', "나"]
    assert json.loads(lines[0])["start"] == 0.123456789
    assert (table[0]["n"], table[1]["n"], json.loads(lines[1])["n"]) == ("", "", None)
    assert list(table[0])[:4] == ["text", "start", "n", "emotion"]


def test_nothing_is_left_where_writing_fails(tmp_path):
    with pytest.raises(InputError, match=r"write to \.csv or \.jsonl"):
        write_prediction_rows(tmp_path / "p.xlsx", rows_of(turn()))
    half_a_letter = rows_of(turn(row={"note": "\ud800"}))
    for name in ("p.csv", "p.jsonl"):
        with pytest.raises(UnicodeEncodeError):
            write_prediction_rows(tmp_path / name, half_a_letter)
    assert list(tmp_path.iterdir()) == []


def test_what_csv_has_no_form_for_is_json_there_and_itself_in_json_lines(tmp_path):
    row = {"words": [{"w": "가"}], "final": True, "none": None}
    rows = rows_of(turn(row=row))
    write_prediction_rows(tmp_path / "p.csv", rows)
    with (tmp_path / "p.csv").open(encoding="utf-8", newline="") as file:
        (written,) = csv.DictReader(file)
    assert [written[name] for name in row] == ['[{"w": "가"}]', "true", ""]
    write_prediction_rows(tmp_path / "p.jsonl", rows)
    assert json.loads((tmp_path / "p.jsonl").read_text(encoding="utf-8")).items() >= row.items()
