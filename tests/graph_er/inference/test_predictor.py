import json
import logging
from dataclasses import replace

import numpy as np
import pytest

from feature_extractor.extraction.stage2 import trained_extractor
from graph_er.answers.prediction import predict_probabilities
from graph_er.conversations.turn_table import turns_of_rows
from graph_er.conversations.turns import by_dialogue
from graph_er.errors import InputError
from graph_er.inference.predictor import EmotionPredictor
from graph_er.networks.checkpoint import load_checkpoint
from tests.feature_extractor.tiny_corpus import EMOTIONS
from tests.graph_er.conversation_factory import write_noise
from tests.graph_er.tiny_models import COGMEN, CONTEXTUAL
from tests.graph_er.tiny_predictor import save_extractor, save_graph

PROBABILITIES = [f"prob_{emotion}" for emotion in EMOTIONS]


def matrix(rows):
    return np.array([[row[name] for name in PROBABILITIES] for row in rows])


def text_rows(*texts, **columns):
    return [{"speaker": "AB"[n % 2], "text": text, **columns} for n, text in enumerate(texts)]


def test_raw_audio_and_text_give_what_evaluation_of_extracted_features_gives(models, predictor):
    expected = predict_probabilities(load_checkpoint(models.graph), models.file.dialogues)
    rows = predictor.predict(models.rows)
    np.testing.assert_allclose(matrix(rows), expected.mean(axis=0), atol=1e-4)
    assert len({row["emotion"] for row in rows}) > 1
    assert [row["emotion"] for row in rows] == [
        EMOTIONS[label] for label in expected.mean(axis=0).argmax(axis=1)
    ]


def test_conversations_of_one_session_bear_on_each_other_and_no_others_do(predictor, tmp_path):
    def predicted(*names, **columns):
        rows = []
        for number, name in enumerate(names):
            for turn in range(3):
                wav = write_noise(tmp_path / f"{number}_{turn}.wav", 0.5 + number, seed=turn)
                rows.append({"dialogue": name, "speaker": "A", "wav": wav, "text": "네", **columns})
        return matrix(predictor.predict(rows))[:3]

    alone = predicted("call_1")
    np.testing.assert_allclose(predicted("call_1", "call_2"), alone, atol=1e-5)
    for names in (("call_1", "call_2"), ("x", "y")):
        together = predicted(*names, session="one")
        assert np.abs(together - alone).max() > 1e-5
    named = [("1", ""), ("3", "1")]  # a conversation by itself is in no session of its name
    rows = [
        {"dialogue": dialogue, "session": session, "speaker": "A", "text": "네",
         "wav": tmp_path / f"{number}_{turn}.wav"}
        for number, (dialogue, session) in enumerate(named) for turn in range(3)
    ]  # fmt: skip
    np.testing.assert_allclose(matrix(predictor.predict(rows))[:3], alone, atol=1e-5)
    for row in rows[1:3]:
        row["session"] = None
    rows[0]["session"] = "1"  # of one row it is that of the dialogue
    np.testing.assert_allclose(matrix(predictor.predict(rows))[:3], together, atol=1e-5)
    of_ids = predicted("Sess01_script01", "Sess01_script02")
    np.testing.assert_allclose(of_ids, together, atol=1e-5)
    np.testing.assert_allclose(predicted("Sess01_impro01", "Sess02_impro01"), alone, atol=1e-5)


def test_features_are_those_of_the_dialogue_file(models, predictor):
    dialogues = predictor.features(turns_of_rows(models.rows, models.graph))
    for own, extracted in zip(dialogues, models.file.dialogues, strict=True):
        assert (own.id, own.utterance_ids) == (extracted.id, extracted.utterance_ids)
        assert (own.speakers, own.sentences) == (extracted.speakers, extracted.sentences)
        np.testing.assert_allclose(own.text, extracted.text, atol=1e-5)
        np.testing.assert_allclose(own.audio, extracted.audio, atol=1e-5)


def test_rows_come_back_in_their_order_whatever_the_order_of_time(models, predictor):
    order = np.random.default_rng(0).permutation(len(models.rows))
    in_order = predictor.predict(models.rows)
    shuffled = predictor.predict([models.rows[i] for i in order])
    assert [row["utterance"] for row in shuffled] == [models.rows[i]["utterance"] for i in order]
    np.testing.assert_allclose(matrix(shuffled), matrix(in_order)[order], atol=1e-5)


