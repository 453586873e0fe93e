from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from feature_extractor.corpora.meld import KNOWN_GAPS, MELD_COUNTS, read_meld
from feature_extractor.corpora.meld_media import find_media
from feature_extractor.corpora.meld_rows import repair
from feature_extractor.corpora.problems import CorpusProblems
from feature_extractor.splits.splitting import split_corpus
from feature_extractor.utterance import Utterance
from graph_er.errors import InputError
from graph_er.schema.emotions import DATASET_EMOTIONS
from tests.feature_extractor.meld_writer import (
    FILLER,
    FOLDERS,
    HEADER,
    Line,
    media_path,
    own,
    table_path,
    write_tables,
    write_wav,
)

TABLES = {
    "train": [
        Line(0, 0, "neutral", start="00:16:16,059", end="00:16:21,731"),
        Line(0, 1, "joy", "Oh", "Ben Jr.", "00:16:21,940", "00:16:23,442"),
        Line(0, 10, "anger", 'No "no", no\nno!', "Ann", "0:16:50.5", "0:16:51"),
        Line(2, 0, "surprise", "my company\u0092s \u0096 plan\u0085", "All"),
        Line(10, 0, "fear"),
    ],
    "dev": [Line(0, 0, "disgust")],
    "test": [Line(0, 0, "sadness", speaker="Ben Jr."), Line(0, 2, "neutral", start="00:16:30")],
}


@pytest.fixture
def root(tmp_path):
    return write_tables(tmp_path / "meld", TABLES)


def problems_of(root):
    with pytest.raises(CorpusProblems) as error:
        read_meld(root)
    return error.value.problems


def write_all_wavs(root, tables=TABLES):
    for side, lines in tables.items():
        for line in lines:
            write_wav(media_path(root, side, line.dialogue, line.utterance))


def write_filler_wavs(root, *sides):
    for side in sides:
        write_wav(media_path(root, side, FILLER.dialogue, FILLER.utterance))


def test_every_field_of_an_utterance(root):
    write_all_wavs(root)
    assert read_meld(root).utterances[5] == Utterance(
        id="train_dia0_utt10",
        session="train_dia0",
        dialogue="train_dia0",
        speaker="Ann",
        start=34.441,
        end=34.941,
        wav=media_path(root, "train", 0, 10),
        duration=0.1,
        text='No "no", no no!',
        emotion="anger",
        speaker_id="Ann",
    )


def test_dialogues_of_the_tables_stay_apart_in_the_order_of_numbers(root):
    corpus = read_meld(root)
    assert corpus.emotions == DATASET_EMOTIONS["meld"]
    assert [(u.id, u.emotion) for u in corpus.utterances] == [
        ("dev_dia0_utt0", "disgust"),
        ("test_dia0_utt0", "sadness"),
        ("test_dia0_utt2", "neutral"),
        ("train_dia0_utt0", "neutral"),
        ("train_dia0_utt1", "joy"),
        ("train_dia0_utt10", "anger"),
        ("train_dia2_utt0", "surprise"),
        ("train_dia10_utt0", "fear"),
    ]


def test_the_official_split_is_as_published_and_warns_of_shared_speakers(root):
    split = split_corpus(read_meld(root))
    assert split.train == ("train_dia0", "train_dia2", "train_dia10")
    assert (split.dev, split.test) == (("dev_dia0",), ("test_dia0",))
    assert any("Ben Jr." in warning for warning in split.warnings)


def test_the_order_of_rows_changes_nothing(root):
    expected = read_meld(root)
    for seed in (1, 2, 3):
        assert read_meld(write_tables(root, TABLES, seed=seed)) == expected


@pytest.mark.parametrize("place", ["data/MELD", "MELD.Raw"])
def test_tables_below_the_root_are_found(tmp_path, root, place):
    shutil.move(root, tmp_path / "clone" / place)
    assert len(read_meld(tmp_path / "clone").utterances) == 8


