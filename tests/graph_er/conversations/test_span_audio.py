"""Turns cut out of recordings of every format are what decoding the whole gives."""

from functools import cache

import numpy as np
import pytest
import soundfile

from feature_extractor.audio import ForwardFile
from graph_er.conversations import span_audio
from graph_er.conversations.recording import cut_turns
from graph_er.conversations.turns import Turn
from graph_er.errors import InputError

RATE = 16_000
SECONDS = 10
SPANS = [(4, 5.5), (0, 0.25), (9.5, 10), (4.25, 8), *((n + 0.37, n + 0.9) for n in range(8))]
FORMATS = {
    "m.mp3": {},
    "gsm.wav": {"subtype": "GSM610"},
    "ima.wav": {"subtype": "IMA_ADPCM"},
    "u.wav": {"subtype": "ULAW"},
    "o.ogg": {},
    "s.opus": {"format": "OGG", "subtype": "OPUS"},
    "f.flac": {},
}


@cache
def voice():
    """Return a sound, loud and soft, which MP3 codes with bytes of earlier frames."""
    time = np.arange(SECONDS * RATE) / RATE
    pulses = sum(np.sin(2 * np.pi * 130 * n * time) / n for n in range(1, 12))
    sound = 0.1 * pulses * (np.sin(2 * np.pi * 2 * time) > 0)
    noise = np.random.default_rng(0).standard_normal(len(time))
    return sound + 0.02 * noise * (np.sin(9 * time) > 0)


def write(folder, name, channels=1):
    path = folder / name
    with soundfile.SoundFile(path, "w", RATE, channels, **FORMATS[name]) as file:
        for block in np.split(voice(), SECONDS):  # long ones are too much for some encoders
            file.write(np.tile(block[:, None], channels))
    return path


def turns_of(path, spans):
    return [
        Turn(
            f"t{n}",
            "d",
            "A",
            path,
            end - begin,
            "",
            begin,
            end,
            span=(begin, end),
            source=f"row {n}",
        )
        for n, (begin, end) in enumerate(spans)
    ]


@pytest.mark.parametrize("name", FORMATS)
def test_cut_turns_are_parts_of_the_whole(tmp_path, name, monkeypatch):
    monkeypatch.setattr(span_audio, "_BLOCK", 10_000)
    path = write(tmp_path, name, channels=1 if name == "gsm.wav" else 2)
    with soundfile.SoundFile(path) as file:
        rate, whole = file.samplerate, file.read(20 * RATE, dtype="float32", always_2d=True)
    (tmp_path / "cut").mkdir()
    cut = cut_turns(turns_of(path, SPANS), tmp_path / "cut")
    assert [turn.span for turn in cut] == [None] * len(SPANS)
    for turn, (begin, end) in zip(cut, SPANS, strict=True):
        samples, _ = soundfile.read(turn.wav, dtype="float32", always_2d=True)
        expected = whole[round(begin * rate) : round(end * rate)]
        np.testing.assert_allclose(samples, expected, atol=1e-6)


def test_what_is_read_forward_is_read_once_and_no_further_than_needed(tmp_path, monkeypatch):
    read = []

    class Counting(ForwardFile):
        def read(self, frames=-1, *arguments, **options):
            read.append(frames)
            return super().read(frames, *arguments, **options)

    monkeypatch.setattr(span_audio, "ForwardFile", Counting)
    cut_turns(turns_of(write(tmp_path, "gsm.wav"), [(3.0, 3.5), (1.0, 2.0), (1.5, 3.25)]), tmp_path)
    assert sum(read) == round(3.5 * RATE)


def test_a_turn_that_is_rounded_past_the_end_of_tagged_audio_is_cut(tmp_path):
    path = write(tmp_path, "f.flac")
    path.write_bytes(path.read_bytes() + b"TAG" + bytes(125))
    (turn,) = cut_turns(turns_of(path, [(8.0, SECONDS + 0.01)]), tmp_path)
    assert soundfile.info(turn.wav).frames == 2 * RATE


def test_many_turns_at_once_need_few_open_files(tmp_path):
    resource = pytest.importorskip("resource")
    path, (few, most) = write(tmp_path, "gsm.wav"), resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(few, 200), most))
    try:
        cut = cut_turns(turns_of(path, [(n / 100, 9.0) for n in range(250)]), tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (few, most))
    assert all(soundfile.info(turn.wav).frames > RATE for turn in (cut[0], cut[-1]))


def test_a_recording_that_ends_before_a_turn_names_that_turn(tmp_path):
    path = write(tmp_path, "m.mp3")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match=r"^row 1: .*m\.mp3: 8\.00 to 9\.00 s: "):
        cut_turns(turns_of(path, [(1.0, 2.0), (8.0, 9.0)]), tmp_path)
    path.write_bytes(b"x")
    with pytest.raises(InputError, match=r"^row 0: .*m\.mp3: 1\.00 to 2\.00 s: no readable audio"):
        cut_turns(turns_of(path, [(1.0, 2.0), (8.0, 9.0)]), tmp_path)


def test_sound_mp3_is_cut_without_a_word(tmp_path, capfd):
    cut_turns(turns_of(write(tmp_path, "m.mp3"), SPANS), tmp_path)
    assert capfd.readouterr().err == ""