def test_confidence_is_the_probability_of_the_emotion(models, predictor):
    for row in predictor.predict(models.rows[:6]):
        assert row["confidence"] == row[f"prob_{row['emotion']}"] == max(matrix([row])[0])
        assert sum(matrix([row])[0]) == pytest.approx(1)
        assert (row["modalities_used"], row["marks"]) == ("at", "")


def test_a_row_without_text_or_audio_is_predicted_from_the_other_and_marked(models, predictor):
    rows = [dict(row) for row in models.rows[:6]]
    rows[1]["text"], rows[2]["wav"] = None, float("nan")
    predicted = predictor.predict(rows)
    assert [row["modalities_used"] for row in predicted] == ["at", "a", "t", "at", "at", "at"]
    assert [row["marks"] for row in predicted[:3]] == ["", "no text", "no audio"]
    assert predicted[1]["text"] is None


def test_missing_text_is_the_training_mean_and_missing_audio_zero(models, predictor):
    rows = [dict(row) for row in models.rows[:6]]
    rows[1]["text"], rows[2]["wav"] = "", ""
    (dialogue,) = predictor.features(turns_of_rows(rows, models.graph))
    texts = np.concatenate([own.text for own in models.file.dialogues])
    np.testing.assert_allclose(dialogue.text[1], texts.mean(axis=0), atol=1e-5)
    assert not dialogue.audio[2].any()
    assert dialogue.audio[1].any()


def test_a_modality_that_no_row_has_is_warned_of(predictor, caplog):
    with caplog.at_level(logging.WARNING):
        rows = predictor.predict(text_rows("그래", "왜 그래"))
    assert [row["modalities_used"] for row in rows] == ["t", "t"]
    assert "no turn has audio" in caplog.text


def test_nothing_that_the_model_reads_is_refused(models, tmp_path):
    save_graph(tmp_path / "graph", models.file, "t")
    predictor = EmotionPredictor.load(tmp_path / "graph", models.extractor, device="cpu")
    wav = write_noise(tmp_path / "x.wav")
    with pytest.raises(InputError, match=r"no turn has text.*--asr"):
        predictor.predict([{"speaker": "A", "wav": wav}])
    (row,) = predictor.predict([{"speaker": "A", "text": "그래"}])
    assert (row["modalities_used"], row["marks"]) == ("t", "")


def test_a_turn_of_marks_alone_without_audio_is_predicted_from_its_context(
    models, predictor, caplog
):
    rows = [dict(row) for row in models.rows[:6]]
    rows[1] |= {"text": "b/ n/", "wav": ""}
    with caplog.at_level(logging.WARNING):
        predicted = predictor.predict(rows)
    assert [row["modalities_used"] for row in predicted] == ["at", "", "at", "at", "at", "at"]
    assert predicted[1]["marks"] == "no audio; no text"
    assert predicted[1]["text"] == "b/ n/"
    assert "1 of 6 turns have no audio or text" in caplog.text
    assert "predicted from their context alone: row 2" in caplog.text
    (dialogue,) = predictor.features(turns_of_rows(rows, models.graph))
    texts = np.concatenate([own.text for own in models.file.dialogues])
    np.testing.assert_allclose(dialogue.text[1], texts.mean(axis=0), atol=1e-5)
    assert not dialogue.audio[1].any()


@pytest.mark.parametrize("config", [CONTEXTUAL, COGMEN], ids=["default", "cogmen"])
def test_turns_without_what_a_model_of_text_reads_are_predicted_and_told(
    models, tmp_path, caplog, config
):
    save_graph(tmp_path / "graph", models.file, "t", config)
    predictor = EmotionPredictor.load(tmp_path / "graph", models.extractor, device="cpu")
    wav = write_noise(tmp_path / "x.wav")
    rows = [*text_rows("그래", "n/"), {"speaker": "A", "wav": wav}, *text_rows("왜")]
    with caplog.at_level(logging.WARNING):
        predicted = predictor.predict(rows)
    assert [row["modalities_used"] for row in predicted] == ["t", "", "", "t"]
    assert np.isfinite(matrix(predicted)).all()
    assert "2 of 4 turns have no text" in caplog.text
    assert "row 2; row 3" in caplog.text


def test_a_conversation_with_neither_audio_nor_a_word_is_refused(predictor):
    marks = text_rows("b/ n/", "n/", dialogue="noise")
    for rows in (marks, [*text_rows("그래", dialogue="call"), *marks]):
        first = len(rows) - 1
        with pytest.raises(InputError, match=rf"^row {first} \(noise\): no turn .* has audio, or"):
            predictor.predict(rows)


