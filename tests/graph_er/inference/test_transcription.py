import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from transformers import Wav2Vec2CTCTokenizer

from feature_extractor.corpora.text_files import one_line
from feature_extractor.transcript import clean_transcript
from graph_er.conversations.turn_table import turns_of_rows
from graph_er.errors import InputError
from graph_er.inference import transcription
from graph_er.inference.transcription import load_recogniser, transcribe
from tests.feature_extractor.tiny_corpus import make_audio_folder
from tests.graph_er.conversation_factory import write_noise


class Recogniser:
    """Says how many samples it was given, and keeps them."""

    def __init__(self):
        self.heard = []

    def __call__(self, clip):
        assert clip["sampling_rate"] == 16_000
        self.heard.append(clip["raw"])
        return {"text": f" {len(clip['raw'])} \n"}


def turns(tmp_path, *rows):
    return turns_of_rows([{"speaker": "A", **row} for row in rows], tmp_path)


def test_missing_text_of_turns_with_audio_is_filled_in(tmp_path):
    wav = write_noise(tmp_path / "a.wav", 0.25, rate=8_000)
    found = transcribe(
        turns(tmp_path, {"wav": wav}, {"wav": wav, "text": "그래"}, {"text": "왜"}),
        *(Recogniser(), one_line),
        progress=False,
    )
    assert [(turn.text, turn.transcribed) for turn in found] == [
        *(("4000", True), ("그래", False), ("왜", False))
    ]


def test_spans_of_a_recording_are_heard_by_themselves(tmp_path):
    wav = write_noise(tmp_path / "a.wav", 2.0)
    (turn,) = turns(tmp_path, {"wav": wav})
    recogniser = Recogniser()
    (found,) = transcribe([replace(turn, span=(0.5, 0.75))], recogniser, one_line, progress=False)
    samples, _ = soundfile.read(wav, dtype="float32")
    np.testing.assert_array_equal(recogniser.heard[0], samples[8_000:12_000])
    assert (found.wav, found.span) == (wav, (0.5, 0.75))


def test_silence_has_no_words_and_long_turns_are_heard_in_pieces(tmp_path, monkeypatch):
    soundfile.write(tmp_path / "s.wav", np.zeros(16_000), 16_000)
    monkeypatch.setattr(transcription, "_LONGEST_PIECE", 8_000)
    rows = ({"wav": tmp_path / "s.wav"}, {"wav": write_noise(tmp_path / "l.wav", 1.25)})
    silent, long = transcribe(turns(tmp_path, *rows), Recogniser(), one_line, progress=False)
    assert (silent.text, silent.transcribed) == ("", False)
    assert long.text == "6667 6667 6666"


def model_folder(folder, kind):
    """Make a tiny wav2vec 2.0 of a kind, with a tokenizer of three letters."""
    make_audio_folder(folder, kind=kind)
    vocabulary = {"<pad>": 0, "<s>": 1, "</s>": 2, "<unk>": 3, "|": 4, "a": 5, "b": 6, "c": 7}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    Wav2Vec2CTCTokenizer(str(folder / "vocab.json")).save_pretrained(folder)
    return folder


def test_a_local_model_is_loaded_and_heard(tmp_path):
    folder = model_folder(tmp_path / "asr", "Wav2Vec2ForCTC")
    recogniser = load_recogniser(str(folder), "cpu")
    wav = write_noise(tmp_path / "a.wav")
    (turn,) = transcribe(turns(tmp_path, {"wav": wav}), recogniser, one_line, progress=False)
    samples, rate = soundfile.read(wav, dtype="float32")
    assert turn.text == recogniser({"raw": samples, "sampling_rate": rate})["text"] != ""
    wav = write_noise(tmp_path / "b.wav", 0.01)  # less than its convolutions go over
    (turn,) = transcribe(turns(tmp_path, {"wav": wav}), recogniser, one_line, progress=False)
    padded = np.pad(soundfile.read(wav, dtype="float32")[0], (0, 1440))
    assert turn.text == recogniser({"raw": padded, "sampling_rate": rate})["text"]


def test_what_is_no_such_model_is_refused(tmp_path):
    (tmp_path / "no").mkdir()
    with pytest.raises(InputError, match="no speech-recognition model can be loaded"):
        load_recogniser(str(tmp_path / "no"), "cpu")


def test_an_encoder_without_a_head_for_words_is_refused(tmp_path):
    folder = model_folder(tmp_path / "encoder", "Wav2Vec2Model")
    with pytest.raises(InputError, match=r"is a Wav2Vec2Model, .* name a Wav2Vec2ForCTC"):
        load_recogniser(str(folder), "cpu")


def test_weights_of_a_whole_recogniser_are_taken_under_another_name(tmp_path):
    folder = model_folder(tmp_path / "asr", "Wav2Vec2ForCTC")
    config = json.loads((folder / "config.json").read_text())
    config["architectures"] = ["SomeModelWithMoreHeads"]
    (folder / "config.json").write_text(json.dumps(config))
    assert type(load_recogniser(str(folder), "cpu").model).__name__ == "Wav2Vec2ForCTC"


def test_marks_alone_are_no_words_wherever_they_come_from(tmp_path):
    wav = write_noise(tmp_path / "a.wav")
    given = turns(tmp_path, {"wav": wav, "text": "n/ b/"})
    (found,) = transcribe(given, Recogniser(), clean_transcript, progress=False)
    assert (found.text, found.transcribed) == ("4800", True)
    breath = transcribe(given, lambda sound: {"text": "b/"}, clean_transcript, progress=False)
    assert breath == given
