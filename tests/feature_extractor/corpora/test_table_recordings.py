"""Which rows of a table are parts of a longer recording, and which have a clip of their own."""

import json

import pytest

from feature_extractor import check
from feature_extractor.corpora.table import read_table
from feature_extractor.corpora.table_audio import AudioFiles
from feature_extractor.corpora.table_dialogues import name_rows
from feature_extractor.corpora.table_recordings import recording_spans
from feature_extractor.corpora.table_rows import parse_row
from feature_extractor.corpora.text_files import Record
from graph_er.running.cli import run_command
from tests.feature_extractor.corpora.test_table import make, problems_of, write_wav


def found(tmp_path, seconds, *times, **columns):
    """Return the spans of rows that name one file, and the problems in them."""
    write_wav(tmp_path / "x.wav")
    rows = []
    for number, (start, end) in enumerate(times):
        cells = {"dialogue": "d", "speaker": "A", "wav": "x.wav", "start": start, "end": end}
        record = Record(f"line {number + 2}", {k: str(v) for k, v in (cells | columns).items()})
        rows.append(parse_row(record, number, AudioFiles(tmp_path), labelled=False))
    problems = []
    spans = recording_spans(name_rows(rows, []), [seconds] * len(rows), problems)
    return [*spans.values()], problems


@pytest.mark.parametrize(
    ("seconds", "times", "spans"),
    [
        (600, [(0, 2.2), (2.7, 4.5)], [(0, 2.2), (2.7, 4.5)]),
        (8, [(0, 2.2), (1.5, 4.5), (4, 8.25)], [(0, 2.2), (1.5, 4.5), (4, 8)]),
        (600, [(10, 12)], [(10, 12)]),
        (0.8, [(0, 0.4), (0.4, 0.8)], [(0, 0.4), (0.4, 0.8)]),
        # clips: said again, of the length of their turn, a little padded, of unknown times
        (2, [(0, 2), (5, 7)], []),
        (2, [(0, 1.8), (0, 1.9)], []),
        (2, [("", ""), ("", "")], []),
        (2, [(0, ""), (5, "")], []),
        (50, [(3, 45)], []),
        (600, [("", "")], []),
        (20, [(3, 5)], []),
    ],
)
def test_parts_of_recordings_and_clips(tmp_path, seconds, times, spans):
    assert found(tmp_path, seconds, *times) == (spans, [])


@pytest.mark.parametrize(
    ("seconds", "times", "told"),
    [
        (600, [("", ""), ("", "")], "in line 2 (? to ? s), line 3 (? to ? s); give both"),
        (600, [(0, 2), (3, "")], "in line 3 (3 to ? s); give both in every row"),
        (600, [(0, 2), (599, 601)], "in line 3 (599 to 601 s)"),
        (600, [(0, 2), (5, 5)], "in line 3 (5 to 5 s)"),
        (8, [(0, ""), (2, "")], "in line 2 (0 to ? s), line 3 (2 to ? s)"),
        (8, [(0, 2), (2, "")], "in line 3 (2 to ? s)"),
    ],
)
def test_a_recording_without_times_in_it_is_refused(tmp_path, seconds, times, told):
    spans, (problem,) = found(tmp_path, seconds, *times)
    assert spans == []
    assert problem.startswith(f"{tmp_path / 'x.wav'}: {seconds}.00 s, which 2 rows share, but no ")
    assert told in problem


def test_a_clip_that_two_dialogues_begin_with_is_no_recording(tmp_path):
    write_wav(tmp_path / "x.wav")
    cells = {"speaker": "A", "wav": "x.wav", "end": ""}
    rows = [
        parse_row(
            Record(name, {**cells, "dialogue": name, "start": start}),
            n,
            AudioFiles(tmp_path),
            labelled=False,
        )
        for n, (name, start) in enumerate((("d", "0"), ("e", "1.5")))
    ]
    problems = []
    assert recording_spans(name_rows(rows, []), [2.0, 2.0], problems) == {}
    assert problems == []


@pytest.mark.parametrize("names", ["dde", "defg"])
def test_a_recording_may_have_parts_in_several_dialogues(tmp_path, names):
    write_wav(tmp_path / "x.wav")
    rows = []
    for n, name in enumerate(names):
        cells = {"dialogue": name, "speaker": "A", "wav": "x.wav", "start": f"{6 * n}"}
        record = Record(f"line {n + 2}", {**cells, "end": f"{6 * n + 5}"})
        rows.append(parse_row(record, n, AudioFiles(tmp_path), labelled=False))
    problems = []
    spans = recording_spans(name_rows(rows, []), [25.0] * len(rows), problems)
    assert [*spans.values()] == [(6.0 * n, 6.0 * n + 5) for n in range(len(names))]
    assert problems == []


@pytest.mark.parametrize("columns", [{"dialogue": "d"}, {}])
def test_parts_of_a_recording_are_refused_as_a_corpus(tmp_path, columns):
    rows = [{"wav": "long.wav", "start": n, "end": n + 0.8, **columns} for n in range(3)]
    path = make(tmp_path, *rows, {**rows[0], "wav": "own.wav", "start": 4, "end": 5})
    write_wav(tmp_path / "long.wav", 4.0)
    (problem,) = problems_of(path)
    assert problem.startswith(f"{tmp_path / 'long.wav'}: 4.00 s, of which 3 rows are parts: ")
    assert f"{path}, line 3 (1 to 1.8 s)" in problem
    assert "cut them out and name those" in problem


def test_the_check_says_so_and_counts_no_audio_twice(tmp_path, capsys):
    rows = [{"wav": "long.wav", "start": n, "end": n + 0.8} for n in range(3)]
    path = make(tmp_path, *rows, {**rows[0], "wav": "own.wav"})
    write_wav(tmp_path / "long.wav", 4.0)
    status = run_command(check.main, ["--corpus", "table", "--root", str(path), "--json"])
    document = json.loads(capsys.readouterr().out)
    assert status == 2
    assert not document["usable"]
    assert "cut them out" in document["problems"][0]
    assert document["audio"]["seconds"]["total"] == 0.25


def test_a_clip_that_is_said_again_is_taken_as_before(tmp_path):
    rows = [{"dialogue": "d", "wav": "x.wav", "start": start} for start in (0, 5)]
    corpus = read_table(make(tmp_path, *rows))
    assert [(u.start, u.duration) for u in corpus.utterances] == [(0, 0.25), (5, 0.25)]
