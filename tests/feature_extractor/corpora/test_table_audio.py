"""Files are found however the letters of their names are written on the disk and in the table."""

import os
import unicodedata
from pathlib import Path

import pytest

from feature_extractor.corpora.table_audio import AudioFiles
from graph_er.conversations.turn_table import turns_of_rows
from graph_er.errors import InputError
from tests.feature_extractor.corpora.test_table import write_wav

FOLDER, NAME = "소리", "말.wav"
FORMS = ("NFC", "NFD")


def spelt(*forms):
    """Return the path with a form for the folder and one for the name."""
    parts = zip(forms, (FOLDER, NAME), strict=True)
    return "/".join(unicodedata.normalize(form, part) for form, part in parts)


@pytest.mark.parametrize("disk", [(a, b) for a in FORMS for b in FORMS])
@pytest.mark.parametrize("cell", [(a, b) for a in FORMS for b in FORMS])
def test_each_part_may_be_in_its_own_form(tmp_path, disk, cell):
    there = write_wav(tmp_path / spelt(*disk))
    # Some disks open a file by any form of its name, so that the form that is found may differ.
    assert AudioFiles(tmp_path).find(spelt(*cell)).samefile(there)
    assert AudioFiles(Path("/")).find(str(tmp_path / spelt(*cell))).samefile(there)


def test_folders_of_one_name_are_all_looked_into_and_the_path_as_written_first(tmp_path):
    exact = write_wav(tmp_path / spelt("NFC", "NFD"))
    other = write_wav(tmp_path / spelt("NFD", "NFC"))
    if other.samefile(exact):
        pytest.skip("this disk does not tell forms of a name apart")
    assert AudioFiles(tmp_path).find(spelt("NFC", "NFD")) == exact
    assert AudioFiles(tmp_path).find(spelt("NFD", "NFC")) == other
    other.unlink()
    assert AudioFiles(tmp_path).find(spelt("NFD", "NFC")) == exact


def test_a_folder_is_listed_once(tmp_path, monkeypatch):
    there = write_wav(tmp_path / spelt("NFC", "NFD"))
    listed, listdir = [], os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: listed.append(path) or listdir(path))
    files = AudioFiles(tmp_path)
    found = [files.find(spelt("NFD", "NFC")) for _ in range(5)]
    assert all(path.samefile(there) for path in found)
    assert len(listed) == len(set(listed)) <= 3


def test_nothing_outside_and_nothing_of_another_name(tmp_path):
    write_wav(tmp_path / spelt("NFC", "NFD"))
    files = AudioFiles(tmp_path / FOLDER)
    with pytest.raises(InputError, match="may lead out of the table's folder"):
        files.find(f"../{spelt('NFD', 'NFC')}")
    with pytest.raises(InputError, match="is not there"):
        AudioFiles(tmp_path).find(f"{FOLDER}/물.wav")
    assert files.find("") is None


def test_signs_that_nobody_sees_are_part_of_a_path(tmp_path):
    there = write_wav(tmp_path / "a\u200b.wav")
    write_wav(tmp_path / "a.wav")
    assert AudioFiles(tmp_path).find("a\u200b.wav") == there


def test_a_conversation_finds_them_likewise(tmp_path):
    there = write_wav(tmp_path / spelt("NFC", "NFD"))
    (turn,) = turns_of_rows([{"speaker": "A", "wav": spelt("NFC", "NFC")}], tmp_path)
    assert turn.wav.samefile(there)


def test_a_name_too_long_in_another_form_is_found(tmp_path):
    name = "각" * 40 + ".wav"  # 124 bytes, and three times as many in parts
    folder = unicodedata.normalize("NFD", "소리")
    path = write_wav(tmp_path / folder / name)
    assert AudioFiles(tmp_path).find(f"소리/{name}").samefile(path)
    with pytest.raises(InputError, match="is not there"):
        AudioFiles(tmp_path).find(f"소리/{'밖' * 40}.wav")
