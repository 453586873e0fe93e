"""What the page answers: what was uploaded and nothing else, and messages for what is wrong."""

import json
import re
import zipfile
from itertools import pairwise

import numpy as np
import pytest
import soundfile

from graph_er.conversations.conversation_input import read_turns
from graph_er.inference.predictions import write_prediction_rows
from graph_er.web import analysis as analysis_module
from graph_er.web import desk as desk_module
from graph_er.web.analysis import clip, discard
from graph_er.web.desk import Refusal, head, said
from graph_er.web.texts import LANGUAGES, TEXTS
from tests.graph_er.conversation_factory import talk, write_noise, write_table
from tests.graph_er.tiny_models import COGMEN
from tests.graph_er.tiny_predictor import save_graph


def zipped(path, folder):
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(folder.parent).as_posix())
    return path


@pytest.fixture
def archive(tmp_path):
    return zipped_talk(tmp_path, 4)


def zipped_talk(folder, turns):
    """A conversation of so many turns as an archive."""
    write_table(folder / "talk" / "talk.csv", talk(turns))
    return zipped(folder / "talk.zip", folder / "talk")


def test_the_file_to_download_is_the_commands(desk, archive, tmp_path):
    outcome = desk.upload([archive])
    table = tmp_path / "talk" / "talk.csv"
    write_prediction_rows(tmp_path / "own.csv", desk.predictor.predict(read_turns(table)))
    assert outcome.csv.read_bytes() == (tmp_path / "own.csv").read_bytes()
    assert "4 turns of 2 speakers predicted" in said(outcome, "en")


def test_of_one_turn_it_is_said_so(desk, tmp_path):
    outcome = desk.upload([zipped_talk(tmp_path, 1)])
    assert "1 turn of 1 speaker predicted." in said(outcome, "en")
    assert "1명이 말한 발화 1개를 예측했습니다." in said(outcome, "ko")
    found = pages(outcome)
    assert ">1 turn, predicted from" in found["en"]
    assert ">발화 1개의 감정을" in found["ko"]


def pages(outcome):
    """The pages to download, by language; each has the name that it is downloaded by."""
    assert {path.name for path in outcome.html.values()} == {"conversation.html"}
    return {language: path.read_text("utf-8") for language, path in outcome.html.items()}


def test_the_page_to_download_is_there_in_every_language(desk, archive):
    found = pages(desk.upload([archive]))
    assert sorted(found) == sorted(LANGUAGES.values())
    for language, page in found.items():
        assert f'<html lang="{language}">' in page
        assert page.count('class="box"') == 4
        assert "talk.zip" in page
        assert TEXTS[language]["turns_as_table"] in page
    assert not any(name in found["ko"] for name in ("neutral", "angry", "happy"))


def test_the_page_of_the_example_is_called_as_the_list_of_demos_calls_it(desk):
    for language, page in pages(desk.demo("example")).items():
        ((name, _),) = desk.demos(language)
        assert f"<h1>{name}</h1>" in page


def test_timeline_table_and_list_of_turns(desk, archive):
    analysis = desk.upload([archive])
    results = desk.results(analysis, "ko")
    assert results.timeline.count("data-turn=") == 4
    assert 'data-turn="3"' in results.timeline
    assert [row[0] for row in results.rows] == ["1", "2", "3", "4"]
    assert [row[2] for row in results.rows] == ["A", "B", "A", "B"]
    assert len(results.headers) == len(results.rows[0])
    assert {row[4] for row in results.rows} <= {"중립", "분노", "기쁨"}
    assert {row[4] for row in desk.results(analysis, "en").rows} <= {"neutral", "angry", "happy"}
    assert desk.turns(analysis)[2] == ("3. A: 그래 2", 2)


@pytest.mark.parametrize("language", sorted(TEXTS))
def test_a_chosen_turn_has_sound_probabilities_and_reasons(desk, archive, tmp_path, language):
    analysis = desk.upload([archive])
    chosen = desk.choose(analysis, 2, language)
    rate, samples = chosen.sound
    written, written_rate = soundfile.read(tmp_path / "talk" / "wav" / "2.wav", dtype="int16")
    assert rate == written_rate
    np.testing.assert_allclose(samples, written, atol=1)
    assert chosen.reasons.count("ger-bar") == 3
    assert TEXTS[language]["why"] in chosen.reasons
    assert chosen.reasons.count('class="ger-why"') == 3 + 3 + 3
    assert desk.choose(analysis, 4, language) is None
    assert desk.choose(analysis, -1, language) is None


def test_turns_of_one_recording_are_heard_one_by_one(desk, tmp_path):
    recording = write_noise(tmp_path / "meeting.wav", 3.0)
    (tmp_path / "m.csv").write_text("speaker,start,end\nA,0.5,1.0\nB,1.25,2.0\n")
    analysis = desk.upload([tmp_path / "m.csv", recording])
    whole, _ = soundfile.read(recording, dtype="int16")
    for number, (begin, end) in enumerate([(0.5, 1.0), (1.25, 2.0)]):
        rate, samples = desk.choose(analysis, number, "en").sound
        assert rate == 16_000
        expected = whole[round(16_000 * begin) : round(16_000 * end)]
        np.testing.assert_allclose(samples, expected, atol=1)


