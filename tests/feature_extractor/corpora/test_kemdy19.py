from __future__ import annotations

import random
import shutil
import time
from dataclasses import replace

import pytest
import soundfile

from feature_extractor.corpora.counts import counts_line
from feature_extractor.corpora.kemdy19 import KEMDY19_COUNTS, read_kemdy19
from feature_extractor.corpora.problems import CorpusProblems
from feature_extractor.corpora.registry import expected_counts, read_corpus
from graph_er.errors import InputError
from graph_er.running.counted import counted
from graph_er.schema.emotions import KEMDY_EMOTIONS
from tests.feature_extractor.kemdy19_writer import (
    Segment,
    media_path,
    write_annotation,
    write_corpus,
    write_media,
)

F1, F2 = "Sess01_script01_F001", "Sess01_script01_F002"
M1, M2 = "Sess01_script01_M001", "Sess01_script01_M002"

# The women's file lists F rows first, as the real one does not: order must not matter.
OWN = [
    Segment(F1, 0.0, 1.5, "happy", 4.0, 3.5, ["happy"] * 7 + ["neutral"] * 3),
    Segment(M1, 1.5, 2.0, "neutral"),
    Segment(F2, 2.0, 4.25, "surprise"),
    Segment(M2, 4.25, 6.0, "angry"),
]
HEARD = [
    Segment(F1, 0.0, 1.5, "neutral"),
    Segment(M1, 1.5, 2.0, "sad"),
    Segment(F2, 2.0, 4.25, "fear"),
    Segment(M2, 4.25, 6.0, "disgust"),
]


def many(count: int) -> list[Segment]:
    return [
        Segment(f"Sess01_impro01_F{i:03}", i, i + 1, KEMDY_EMOTIONS[i % 7])
        for i in range(1, count + 1)
    ]


def emotions(corpus):
    return {utterance.id: utterance.emotion for utterance in corpus.utterances}


@pytest.fixture
def root(tmp_path):
    return write_corpus(tmp_path / "corpus", OWN, HEARD)


def annotation(root, actor="F"):
    return root / "annotation" / f"Session01_{actor}_res.csv"


def test_speaker_rows_in_time_order(root):
    corpus = read_kemdy19(root)
    assert [u.id for u in corpus.utterances] == [F1, M1, F2, M2]
    assert list(emotions(corpus).values()) == ["happy", "neutral", "surprise", "angry"]
    assert (corpus.name, corpus.emotions, corpus.notices) == ("kemdy19", KEMDY_EMOTIONS, ())


def test_every_field_of_one_row(root):
    shutil.rmtree(root / "wav" / "Session01" / "Sess01_script01")
    for segment in OWN:
        write_media(root, segment.id, text="b/ 안녕 (나+나) 나야", seconds=0.25)
    first = read_kemdy19(root).utterances[0]
    assert first.id == F1
    assert (first.session, first.dialogue, first.speaker) == ("Sess01", "Sess01_script01", "F")
    assert (first.start, first.end, first.duration) == (0.0, 1.5, 0.25)
    assert (first.valence, first.arousal, first.part) == (4.0, 3.5, "script")
    assert first.soft_label == pytest.approx((0.3, 0, 0.7, 0, 0, 0, 0))
    assert first.text == "안녕 나야"
    assert first.wav == media_path(root, F1, ".wav")


def test_listener_rows_tell_the_partners_emotion_during_the_same_audio(root):
    corpus = read_kemdy19(root, labels_of="listener")
    assert emotions(corpus) == {F1: "neutral", M1: "sad", F2: "fear", M2: "disgust"}
    speaker = read_kemdy19(root).utterances
    assert [(u.speaker, u.wav) for u in corpus.utterances] == [(u.speaker, u.wav) for u in speaker]


def test_shuffled_rows_give_the_same_corpus(root, tmp_path):
    everything = read_kemdy19(root)
    for seed in range(5):
        rng = random.Random(seed)
        own, heard = rng.sample(OWN, len(OWN)), rng.sample(HEARD, len(HEARD))
        shutil.rmtree(root)
        assert read_kemdy19(write_corpus(root, own, heard)) == everything


