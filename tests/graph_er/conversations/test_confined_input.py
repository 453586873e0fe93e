"""What lies in one folder is a conversation, of whatever kind, and nothing else is read."""

import pytest

from graph_er.conversations.confined_input import Bounds, read_confined
from graph_er.errors import InputError
from tests.graph_er.conversation_factory import talk, write_noise, write_table

BOUNDS = Bounds(turns=4, seconds=5.0)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def test_a_table_with_its_audio_however_deep(folder):
    write_table(folder / "a" / "talk.csv", talk(3))
    turns = read_confined(folder, BOUNDS)
    assert [turn.wav.name for turn in turns] == ["0.wav", "1.wav", "2.wav"]
    assert {turn.dialogue for turn in turns} == {"talk"}


def test_a_folder_of_files_is_called_after_the_last_folder_that_is_alone(folder):
    for name in ("A_1.wav", "B_2.wav"):
        write_noise(folder / "meeting" / name)
    turns = read_confined(folder, BOUNDS)
    assert [(turn.dialogue, turn.speaker) for turn in turns] == [("meeting", "A"), ("meeting", "B")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("m.rttm", "SPEAKER m 1 0.5 1 <NA> <NA> A <NA> <NA>\n"),
        ("m.csv", "speaker,start,end\nA,0.5,1.5\n"),
    ],
)
def test_one_recording_and_its_times(folder, name, content):
    write_noise(folder / "whole.wav", 2.0)
    (folder / name).write_text(content)
    (turn,) = read_confined(folder, BOUNDS)
    assert turn.span == (0.5, 1.5)
    assert turn.wav == (folder / "whole.wav").resolve()


@pytest.mark.parametrize("cells", ["A,,0.5,1.5", "A,  ,0.5,1.5"])
def test_a_blank_column_names_no_audio(folder, cells):
    write_noise(folder / "whole.wav", 2.0)
    (folder / "m.csv").write_text(f"speaker,wav,start,end\n{cells}\n")
    (turn,) = read_confined(folder, BOUNDS)
    assert turn.span == (0.5, 1.5)


@pytest.mark.parametrize(
    ("content", "audio"),
    [
        ("speaker,text\nA,x\nB,y\n", ("0.wav", "1.flac")),
        ("speaker,text,wav\nA,x,\n", ("0.wav", "1.wav")),
        ("speaker,text\nA,x\n", ("0.wav",)),
        ("speaker,text,start,end\nA,x,0,0.1\n", ("0.wav", "1.wav")),
    ],
)
def test_audio_that_no_turn_would_be_heard_in_is_refused_with_the_remedy(folder, content, audio):
    (folder / "t.csv").write_text(content)
    for name in audio:
        write_noise(folder / name)
    with pytest.raises(InputError) as error:
        read_confined(folder, BOUNDS)
    told = str(error.value)
    assert told.startswith(f"t.csv: names none of the audio that came with it ({', '.join(audio)})")
    assert "column wav" in told
    assert "start and end" in told


def test_audio_may_be_left_over_where_some_is_used(folder):
    write_table(folder / "t.csv", talk(2))
    write_noise(folder / "whole.wav")
    assert len(read_confined(folder, BOUNDS)) == 2


def test_a_folder_of_compressed_audio_is_as_long_as_one_of_wavs(folder):
    for turn in range(9):
        (folder / f"A_{turn}.ogg").write_bytes(b"")
    with pytest.raises(InputError, match=r"5 turns; at most 4"):
        read_confined(folder, BOUNDS)


def test_a_table_that_names_its_audio_is_not_cut(folder):
    rows = [{"speaker": "A", "wav": "x.wav", "start": 0, "end": 0.3}]
    (turn,) = read_confined(write_table(folder / "t.csv", rows).parent, BOUNDS)
    assert turn.span is None


@pytest.mark.parametrize(
    "wav",
    ["/etc/hostname", "../x.wav", "a/../../x.wav", "C:\\x.wav", "C:x.wav", "\\x.wav", "..\\x.wav"],
)
def test_paths_that_lead_out_are_refused_even_to_what_is_there(folder, wav):
    write_noise(folder.parent / "x.wav")
    (folder / "t.csv").write_text(f"speaker,wav\nA,{wav}\n")
    with pytest.raises(InputError, match=r"line 2: wav .* leads out of what was sent"):
        read_confined(folder, BOUNDS)


def test_links_are_refused(folder):
    outside = write_noise(folder.parent / "x.wav")
    (folder / "t.csv").write_text("speaker,wav\nA,in.wav\n")
    (folder / "in.wav").symlink_to(outside)
    with pytest.raises(InputError, match="a link among the files"):
        read_confined(folder, BOUNDS)


def test_no_longer_than_the_bounds(folder):
    (folder / "t.csv").write_text("speaker,text\n" + "A,x\n" * 5)
    with pytest.raises(InputError, match=r"5 turns; at most 4 .* graph_er/predict\.py"):
        read_confined(folder, BOUNDS)
    (folder / "t.csv").write_text("speaker,wav\n" + "A,x.wav\n" * 3)
    write_noise(folder / "x.wav", 2.0)
    with pytest.raises(InputError, match=r"0\.0 hours of audio; at most 0"):
        read_confined(folder, BOUNDS)
    assert len(read_confined(folder, Bounds(turns=3, seconds=6.0))) == 3


def test_files_that_are_no_conversation(folder):
    with pytest.raises(InputError, match=r"no file \.wav, .* below it"):
        read_confined(folder, BOUNDS)
    (folder / "m.rttm").write_text("SPEAKER m 1 0.5 1 <NA> <NA> A <NA> <NA>\n")
    for name in ("a.wav", "b.wav"):
        write_noise(folder / name)
    with pytest.raises(InputError, match=r"m\.rttm: tells times .* 2 audio files came"):
        read_confined(folder, BOUNDS)
    (folder / "t.csv").write_text("speaker,text\nA,x\n")
    with pytest.raises(InputError, match=r"several files tell the turns \(m\.rttm, t\.csv\)"):
        read_confined(folder, BOUNDS)


def test_json_lines_may_hold_columns_of_their_own(tmp_path):
    (tmp_path / "t.jsonl").write_text('{"speaker": "A", "text": "x", "words": ["x"]}\n')
    (turn,) = read_confined(tmp_path, Bounds())
    assert turn.row["words"] == ["x"]
