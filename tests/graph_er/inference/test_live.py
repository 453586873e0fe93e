"""Turns pushed one by one get the answers of the whole causal conversation."""

from dataclasses import replace

import numpy as np
import pytest

from graph_er.conversations.turn_table import turns_of_rows
from graph_er.errors import InputError
from graph_er.inference.predictor import EmotionPredictor
from tests.graph_er.conversation_factory import write_noise
from tests.graph_er.inference.test_predictor import matrix, text_rows
from tests.graph_er.tiny_models import COGMEN, CONTEXTUAL
from tests.graph_er.tiny_predictor import save_graph


@pytest.fixture(scope="module")
def causal(models, tmp_path_factory):
    folder = tmp_path_factory.mktemp("causal")
    save_graph(folder, models.file, config=replace(CONTEXTUAL, wf=0))
    return EmotionPredictor.load(folder, models.extractor, device="cpu")


def test_answers_are_those_of_the_whole_conversation(models, causal):
    rows = [dict(row) for row in models.rows]
    rows[1]["text"], rows[2]["wav"] = "", ""
    stream = causal.stream()
    answers, whole = [stream.push(row) for row in rows], causal.predict(rows)
    np.testing.assert_allclose(matrix(answers), matrix(whole), atol=1e-6)
    for answer, row in zip(answers, whole, strict=True):
        assert list(answer) == list(row)
        told = ("emotion", "marks", "modalities_used", "utterance")
        assert [answer[name] for name in told] == [row[name] for name in told]
    assert len({answer["emotion"] for answer in answers}) > 1


def test_dialogues_may_go_on_at_once(models, causal):
    first, second = models.rows[:6], models.rows[6:12]
    assert first[0]["dialogue"] != second[0]["dialogue"]
    stream = causal.stream()
    mixed = [stream.push(row) for pair in zip(first, second, strict=True) for row in pair]
    whole = matrix(causal.predict([*first, *second]))
    np.testing.assert_allclose(matrix(mixed[::2]), whole[:6], atol=1e-6)
    np.testing.assert_allclose(matrix(mixed[1::2]), whole[6:], atol=1e-6)


def test_context_of_the_extractor_is_what_was_pushed_before(causal):
    heard = []

    def listen(text):
        heard.append(text)
        return text

    stream = causal.stream()
    stream._clean = listen
    stream._extractor = replace(stream._extractor, context=2)
    for row in text_rows("하나", "둘", "셋", "넷"):
        stream.push(row)
    # The turn is looked at, then it is read along with the two before it.
    assert " ".join(heard) == "하나 하나 둘 하나 둘 셋 하나 둘 셋 넷 둘 셋 넷"


def test_turns_with_and_without_times_may_follow_each_other(causal):
    stream, calm = causal.stream(), causal.stream()
    for other in (stream, calm):
        other._extractor = replace(other._extractor, context=2)
    rows = text_rows("하나", "둘", "셋", "넷", "다섯")
    starts = (5.0, None, 7.5, None, 1.0)
    for row, start in zip(rows[:4], starts, strict=False):
        assert matrix([stream.push({**row, "start": start})]) == pytest.approx(
            matrix([calm.push(row)])
        )
    with pytest.raises(InputError, match=r"starts at 1\.0 s, before the turn before it \(7\.5 s\)"):
        stream.push({**rows[4], "start": starts[4]})


def test_turns_and_rows_are_the_same(models, causal, tmp_path):
    rows = models.rows[:6]
    turns = turns_of_rows(rows, tmp_path)
    stream, other = causal.stream(), causal.stream()
    assert [stream.push(row) for row in rows] == [other.push(turn) for turn in turns]


def test_a_refused_turn_changes_nothing(models, causal, tmp_path):
    rows = [dict(row) for row in models.rows[:4]]
    stream, calm = causal.stream(), causal.stream()
    (tmp_path / "broken.wav").write_text("no audio")
    for row in rows[:2]:
        stream.push(row)
        calm.push(row)
    for bad, message in (
        ({**rows[2], "wav": str(tmp_path / "broken.wav")}, "no readable audio"),
        ({**rows[2], "wav": "", "text": ""}, "row 1"),
        ({**rows[2], "start": -1}, "start"),
        ({**rows[2], "start": 0.0}, "before the turn before it"),
    ):
        with pytest.raises(InputError, match=message):
            stream.push(bad)
    assert stream.push(rows[2]) == calm.push(rows[2])