def test_equal_starts_fall_back_on_end_then_id(tmp_path):
    own = [Segment(M1, 0, 2, "sad"), Segment(F2, 0, 2, "sad"), Segment(F1, 0, 3, "sad")]
    corpus = read_kemdy19(write_corpus(tmp_path, own))
    assert [u.id for u in corpus.utterances] == [F2, M1, F1]


def test_dialogues_stand_in_natural_order(tmp_path):
    ids = [f"Sess{s}_{d}_F001" for s in ("10", "02") for d in ("script01", "impro02")]
    own = [Segment(i, 0, 1, "sad") for i in ids]
    own += [Segment(i.replace("F001", "M001"), 1, 2, "sad") for i in ids]
    corpus = read_kemdy19(write_corpus(tmp_path, own))
    assert list(corpus.dialogues()) == [
        "Sess02_impro02",
        "Sess02_script01",
        "Sess10_impro02",
        "Sess10_script01",
    ]


def test_bom_blank_rows_and_stray_files_are_tolerated(root):
    expected = read_kemdy19(root)
    content = annotation(root).read_text(encoding="utf-8")
    annotation(root).write_text(content + ",,,,\r\n\r\n", encoding="utf-8-sig")
    (root / "annotation" / "._Session01_F_res.csv").write_bytes(b"\x00\x05\x16")
    other = root / "annotation" / "Session01_F_res (1).csv"
    other.write_text("a,b\n")
    told = f"no annotation files by their names, ignored: {other}."
    assert read_kemdy19(root) == replace(expected, notices=(told, *expected.notices))


TIED = Segment(F2, 2.0, 4.25, "surprise;happy", votes=["surprise"] * 5 + ["happy"] * 5)


@pytest.mark.parametrize(
    ("policy", "kept", "notice"),
    [("drop", 3, "dropped"), ("first", 4, "first"), ("soft", 4, "first")],
)
def test_multi_label_policies(tmp_path, policy, kept, notice):
    root = write_corpus(tmp_path, [*OWN[:2], TIED, OWN[3]])
    corpus = read_kemdy19(root, multi_label=policy)
    assert len(corpus.utterances) == kept
    ((about_ties,), others) = (
        [told for told in corpus.notices if ("several labels" in told) is tied]
        for tied in (True, False)
    )
    assert about_ties.startswith("1 utterance with several labels")
    assert notice in about_ties
    assert [told[:26] for told in others] == ["2 utterances without votes"] * (policy == "soft")
    assert emotions(corpus).get(F2) == (None if policy == "drop" else "surprise")


def test_soft_label_is_the_votes_else_for_ties_an_even_share(tmp_path):
    bare = replace(TIED, id=M2, votes=["?"] * 10)
    divided = replace(OWN[0], votes=["happy;sad", "sad", "", "", "", "", "", "", "", ""])
    root = write_corpus(tmp_path, [divided, OWN[1], TIED, bare])
    soft = {u.id: u.soft_label for u in read_kemdy19(root, multi_label="soft").utterances}
    assert soft[F1] == pytest.approx((0, 0, 0.25, 0, 0.75, 0, 0))
    assert soft[F2] == soft[M2] == pytest.approx((0, 0, 0.5, 0.5, 0, 0, 0))
    assert soft[M1] == pytest.approx((1, 0, 0, 0, 0, 0, 0))
    first = {u.id: u.soft_label for u in read_kemdy19(root, multi_label="first").utterances}
    assert first[F2] == soft[F2]
    assert first[M1] is None
    assert first[M2] is None


def test_a_tie_of_one_label_with_itself_is_no_tie(tmp_path):
    root = write_corpus(tmp_path, [replace(OWN[0], emotion="Happy; happy;")])
    assert emotions(read_kemdy19(root)) == {F1: "happy"}


def test_blank_ratings_are_none(tmp_path):
    root = write_corpus(tmp_path, [replace(OWN[0], valence="", arousal="")])
    utterance = read_kemdy19(root).utterances[0]
    assert (utterance.valence, utterance.arousal) == (None, None)


def test_repeated_row_is_kept_once_whatever_the_order(tmp_path):
    again = replace(OWN[0], end=1.75)
    one = read_kemdy19(write_corpus(tmp_path / "corpus", [again, *OWN]))
    shutil.rmtree(tmp_path / "corpus")
    assert read_kemdy19(write_corpus(tmp_path / "corpus", [*OWN, again])) == one
    assert [u.id for u in one.utterances] == [F1, M1, F2, M2]
    assert one.notices == (f"{F1} is annotated 2 times with one label; kept once.",)