def test_a_row_with_neither_audio_nor_text_is_refused(predictor):
    with pytest.raises(InputError, match="row 2: neither wav nor text; fill in one of them"):
        predictor.predict(text_rows("그래", ""))


@pytest.mark.parametrize(
    "rows",
    [
        text_rows("그래", "왜 그래", "좋아") * 1,
        [{"speaker": "A", "text": text} for text in ("그래", "왜 그래")],
        [{"speaker": f"S{n}", "text": "그래"} for n in range(12)],
        text_rows("😀😀", "그래"),
        text_rows("그래 " * 2000, "왜"),
        [{"speaker": s, "text": "그래", "start": 1.0, "end": 9.0} for s in "ABAB"],
    ],
    ids=["two", "one speaker", "twelve speakers", "emoji", "endless text", "overlapping"],
)
@pytest.mark.parametrize("config", [CONTEXTUAL, COGMEN], ids=["default", "cogmen"])
def test_odd_conversations_are_predicted(models, tmp_path, rows, config):
    save_graph(tmp_path / "graph", models.file, config=config)
    predictor = EmotionPredictor.load(tmp_path / "graph", models.extractor, device="cpu")
    assert np.isfinite(matrix(predictor.predict(rows))).all()


def test_very_short_and_silent_audio(predictor, tmp_path):
    import soundfile

    short = write_noise(tmp_path / "short.wav", 0.05)
    one = write_noise(tmp_path / "one.wav", 1 / 16_000)
    soundfile.write(tmp_path / "silent.wav", np.zeros(8_000), 16_000)
    rows = predictor.predict(
        [{"speaker": "A", "wav": path} for path in (short, one, tmp_path / "silent.wav")]
    )
    assert np.isfinite(matrix(rows)).all()
    assert ["silent audio" in row["marks"] for row in rows] == [False, True, True]


def test_a_long_turn_is_heard_in_chunks(predictor, tmp_path):
    (row,) = predictor.predict([{"speaker": "A", "wav": write_noise(tmp_path / "x.wav", 60)}])
    assert np.isfinite(matrix([row])).all()


def test_no_rows_no_predictions(predictor):
    assert predictor.predict([]) == []


def test_more_turns_than_are_read_at_once(predictor, monkeypatch, models):
    from graph_er.inference import turn_vectors

    whole = matrix(predictor.predict(models.rows))
    monkeypatch.setattr(turn_vectors, "_TURNS_AT_ONCE", 4)
    np.testing.assert_allclose(matrix(predictor.predict(models.rows)), whole, atol=1e-5)


@pytest.mark.parametrize(
    "rows", [{}, {"speaker": "A", "text": "그래"}, "talk.csv", iter([]), np.zeros(2)]
)
def test_what_is_no_list_of_rows_is_refused(predictor, rows):
    with pytest.raises(InputError, match=f"rows: is a {type(rows).__name__}; give a list of dicts"):
        predictor.predict(rows)


def test_models_that_do_not_fit_each_other_are_refused(models, tmp_path):
    save_graph(tmp_path / "emotions", models.file, emotions=("x", "y", "z"))
    save_graph(tmp_path / "widths", models.file, widths=(20, 17))
    deaf = save_extractor(tmp_path / "deaf", "t")
    for graph, extractor, message in [
        (tmp_path / "emotions", models.extractor, "emotions .x, y, z. are not the extractor's"),
        (tmp_path / "widths", models.extractor, "text features of width 17"),
        (models.graph, deaf, "reads audio, which the extractor does not give"),
    ]:
        with pytest.raises(InputError, match=message):
            EmotionPredictor.load(graph, extractor, device="cpu")


@pytest.mark.parametrize(
    ("corpus", "sentence"), [("demo", "그래 음 좋아"), ("meld", "b/ 그래 (음) 좋아")]
)
def test_the_record_tells_the_corpus_of_an_extractor_that_does_not(
    models, tmp_path, corpus, sentence
):
    extractor = save_extractor(tmp_path / "extractor", corpus=corpus)
    config = json.loads((extractor / "config.json").read_text(encoding="utf-8"))
    assert config.pop("corpus") == corpus
    (extractor / "config.json").write_text(json.dumps(config))
    predictor = EmotionPredictor.load(models.graph, extractor, "cpu")
    (turn,) = turns_of_rows(text_rows("b/ 그래 (음) 좋아"), tmp_path)
    assert predictor.features([turn])[0].sentences == (sentence,)
    (extractor / "run.json").write_text("{}")
    with pytest.raises(InputError, match=r"run\.json: is damaged.*train the extractor again"):
        EmotionPredictor.load(models.graph, extractor, "cpu")


