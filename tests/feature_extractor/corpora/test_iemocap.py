from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from feature_extractor.corpora.iemocap import IEMOCAP_COUNTS, read_iemocap
from feature_extractor.corpora.iemocap_transcript import clean_words
from feature_extractor.corpora.problems import CorpusProblems
from feature_extractor.splits.splitting import split_corpus
from feature_extractor.utterance import Utterance
from graph_er.errors import InputError
from graph_er.schema.emotions import DATASET_EMOTIONS
from tests.feature_extractor.iemocap_writer import (
    TurnSpec,
    evaluation_path,
    transcript_path,
    wav_path,
    write_release,
)

IMPRO, SCRIPT = "Ses01F_impro01", "Ses05M_script01_1b"
F0, M0, F1 = f"{IMPRO}_F000", f"{IMPRO}_M000", f"{IMPRO}_F001"
TEST = f"{SCRIPT}_M003"

TURNS = [
    TurnSpec(F0, "6.2901", "8.2357", "neu", words=" Excuse  me. [LAUGHTER]"),
    TurnSpec(M0, "8.5", "9", "exc", votes=("Excited; Happiness;", "Excited;", "Other;")),
    TurnSpec(f"{IMPRO}_M001", "9.5", "10", "xxx"),
    TurnSpec(F1, "10.25", "12", "fru", "[1.5, 4, 4.5]", votes=("Frustration;", "Anger;")),
    TurnSpec(f"{IMPRO}_F002", "13", "14", "fea"),
    TurnSpec(TEST, "0.5", "1.75", "hap", votes=("Surprise;",), words="[BREATHING]", seconds=0.25),
    TurnSpec("Ses02F_impro03_M000", "0", "1", "sad"),
    TurnSpec("Ses02F_impro03_F000", "0", "1", "ang", votes=()),
]


@pytest.fixture
def root(tmp_path):
    return write_release(tmp_path / "release", TURNS)


def problems_of(root, **policies):
    with pytest.raises(CorpusProblems) as error:
        read_iemocap(root, **policies)
    return error.value.problems