def test_models_that_hear_what_comes_are_refused_with_the_remedy(models, predictor, tmp_path):
    with pytest.raises(InputError, match=r"train one with .*--wf 0"):
        predictor.stream()
    save_graph(tmp_path / "cogmen", models.file, config=COGMEN)
    cogmen = EmotionPredictor.load(tmp_path / "cogmen", models.extractor, device="cpu")
    with pytest.raises(InputError, match="cogmen has no live mode"):
        cogmen.stream()


def test_a_stream_names_the_emotions_of_its_answers(models, causal):
    stream = causal.stream()
    answer = stream.push(models.rows[0])
    assert stream.emotions == causal.emotions
    assert {f"prob_{emotion}" for emotion in stream.emotions} <= set(answer)
    assert answer["emotion"] in stream.emotions


def test_marks_alone_are_no_text(models, causal):
    rows = [dict(row) for row in models.rows[:4]]
    rows[1]["text"] = "n/ b/"
    rows[2] |= {"text": "n/", "wav": ""}
    stream = causal.stream()
    answers, whole = [stream.push(row) for row in rows], causal.predict(rows)
    assert [answer["marks"] for answer in answers] == ["", "no text", "no audio; no text", ""]
    assert answers[1]["text"] == "n/ b/"
    np.testing.assert_allclose(matrix(answers), matrix(whole), atol=1e-6)


def timed_rows(wav, *spans):
    return [{"speaker": "A", "wav": str(wav), "start": start, "end": end} for start, end in spans]


def test_parts_of_a_long_recording_are_heard_as_in_the_whole_conversation(causal, tmp_path):
    rows = timed_rows(write_noise(tmp_path / "long.wav", 40.0), (1, 1.4), (2, 3), (30, 40.3))
    stream = causal.stream()
    answers = [stream.push(row) for row in rows]
    np.testing.assert_allclose(matrix(answers), matrix(causal.predict(rows)), atol=1e-6)


def test_clips_may_be_padded_and_their_times_those_of_the_conversation(causal, tmp_path):
    clips = [write_noise(tmp_path / f"{seed}.wav", 1.6, seed=seed) for seed in range(3)]
    spans = [(0.1, 0.8), (1.5, 2.2), (12.0, 13.5)]
    rows = [timed_rows(clip, span)[0] for clip, span in zip(clips, spans, strict=True)]
    stream = causal.stream()
    answers = [stream.push(row) for row in rows]
    np.testing.assert_allclose(matrix(answers), matrix(causal.predict(rows)), atol=1e-6)


def test_a_long_file_that_may_be_a_clip_or_parts_is_refused(causal, tmp_path):
    (row,) = timed_rows(write_noise(tmp_path / "a.wav", 31.0), (0, 20.0))
    stream, calm = causal.stream(), causal.stream()
    with pytest.raises(InputError, match=r"^row 1: .* 0 to 20 s .*a\.wav.* a file of its own, of"):
        stream.push(row)
    cut = {"speaker": "A", "wav": write_noise(tmp_path / "b.wav", 20.0)}
    assert stream.push(cut) == calm.push(cut)


@pytest.mark.parametrize("timed", [True, False])
def test_parts_of_a_short_file_are_refused_once_there_are_two(causal, tmp_path, timed):
    first, second = timed_rows(write_noise(tmp_path / "a.wav", 4.0), (0, 1.0), (1.0, 4.0))
    if not timed:
        del second["start"], second["end"]
    stream = causal.stream()
    stream.push(first)
    told = "only other turns tell" if timed else "give start and end of this one, too"
    with pytest.raises(InputError, match=told):
        stream.push(second)


def test_a_clip_without_times_may_be_heard_again(causal, tmp_path):
    row = {"speaker": "A", "wav": write_noise(tmp_path / "a.wav", 1.0)}
    stream = causal.stream()
    answers = [stream.push(row), stream.push(row)]
    np.testing.assert_allclose(matrix(answers), matrix(causal.predict([row, row])), atol=1e-6)


@pytest.mark.parametrize("order", [1, -1])
def test_a_recording_is_heard_whole_or_in_parts(causal, tmp_path, order):
    wav = write_noise(tmp_path / "long.wav", 31.0)
    first, second = timed_rows(wav, (0, 30.8), (30.8, 31))[::order]
    stream = causal.stream()
    stream.push({**first, "dialogue": "x"})
    with pytest.raises(InputError, match="only other turns tell; give each turn a file of its"):
        stream.push({**second, "dialogue": "y"})