def test_repeated_row_with_another_start_names_file_and_lines(tmp_path):
    again = replace(OWN[2], start=0.5, end=0.75)
    with pytest.raises(CorpusProblems) as error:
        read_kemdy19(write_corpus(tmp_path, [*OWN, again]))
    (problem,) = error.value.problems
    assert problem.startswith(f"{again.id} has rows that differ in start (")
    for place in (f"line 4: {OWN[2].start:.1f}", "line 5: 0.5"):
        assert f"Session01_F_res.csv, {place}" in problem
    assert again.id not in {u.id for u in error.value.usable.utterances}


def test_repeated_row_with_another_label_names_file_and_lines(tmp_path):
    root = write_corpus(tmp_path, [*OWN, replace(OWN[0], emotion="sad")])
    with pytest.raises(InputError) as error:
        read_kemdy19(root)
    for part in (F1, "Session01_F_res.csv, line 3: happy", "Session01_F_res.csv, line 5: sad"):
        assert part in str(error.value)


def test_contradiction_known_in_the_released_listener_rows_is_dropped(tmp_path):
    known = Segment("Sess04_impro03_F031", 0, 1, "sad")
    other = Segment("Sess04_impro03_F030", 1, 2, "sad")
    heard = [known, other, replace(known, emotion="happy")]
    corpus = read_kemdy19(write_corpus(tmp_path / "heard", [], heard), labels_of="listener")
    assert list(emotions(corpus)) == [other.id]
    assert known.id in corpus.notices[0]
    with pytest.raises(InputError, match="different labels"):
        read_kemdy19(write_corpus(tmp_path / "own", heard))


BAD_CELLS = {
    "emotion": ("joyful", "'joyful'"),
    "start": ("soon", "start time 'soon'"),
    "end": ("", "end time ''"),
    "id": ("Sess01_F001", "'Sess01_F001'"),
    "valence": ("high", "valence 'high'"),
}


@pytest.mark.parametrize("field", BAD_CELLS)
def test_bad_cell_is_named_by_file_line_and_value(root, field):
    value, told = BAD_CELLS[field]
    write_annotation(root, "01", "F", [OWN[0], replace(OWN[2], **{field: value})])
    with pytest.raises(InputError) as error:
        read_kemdy19(root)
    assert f"{annotation(root)}, line 4: " in str(error.value)
    assert told in str(error.value)
    assert ": 1 problem\n" in str(error.value)


@pytest.mark.parametrize("value", ["nan", "inf", "1,5"])
def test_a_start_that_is_no_finite_number_is_refused(root, value):
    write_annotation(root, "01", "F", [replace(OWN[0], start=value)])
    with pytest.raises(InputError, match=f"start time '{value}'"):
        read_kemdy19(root)


def test_bad_labels_in_rows_not_asked_for_do_no_harm(root):
    write_annotation(root, "01", "M", [OWN[1], OWN[3], replace(HEARD[0], emotion="?")])
    assert len(read_kemdy19(root).utterances) == 4
    with pytest.raises(InputError, match=F1):
        read_kemdy19(root, labels_of="listener")


def test_id_of_another_session_is_refused(root):
    write_annotation(root, "01", "F", [replace(OWN[0], id="Sess02_script01_F001")])
    with pytest.raises(InputError, match="not of session 01"):
        read_kemdy19(root)


def test_missing_columns_are_refused(root):
    lines = annotation(root).read_text(encoding="utf-8").splitlines()
    lines[3] = ",".join(lines[3].split(",")[:10])
    annotation(root).write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(InputError, match=r"F_res\.csv, line 4: 10 columns,"):
        read_kemdy19(root)


def test_one_header_row_instead_of_two_is_noticed(root):
    lines = annotation(root).read_text(encoding="utf-8").splitlines()
    annotation(root).write_text("\n".join([lines[0], *lines[2:]]), encoding="utf-8")
    with pytest.raises(InputError, match="line 2: a data row where a header row belongs"):
        read_kemdy19(root)


