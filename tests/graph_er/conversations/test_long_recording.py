import csv
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from graph_er.conversations.conversation_input import read_turns
from graph_er.conversations.recording import cut_turns
from graph_er.conversations.turn_table import turns_of_rows
from graph_er.errors import InputError
from graph_er.inference.transcription import transcribe
from tests.graph_er.conversation_factory import write_noise

try:
    import resource
except ImportError:  # Windows
    resource = None

TURNS = [("A", 0.5, 1.25, "그래"), ("B", 1.5, 2.0, ""), ("민아", 2.0, 3.75, '왜 "그래"')]

LONG = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 4
tiers? <exists>
size = 3
item []:
    item [1]:
        class = "IntervalTier"
        name = "A 1"
        xmin = 0
        xmax = 4
        intervals: size = 3
        intervals [1]:
            xmin = 0
            xmax = 0.5
            text = ""
        intervals [2]:
            xmin = 0.5
            xmax = 1.25
            text = "그래"
        intervals [3]:
            xmin = 1.25
            xmax = 4
            text = ""
    item [2]:
        class = "TextTier"
        name = "clicks"
        xmin = 0
        xmax = 4
        points: size = 1
        points [1]:
            number = 2
            mark = "click"
    item [3]:
        class = "IntervalTier"
        name = "민아"
        xmin = 0
        xmax = 4
        intervals: size = 1
        intervals [1]:
            xmin = 0.25
            xmax = 3.75
            text = "왜 ""그래"" 3 [4]"