def test_texts_are_cleaned_as_those_that_the_extractor_was_trained_on(models, tmp_path):
    meld = EmotionPredictor.load(models.graph, save_extractor(tmp_path / "m", corpus="meld"), "cpu")
    rows = [{"speaker": "A", "text": "b/ 그래 (음) 좋아"}]
    for predictor, sentence in (
        (meld, "b/ 그래 (음) 좋아"),
        (EmotionPredictor.load(models.graph, models.extractor, "cpu"), "그래 음 좋아"),
    ):
        (dialogue,) = predictor.features(turns_of_rows(rows, tmp_path))
        assert dialogue.sentences == (sentence,)


def test_causal_models_hear_the_past_alone(models, tmp_path):
    config = replace(CONTEXTUAL, wf=0)
    save_graph(tmp_path / "graph", models.file, config=config)
    predictor = EmotionPredictor.load(tmp_path / "graph", models.extractor, device="cpu")
    rows = [dict(row) for row in models.rows[:6]]
    rows[2]["text"] = ""
    whole = matrix(predictor.predict(rows))
    np.testing.assert_allclose(matrix(predictor.predict(rows[:4])), whole[:4], atol=1e-5)


@pytest.mark.parametrize("first", ["dict", "Turn"])
def test_turns_among_dicts_are_refused_by_row_and_not_dropped(models, predictor, first):
    rows = models.rows[:3]
    turns = turns_of_rows(rows, models.graph)
    mixed = [rows[0], rows[1], turns[2]] if first == "dict" else [turns[0], turns[1], rows[2]]
    odd = "Turn" if first == "dict" else "dict"
    with pytest.raises(InputError, match=f"row 3: is a {odd}, row 1 is a {first}; give all of"):
        predictor.predict(mixed)


def interleaved(turns):
    """Turns of several dialogues, taken from each in its turn."""
    own = by_dialogue(turns).values()
    return [turn for together in zip(*own, strict=True) for turn in together]


def test_turns_of_interleaved_dialogues_keep_their_own_vectors(models, predictor):
    turns = turns_of_rows(models.rows, models.graph)
    mixed = interleaved(turns)
    assert [turn.dialogue for turn in mixed[:2]] == list(by_dialogue(turns))[:2]
    for found, expected in zip(predictor.features(mixed), predictor.features(turns), strict=True):
        assert (found.id, found.utterance_ids) == (expected.id, expected.utterance_ids)
        assert found.sentences == expected.sentences
        np.testing.assert_allclose(found.text, expected.text, atol=1e-5)
        np.testing.assert_allclose(found.audio, expected.audio, atol=1e-5)


def test_turns_come_back_in_the_order_given_however_dialogues_interleave(models, predictor):
    turns = turns_of_rows(models.rows, models.graph)
    expected = {row["utterance"]: row for row in predictor.predict(turns)}
    mixed = interleaved(turns)
    found = predictor.predict(mixed)
    assert [row["utterance"] for row in found] == [turn.id for turn in mixed]
    in_order = matrix([expected[turn.id] for turn in mixed])
    np.testing.assert_allclose(matrix(found), in_order, atol=1e-5)


def test_marks_alone_are_no_text_and_the_row_keeps_them(models, predictor):
    rows = [dict(row) for row in models.rows[:4]]
    rows[1]["text"] = "n/ b/"
    marked, without = (
        predictor.predict(rows),
        predictor.predict([*rows[:1], {**rows[1], "text": ""}, *rows[2:]]),
    )
    assert (marked[1]["modalities_used"], marked[1]["marks"]) == ("a", "no text")
    assert marked[1]["text"] == "n/ b/"
    np.testing.assert_array_equal(matrix(marked), matrix(without))


def test_a_conversation_of_marks_alone_is_warned_of(models, predictor, caplog):
    with caplog.at_level(logging.WARNING):
        predictor.predict([{**row, "text": "b/"} for row in models.rows[:2]])
    assert "no turn has text" in caplog.text


def test_marks_are_words_to_an_extractor_of_unmarked_texts(models, tmp_path):
    meld = EmotionPredictor.load(models.graph, save_extractor(tmp_path / "m", corpus="meld"), "cpu")
    (row,) = meld.predict([{**models.rows[0], "text": "b/"}])
    assert (row["modalities_used"], row["marks"]) == ("at", "")


def test_the_folder_of_an_extractor_may_be_a_text(models, predictor):
    assert trained_extractor(str(models.extractor)).identity == predictor.extractor.identity
