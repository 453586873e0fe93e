"""Corpora whose files lie in folders of sessions, with their names in capitals."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from feature_extractor.corpora.iemocap import read_iemocap
from feature_extractor.corpora.kemdy19 import read_kemdy19
from feature_extractor.corpora.kemdy20 import read_kemdy20
from tests.feature_extractor import iemocap_writer, kemdy19_writer, kemdy20_writer

SEGMENTS_19 = [
    kemdy19_writer.Segment(f"{dialogue}_{number}", start, start + 1.5, "happy")
    for dialogue in ("Sess01_script01", "Sess02_impro01")
    for start, number in enumerate(("F001", "M001"))
]
TIE = "Sess01_script01_User002M_009"
SEGMENTS_20 = [
    *kemdy20_writer.sessions_of(2),
    kemdy20_writer.Segment(TIE, 9.0, 9.5, "happy;neutral"),  # for a notice in either spelling
]
TURNS = [
    iemocap_writer.TurnSpec(f"{dialogue}_{number}", start, start + 1, "neu")
    for dialogue in ("Ses01F_impro01", "Ses01M_script01_1b", "Ses02F_impro03")
    for start, number in enumerate(("F000", "M000"))
]
CORPORA = {
    "iemocap": (read_iemocap, lambda root: iemocap_writer.write_release(root, TURNS)),
    "kemdy19": (read_kemdy19, lambda root: kemdy19_writer.write_corpus(root, SEGMENTS_19)),
    "kemdy20": (read_kemdy20, lambda root: kemdy20_writer.write_corpus(root, SEGMENTS_20)),
}
pytestmark = pytest.mark.parametrize("corpus", CORPORA)


def folders_of_audio(root):
    return [path for path in sorted(root.rglob("wav")) if path.is_dir()]


def test_files_in_capitals_are_read_as_others(tmp_path, corpus):
    read, write = CORPORA[corpus]
    plain = read(write(tmp_path / "plain"))
    root = write(tmp_path / "capitals")
    for path in [path for folder in folders_of_audio(root) for path in folder.rglob("*.*")]:
        path.rename(path.with_suffix(path.suffix.upper()))
    loud = read(root)
    assert {utterance.wav.name for utterance in loud.utterances} == {
        f"{utterance.id}.WAV" for utterance in plain.utterances
    }
    assert [replace(u, wav=None) for u in loud.utterances] == [
        replace(u, wav=None) for u in plain.utterances
    ]
    assert loud.notices == plain.notices


def test_of_two_files_that_differ_in_case_the_expected_one_is_read(tmp_path, corpus):
    read, write = CORPORA[corpus]
    root = write(tmp_path)
    wav = read(root).utterances[0].wav
    assert wav.suffix == ".wav"
    shutil.copy(wav, wav.with_suffix(".WAV"))
    if wav.with_suffix(".WAV").samefile(wav):
        pytest.skip("a disk blind to case")
    found = read(root)
    assert wav in {utterance.wav for utterance in found.utterances}
    assert any(f"not read: {wav.with_suffix('.WAV')}" in notice for notice in found.notices)


def test_folders_in_capitals_that_are_links_to_one_folder_are_each_read(tmp_path, corpus):
    read, write = CORPORA[corpus]
    plain = read(write(tmp_path / "plain"))
    root = write(tmp_path / "linked")
    for audio in folders_of_audio(root):
        sessions = [path for path in sorted(audio.iterdir()) if path.is_dir()]
        whole = audio.with_name("whole")
        for session in sessions:
            shutil.copytree(session, whole, dirs_exist_ok=True)
            shutil.rmtree(session)
            session.with_name(session.name.upper()).symlink_to(whole)
        if (audio / sessions[0].name).exists():
            pytest.skip("a disk blind to case")
    linked = read(root)
    assert [replace(u, wav=None) for u in linked.utterances] == [
        replace(u, wav=None) for u in plain.utterances
    ]
    assert linked.notices == plain.notices
