import os
import random
import shutil
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from feature_extractor.corpora import vat_audio
from feature_extractor.corpora.problems import CorpusProblems
from feature_extractor.corpora.vat import read_vat
from feature_extractor.splits.splitting import split_corpus
from graph_er.errors import InputError
from tests.feature_extractor.vat_writer import KOREAN, SISTER, Row, sentences, write_pickle

SEVEN = ("happy", "surprise", "neutral", "fear", "disgust", "angry", "sad")


def problems_of(root):
    with pytest.raises(CorpusProblems) as caught:
        read_vat(root)
    return caught.value.problems


def write_sides(root, **options):
    """Write train, dev and test with two actors on each side and a sentence of its own on each."""
    for number, side in enumerate(("train", "dev", "test")):
        rows = [Row(person, f"{number}번", KOREAN[number]) for person in (3, 12)]
        write_pickle(root, side, rows, **options)
    return root


def records(corpus):
    """Return all of a corpus but where its audio lies."""
    return [replace(utterance, wav=None) for utterance in corpus.utterances]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_pickle_gives_exactly_these_records_and_wavs(tmp_path, protocol):
    wide = np.array([5, -32768, 32767], dtype="int64")
    rows = [Row(12, "두  번째\t문장!", "분노"), Row(np.int64(3), "첫 문장", "행복", wide)]
    path = write_pickle(tmp_path, "clips", rows, protocol=protocol)
    corpus = read_vat(tmp_path)

    first, second = corpus.utterances
    assert (first.speaker_id, first.session, first.speaker) == ("actor3", "actor3", "3")
    assert (first.text, first.emotion, first.sentence) == ("첫 문장", "happy", "첫문장")
    assert (first.start, first.end, first.duration) == (0.0, 3 / 48_000, 3 / 48_000)
    assert (second.text, second.emotion) == ("두 번째 문장!", "angry")
    assert (second.sentence, second.duration) == ("두번째문장", 0.1)
    assert second.id == second.dialogue
    assert second.id.startswith("actor12_")
    folder = tmp_path / "audio_from_pickles"
    assert first.wav.parent.parent == folder
    assert first.wav.parent.name.startswith("clips_")
    assert [first.wav.name, second.wav.name] == ["00001.wav", "00000.wav"]
    samples, rate = soundfile.read(first.wav, dtype="int16")
    assert (rate, soundfile.info(first.wav).subtype) == (48_000, "PCM_16")
    np.testing.assert_array_equal(samples, wide)
    np.testing.assert_array_equal(soundfile.read(second.wav, dtype="int16")[0], rows[0].cells()[1])
    assert path.is_file()


def test_both_spellings_of_columns_and_any_order_of_rows_give_the_same(tmp_path):
    rows = [Row(person, text, "슬픔") for person in range(4) for text in sentences("슬픔", 5)]
    write_pickle(tmp_path / "a", "all", rows)
    random.Random(5).shuffle(rows)
    write_pickle(tmp_path / "b", "all", rows, columns=SISTER)
    one, other = (read_vat(tmp_path / name) for name in "ab")
    assert records(one) == records(other)
    assert one.official == other.official
    for utterance, same in zip(one.utterances, other.utterances, strict=True):
        assert utterance.wav.read_bytes() == same.wav.read_bytes()


def test_pickles_named_by_side_give_the_published_split(tmp_path):
    write_sides(tmp_path)
    write_pickle(tmp_path, "test_stt", [Row(3, "2 뻔", KOREAN[2])])
    corpus = read_vat(tmp_path)
    by_text = {u.text: corpus.official[u.dialogue] for u in corpus.utterances}
    assert by_text == {"0번": "train", "1번": "dev", "2번": "test"}
    assert len(corpus.utterances) == 6
    for told in (
        "test_stt.pkl: the same clips with recognised text; left out.",
        "official split by the names of the pickles.",
        "2 actors are on several sides of the official split; `--split crossed:5 --fold 1`",
    ):
        assert any(told in notice for notice in corpus.notices), told


def test_one_pickle_is_split_by_sentence_as_published(tmp_path):
    rows = [
        Row((number + take) % 10, text, emotion, np.array([number, take], dtype="int16"))
        for emotion in KOREAN
        for number, text in enumerate(sentences(emotion))
        for take in (0, 5)
    ]
    write_pickle(tmp_path, "all", rows)
    corpus = read_vat(tmp_path)
    sides = {(u.sentence, u.emotion): corpus.official[u.dialogue] for u in corpus.utterances}
    assert len(sides) == 350
    assert Counter((emotion, side) for (_, emotion), side in sides.items()) == {
        (emotion, side): count
        for emotion in SEVEN
        for side, count in {"train": 40, "dev": 5, "test": 5}.items()
    }
    assert len({(u.sentence, corpus.official[u.dialogue]) for u in corpus.utterances}) == 350
    assert any("10 actors are on several sides" in notice for notice in corpus.notices)


