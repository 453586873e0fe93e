from __future__ import annotations

import random
import re
import shutil
from collections import Counter
from dataclasses import replace

import pytest

from feature_extractor.corpora.kemdy20 import KEMDY20_COUNTS, read_kemdy20
from feature_extractor.corpora.kemdy20_annotation import SEGMENT_ID
from feature_extractor.corpora.problems import CorpusProblems
from feature_extractor.utterance import Utterance
from graph_er.errors import InputError
from graph_er.schema.emotions import KEMDY_EMOTIONS
from tests.feature_extractor.kemdy20_writer import (
    Segment,
    annotation_path,
    media_path,
    sessions_of,
    write_annotation,
    write_corpus,
    write_media,
)

A1, A2 = "Sess01_script01_User001F_001", "Sess01_script01_User001F_002"
B1, B2 = "Sess01_script01_User002M_001", "Sess01_script01_User002M_002"
C1, D1 = "Sess02_script06_User003F_001", "Sess02_script06_User004F_001"

# Every irregularity of the released files: rows out of time order, "disqust", ids of another
# session, ties, blank ratings, a rater who abstains or names two, cp949, UTF-8 with and without
# BOM, every mark, a text of marks only, two speakers of one sex.
ROWS = [
    Segment(A2, 2.0, 4.25, "disqust", ["disgust"] * 6 + ["neutral"] * 4, 2.0, 3.5,
            "음/ (그+그) 그거* c/ 더+더러워 N/\n".encode("cp949"), 0.25),
    Segment(A1, 0.0, 1.5, "happy", ["happy;sad", "happy", *[""] * 8],
            text="b/ 안녕하세요 l/".encode("utf-8-sig")),
    Segment(B2, 4.25, 6.0, "happy;neutral", ["happy"] * 5 + ["neutral"] * 5),
    Segment(B1, 1.5, 2.0, "Neutral", valence="", arousal=" ",
            text="n/ u/\r\n".encode("cp949")),
    Segment(C1, 0.0, 1.0, "sad", ["?"] * 10, text="그래".encode(),
            written_id=C1.replace("Sess02", "Sess01")),
    Segment(D1, 1.0, 2.0, "fear", text=b"",
            written_id=D1.replace("Sess02", "Sess12")),
]  # fmt: skip


def expected_records(root):
    def record(segment, start, end, text, emotion, soft, duration=0.1, rating=(3.1, 2.9)):
        script, speaker = segment.split("_")[1:3]
        return Utterance(
            id=segment,
            session=segment[:6],
            dialogue=f"{segment[:6]}_{script}",
            speaker=speaker,
            start=start,
            end=end,
            wav=media_path(root, segment, ".wav"),
            duration=duration,
            text=text,
            emotion=emotion,
            soft_label=soft,
            valence=rating[0],
            arousal=rating[1],
            part=None,
            speaker_id=speaker,
            sentence=None,
        )

    neutral = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    disgusted = (0.4, 0.0, 0.0, 0.0, 0.0, 0.0, 0.6)
    return (
        record(A1, 0.0, 1.5, "안녕하세요", "happy", (0.0, 0.0, 0.75, 0.0, 0.25, 0.0, 0.0)),
        record(B1, 1.5, 2.0, "", "neutral", neutral, rating=(None, None)),
        record(A2, 2.0, 4.25, "음 그거 더 더러워", "disgust", disgusted, 0.25, (2.0, 3.5)),
        record(C1, 0.0, 1.0, "그래", "sad", None),
        record(D1, 1.0, 2.0, "", "fear", neutral),
    )


@pytest.fixture
def root(tmp_path):
    return write_corpus(tmp_path / "KEMDy20_v1_1", ROWS)


def test_every_record_of_a_corpus_with_every_irregularity(root):
    corpus = read_kemdy20(root)
    assert corpus.utterances == expected_records(root)
    assert (corpus.name, corpus.emotions) == ("kemdy20", KEMDY_EMOTIONS)
    repaired, tied = corpus.notices
    assert repaired.startswith("2 segment ids with the number of another session")
    assert "Sess01_script06_User003F_001" in repaired
    assert "Sess12_script06_User004F_001" in repaired
    assert tied == "1 utterance with several labels ('a;b') dropped."


def test_the_parent_of_one_released_version_is_a_root_too(root, tmp_path):
    assert read_kemdy20(tmp_path) == read_kemdy20(root)
    (tmp_path / "KEMDy20_v1_2").mkdir()
    with pytest.raises(InputError, match=r"KEMDy20_v1_1.*KEMDy20_v1_2; name one"):
        read_kemdy20(tmp_path)


def test_shuffled_rows_and_files_give_the_same_corpus(root):
    expected = read_kemdy20(root)
    for seed in range(5):
        shutil.rmtree(root)
        shuffled = random.Random(seed).sample(ROWS, len(ROWS))
        assert read_kemdy20(write_corpus(root, shuffled)).utterances == expected.utterances