@pytest.mark.parametrize("moved", [("train",), ("train", "dev", "test")])
@pytest.mark.parametrize("place", ["", "MELD.Raw"])
def test_tables_in_folders_of_their_sides_are_found(tmp_path, root, place, moved):
    """As the archives of the release unpack, with the videos' folders beside the tables."""
    write_all_wavs(root)
    expected = [replace(u, wav=None) for u in read_meld(root).utterances]
    for side in moved:
        (root / side).mkdir()
        shutil.move(table_path(root, side), root / side)
        shutil.move(root / FOLDERS[side], root / side)
    if place:
        shutil.move(root, tmp_path / "above" / place)
    found = read_meld(tmp_path / "above" if place else root).utterances
    assert [replace(u, wav=None) for u in found] == expected
    assert all(u.wav is not None for u in found)


def test_two_tables_of_one_side_are_one_only_if_they_are_alike(root):
    expected = read_meld(root).utterances
    (root / "dev").mkdir()
    second = shutil.copy(table_path(root, "dev"), root / "dev")
    assert read_meld(root).utterances == expected
    table = table_path(root, "dev")
    table.write_text(table.read_text() + "\n")
    (problem,) = problems_of(root)
    assert problem == (
        f"{table_path(root, 'dev')} and {second} differ; remove the one that is not the release's"
    )


def test_the_place_with_all_tables_counts(tmp_path, root):
    expected = read_meld(root).utterances
    shutil.move(root, tmp_path / "clone" / "data" / "MELD")
    beside = write_tables(tmp_path / "clone" / "train", {})
    for side in ("dev", "test"):
        table_path(beside, side).unlink()
    assert read_meld(tmp_path / "clone").utterances == expected


def test_a_second_table_may_have_other_line_ends_and_is_no_folder(root):
    expected = read_meld(root).utterances
    for side in ("dev", "test"):
        (root / side).mkdir()
    content = table_path(root, "dev").read_bytes().replace(b"\r\n", b"\n")
    table_path(root / "dev", "dev").write_bytes(content)
    table_path(root / "test", "test").mkdir()
    assert read_meld(root).utterances == expected
    table_path(root, "test").unlink()
    with pytest.raises(InputError, match=r"test_sent_emo\.csv: cannot be read"):
        read_meld(root)


def test_control_characters_in_place_of_quotes_are_repaired(tmp_path, root):
    expected = "my company’s – plan…"
    assert {u.id: u.text for u in read_meld(root).utterances}["train_dia2_utt0"] == expected
    tables = {"train": [Line(2, 0, text=expected)]}
    for encoding in ("cp1252", "utf-8-sig"):
        again = write_tables(tmp_path / encoding, tables, encoding=encoding)
        assert [u.text for u in own(read_meld(again))] == [expected]
    assert repair("caf\u00e9\u00a0\u0091x\u0094") == "café ‘x”"


def test_times_that_contradict_the_numbers_are_moved_and_told(tmp_path):
    lines = [
        Line(3, 0, start="00:10:00,000", end="00:10:02,000"),
        Line(3, 1, start="00:09:00,000", end="00:09:01,500"),
        Line(3, 2, start="00:10:05,000", end="00:10:04,000"),
        Line(3, 3, start="00:10:06,000", end="00:10:07,000"),
    ]
    corpus = read_meld(write_tables(tmp_path, {"train": lines}))
    assert [(u.start, u.end) for u in own(corpus)] == [(0, 2), (0, 1.5), (5, 5), (6, 7)]
    assert [u.id[-1] for u in own(corpus)] == list("0123")
    told = next(notice for notice in corpus.notices if "contradict" in notice)
    assert told.startswith("2 utterances in 1 dialogue with")
    assert "train_dia3" in told


@pytest.mark.parametrize("folder", ["latest", "interval"])
def test_a_folder_whose_name_holds_that_of_a_side_by_chance_tells_none(tmp_path, folder):
    write_wav(tmp_path / folder / "dia0_utt0.wav")
    assert not find_media(tmp_path).wavs
    here = write_wav(tmp_path / "train_splits" / folder / "dia0_utt0.wav")
    assert find_media(tmp_path).wavs == {"train_dia0_utt0": here}


