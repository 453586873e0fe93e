from __future__ import annotations

import numpy as np
import pytest
import soundfile

from feature_extractor.survey.recordings import audio_figures
from feature_extractor.utterance import Utterance


def utterance(name, wav):
    return Utterance(name, "s", "d", "F", 0.0, 1.0, wav, 1.0, "", "sad")


def write(path, seconds, rate=16_000, channels=1, level=0.1, **options):
    samples = level * np.sin(np.arange(round(seconds * rate)) / 9)
    soundfile.write(path, np.tile(samples[:, None], channels), rate, **options)
    return path


def test_figures_of_all_formats_without_decoding(tmp_path):
    wavs = [
        write(tmp_path / "a.wav", 1.0),
        write(tmp_path / "b.wav", 2.0),
        write(tmp_path / "c.flac", 3.0, rate=48_000, channels=2),
        write(tmp_path / "d.wav", 26.0, rate=8_000, subtype="FLOAT"),
    ]
    utterances = [utterance(path.name, path) for path in [*wavs, wavs[0]]]
    problems: list[str] = []
    figures = audio_figures([*utterances, utterance("mute", None)], problems, listen=False)
    seconds = figures.pop("seconds")
    assert seconds["total"] == 32.0
    assert (seconds["p50"], seconds["max"]) == (2.5, 26.0)
    assert list(seconds) == ["total", "p5", "p50", "p95", "p99", "max"]
    assert figures == {
        "files": 4,
        "without_audio": ["mute"],
        "shared": [str(wavs[0])],
        "long": 1,
        "sample_rates": {"16000": 2, "8000": 1, "48000": 1},
        "channels": {"1": 3, "2": 1},
        "encodings": {"WAV PCM_16": 2, "FLAC PCM_16": 1, "WAV FLOAT": 1},
        "silent": None,
    }
    assert problems == []


def test_a_corpus_without_audio_has_no_durations():
    figures = audio_figures([utterance("a", None)], [], listen=True)
    assert figures["seconds"] is None
    assert (figures["files"], figures["long"], figures["silent"]) == (0, 0, [])


def test_listening_names_what_headers_do_not_tell(tmp_path):
    good = write(tmp_path / "good.wav", 0.2)
    silent = write(tmp_path / "silent.wav", 0.2, level=0.0)
    broken = tmp_path / "nan.wav"
    soundfile.write(broken, np.array([0.1, np.nan, 0.1]), 16_000, subtype="FLOAT")
    cut = write(tmp_path / "cut.flac", 2.0)
    cut.write_bytes(cut.read_bytes()[:-2000])
    utterances = [utterance(path.name, path) for path in (good, silent, broken, cut)]

    problems: list[str] = []
    assert audio_figures(utterances, problems, listen=False)["silent"] is None
    assert problems == []
    assert audio_figures(utterances, problems, listen=True)["silent"] == [str(silent)]
    assert len(problems) == 2
    assert problems[0].startswith(f"{broken}: holds NaN")
    assert problems[1].startswith(f"{cut}: ")


@pytest.mark.parametrize("listen", [False, True])
def test_an_unreadable_file_is_a_problem_and_in_no_figure(tmp_path, listen):
    good, page = write(tmp_path / "good.wav", 0.2), tmp_path / "page.wav"
    page.write_text("<html></html>")
    problems: list[str] = []
    figures = audio_figures(
        [utterance("good", good), utterance("page", page)], problems, listen=listen
    )
    assert figures["files"] == 2
    assert figures["encodings"] == {"WAV PCM_16": 1}
    assert [problem.split(":")[0] for problem in problems] == [str(page)]