def test_random_segment_ids_parse_into_what_they_were_made_of():
    rng = random.Random(0)
    for _ in range(500):
        session, script = f"{rng.randint(1, 40):02}", f"script{rng.randint(1, 6):02}"
        user, number = f"User{rng.randint(1, 80):03}{rng.choice('FM')}", f"{rng.randint(1, 200):03}"
        segment = f"Sess{session}_{script}_{user}_{number}"
        match = SEGMENT_ID.fullmatch(segment)
        assert match.group("session", "script", "speaker", "number") == (
            session, script, user, number,
        )  # fmt: skip
        # Without any one of its characters that is no digit it is an id no longer.
        cut = rng.choice([i for i, letter in enumerate(segment) if not letter.isdigit()])
        assert SEGMENT_ID.fullmatch(segment[:cut] + segment[cut + 1 :]) is None


@pytest.mark.parametrize(("policy", "kept"), [("drop", 5), ("first", 6), ("soft", 6)])
def test_multi_label_policies(root, policy, kept):
    found = {u.id: u for u in read_kemdy20(root, multi_label=policy).utterances}
    assert len(found) == kept
    if policy != "drop":
        assert found[B2].emotion == "happy"
        assert found[B2].soft_label == (0.5, 0, 0.5, 0, 0, 0, 0)
        sad = (0, 0, 0, 0, 1, 0, 0) if policy == "soft" else None
        assert found[C1].soft_label == sad


def test_officially_the_last_fifth_of_the_sessions_is_test(tmp_path):
    forty = read_kemdy20(write_corpus(tmp_path / "forty", sessions_of(40, turns=1, scripts=2)))
    test = {dialogue for dialogue, side in forty.official.items() if side == "test"}
    assert test == {f"Sess{s}_script0{d}" for s in range(33, 41) for d in (1, 2)}
    assert set(forty.official) == set(forty.dialogues())
    six = read_kemdy20(write_corpus(tmp_path / "six", sessions_of(6, turns=1)))
    assert Counter(six.official.values()) == {"train": 4, "test": 2}


def test_the_expected_emotions_add_up_to_the_expected_utterances():
    assert sum(KEMDY20_COUNTS[name] for name in KEMDY_EMOTIONS) == KEMDY20_COUNTS["utterances"]


def problems_of(root):
    with pytest.raises(CorpusProblems) as error:
        read_kemdy20(root)
    return error.value


BAD_CELLS = {
    "emotion": ("joyful", "label 'joyful' of " + A1),
    "start": ("soon", f"start time 'soon' of {A1}"),
    "end": ("", f"end time '' of {A1}"),
    "written_id": ("Sess01_script01_F001", "segment id 'Sess01_script01_F001' in column 4"),
    "valence": ("high", f"valence 'high' of {A1}"),
}


@pytest.mark.parametrize("field", BAD_CELLS)
def test_bad_cell_is_named_by_file_line_and_value_and_the_rest_is_usable(root, field):
    value, told = BAD_CELLS[field]
    path = write_annotation(root, "01", [ROWS[0], replace(ROWS[1], **{field: value})])
    error = problems_of(root)
    assert len(error.problems) == 1
    assert error.problems[0].startswith(f"{path}, line 4: {told}")
    assert [u.id for u in error.usable.utterances] == [A2, C1, D1]


def test_a_missing_column_is_told_once_for_all_its_rows(root):
    path = annotation_path(root, "01")
    lines = [line.split(",") for line in path.read_text(encoding="utf-8").splitlines()]
    path.write_text("\n".join(",".join(line[:5] + line[6:]) for line in lines), encoding="utf-8")
    error = problems_of(root)
    assert error.problems == (
        f"{path}, line 3, 4, 5, 6: 36 columns where 37 are needed; restore the file",
    )
    assert [u.id for u in error.usable.utterances] == [C1, D1]


def test_blank_cells_beyond_the_last_column_do_no_harm(root):
    expected = read_kemdy20(root)
    path = annotation_path(root, "01")
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(f"{line},," for line in lines), encoding="utf-8-sig")
    assert read_kemdy20(root) == expected