@pytest.mark.parametrize(
    "folder", ["train_splits", "wav/train", "train/audio16k", "x/TRAIN", "MELDTrain"]
)
def test_audio_is_found_where_the_path_tells_the_side(tmp_path, folder):
    write_tables(tmp_path, {"train": [Line(0, 0)], "dev": [Line(0, 0)]})
    here = write_wav(tmp_path / folder / "dia0_utt0.wav")
    there = write_wav(tmp_path / "wav" / "dev" / "dia0_utt0.wav")
    (there.parent / "._dia0_utt0.wav").write_bytes(b"\0")
    write_wav(tmp_path / "other" / "dia0_utt0.wav")
    write_wav(tmp_path / folder / "final_videos_testdia0_utt0.wav")
    write_filler_wavs(tmp_path, "test")
    found = {u.id: u.wav for u in own(read_meld(tmp_path))}
    assert found == {"train_dia0_utt0": here, "dev_dia0_utt0": there}


def test_audio_in_two_places_is_told(tmp_path):
    write_tables(tmp_path, {"train": [Line(0, 0)]})
    first = write_wav(tmp_path / "a" / "train" / "dia0_utt0.wav")
    write_wav(tmp_path / "b" / "train" / "dia0_utt0.flac")
    write_filler_wavs(tmp_path, "dev", "test")
    corpus = read_meld(tmp_path)
    assert [u.wav for u in own(corpus)] == [first]
    assert any("several places" in n and "train_dia0_utt0" in n for n in corpus.notices)


def test_without_audio_it_is_a_corpus_of_text_and_videos_have_a_remedy(root):
    assert any(n.startswith("no utterance has audio") for n in read_meld(root).notices)
    for side in FOLDERS:
        path = media_path(root, side, 0, 0, ".mp4")
        path.parent.mkdir()
        path.write_bytes(b"\0")
    corpus = read_meld(root)
    assert {u.wav for u in corpus.utterances} == {None}
    assert any("3 videos were found" in n and "ffmpeg -i" in n for n in corpus.notices)


def test_few_utterances_without_audio_are_a_notice_many_a_problem(root):
    write_all_wavs(root)
    media_path(root, "train", 2, 0).unlink()
    notices = read_meld(root).notices
    assert "1 utterance has no audio: train_dia2_utt0." in notices
    for path in [path for path in root.rglob("*.wav") if "train" in str(path)]:
        path.unlink()
    (problem,) = problems_of(root)
    assert "of 8 utterances have no audio: train_dia" in problem


def test_the_known_gaps_of_the_release_are_notices(tmp_path):
    tables = {"train": [Line(125, 2), Line(125, 3)], "dev": [Line(110, 6), Line(110, 7)]}
    write_tables(tmp_path, tables)
    write_wav(media_path(tmp_path, "train", 125, 2))
    write_wav(media_path(tmp_path, "dev", 110, 6))
    write_filler_wavs(tmp_path, "test")
    media_path(tmp_path, "train", 125, 3).write_bytes(b"")
    corpus = read_meld(tmp_path)
    assert [u.id for u in corpus.utterances if u.wav is None] == sorted(KNOWN_GAPS)
    assert any(all(gap in notice for gap in KNOWN_GAPS) for notice in corpus.notices)


def test_one_id_with_two_labels_names_both_lines(tmp_path):
    twice = {"train": [Line(0, 0, "joy"), Line(0, 1), Line(0, 0, "fear")]}
    (problem,) = problems_of(write_tables(tmp_path, twice))
    assert "train_dia0_utt0 has different labels" in problem
    assert problem.count("train_sent_emo.csv, line ") == 2


