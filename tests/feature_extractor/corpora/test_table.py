from __future__ import annotations

import csv
import json
import os
import random
import unicodedata

import numpy as np
import pytest
import soundfile

from feature_extractor.corpora.problems import CorpusProblems
from feature_extractor.corpora.table import read_table
from feature_extractor.splits.splitting import split_corpus
from feature_extractor.utterance import Utterance
from graph_er.errors import InputError

# Two dialogues with everything that a table can tell.
ROWS = [
    {"dialogue": dialogue, "utterance": f"{dialogue}_{number}", "speaker": speaker,
     "wav": f"audio/{dialogue}_{number}.wav", "text": text, "emotion": emotion, "start": start,
     "end": end, "session": session, "split": split, "sentence": sentence, "part": "impro",
     "valence": 2.5, "arousal": ""}
    for dialogue, number, speaker, text, emotion, start, end, session, split, sentence in [
        ("d2", "a", "Kim", " 왜  그래 ", "happy", 0.5, 1.5, "s1", "train", ""),
        ("d2", "b", "Lee", "", "neutral", 1.5, "", "s1", "train", "7"),
        ("d10", "a", "Park", "그래", "anger", 0, 2, "s2", "test", "x"),
        ("d10", "b", "Choi", "몰라", "슬픔", 2, 3, "s2", "test", "7"),
    ]
]  # fmt: skip


def write_wav(path, seconds=0.25):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros(round(8_000 * seconds)), 8_000)
    return path