@pytest.mark.parametrize("content", [b'a,"b\n1,2\n3,4\n', "한".encode("cp949")])
def test_no_utf8_csv_is_named(root, content):
    annotation(root).write_bytes(content)
    with pytest.raises(InputError, match=r"Session01_F_res\.csv: no UTF-8 CSV"):
        read_kemdy19(root)


def test_all_problems_are_told_at_once_up_to_twenty(tmp_path):
    own = [replace(segment, emotion="odd") for segment in many(23)] + many(30)[23:]
    root = write_corpus(tmp_path, own)
    media_path(root, "Sess01_impro01_F030", ".wav").write_bytes(b"")
    with pytest.raises(InputError) as error:
        read_kemdy19(root)
    assert "24 problems" in str(error.value)
    assert "line 3:" in str(error.value)
    assert "line 22:" in str(error.value)
    assert "line 23:" not in str(error.value)
    assert "and 4 more" in str(error.value)


@pytest.mark.parametrize("suffix", [".wav", ".txt"])
def test_few_missing_files_drop_the_utterance_with_a_notice(tmp_path, suffix):
    root = write_corpus(tmp_path, many(20))
    media_path(root, "Sess01_impro01_F007", suffix).unlink()
    corpus = read_kemdy19(root)
    assert len(corpus.utterances) == 19
    assert "Sess01_impro01_F007" not in emotions(corpus)
    assert "Sess01_impro01_F007" in corpus.notices[0]


@pytest.mark.parametrize(("missing", "total"), [(1, 20), (3, 56), (2, 5)])
def test_a_small_tree_may_lack_a_few_files(tmp_path, missing, total):
    root = write_corpus(tmp_path, many(total))
    for number in range(1, 1 + missing):
        media_path(root, f"Sess01_impro01_F{number:03}", ".txt").unlink()
    corpus = read_kemdy19(root)
    assert len(corpus.utterances) == total - missing
    ids = ", ".join(f"Sess01_impro01_F{number:03}" for number in range(1, 1 + missing))
    assert f"{counted(missing, 'utterance')} without wav or txt dropped: {ids}." in corpus.notices


def test_many_missing_files_mean_a_wrong_root(tmp_path):
    root = write_corpus(tmp_path, many(20))
    for number in range(7, 17):
        media_path(root, f"Sess01_impro01_F{number:03}", ".wav").unlink()
    with pytest.raises(InputError, match=r"10 of 20 .*Sess01_impro01_F007\.wav.*F008\.wav"):
        read_kemdy19(root)
    for number in (*range(1, 7), *range(17, 21)):
        media_path(root, f"Sess01_impro01_F{number:03}", ".wav").unlink()
    with pytest.raises(InputError, match="20 of 20 utterances have no wav or txt file"):
        read_kemdy19(root)


def test_broken_wavs_are_all_named(root):
    for segment in (F1, M2):
        media_path(root, segment, ".wav").write_bytes(b"<html>")
    with pytest.raises(InputError) as error:
        read_kemdy19(root)
    assert all(f"{segment}.wav" in str(error.value) for segment in (F1, M2))


def test_what_is_whole_comes_with_the_problems(root):
    media_path(root, F1, ".wav").write_bytes(b"<html>")
    media_path(root, M2, ".txt").write_bytes(b"\xff\xff")
    with pytest.raises(CorpusProblems) as error:
        read_kemdy19(root)
    assert len(error.value.problems) == 2
    assert [u.id for u in error.value.usable.utterances] == [M1, F2]
    for segment in (M1, F2):
        media_path(root, segment, ".wav").write_bytes(b"<html>")
    with pytest.raises(CorpusProblems) as error:
        read_kemdy19(root)
    assert error.value.usable is None


@pytest.mark.parametrize("labels_of", ["speaker", "listener"])
def test_speakers_have_names_of_their_own_in_the_corpus(root, labels_of):
    names = {u.id: u.speaker_id for u in read_kemdy19(root, labels_of=labels_of).utterances}
    assert names == {F1: "Sess01_F", F2: "Sess01_F", M1: "Sess01_M", M2: "Sess01_M"}


def test_text_of_marks_only_is_empty_and_cp949_is_read(root):
    media_path(root, F1, ".txt").write_bytes(b"n/ N/")
    media_path(root, M1, ".txt").write_bytes("b/ 뭐라고".encode("cp949"))
    texts = {u.id: u.text for u in read_kemdy19(root).utterances}
    assert (texts[F1], texts[M1]) == ("", "뭐라고")