def test_one_id_twice_with_one_label_is_kept_once(tmp_path):
    ends = ("00:16:20,000", "00:16:21,000")
    twice = {"train": [Line(0, 0, end=end) for end in ends]}
    for seed in (0, 1, 2):
        corpus = read_meld(write_tables(tmp_path, twice, seed=seed))
        (utterance,) = own(corpus)
        assert utterance.end - utterance.start == pytest.approx(3.941)
        assert any("occurs 2 times with one label" in notice for notice in corpus.notices)


@pytest.mark.parametrize(
    ("name", "other"), [("text", "b"), ("speaker", "Ross"), ("start", "00:16:17,000")]
)
def test_one_id_for_two_utterances_names_both_lines(tmp_path, name, other):
    twice = {"train": [Line(0, 0), Line(0, 1), replace(Line(0, 0), **{name: other})]}
    (problem,) = problems_of(write_tables(tmp_path, twice))
    assert f"train_dia0_utt0 has rows that differ in {name} (" in problem
    assert problem.count("train_sent_emo.csv, line ") == 2


BAD_ROWS = {
    "Dialogue_ID 'zero'": Line("zero", 0),
    "Utterance_ID '1.5'": Line(0, "1.5"),
    "emotion 'jolly'": Line(0, 0, "jolly"),
    "no speaker": Line(0, 0, speaker=" "),
    "StartTime ''": Line(0, 0, start=""),
    "EndTime '99'": Line(0, 0, end="99"),
}


@pytest.mark.parametrize("told", BAD_ROWS)
def test_a_bad_cell_is_named_by_file_line_and_value(tmp_path, told):
    root = write_tables(tmp_path, {"dev": [BAD_ROWS[told], Line(1, 0)]}, seed=1)
    (problem,) = problems_of(root)
    assert problem.startswith(f"{table_path(root, 'dev')}, line 2: {told}")


def test_all_problems_are_told_at_once_and_the_rest_is_usable(root):
    write_all_wavs(root)
    media_path(root, "train", 0, 1).write_bytes(b"<html>busy</html>")
    whole = media_path(root, "test", 0, 0).read_bytes()
    media_path(root, "test", 0, 0).write_bytes(whole[:1000])
    table_path(root, "dev").unlink()
    with table_path(root, "train").open("a", encoding="utf-8") as file:
        file.write("1,2,3\n")
    with pytest.raises(CorpusProblems) as error:
        read_meld(root)
    told = "\n".join(error.value.problems)
    assert len(error.value.problems) == 4
    for part in (
        "dev_sent_emo.csv: no such file", "train_sent_emo.csv, line 8: 3 cells",
        "(train_dia0_utt1): ", "dia0_utt1.wav: no readable audio", "dia0_utt0.wav: cut short",
    ):  # fmt: skip
        assert part in told
    assert len(error.value.usable.utterances) == 5
    assert set(error.value.usable.official.values()) == {"train", "test"}


def test_a_missing_column_is_named(root):
    path = table_path(root, "test")
    path.write_text(path.read_text(encoding="utf-8").replace("Emotion,", "Mood,"), "utf-8")
    (problem,) = problems_of(root)
    assert problem.startswith(f"{path}: 1 column missing (emotion)")


def test_a_wrong_encoding_is_named(root):
    path = table_path(root, "test")
    path.write_bytes((",".join(HEADER) + "\r\n").encode() + b"\x81\x8d\n")
    (problem,) = problems_of(root)
    assert problem.startswith(f"{path}: is neither UTF-8 nor CP1252")


def test_another_layout_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"train_sent_emo\.csv.*data/MELD"):
        read_meld(tmp_path)


def test_expected_counts_add_up():
    names = DATASET_EMOTIONS["meld"]
    assert sum(MELD_COUNTS[name] for name in names) == MELD_COUNTS["utterances"]


def test_wavs_that_no_row_names_are_told(root):
    write_all_wavs(root)
    assert not any("not read" in notice for notice in read_meld(root).notices)
    further = write_wav(media_path(root, "dev", 7, 0))
    told = f"1 wav that no row of a table names, not read: {further}."
    assert told in read_meld(root).notices