def test_all_problems_of_a_bad_copy_are_told_in_one_pass(root):
    # One file each: wrong encoding, missing header row, and bad media among good rows.
    encoded = write_annotation(root, "03", sessions_of(3)[8:])
    encoded.write_bytes(b"\xb0\xa1" + encoded.read_bytes())
    headless = write_annotation(root, "04", sessions_of(4)[12:])
    headless.write_bytes(b"".join(headless.read_bytes().splitlines(keepends=True)[1:]))
    rows = [*ROWS[:4], replace(ROWS[0], emotion="sad")]
    twice = write_annotation(root, "01", rows)
    truncated = media_path(root, C1, ".wav")
    truncated.write_bytes(truncated.read_bytes()[:-100])
    page = media_path(root, A1, ".wav")
    page.write_text("<html><body>404</body></html>")
    text = media_path(root, D1, ".txt")
    text.write_bytes(b"\xff\xff")
    for segment in sessions_of(4)[12:]:
        write_media(root, segment)
    error = problems_of(root)
    wanted = [
        rf"{encoded}: no UTF-8 CSV",
        rf"{headless}, line 2: a data row where a header row belongs",
        rf"{A2} has different labels \({twice}, line 3: disgust; {twice}, line 7: sad\)",
        rf"{text}: is neither UTF-8 nor cp949",
        rf"{page}: no readable audio",
        rf"{truncated}: cut short, \d+ of \d+ bytes",
    ]
    assert len(error.problems) == len(wanted)
    for pattern in wanted:
        assert sum(bool(re.match(pattern, problem)) for problem in error.problems) == 1, pattern
    left = [u.id for u in error.usable.utterances]
    assert left[:1] == [B1]
    assert not {A1, A2, C1, D1} & set(left)


def test_few_missing_files_drop_the_utterance_with_a_notice_many_are_a_problem(tmp_path):
    segments = sessions_of(5, turns=5)
    root = write_corpus(tmp_path, segments)
    media_path(root, segments[3].id, ".txt").unlink()
    corpus = read_kemdy20(root)
    assert len(corpus.utterances) == 24
    assert corpus.notices == (f"1 utterance without wav or txt dropped: {segments[3].id}.",)
    for segment in segments[4:15]:
        media_path(root, segment.id, ".wav").unlink()
    assert read_kemdy20(root).notices[0].startswith("12 utterances without wav or txt dropped: ")
    media_path(root, segments[15].id, ".wav").unlink()
    error = problems_of(root)
    assert error.problems[0].startswith("13 of 25 utterances have no wav or txt file")
    assert len(error.usable.utterances) == 12


def test_an_annotation_file_under_another_name_is_told(tmp_path):
    root = write_corpus(tmp_path, sessions_of(5))
    path = root / "annotation" / "Sess05_eval.csv"
    moved = path.rename(path.with_name("Sess05_eval.CSV"))
    told = f"no annotation files by their names, ignored: {moved}."
    assert read_kemdy20(root).notices[0] == told


def test_wavs_that_no_row_names_are_told(tmp_path):
    root = write_corpus(tmp_path, sessions_of(5))
    assert read_kemdy20(root).notices == ()
    further = write_media(root, Segment("Sess05_script01_User009F_099", 9.0, 9.5, "neutral"))
    (further.parent / f"._{further.name}").touch()
    named = media_path(root, "Sess05_script01_User009F_001", ".wav")
    named.with_suffix(".WAV").hardlink_to(named)  # one file, as on disks blind to case
    linked = root / "wav" / "Session03"
    linked.rename(linked.with_name("S03"))
    linked.symlink_to("S03")  # the walk comes to the other name first
    told = f"1 wav that no annotation row names, not read: {further}."
    assert read_kemdy20(root).notices == (told,)
    (root / "annotation" / "Sess05_eval.csv").unlink()
    assert read_kemdy20(root).notices[0].startswith("6 wavs that no annotation row names")
    (root / "annotation" / "Sess04_eval.csv").write_text("")
    assert problems_of(root).usable.notices == ()  # what its rows name is not known


def test_a_wrong_root_says_what_belongs_there(tmp_path):
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(InputError, match=r"Sess\w+_eval\.csv"):
            read_kemdy20(path)
    (tmp_path / "annotation").mkdir()
    with pytest.raises(InputError, match="holds no annotation file"):
        read_kemdy20(tmp_path)


def test_a_corpus_of_ties_alone_is_refused(tmp_path):
    root = write_corpus(tmp_path, [ROWS[2]])
    with pytest.raises(InputError, match="no utterance is left; 1 utterance with several"):
        read_kemdy20(root)


def test_audio_far_from_as_long_as_annotated_is_told(tmp_path):
    segments = sessions_of(5)
    root = write_corpus(tmp_path, segments)
    long, short = replace(segments[0], seconds=9.5), replace(segments[1], end=segments[1].start + 9)
    write_media(root, long)
    same = [short if segment.id == short.id else segment for segment in segments]
    write_annotation(root, short.session, [s for s in same if s.session == short.session])
    (told,) = read_kemdy20(root).notices
    assert told.startswith("2 utterances have audio of less than half or more than twice the")
    assert f"{long.id} (9.5 s of {long.end - long.start:.1f} s)" in told
    assert f"{short.id} ({short.seconds:.1f} s of 9.0 s)" in told
    write_media(root, replace(short, seconds=5.0))  # longer than half of it
    assert read_kemdy20(root).notices[0].startswith("1 utterance has audio")