def write_table(path, rows, encoding="utf-8"):
    """Write rows in the format that the suffix tells, and the audio that they name beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for row in rows:
        wav = row.get("wav")
        if wav and not os.path.isabs(wav):
            write_wav(path.parent / wav)
    if path.suffix == ".jsonl":
        lines = [json.dumps(row, ensure_ascii=False) for row in rows]
        path.write_text("\n".join(lines) + "\n", encoding=encoding)
        return path
    with path.open("w", encoding=encoding, newline="") as file:
        delimiter = "\t" if path.suffix == ".tsv" else ","
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


def make(tmp_path, *rows, name="t.csv"):
    """Write rows given as changes of a plain utterance of text."""
    plain = {"speaker": "Kim", "text": "그래", "emotion": "happy"}
    return write_table(tmp_path / name, [{**plain, **row} for row in rows])


def problems_of(path):
    with pytest.raises(CorpusProblems) as error:
        read_table(path)
    return error.value.problems


def without(rows, *columns):
    return [{name: row[name] for name in row if name not in columns} for row in rows]


def test_every_field_of_a_row(tmp_path):
    corpus = read_table(write_table(tmp_path / "t.csv", ROWS))
    assert corpus.name == "table"
    assert corpus.utterances[0] == Utterance(
        id="d2_a",
        session="s1",
        dialogue="d2",
        speaker="Kim",
        start=0.5,
        end=1.5,
        wav=tmp_path / "audio" / "d2_a.wav",
        duration=0.25,
        text="왜 그래",
        emotion="happy",
        valence=2.5,
        part="impro",
        speaker_id="Kim",
    )
    assert [u.id for u in corpus.utterances] == ["d2_a", "d2_b", "d10_a", "d10_b"]
    assert [u.sentence for u in corpus.utterances] == [None, "impro_7", "x", "impro_7"]
    assert corpus.utterances[1].end == 1.75


@pytest.mark.parametrize(
    ("name", "encoding"),
    [("t.csv", "cp949"), ("t.csv", "utf-8-sig"), ("t.tsv", "utf-8"), ("t.jsonl", "utf-8-sig")],
)
def test_formats_and_encodings_give_the_same_corpus(tmp_path, name, encoding):
    expected = read_table(write_table(tmp_path / "t.csv", ROWS))
    assert read_table(write_table(tmp_path / name, ROWS, encoding)) == expected


def test_with_starts_the_order_of_rows_changes_nothing(tmp_path):
    expected = read_table(write_table(tmp_path / "t.csv", ROWS))
    for seed in range(4):
        shuffled = random.Random(seed).sample(ROWS, len(ROWS))
        assert read_table(write_table(tmp_path / "t.csv", shuffled)) == expected


def test_the_split_column_is_the_official_split(tmp_path):
    rows = [dict(row, split={"test": "Valid"}.get(row["split"], "train")) for row in ROWS]
    path = make(tmp_path, *rows, {**ROWS[0], "dialogue": "z", "utterance": "z", "split": "test"})
    corpus = read_table(path)
    assert corpus.official == {"d2": "train", "d10": "dev", "z": "test"}
    split = split_corpus(corpus)
    assert (split.train, split.dev, split.test) == (("d2",), ("d10",), ("z",))


def test_without_a_split_column_the_last_two_sessions_are_test(tmp_path):
    rows = [{"utterance": f"u{n}", "speaker": f"s{n % 5}"} for n in range(10)]
    corpus = read_table(make(tmp_path, *rows))
    assert corpus.official is None
    assert {u.session for u in corpus.utterances} == {"s0", "s1", "s2", "s3", "s4"}
    assert split_corpus(corpus).test == ("u3", "u4", "u8", "u9")


def test_without_dialogues_every_utterance_is_one(tmp_path):
    named = read_table(make(tmp_path, {"utterance": "b"}, {"utterance": "a", "speaker": "Lee"}))
    assert [(u.id, u.dialogue, u.start) for u in named.utterances] == [("a", "a", 0), ("b", "b", 0)]
    assert [(u.session, u.speaker_id) for u in named.utterances] == [("Lee", "Lee"), ("Kim", "Kim")]
    numbered = read_table(make(tmp_path, {}, {}))
    assert [u.id for u in numbered.utterances] == ["utterance000001", "utterance000002"]


def test_without_ids_utterances_are_numbered_by_start_else_by_row(tmp_path):
    rows = [{"dialogue": d, "text": text} for d, text in (("d", "1"), ("e", "2"), ("d", "3"))]
    corpus = read_table(make(tmp_path, *rows))
    assert [(u.id, u.text) for u in corpus.utterances] == [
        ("d_001", "1"), ("d_002", "3"), ("e_001", "2"),
    ]  # fmt: skip
    timed = [{**row, "start": start} for row, start in zip(rows, (5, 0, 1), strict=True)]
    texts = [u.text for u in read_table(make(tmp_path, *timed)).utterances]
    assert texts == ["3", "1", "2"]


@pytest.mark.parametrize("before", ["", "utt"])
def test_ids_that_begin_anew_are_put_behind_the_dialogue(before, tmp_path):
    rows = [{"dialogue": d, "utterance": f"{before}{n}"} for d in ("d", "e") for n in (1, 2, 10)]
    corpus = read_table(make(tmp_path, *rows))
    expected = [f"{d}_{before}{n}" for d in ("d", "e") for n in (1, 2, 10)]
    assert [u.id for u in corpus.utterances] == expected
    assert any(f"({before}1 is in d and e)" in notice for notice in corpus.notices)
    (problem,) = problems_of(make(tmp_path, *rows, rows[0]))
    assert problem.startswith(f"utterance d_{before}1 occurs 2 times")


@pytest.mark.parametrize("name", ["dialogue", "utterance", "session", "split"])
def test_a_column_of_names_that_is_empty_from_end_to_end_is_as_none(name, tmp_path):
    rows = [{"text": text} for text in "12"]
    if name != "dialogue":
        rows = [{"dialogue": "d", **row} for row in rows]
    expected = read_table(make(tmp_path, *rows)).utterances
    assert read_table(make(tmp_path, *({**row, name: ""} for row in rows))).utterances == expected
    rows[0][name] = "train"
    (told,) = problems_of(make(tmp_path, *rows))
    assert f"no {name}; fill it in" in told


def test_without_starts_utterances_are_laid_end_to_end(tmp_path):
    rows = [
        {"dialogue": "d", "utterance": f"u{n}", "wav": wav}
        for n, wav in enumerate(("", "x.wav", ""))
    ]
    times = [(u.start, u.end) for u in read_table(make(tmp_path, *rows)).utterances]
    assert times == [(0, 1), (1, 1.25), (1.25, 2.25)]


def test_ids_of_kemdy_and_iemocap_tell_the_session(tmp_path):
    names = ["Sess01_script01", "Sess01_impro02", "Ses02F_impro01", "Ses02M_impro01", "call_1"]
    rows = [{"dialogue": name, "utterance": f"{name}_{n}"} for name in names for n in (1, 2)]
    corpus = read_table(make(tmp_path, *rows))
    sessions = {u.dialogue: u.session for u in corpus.utterances}
    assert sessions == dict(
        zip(names, ["Sess01", "Sess01", "Ses02", "Ses02", "call_1"], strict=True)
    )
    (told,) = [notice for notice in corpus.notices if "that the id tells" in notice]
    assert told.startswith("4 dialogues are of the session that the id tells (Ses02, Sess01);")
    single = [
        {"utterance": f"Sess0{s}_script01_F00{n}", "speaker": "F"} for s in (1, 2) for n in (1, 2)
    ]
    heard = read_table(make(tmp_path, *single)).utterances
    assert [u.session for u in heard] == ["Sess01", "Sess01", "Sess02", "Sess02"]
    assert {u.speaker_id for u in heard} == {None}  # F of either is a role
    named = read_table(make(tmp_path, *[{**row, "session": "s"} for row in rows]))
    assert {u.session for u in named.utterances} == {"s"}
    assert not any("that the id tells" in notice for notice in named.notices)


def test_speakers_are_persons_only_where_a_name_stays_in_one_session(tmp_path):
    rows = [{"dialogue": d, "utterance": f"{d}{s}", "speaker": s} for d in "de" for s in "FM"]
    corpus = read_table(make(tmp_path, *rows))
    assert {u.speaker_id for u in corpus.utterances} == {None}
    assert {u.session for u in corpus.utterances} == {"d", "e"}
    assert any("column speaker_id" in notice for notice in corpus.notices)
    one_session = [{**row, "session": "s"} for row in rows]
    corpus = read_table(make(tmp_path, *one_session))
    assert [u.speaker_id for u in corpus.utterances] == ["F", "M", "F", "M"]
    told = [{**row, "speaker_id": f"{row['dialogue']}-{row['speaker']}"} for row in rows]
    corpus = read_table(make(tmp_path, *told))
    assert [u.speaker_id for u in corpus.utterances] == ["d-F", "d-M", "e-F", "e-M"]
    corpus = read_table(make(tmp_path, *without(told, "dialogue")))
    assert [u.session for u in corpus.utterances] == ["d-F", "d-M", "e-F", "e-M"]


def test_known_emotions_come_in_the_order_of_the_seven(tmp_path):
    spellings = ("분노", "Neutral", "sadness", "ANGER")
    corpus = read_table(make(tmp_path, *({"emotion": name} for name in spellings)))
    assert corpus.emotions == ("neutral", "angry", "sad")
    assert [u.emotion for u in corpus.utterances] == ["angry", "neutral", "sad", "angry"]


def test_other_emotions_are_as_written_and_sorted(tmp_path):
    corpus = read_table(make(tmp_path, *({"emotion": n} for n in ("sad", "bored", "sad", "Joy"))))
    assert corpus.emotions == ("Joy", "bored", "sad")
    assert any("as written, Joy (1), bored (1), sad (2)" in notice for notice in corpus.notices)


def test_spellings_of_one_emotion_are_one_beside_other_names(tmp_path):
    names = ("anger", "Angry", "분노", "bored", "Bored", "Joy")
    corpus = read_table(make(tmp_path, *({"emotion": name} for name in names)))
    assert corpus.emotions == ("Joy", "angry", "bored")
    assert any("as written, Joy (1), angry (3), bored (2)" in note for note in corpus.notices)
    told = "taken as one: anger as angry, Angry as angry, 분노 as angry, Bored as bored."
    assert any(told in note for note in corpus.notices)


def test_unknown_columns_are_ignored_with_a_notice(tmp_path):
    rows = [{"mood": "x", " Gender ": "F"}, {"mood": "", " Gender ": "F"}]
    corpus = read_table(make(tmp_path, *rows))
    assert "unknown columns ignored: gender, mood." in corpus.notices


def test_json_lines_may_leave_cells_out(tmp_path):
    rows = [{"wav": "a.wav", "text": None}, {"start": 2.5, "valence": 4}]
    corpus = read_table(make(tmp_path, *rows, name="t.jsonl"))
    assert [(u.text, u.wav is None, u.valence) for u in corpus.utterances] == [
        ("", False, None),
        ("그래", True, 4.0),
    ]


def test_audio_lies_below_the_table_or_at_an_absolute_path(tmp_path):
    far = write_wav(tmp_path / "far" / "x.flac")
    composed, decomposed = (unicodedata.normalize(form, "강.wav") for form in ("NFC", "NFD"))
    write_wav(tmp_path / "here" / decomposed)
    path = make(tmp_path / "here", {"wav": str(far)}, {"wav": "a/b.ogg"})
    (tmp_path / "here" / "a" / "b.ogg").unlink()
    write_wav(tmp_path / "here" / "a" / "b.ogg")
    path.write_text(path.read_text("utf-8") + f"Kim,,sad,{composed}\n", "utf-8")
    wavs = [u.wav for u in read_table(path).utterances]
    assert wavs[:2] == [far, tmp_path / "here" / "a" / "b.ogg"]
    assert wavs[2].samefile(tmp_path / "here" / decomposed)  # some disks open it by either form


BAD_ROWS = [
    ({"emotion": " "}, "no emotion; fill it in or remove the row (dialogues that nobody labelled"),
    ({"emotion": "sad;happy"}, "emotion 'sad;happy' names several"),
    ({"speaker": ""}, "no speaker"),
    ({"dialogue": ""}, "no dialogue"),
    ({"utterance": ""}, "no utterance"),
    ({"session": ""}, "no session"),
    ({"split": ""}, "no split"),
    ({"split": "both"}, "split 'both' is none of train, dev and test"),
    ({"start": "soon"}, "start 'soon' is not a number"),
    ({"start": "nan"}, "start 'nan' is not a number"),
    ({"start": "-1"}, "start -1.0 is negative"),
    ({"start": "2", "end": "1"}, "end 1.0 is before start 2.0"),
    ({"end": "1"}, "end 1.0 without a start"),
    ({"valence": "7"}, "valence 7 is not within 1 to 5"),
    ({"text": "", "wav": ""}, "neither wav nor text"),
    ({"wav": "/no/such.wav"}, "wav '/no/such.wav' is not there"),
    ({"wav": "/dev/null"}, "wav '/dev/null' is not a regular file"),
    ({"wav": "/"}, "wav '/' is not a regular file"),
    ({"wav": "/" + "x" * 300}, "wav '/xxx"),
    ({"speaker": "x" * 300}, "speaker 'xxx"),
]


@pytest.mark.parametrize(("row", "told"), BAD_ROWS)
def test_a_bad_cell_is_named_by_file_line_and_value(tmp_path, row, told):
    good = {name: {"split": "train", "session": "s"}.get(name, "9" * 9) for name in row}
    good |= {"emotion": "sad", "text": "x"} | {name: "" for name in good.keys() & {"wav", "end"}}
    good |= {name: "" for name in good.keys() & {"start", "valence"}}
    path = make(tmp_path, good, row)
    (problem,) = problems_of(path)
    assert problem.startswith(f"{path}, line 3: {told}")


def test_audio_outside_the_tables_folder_by_a_relative_path_is_refused(tmp_path):
    write_wav(tmp_path / "x.wav")
    (problem,) = problems_of(make(tmp_path / "t", {"wav": "../x.wav"}))
    assert "line 2: wav '../x.wav' may lead out of the table's folder" in problem


def contradicting(tmp_path, column, values):
    rows = [
        {"dialogue": "d", "utterance": f"{n + 1}", column: value} for n, value in enumerate(values)
    ]
    path = make(tmp_path, *rows, {"dialogue": "e", "utterance": "9", column: values[0]})
    with pytest.raises(CorpusProblems) as error:
        read_table(path)
    assert [u.dialogue for u in error.value.usable.utterances] == ["e"]
    return error.value.problems


@pytest.mark.parametrize(
    ("column", "values", "told"),
    [
        ("session", ("s", "t"), "has 2 values of session ({0}, line 2: s; {0}, line 3: t)"),
        ("split", ("dev", "test"), "has 2 values of split ({0}, line 2: dev; {0}, line 3: test)"),
        (
            "speaker_id",
            ("kim", "park"),
            "has 2 values of speaker_id for speaker Kim ({0}, line 2: kim; {0}, line 3: park)",
        ),
        ("start", ("0", "", "2"), "has times, but {0}, line 3 has no start"),
    ],
)
def test_a_dialogue_that_contradicts_itself_is_named(tmp_path, column, values, told):
    (problem,) = contradicting(tmp_path, column, values)
    assert problem.startswith("dialogue d " + told.format(tmp_path / "t.csv"))


@pytest.mark.parametrize(
    ("starts", "order", "told"),
    [
        ((None, None, None), ["1", "3", "2"], "utterance 2 ({0}, line 4) after 3 ({0}, line 3)"),
        (("5", "1.5", "3"), ["3", "2", "1"], "utterance 2 ({0}, line 4) after 3 ({0}, line 3)"),
    ],
)
def test_starts_or_else_rows_are_the_order_whatever_the_numbers_are(tmp_path, starts, order, told):
    """A number is a name: people number by channel, or by who was written down first."""
    rows = [
        {"dialogue": "d", "utterance": n} | ({} if start is None else {"start": start})
        for n, start in zip((1, 3, 2), starts, strict=True)
    ]
    corpus = read_table(make(tmp_path, *rows))
    assert [u.id for u in corpus.utterances] == order
    (notice,) = [text for text in corpus.notices if "another order" in text]
    assert "dialogue d has " + told.format(tmp_path / "t.csv") in notice


def test_numbers_with_gaps_tell_no_order(tmp_path):
    rows = [{"dialogue": "d", "utterance": n} for n in (100, 3000, 20)]
    assert not any("another order" in text for text in read_table(make(tmp_path, *rows)).notices)


def test_all_problems_are_told_at_once_and_the_rest_is_usable(tmp_path):
    rows = [{"utterance": f"u{n}", "wav": f"{n}.wav"} for n in range(5)]
    path = make(tmp_path, *rows, {"utterance": "u0", "wav": "5.wav", "emotion": "sad"})
    whole = (tmp_path / "1.wav").read_bytes()
    (tmp_path / "1.wav").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "2.wav").write_bytes(b"<!doctype html>")
    (tmp_path / "3.wav").unlink()
    with pytest.raises(CorpusProblems) as error:
        read_table(path)
    missing, twice, cut, html = error.value.problems
    assert f"{path}, line 5: wav '3.wav' is not there" in missing
    assert f"utterance u0 occurs 2 times ({path}, line 2: happy; {path}, line 7: sad)" in twice
    assert cut.startswith(f"{path}, line 3 (u1): {tmp_path / '1.wav'}: cut short")
    assert html.startswith(f"{path}, line 4 (u2): {tmp_path / '2.wav'}: no readable audio")
    assert [u.id for u in error.value.usable.utterances] == ["u4"]


@pytest.mark.parametrize("column", ["speaker", "emotion"])
def test_a_missing_column_is_named(tmp_path, column):
    path = write_table(tmp_path / "t.csv", without(ROWS, column))
    (problem,) = problems_of(path)
    assert problem.startswith(f"{path}: 1 column missing ({column}); it has arousal, dialogue")


def test_text_or_audio_alone_will_do_and_neither_does_not(tmp_path):
    path, rows = tmp_path / "t.csv", [row for row in ROWS if row["text"]]
    text = read_table(write_table(path, without(rows, "wav")))
    assert [(u.wav, u.duration) for u in text.utterances] == [(None, 0.0)] * 3
    audio = read_table(write_table(path, without(rows, "text")))
    assert [(u.text, u.duration) for u in audio.utterances] == [("", 0.25)] * 3
    (problem,) = problems_of(write_table(path, without(rows, "wav", "text")))
    assert "missing (wav or text)" in problem


def test_a_root_that_is_no_table_is_refused(tmp_path):
    for path, told in (
        (tmp_path, "is no regular file"),
        (tmp_path / "absent.csv", "no such file"),
        (write_wav(tmp_path / "t.wav"), "unknown suffix"),
    ):
        with pytest.raises(InputError, match=rf"{told}.*\.csv, \.tsv, \.jsonl"):
            read_table(path)


def test_equal_starts_leave_rows_in_their_order(tmp_path):
    rows = [{"dialogue": "d", "utterance": name, "start": 0} for name in "zay"]
    assert [u.id for u in read_table(make(tmp_path, *rows)).utterances] == ["z", "a", "y"]


def test_own_columns_are_checked_and_others_of_json_lines_are_not(tmp_path):
    corpus = read_table(make(tmp_path, {"words": ["x"], "final": True}, name="t.jsonl"))
    assert "unknown columns ignored: final, words." in corpus.notices
    (told,) = problems_of(make(tmp_path, {}, {"part": ["x"]}, name="t.jsonl"))
    assert "'part' is" in told


def test_names_that_look_alike_are_one_and_words_stay_as_they_are(tmp_path):
    family = "\U0001f468\u200d\U0001f469"  # one picture by a joiner that nobody sees
    row = {"dialogue": "d", "session": "s", "emotion": "joyful", "text": family}
    other = {"dialogue": "d\u200b", "session": "\ufeffs", "emotion": "joyful\u200b", "text": "x"}
    rows = [{**row, "speaker": "A"}, {**other, "speaker": "A\u2060"}]
    corpus = read_table(make(tmp_path, *rows))
    assert corpus.emotions == ("joyful",)
    assert {(u.dialogue, u.session, u.speaker) for u in corpus.utterances} == {("d", "s", "A")}
    assert [u.text for u in corpus.utterances] == [family, "x"]


def test_a_name_of_signs_that_nobody_sees_is_none(tmp_path):
    assert "no speaker; fill it in" in problems_of(make(tmp_path, {"speaker": "\u200b"}))[0]


@pytest.mark.parametrize(
    ("columns", "names"),
    [({"dialogue": "d"}, "dialogue"), ({"utterance": "u"}, "dialogue"), ({}, "session")],
)
def test_ids_that_count_rows_tell_no_dialogue_from_others(tmp_path, columns, names):
    assert read_table(make(tmp_path, columns)).own_names == names