def test_a_turn_without_audio_says_so(desk, tmp_path):
    (tmp_path / "t.jsonl").write_text('{"speaker": "A", "text": "그래"}\n', encoding="utf-8")
    analysis = desk.upload([tmp_path / "t.jsonl"])
    chosen = desk.choose(analysis, 0, "en")
    assert chosen.sound is None
    assert chosen.sound_label == TEXTS["en"]["no_audio"]
    assert clip(analysis.turns[0]) is None


def test_a_telephone_recording_that_cannot_be_sought_in_is_heard(desk, tmp_path):
    noise = 0.1 * np.random.default_rng(0).standard_normal(3 * 8_000)
    soundfile.write(tmp_path / "m.wav", noise, 8_000, "GSM610")
    whole, _ = soundfile.read(tmp_path / "m.wav", frames=3 * 8_000, dtype="int16")
    (tmp_path / "m.csv").write_text("speaker,start,end\nA,0.5,1.0\nB,1.25,2.0\n")
    analysis = desk.upload([tmp_path / "m.csv", tmp_path / "m.wav"])
    rate, samples = desk.choose(analysis, 1, "en").sound
    np.testing.assert_allclose(samples, whole[round(1.25 * rate) : 2 * rate], atol=2)
    (tmp_path / "t.csv").write_text("speaker,wav\nA,m.wav\n")
    analysis = desk.upload([tmp_path / "t.csv", tmp_path / "m.wav"])
    assert len(desk.choose(analysis, 0, "en").sound[1]) >= len(whole)  # whole blocks of GSM


@pytest.mark.parametrize("language", sorted(TEXTS))
def test_a_turn_whose_audio_cannot_be_played_is_shown_without(desk, archive, language, caplog):
    analysis = desk.upload([archive])
    analysis.turns[1].wav.write_bytes(b"x")
    analysis.turns[2].wav.unlink()
    for number in (1, 2):
        chosen = desk.choose(analysis, number, language)
        assert chosen.sound is None
        assert chosen.sound_label == TEXTS[language]["unplayable"]
        assert chosen.reasons.count("ger-bar") == 3
        assert f"{number}.wav cannot be played: " in caplog.text


def test_a_table_of_parts_of_one_recording_is_heard_part_by_part(desk, tmp_path):
    recording = write_noise(tmp_path / "m.wav", 3.0)
    (tmp_path / "m.csv").write_text("speaker,wav,start,end\nA,m.wav,0.5,1.0\nB,m.wav,1.25,2.0\n")
    analysis = desk.upload([tmp_path / "m.csv", recording])
    assert [len(desk.choose(analysis, n, "en").sound[1]) for n in range(2)] == [8_000, 12_000]


def test_turns_are_counted_over_dialogues(desk, tmp_path):
    rows = [{"dialogue": d, "speaker": "A", "text": f"{d}{n}"} for d in "xy" for n in range(2)]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    analysis = desk.upload([tmp_path / "t.jsonl"])
    assert [desk.results(analysis, "en").timeline.count(f'data-turn="{n}"') for n in range(5)] == [
        *(1, 1, 1, 1, 0),
    ]
    assert "y1" in desk.choose(analysis, 3, "en").reasons


def test_what_the_user_wrote_is_escaped(desk, tmp_path):
    bad = '<img src=x onerror="x()">'
    row = {"speaker": f"{bad}S", "text": f"{bad}T"}
    (tmp_path / "t.jsonl").write_text(json.dumps(row), encoding="utf-8")
    outcome = desk.upload([tmp_path / "t.jsonl"])
    shown = desk.results(outcome, "en").timeline
    shown += desk.choose(outcome, 0, "en").reasons
    assert "<img" not in shown
    assert "&lt;img" in shown
    (tmp_path / "<img src=x>.csv").write_text("speaker\n")
    assert "<img" not in said(desk.upload([tmp_path / "<img src=x>.csv"]), "en")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", "speaker,text,wav\nA,x,/etc/hostname\n", "leads out of what was sent"),
        ("t.csv", "speaker,text,wav\nA,x,../t.wav\n", "leads out of what was sent"),
        ("t.csv", "speaker,text,wav\nA,x,C:\\t.wav\n", "leads out of what was sent"),
        ("t.csv", "speaker,text,wav\nA,x,..\\..\\t.wav\n", "leads out of what was sent"),
        ("t.jsonl", '{"speaker": "A", "wav": "\\\\\\\\host\\\\t.wav"}', "leads out of what was"),
        ("t.csv", "speaker,text,wav\nA,x,gone.wav\n", "gone.wav"),
        ("t.csv", "", "is empty"),
        ("t.csv", "who,what\nA,x\n", "1 column missing (speaker)"),
        ("t.csv", "speaker,text\nA,\n", "neither wav nor text"),
        ("t.rttm", "SPEAKER m 1 0.5 1 <NA> <NA> s <NA> <NA>\n", "0 audio files came with it"),
        ("t.txt", "그래", "does not say who speaks"),
        ("t.wav", "no audio", "does not say who speaks"),
        ("t.exe", "x", "are not taken"),
        ("t.zip", "x", "is no ZIP archive"),
    ],
)
def test_bad_input_gets_a_message_and_leaves_nothing(desk, tmp_path, name, content, message):
    (tmp_path / name).write_text(content, encoding="utf-8")
    outcome = desk.upload([tmp_path / name])
    assert isinstance(outcome, Refusal)
    assert message in said(outcome, "en")
    assert 'role="alert"' in said(outcome, "en")
    assert str(tmp_path) not in said(outcome, "en")
    # In Korean a sentence of the page's own leads; what was read is told in English.
    assert f'<b>{TEXTS["ko"]["refused"]}</b><pre lang="en">' in said(outcome, "ko")
    assert message in said(outcome, "ko")
    assert list((tmp_path / "work").iterdir()) == []