def test_a_sentence_with_two_emotions_is_told(tmp_path):
    rows = [Row(1, "정말 대단해", "행복"), Row(2, "정말 대단해", "혐오"), Row(3, "둘", "공포")]
    write_pickle(tmp_path, "all", rows)
    told = "1 sentence has several emotions (정말 대단해):"
    assert any(notice.startswith(told) for notice in read_vat(tmp_path).notices)


def test_a_sentence_on_two_sides_is_told(tmp_path):
    write_pickle(tmp_path, "train", [Row(1, "같은 문장", "중립")])
    write_pickle(tmp_path, "test", [Row(2, "같은 문장.", "중립")])
    assert any("1 sentence is on several sides" in notice for notice in read_vat(tmp_path).notices)


def test_audio_is_written_once_and_again_when_it_or_the_pickle_changes(tmp_path, monkeypatch):
    path = write_pickle(tmp_path, "train", [Row(1, "하나", "중립"), Row(2, "둘", "공포")])
    first = read_vat(tmp_path)
    wav = first.utterances[0].wav
    written = wav.stat().st_mtime_ns
    with monkeypatch.context() as patch:
        patch.setattr(vat_audio, "write_clips", None)
        patch.setattr("feature_extractor.corpora.vat.read_clips", None)
        assert read_vat(tmp_path) == first
    assert wav.stat().st_mtime_ns == written

    content = wav.read_bytes()
    wav.write_bytes(content[:-1])
    assert read_vat(tmp_path) == first
    assert wav.read_bytes() == content
    (wav.parent / "clips.json").write_text('[{"position": "../../train"}]')
    assert read_vat(tmp_path) == first

    write_pickle(tmp_path, "train", [Row(1, "하나", "중립"), Row(2, "둘", "혐오")])
    other = read_vat(tmp_path)
    assert other.utterances[0].wav.parent != wav.parent
    assert [u.emotion for u in other.utterances] == ["neutral", "disgust"]
    assert path.is_file()


def test_the_same_clip_twice_is_kept_on_the_evaluated_side_and_takes_are_kept_apart(tmp_path):
    clip = Row(1, "하나", "중립")
    takes = [Row(2, "둘", "공포", np.full(9, level, dtype="int16")) for level in (1, 2)]
    write_pickle(tmp_path, "train", [clip, *takes])
    write_pickle(tmp_path, "test", [clip])
    corpus = read_vat(tmp_path)
    assert [corpus.official[u.dialogue] for u in corpus.utterances] == ["test", "train", "train"]
    assert any("1 clip occurs several times" in notice for notice in corpus.notices)
    assert len({u.id for u in corpus.utterances}) == 3
    assert len({u.wav.read_bytes() for u in corpus.utterances}) == 3


def test_all_problems_are_told_at_once_with_file_and_row_and_nothing_is_written(tmp_path):
    rows = [
        Row(1, "좋은 문장", "중립"),
        Row(None, "사람 없음", "중립"),
        Row("../x", "사람 아님", "중립"),
        Row(2, "  ", "중립"),
        Row(2, "모르는 감정", "지루함"),
        Row(2, "소수", "공포", np.zeros(3)),
        Row(2, "빈 소리", "공포", np.zeros(0, dtype="int16")),
        Row(2, "큰 소리", "공포", np.array([40_000])),
        Row(2, "스테레오", "공포", np.zeros((2, 2), dtype="int16")),
        Row(1, "좋은  문장.", "슬픔"),
    ]
    train = write_pickle(tmp_path, "train", rows)
    dev = write_pickle(tmp_path, "dev", [Row(1, "하나", "중립")], columns=("who", *SISTER[1:]))
    test = tmp_path / "test.pkl"
    test.write_text("<html>404</html>")
    problems = "\n".join(problems_of(tmp_path))
    for told in (
        "row 3: person '../x' is no number or name",
        "row 4: sentence '  ' is no text",
        "row 5: unknown emotion '지루함'",
        "row 6: audio is 1-D float64, no 1-D array of integers",
        "row 7: audio holds no samples",
        "row 8: audio lies in 40000 to 40000, beyond 16 bits",
        "row 9: audio is 2-D int16",
    ):
        assert f"{train}, {told}" in problems
    assert f"{train}, row 2: person None" in problems
    assert f"({train}, row 1: neutral; {train}, row 10: sad)" in problems
    assert f"{dev}: needs one column of each: person_ix or person_idx; found who, audio" in problems
    assert f"{test}: no readable pickle" in problems
    assert len(problems.splitlines()) == 11
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dev.pkl", "test.pkl", "train.pkl"]