"""
SHORT = """"ooTextFile"
"TextGrid"
0
4
<exists>
2
"IntervalTier"
"A 1"
0
4
2
0.5
1.25
"그래"
1.25
4
""
"IntervalTier"
"민아"
0
4
1
0.25
3.75
"왜 ""그래"" 3 [4]"
"""


@pytest.fixture
def recording(tmp_path):
    return write_noise(tmp_path / "meeting.wav", 4.0)


def write_csv(path, rows, header=("speaker", "start", "end", "text")):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def spans(turns):
    return [(turn.speaker, *turn.span, turn.text) for turn in turns]


def test_a_table_of_times(tmp_path, recording):
    turns = read_turns(write_csv(tmp_path / "t.csv", TURNS), recording)
    assert spans(turns) == TURNS
    assert {turn.wav for turn in turns} == {recording.resolve()}
    assert [turn.duration for turn in turns] == [0.75, 0.5, 1.75]


def test_rttm(tmp_path, recording):
    path = tmp_path / "d.rttm"
    path.write_text(
        ";; comment\nSPKR-INFO meeting 1 <NA> <NA> <NA> unknown A <NA> <NA>\n"
        "SPEAKER meeting 1 1.5 0.5 <NA> <NA> B <NA> <NA>\n"
        "SPEAKER other 1 0.0 9.5 <NA> <NA> X <NA> <NA>\n"
        "SPEAKER meeting 1 0.50 0.75 <NA> <NA> A 0.9\n"
    )
    assert spans(read_turns(path, recording)) == [("A", 0.5, 1.25, ""), ("B", 1.5, 2.0, "")]


@pytest.mark.parametrize(
    "content",
    [LONG, SHORT, SHORT.replace('"ooTextFile"', '"ooTextFile short"')],
    ids=["long", "short", "older short"],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp949"])
def test_textgrid(tmp_path, recording, content, encoding):
    path = tmp_path / "t.TextGrid"
    path.write_text(content, encoding=encoding)
    assert spans(read_turns(path, recording)) == [
        ("민아", 0.25, 3.75, '왜 "그래" 3 [4]'),
        ("A 1", 0.5, 1.25, "그래"),
    ]


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_what_is_cut_is_what_is_there(tmp_path, rate):
    samples = 0.1 * np.random.default_rng(0).standard_normal((4 * rate, 2)).astype(np.float32)
    soundfile.write(tmp_path / "m.wav", samples, rate, subtype="FLOAT")
    turns = read_turns(write_csv(tmp_path / "t.csv", TURNS), tmp_path / "m.wav")
    (tmp_path / "cut").mkdir()
    for turn, (_, start, end, _) in zip(cut_turns(turns, tmp_path / "cut"), TURNS, strict=True):
        cut, cut_rate = soundfile.read(turn.wav, dtype="float32")
        assert cut_rate == rate
        np.testing.assert_array_equal(cut, samples[round(start * rate) : round(end * rate)])


@pytest.mark.skipif(resource is None, reason="no limits of files here")
@pytest.mark.parametrize("room", [20, 2000])
def test_a_part_that_finds_no_room_is_not_blamed_on_the_recording(tmp_path, recording, room):
    turns = read_turns(write_csv(tmp_path / "t.csv", TURNS), recording)
    (tmp_path / "cut").mkdir()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    told = r"cut: a part of the recording cannot be written there .* TMPDIR name a folder with room"
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))  # Python ignores the signal
    try:
        with pytest.raises(InputError, match=told) as caught:
            cut_turns(turns, tmp_path / "cut")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "restore the file" not in str(caught.value)


def test_predictions_are_those_of_files_cut_before(tmp_path, recording, predictor):
    turns = read_turns(write_csv(tmp_path / "t.csv", TURNS), recording)
    cut = predictor.predict(turns)
    samples, rate = soundfile.read(recording)
    rows = []
    for number, (speaker, start, end, text) in enumerate(TURNS):
        wav = tmp_path / f"{number}.wav"
        soundfile.write(wav, samples[round(start * rate) : round(end * rate)], rate, "FLOAT")
        rows.append({"speaker": speaker, "wav": wav, "text": text})
    for own, before in zip(cut, predictor.predict(rows), strict=True):
        assert own["prob_happy"] == pytest.approx(before["prob_happy"], abs=1e-5)
        assert own["marks"] == before["marks"]
        assert "wav" not in own


def test_all_bad_times_at_once(tmp_path, recording):
    rows = [
        ("A", 1, 1, ""),
        ("A", 2, 5, ""),
        ("A", 4.1, 4.2, ""),
        ("A", "", 3, "x"),
        ("A", 1, "", ""),
    ]
    with pytest.raises(InputError) as error:
        read_turns(write_csv(tmp_path / "t.csv", rows), recording)
    for line, words in [
        (2, "is not after start"),
        (3, "meeting.wav ends at 4.00 s"),
        (4, "meeting.wav ends at 4.00 s"),
        (5, "no start"),
        (6, "no end"),
    ]:
        assert any(
            f"line {line}" in told and words in told for told in str(error.value).split("\n")
        )


def test_samples_that_are_no_numbers_are_refused_by_row_and_time(tmp_path, predictor):
    samples = np.zeros(16_000 * 4)
    samples[16_000 * 2] = np.nan
    soundfile.write(tmp_path / "m.wav", samples, 16_000, "FLOAT")
    turns = read_turns(write_csv(tmp_path / "t.csv", TURNS), tmp_path / "m.wav")
    with pytest.raises(InputError, match=r"line 4: .*m\.wav: 2\.00 to 3\.75 s: NaN"):
        predictor.predict(turns)
    (whole,) = turns_of_rows([{"speaker": "A", "wav": tmp_path / "m.wav"}], tmp_path)
    with pytest.raises(InputError, match=r"^row 1: .*m\.wav: holds NaN"):
        predictor.predict([whole])


def test_a_table_that_names_the_recording_is_as_one_beside_it(tmp_path, predictor, caplog):
    write_noise(tmp_path / "meeting.wav", 4.0)
    rows = [("meeting.wav", *turn) for turn in TURNS]
    named = write_csv(tmp_path / "n.csv", rows, ("wav", "speaker", "start", "end", "text"))
    turns = read_turns(named)
    assert spans(turns) == TURNS
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "3 turns are parts of longer recordings" in caplog.text
    beside = read_turns(write_csv(tmp_path / "t.csv", TURNS), tmp_path / "meeting.wav")
    for own, other in zip(predictor.predict(turns), predictor.predict(beside), strict=True):
        assert {**own, "wav": ""} == {**other, "wav": ""}


def test_a_table_that_names_the_recording_without_times_in_it_is_refused(tmp_path):
    write_noise(tmp_path / "meeting.wav", 31.0)
    rows = [("meeting.wav", "A", 0, 1), ("meeting.wav", "B", 30, 40), ("meeting.wav", "A", 2, "")]
    path = write_csv(tmp_path / "n.csv", rows, ("wav", "speaker", "start", "end"))
    with pytest.raises(InputError, match=r"meeting\.wav: 31\.00 s, which 3 rows share, .* line 3"):
        read_turns(path)


def test_bad_samples_of_a_turn_are_told_by_row_file_and_time(tmp_path, predictor):
    samples = np.zeros(16_000 * 4)
    samples[16_000 * 2] = 5e6
    wav = tmp_path / "m.wav"
    soundfile.write(wav, samples, 16_000, "FLOAT")
    path = write_csv(tmp_path / "t.csv", TURNS)
    turns = read_turns(path, wav)
    place = f"{path}, line 4: {wav.resolve()}: 2.00 to 3.75 s: holds NaN"
    with pytest.raises(InputError) as error:
        predictor.predict(turns)
    assert str(error.value).startswith(place)
    with pytest.raises(InputError) as error:
        transcribe([replace(turn, text="") for turn in turns], None, str, progress=False)
    assert str(error.value).startswith(place)
    with pytest.raises(
        InputError, match=r"^utterance t_003: .*m\.wav: 2\.00 to 3\.75 s: holds NaN"
    ):
        predictor.predict([replace(turns[2], source="", id="t_003")])


def test_a_last_turn_that_is_rounded_up_ends_with_the_recording(tmp_path, recording):
    (turn,) = read_turns(write_csv(tmp_path / "t.csv", [("A", 3, 4.25, "")]), recording)
    assert turn.span == (3, 4)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", "speaker,start,end,wav\nA,0,1,x.wav\n", "beside --recording"),
        ("t.csv", "speaker,start\nA,0\n", r"missing \(end\)"),
        ("t.rttm", "SPEAKER m 1 x 1 <NA> <NA> A <NA> <NA>\n", "line 1: onset 'x'"),
        ("t.rttm", "SPEAKER m 1\n", "line 1: 3 fields"),
        ("t.rttm", "hello\n", "no SPEAKER line"),
        ("t.rttm", "".join(f"SPEAKER {f} 1 0 1 - - A - -\n" for f in "xy"), "none of them meeting"),
        ("t.TextGrid", "hello", "does not begin as a TextGrid"),
        ("t.TextGrid", SHORT[:70], "ends early"),
        ("t.TextGrid", '"ooTextFile"\n"TextGrid"\n0\n1\n<exists>\n1e999\n', "no time and no count"),
        ("t.TextGrid", SHORT.replace("1.25\n", '"x"\n', 1), "where a number is expected"),
        ("t.TextGrid", '"ooTextFile"\n"TextGrid"\n0\n1\n<exists>\n0\n', "no interval tier"),
        ("t.TextGrid", '"ooTextFile"\n"TextGrid"\n0\n1\n<absent>\n', "no interval tier"),
        ("t.eaf", "", "unknown suffix"),
    ],
)
def test_refusals(tmp_path, recording, name, content, message):
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_turns(tmp_path / name, recording)


def test_what_needs_a_recording_says_so(tmp_path):
    (tmp_path / "t.rttm").write_text("SPEAKER m 1 0 1 - - A - -\n")
    with pytest.raises(InputError, match=r"--recording FILE\.wav"):
        read_turns(tmp_path / "t.rttm")
    with pytest.raises(InputError, match="no such file or folder"):
        read_turns(tmp_path / "gone.csv")
    with pytest.raises(InputError, match="leave --recording out"):
        read_turns(tmp_path, tmp_path / "x.wav")