def rewrite(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_every_field_of_a_turn(root):
    assert read_iemocap(root).utterances[0] == Utterance(
        id=F0,
        session="Ses01",
        dialogue=IMPRO,
        speaker="F",
        start=6.2901,
        end=8.2357,
        wav=wav_path(root, F0),
        duration=0.1,
        text="Excuse me.",
        emotion="neutral",
        soft_label=(0, 0, 1, 0, 0, 0),
        valence=2.5,
        arousal=3.0,
        part="impro",
        speaker_id="Ses01_F",
    )


def test_six_classes_in_time_order(root):
    corpus = read_iemocap(root)
    assert corpus.emotions == DATASET_EMOTIONS["iemocap"]
    assert [(u.id, u.emotion, u.speaker_id, u.part) for u in corpus.utterances] == [
        (F0, "neutral", "Ses01_F", "impro"),
        (M0, "excited", "Ses01_M", "impro"),
        (F1, "frustrated", "Ses01_F", "impro"),
        ("Ses02F_impro03_F000", "angry", "Ses02_F", "impro"),
        ("Ses02F_impro03_M000", "sad", "Ses02_M", "impro"),
        (TEST, "happy", "Ses05_M", "script"),
    ]
    assert any("2 turns left out" in n and "fea 1, xxx 1" in n for n in corpus.notices)
    assert any("Session3, Session4" in n for n in corpus.notices)


def test_four_classes_merge_excited_into_happy_and_leave_frustrated_out(root):
    corpus = read_iemocap(root, classes=4)
    assert corpus.emotions == DATASET_EMOTIONS["iemocap_4"]
    emotions = {u.id: u.emotion for u in corpus.utterances}
    assert (emotions[M0], emotions[TEST]) == ("happy", "happy")
    assert F1 not in emotions
    assert any("fea 1, fru 1, xxx 1" in notice for notice in corpus.notices)
    with pytest.raises(InputError, match="classes is 5"):
        read_iemocap(root, classes=5)


def test_soft_labels_are_the_evaluators_votes_without_the_actors(root):
    six = {u.id: u.soft_label for u in read_iemocap(root).utterances}
    # happy, sad, neutral, angry, excited, frustrated; "Other" and the actors' "Surprise" are none
    assert six[M0] == pytest.approx((0.25, 0, 0, 0, 0.75, 0))
    assert six[F1] == pytest.approx((0, 0, 0, 0.5, 0, 0.5))
    assert six[TEST] is None
    assert six["Ses02F_impro03_F000"] is None
    assert {u.id: u.soft_label for u in read_iemocap(root, classes=4).utterances}[M0] == (
        1,
        0,
        0,
        0,
    )


def test_session_5_is_test_and_dev_is_a_whole_session_of_the_rest(root):
    corpus = read_iemocap(root)
    assert corpus.official == {IMPRO: "train", "Ses02F_impro03": "train", SCRIPT: "test"}
    split = split_corpus(corpus)
    assert (split.train, split.dev, split.test) == ((IMPRO,), ("Ses02F_impro03",), (SCRIPT,))


def test_the_folder_that_holds_the_release_will_do(tmp_path):
    root = write_release(tmp_path / "IEMOCAP_full_release", TURNS)
    assert read_iemocap(tmp_path) == read_iemocap(root)


def test_the_order_of_turns_and_files_changes_nothing(root):
    expected = read_iemocap(root)
    for seed in (1, 2, 3):
        shutil.rmtree(root)
        assert read_iemocap(write_release(root, TURNS, seed)) == expected


def test_bom_windows_lines_and_cp1252_words_are_read(root):
    path = evaluation_path(root, F0)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    path = transcript_path(root, F0)
    path.write_bytes(path.read_bytes().replace(b"Excuse", b"\x93Excuse\x94"))
    assert read_iemocap(root).utterances[0].text == "“Excuse” me."


def test_marks_of_sounds_go_and_words_stay():
    assert clean_words("[LAUGHTER] Yes, [LIPSMACK]no. [GARBAGE]") == "Yes, no."


DAMAGE = {
    "id": (
        f"\t{F0}\t",
        "\tSes01F_impro02_F000\t",
        f"'Ses01F_impro02_F000' is not like {IMPRO}_F000",
    ),
    "label": ("\tneu\t", "\tjoy\t", "label 'joy'"),
    "times": ("[6.2901 - 8.2357]", "[6.29s - 8.2357]", "times '6.29s - 8.2357'"),
    "order": ("[6.2901 - 8.2357]", "[9 - 8.2357]", "is before start"),
    "line": (f"\t{F0}\tneu", f" {F0}", "is not like '[start - end] id label"),
    "bracket": ("[6.2901 - 8.2357]", "6.2901 - 8.2357]", "is not like '[start - end] id label"),
    "rating": ("[2.5000, 3.0000, 1.5000]", "[2.5000, 3.0000]", "ratings '2.5000, 3.0000'"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_turn_is_named_by_file_and_line(tmp_path, what):
    root = write_release(tmp_path, [TURNS[0], *TURNS[5:]])
    old, new, told = DAMAGE[what]
    rewrite(evaluation_path(root, F0), old, new)
    (problem,) = problems_of(root)
    assert f"{evaluation_path(root, F0)}, line 3: " in problem
    assert told in problem


def test_one_id_with_two_labels_names_both_lines(tmp_path):
    twice = [*TURNS, replace(TURNS[0], code="sad")]
    (problem,) = problems_of(write_release(tmp_path, twice))
    assert f"{F0} has different labels" in problem
    assert problem.count(f"{evaluation_path(tmp_path, F0)}, line ") == 2


def test_one_id_for_two_turns_names_both_lines(tmp_path):
    twice = [*TURNS, replace(TURNS[0], start="50.0", end="52.0")]
    (problem,) = problems_of(write_release(tmp_path, twice))
    assert f"{F0} has rows that differ in start (" in problem
    assert problem.count(f"{evaluation_path(tmp_path, F0)}, line ") == 2


def test_one_id_twice_with_one_label_is_kept_once(tmp_path):
    for seed in (0, 1, 2, 3):
        shutil.rmtree(tmp_path / "r", ignore_errors=True)
        twice = [*TURNS, replace(TURNS[0], end="8.0")]
        corpus = read_iemocap(write_release(tmp_path / "r", twice, seed))
        assert [u.end for u in corpus.utterances if u.id == F0] == [8.0]
        assert any(f"{F0} occurs 2 times with one label" in notice for notice in corpus.notices)


def test_all_problems_are_told_at_once_and_the_rest_is_usable(root):
    wav_path(root, M0).write_bytes(b"<!doctype html><html>not found</html>")
    whole = wav_path(root, TEST).read_bytes()
    wav_path(root, TEST).write_bytes(whole[: len(whole) // 2])
    rewrite(evaluation_path(root, F1), "fru", "???")
    transcript_path(root, "Ses02F_impro03_F000").unlink()
    evaluation_path(root, F0).with_name("Ses02F_impro09.txt").write_text("[1 - 2]\n")
    html = evaluation_path(root, "Ses02F_impro03_F000").with_name("Ses02F_impro10.txt")
    html.write_text("<html>")
    with pytest.raises(CorpusProblems) as error:
        read_iemocap(root)
    told = "\n".join(error.value.problems)
    assert len(error.value.problems) == 6
    for part in (
        "'???'", f"{M0}.wav: no readable audio", f"{TEST}.wav: cut short",
        "Ses02F_impro03.txt: no such file", "Ses02F_impro09.txt: is of another session",
        "Ses02F_impro10.txt: holds no turn",
    ):  # fmt: skip
        assert part in told
    usable = [u.id for u in error.value.usable.utterances]
    assert usable == [F0, "Ses02F_impro03_F000", "Ses02F_impro03_M000"]


def many(count, **changes):
    return [TurnSpec(f"{IMPRO}_F{n:03}", n, n + 1, "neu", **changes) for n in range(count)]


def test_few_turns_without_audio_or_words_are_a_notice_many_a_problem(tmp_path):
    turns = many(20)
    turns[3] = replace(turns[3], words=None)
    root = write_release(tmp_path, turns)
    wav_path(root, turns[7].id).unlink()
    corpus = read_iemocap(root)
    assert (corpus.utterances[3].text, corpus.utterances[7].wav) == ("", None)
    assert corpus.utterances[7].duration == 0.0
    assert any(f"1 turn has no transcription: {turns[3].id}" in n for n in corpus.notices)
    assert any(f"1 utterance has no audio: {turns[7].id}" in n for n in corpus.notices)
    for turn in turns[8:16]:
        wav_path(root, turn.id).unlink()
        rewrite(transcript_path(root, F0), turn.id, f"{IMPRO}_M{turn.id[-3:]}")
    told = "\n".join(read_iemocap(root).notices)
    assert "9 turns have no transcription" in told
    assert "9 utterances have no audio" in told
    wav_path(root, turns[16].id).unlink()
    rewrite(transcript_path(root, F0), turns[16].id, f"{IMPRO}_M016")
    words, audio = sorted(problems_of(root))
    assert words.startswith("10 of 20 turns have no transcription")
    assert audio.startswith("10 of 20 utterances have no audio")


def test_without_any_audio_it_is_a_corpus_of_text(root):
    for folder in root.glob("Session*/sentences"):
        shutil.rmtree(folder)
    corpus = read_iemocap(root)
    assert {u.wav for u in corpus.utterances} == {None}
    assert any(notice.startswith("no utterance has audio: text only") for notice in corpus.notices)


def test_a_file_that_is_no_dialogue_is_ignored_with_a_notice(root):
    evaluation_path(root, F0).with_name("notes on session.txt").write_text("[x]")
    assert any("notes on session.txt" in notice for notice in read_iemocap(root).notices)


def test_another_layout_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(InputError, match="SessionN/dialog/EmoEvaluation"):
            read_iemocap(path)


def test_turns_of_left_out_labels_alone_are_refused(tmp_path):
    root = write_release(tmp_path, [TurnSpec(F0, 0, 1, "xxx")])
    with pytest.raises(InputError, match=r"no utterance is left.*xxx 1"):
        read_iemocap(root)


def test_expected_counts_add_up():
    for classes, names in ((6, DATASET_EMOTIONS["iemocap"]), (4, DATASET_EMOTIONS["iemocap_4"])):
        counts = IEMOCAP_COUNTS[classes]
        assert sum(counts[name] for name in names) == counts["utterances"]


def test_wavs_that_no_turn_names_are_told(root):
    assert not any("not read" in notice for notice in read_iemocap(root).notices)
    wav = wav_path(root, F0)
    moved = wav.rename(wav.with_stem(f"{F0} (1)"))
    told = f"1 wav that no turn of an evaluation file names, not read: {moved}."
    assert told in read_iemocap(root).notices


def test_audio_far_from_as_long_as_annotated_is_told(tmp_path):
    root = write_release(tmp_path, [replace(TURNS[0], seconds=9.0), *TURNS[1:]])
    assert any(f"{F0} (9.0 s of 1.9 s)" in notice for notice in read_iemocap(root).notices)