def test_nothing_chosen_and_too_much_chosen(desk, tmp_path):
    assert TEXTS["ko"]["no_file"] in said(desk.upload([]), "ko")
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("speaker,text\nA,x\n")
    paths = [tmp_path / "a.csv", tmp_path / "b.csv"]
    assert "several files tell the turns (a.csv, b.csv)" in said(desk.upload(paths), "en")
    (tmp_path / "long.csv").write_text("speaker,text\n" + "A,x\n" * 2_001)
    assert "2001 turns; at most 2000" in said(desk.upload([tmp_path / "long.csv"]), "en")


def test_what_nobody_foresaw_is_told_without_details(desk, archive, tmp_path, monkeypatch, caplog):
    def fail(*arguments, **options):
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(desk_module, "analyse", fail)
    outcome = desk.upload([archive])
    assert TEXTS["en"]["failed"] in said(outcome, "en")
    assert "secret" not in said(outcome, "en")
    assert "ZeroDivisionError" in caplog.text


def test_files_are_removed_with_the_analysis(desk, archive, tmp_path):
    analysis = desk.upload([archive])
    assert analysis.csv.is_file()
    discard(analysis)
    discard(None)
    assert list((tmp_path / "work").iterdir()) == []


def test_demo_dialogues_are_listed_and_opened(desk):
    assert desk.demos("ko") == [("예시 통화", "example")]
    assert len(desk.demo("example").turns) == 4
    assert "no demo dialogue" in said(desk.demo("../secret"), "en")


def test_a_model_that_cannot_be_explained_still_shows_the_turn(
    models, desk, archive, tmp_path, monkeypatch
):
    save_graph(tmp_path / "cogmen", models.file, config=COGMEN)
    cogmen = desk.predictor.load(tmp_path / "cogmen", models.extractor, "cpu")
    monkeypatch.setattr(desk, "predictor", cogmen)
    chosen = desk.choose(desk.upload([archive]), 0, "en")
    assert TEXTS["en"]["no_reasons"] in chosen.reasons
    assert "preset cogmen" in chosen.reasons
    assert chosen.reasons.count("ger-bar") == 3


@pytest.mark.parametrize("language", sorted(TEXTS))
def test_turns_too_far_away_to_be_looked_at_one_by_one_are_counted(
    desk, archive, monkeypatch, language
):
    analysis = desk.upload([archive])
    assert TEXTS[language]["far_turn"] not in (desk.choose(analysis, 0, language).reasons)
    monkeypatch.setattr(analysis_module, "_NEAREST", 2)
    shown = desk.choose(analysis, 0, language).reasons
    assert TEXTS[language]["far_turn"] in shown
    assert shown.count('class="ger-why"') == 3 + 4 + 2


def test_both_languages_say_everything():
    assert TEXTS["ko"].keys() == TEXTS["en"].keys()
    assert all(text.strip() for texts in TEXTS.values() for text in texts.values())


def test_marks_are_told_in_the_language_of_the_page(desk, tmp_path):
    (tmp_path / "t.jsonl").write_text('{"speaker": "A", "text": "그래"}\n', encoding="utf-8")
    analysis = desk.upload([tmp_path / "t.jsonl"])
    assert [desk.results(analysis, language).rows[0][-1] for language in ("ko", "en")] == [
        *("음성 없음", "no audio"),
    ]


def test_headings_leave_no_level_out(desk, archive):
    analysis = desk.upload([archive])
    shown = head("en") + desk.results(analysis, "en").timeline
    shown += desk.choose(analysis, 0, "en").reasons
    levels = [int(level) for level in re.findall(r"<h(\d)", shown)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