def test_undecodable_text_is_named(root):
    media_path(root, F1, ".txt").write_bytes(b"\xff\xff")
    with pytest.raises(InputError, match=rf"{F1}\.txt"):
        read_kemdy19(root)


@pytest.mark.parametrize("name", ["kemdy19", "demo"])
def test_absent_root_says_what_belongs_there(tmp_path, name):
    remedy = {"kemdy19": "Session", "demo": "python -m feature_extractor.demo --out"}[name]
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(InputError, match=remedy):
            read_corpus(name, path)


def test_empty_annotation_folder_and_half_sessions_are_refused(root):
    annotation(root, "M").unlink()
    with pytest.raises(InputError, match=r"Session01_M_res\.csv missing"):
        read_kemdy19(root)
    annotation(root, "F").unlink()
    with pytest.raises(InputError, match="holds no annotation file"):
        read_kemdy19(root)


def test_files_without_rows_are_refused(tmp_path):
    for actor in "FM":
        write_annotation(tmp_path, "01", actor, [])
    with pytest.raises(InputError, match="holds no data row"):
        read_kemdy19(tmp_path)


def test_one_file_of_no_bytes_is_refused(root):
    annotation(root, "M").write_bytes(b"")
    with pytest.raises(InputError, match=r"Session01_M_res\.csv: holds no data row"):
        read_kemdy19(root)


def test_demo_is_read_like_kemdy19_under_its_own_name(root):
    demo, kemdy19 = read_corpus("demo", root), read_corpus("kemdy19", root)
    assert demo.name == "demo"
    assert demo.utterances == kemdy19.utterances
    assert demo.notices == ()
    assert "utterances 4 (expected 9,627)" in kemdy19.notices[-1]
    with pytest.raises(InputError, match="'klingon'"):
        read_corpus("klingon", root)


def test_expected_counts_stand_beside_found_ones(root):
    rows = {name: counts for name, *counts in expected_counts(read_kemdy19(root))}
    assert rows["sessions"] == [1, 20]
    assert rows["dialogues"] == [1, 200]
    assert rows["angry"] == [1, 1844]
    assert sum(KEMDY19_COUNTS[name] for name in KEMDY_EMOTIONS) == KEMDY19_COUNTS["utterances"]
    listener = expected_counts(read_kemdy19(root), labels_of="listener")
    assert ("dialogues", 1, 200) in listener
    assert ("utterances", 4, None) in listener
    demo = expected_counts(read_corpus("demo", root))
    assert {expected for *_, expected in demo} == {None}
    assert counts_line([("a", 1, None), ("b", 2, 3)]) == "counts: a 1; b 2 (expected 3)"


def test_long_and_stereo_clips_are_read(root):
    path = media_path(root, F1, ".wav")
    soundfile.write(path, [[0.0, 0.1]] * 8_000 * 78, 8_000)
    assert read_kemdy19(root).utterances[0].duration == 78.0


@pytest.mark.slow
def test_ten_thousand_headers_take_less_than_twenty_seconds(tmp_path):
    own = [
        Segment(f"Sess01_script{d:02}_F{i:03}", i, i + 1, "sad")
        for d in range(1, 11)
        for i in range(1000)
    ]
    root = write_corpus(tmp_path, own)
    begun = time.monotonic()
    assert len(read_kemdy19(root).utterances) == 10_000
    assert time.monotonic() - begun < 20


def test_wavs_that_no_row_of_the_chosen_kind_names_are_told(tmp_path):
    root = write_corpus(tmp_path, OWN, HEARD[:3])
    assert read_kemdy19(root).notices == ()
    told = "1 wav that no row of the listener's emotion names, not read: "
    wav = media_path(root, M2, ".wav")
    assert read_kemdy19(root, labels_of="listener").notices == (f"{told}{wav}.",)


def test_audio_far_from_as_long_as_annotated_is_told(tmp_path):
    root = write_corpus(tmp_path, OWN)
    write_media(root, F1, seconds=9.0)
    (told,) = read_kemdy19(root).notices
    assert f"is it theirs? {F1} (9.0 s of 1.5 s)." in told
