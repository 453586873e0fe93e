import logging
import unicodedata

import pytest
import soundfile

from graph_er.conversations.recording_folder import AUDIO_SUFFIXES, read_recording_folder
from graph_er.errors import InputError
from tests.graph_er.conversation_factory import write_noise


def fill(root, *names, text="그래"):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".wav":
            write_noise(path, 0.1)
        elif path.suffix in AUDIO_SUFFIXES:
            soundfile.write(path, [0.1, -0.1] * 4_000, 16_000)
        else:
            path.write_text(text, encoding="utf-8")
    return root


def test_speaker_and_turn_from_names(tmp_path):
    root = fill(tmp_path / "lunch", "mina_2.wav", "mina_2.txt", "jun_10.wav", "A_b_1.txt")
    turns = read_recording_folder(root)
    assert [(turn.dialogue, turn.speaker) for turn in turns] == [
        *(("lunch", "A_b"), ("lunch", "mina"), ("lunch", "jun"))
    ]
    assert [bool(turn.wav) for turn in turns] == [False, True, True]
    assert [turn.text for turn in turns] == ["그래", "그래", ""]
    assert turns[1].row["wav"] == "mina_2.wav"


def test_kemdy_prefixes_are_dialogues_wherever_the_files_lie(tmp_path, caplog):
    names = ["Sess01_script01_F001.wav", "Sess01_script01_M001.wav", "Sess01_script01_F002.wav"]
    fill(tmp_path, *names, "Session01/Sess01_impro02_M001.wav")
    fill(tmp_path, "x/Sess21_script01_User041F_003.wav")
    with caplog.at_level(logging.WARNING):
        turns = read_recording_folder(tmp_path)
    assert [(turn.dialogue, turn.speaker) for turn in turns] == [
        ("Sess01_impro02", "M"),
        *(("Sess01_script01", speaker) for speaker in "FMF"),
        ("Sess21_script01", "User041F"),
    ]
    assert [turn.id for turn in turns][1:4] == [
        *("Sess01_script01_F001", "Sess01_script01_M001", "Sess01_script01_F002")
    ]
    assert "1 number belongs to turns of several speakers" in caplog.text


def test_times_of_turns_beside_a_recording_are_not_passed_over_in_silence(tmp_path, caplog):
    fill(tmp_path, "talk_1.wav", "talk_1.TextGrid", "talk_2.wav", "talk_2.txt")
    with caplog.at_level(logging.WARNING):
        assert len(read_recording_folder(tmp_path)) == 2
    (message,) = (record.getMessage() for record in caplog.records)
    assert message.startswith("1 file .TextGrid or .rttm is not read")
    assert message.endswith("--input talk_1.TextGrid --recording talk_1.wav")


def test_every_folder_is_a_dialogue(tmp_path):
    fill(tmp_path, "one/A_1.wav", "two/A_1.wav", "two/B_2.wav")
    turns = read_recording_folder(tmp_path)
    assert [(turn.dialogue, turn.speaker) for turn in turns] == [
        *(("one", "A"), ("two", "A"), ("two", "B"))
    ]


def test_all_problems_at_once(tmp_path):
    fill(tmp_path, "A_1.wav", "A_01.wav", "noise.wav", "B_2.txt")
    (tmp_path / "B_2.txt").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "C_3.wav").write_text("no audio")
    with pytest.raises(InputError) as error:
        read_recording_folder(tmp_path)
    for words in ("noise.wav: the name does not say", "B_2.txt", "C_3.wav", "no readable audio"):
        assert words in str(error.value)


@pytest.mark.parametrize("suffix", AUDIO_SUFFIXES)
def test_audio_of_every_kind_is_heard_beside_its_transcript(tmp_path, suffix):
    fill(tmp_path, f"A_1{suffix}", "A_1.txt", f"B_2{suffix}")
    turns = read_recording_folder(tmp_path)
    assert [turn.wav.name for turn in turns] == [f"A_1{suffix}", f"B_2{suffix}"]
    assert [turn.text for turn in turns] == ["그래", ""]
    assert all(turn.duration == pytest.approx(0.5, abs=0.1) or suffix == ".wav" for turn in turns)


def test_two_files_for_one_turn_are_refused(tmp_path):
    fill(tmp_path, "A_1.wav", "A_1.flac", "B_2.txt", "B_2.TXT", "C_3.ogg")
    with pytest.raises(InputError) as error:
        read_recording_folder(tmp_path)
    for names in ("A_1.flac and A_1.wav", "B_2.TXT and B_2.txt"):
        assert f"{names} are of one turn; keep one" in str(error.value)
    assert "C_3" not in str(error.value)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_audio_and_transcript_pair_however_their_names_are_composed(tmp_path, form):
    other = {"NFC": "NFD", "NFD": "NFC"}[form]
    audio, text = (unicodedata.normalize(f, "점심/민아_1") for f in (form, other))
    fill(tmp_path, f"{audio}.wav", f"{text}.txt")
    (turn,) = read_recording_folder(tmp_path)
    assert (turn.dialogue, turn.speaker, turn.text) == ("점심", "민아", "그래")
    assert turn.wav.is_file()


def test_a_folder_without_files(tmp_path):
    with pytest.raises(InputError, match=r"no file \.wav, \.flac, \.ogg, \.mp3 or \.txt below it"):
        read_recording_folder(tmp_path)