def test_what_is_usable_beside_problems_has_no_audio(tmp_path):
    write_pickle(tmp_path, "train", [Row(1, "하나", "중립"), Row(1, "둘", "?")])
    with pytest.raises(CorpusProblems) as caught:
        read_vat(tmp_path)
    (utterance,) = caught.value.usable.utterances
    assert (utterance.text, utterance.wav, utterance.duration) == ("하나", None, 0.0)


def test_persons_as_text_numbers_and_floats_are_one_person(tmp_path):
    rows = [Row("007", "하나", "중립"), Row(7.0, "둘", "중립"), Row(7, "셋", "중립")]
    for number, row in enumerate(rows):
        write_pickle(tmp_path, f"part{number}", [row])
    assert {u.speaker_id for u in read_vat(tmp_path).utterances} == {"actor7"}


def test_a_hostile_pickle_is_refused_before_anything_runs(tmp_path):
    class Hostile:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    write_pickle(tmp_path, "train", [Row(1, "하나", "중립"), Row(2, "둘", Hostile())])
    (problem,) = problems_of(tmp_path)
    assert f"{tmp_path / 'train.pkl'}: refused, the file names" in problem
    assert "mkdir" in problem
    assert not (tmp_path / "ran").exists()


def test_a_root_that_cannot_be_written_is_told_with_the_remedy(tmp_path):
    write_sides(tmp_path)
    (tmp_path / "audio_from_pickles").write_text("in the way")
    with pytest.raises(InputError, match=r"cannot be written there .* make the folder"):
        read_vat(tmp_path)


def test_a_wrong_root_is_told_with_the_layout(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        read_vat(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"holds no \.pkl .*train\.pkl"):
        read_vat(tmp_path)
    shutil.copy(write_sides(tmp_path / "sides") / "train.pkl", tmp_path / "clips.PICKLE")
    assert len(read_vat(tmp_path).utterances) == 2


def test_one_recording_at_several_clips_is_told(tmp_path):
    sounds = [np.arange(at, at + 9, dtype="int16") for at in (1, 2, 1)]
    rows = [Row(at, f"{at}번 문장", "분노", sound) for at, sound in enumerate(sounds)]
    path = write_pickle(tmp_path, "clips", rows)
    told = "1 recording stands at several clips, of which one at most is theirs; look at their "
    told += f"rows: {path}, row 1 and {path}, row 3."
    assert told in read_vat(tmp_path).notices
    write_pickle(tmp_path, "clips", rows[:2])
    assert not any("recordings stand" in notice for notice in read_vat(tmp_path).notices)


def test_sides_are_told_by_whole_words_too(tmp_path):
    root = write_sides(tmp_path)
    (root / "dev.pkl").rename(root / "Validation.pkl")
    (root / "train.pkl").rename(root / "training_set.pkl")
    corpus = read_vat(root)
    assert "official split by the names of the pickles." in corpus.notices
    assert sorted(set(corpus.official.values())) == ["dev", "test", "train"]


@pytest.mark.parametrize(
    ("name", "word", "side"),
    [
        ("VAT_Training_2021", "'training'", "train"),
        ("train_training", "'train' and 'training'", "train"),
        ("val", "'val'", "dev"),
    ],
)
def test_the_only_pickle_under_a_sides_name_is_refused_with_the_remedy(tmp_path, name, word, side):
    path = write_pickle(tmp_path, name, [Row(1, "하나", "중립"), Row(2, "둘", "공포")])
    corpus = read_vat(tmp_path)
    assert set(corpus.official.values()) == {side}
    with pytest.raises(InputError, match=r"leaves no .*test dialogue"):
        split_corpus(corpus, "official", None)
    told = f"{name}.pkl is the only pickle, and {word} in its name makes all clips {side}: "
    (notice,) = [notice for notice in corpus.notices if notice.startswith(told)]
    assert f"take {word} out of its name" in notice
    path.rename(tmp_path / "VAT_2021.pkl")
    assert not any("only pickle" in notice for notice in read_vat(tmp_path).notices)
    write_pickle(tmp_path, "train", [Row(3, "셋", "분노")])
    (tmp_path / "VAT_2021.pkl").rename(tmp_path / "test.pkl")
    assert not any("only pickle" in notice for notice in read_vat(tmp_path).notices)
