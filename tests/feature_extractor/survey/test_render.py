"""What is printed of a corpus: numbers beside what they should be, and names of what is odd."""

import pytest

from feature_extractor.survey.document import survey
from feature_extractor.survey.render import render


def written(path, speakers="ABCDEF"):
    """Write three dialogues of two turns each, without audio."""
    rows = ["dialogue,utterance,speaker,text,emotion"]
    for number, speaker in enumerate(speakers):
        rows.append(f"d{number // 2},u{number},{speaker},왜,{('sad', 'happy')[number % 2]}")
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


def printed(document):
    """The lines, their blanks squeezed."""
    return [" ".join(line.split()) for line in render(document).splitlines()]


@pytest.mark.parametrize(
    ("found", "expected", "line"),
    [
        (1_000, None, "turns 1,000 -"),
        (1_000, 1_000, "turns 1,000 1,000"),
        (1_000, 2_500, "turns 1,000 2,500 1,500 too few"),
        (1_001, 1_000, "turns 1,001 1,000 1 too many"),
    ],
)
def test_counts_stand_beside_what_they_should_be(tmp_path, found, expected, line):
    document = survey("table", written(tmp_path / "t.csv"), {})
    document["counts"] = [{"name": "turns", "found": found, "expected": expected}]
    assert line in printed(document)


def test_numbers_stand_below_each_other_whatever_the_script_of_the_labels(tmp_path):
    path = written(tmp_path / "t.csv")
    path.write_text(path.read_text(encoding="utf-8").replace("sad", "그리움"), encoding="utf-8")
    lines = render(survey("table", path, {})).splitlines()
    found = {line.split()[0]: line for line in lines if "50.0 %" in line}
    assert found.keys() == {"그리움", "happy"}
    # Each sign of Hangul takes two columns of a terminal.
    assert len(found["그리움"]) + 3 == len(found["happy"])


@pytest.mark.parametrize(
    ("options", "heading"),
    [
        ({"split": "sessions:d2"}, "Split sessions:d2 train dev test all"),
        ({"split": "folds:3", "fold": 2}, "Split folds:3, fold 2 train dev test all"),
        ({"split": "sessions:d9"}, "No split all"),
    ],
)
def test_the_split_is_named_and_all_stands_alone_without_one(tmp_path, options, heading):
    document = survey("table", written(tmp_path / "t.csv"), {}, **options)
    assert heading in printed(document)


def test_utterances_without_audio_are_named_and_the_first_five_are_enough(tmp_path):
    lines = printed(survey("table", written(tmp_path / "t.csv"), {}))
    assert "files 0" in lines
    assert "no audio 6: u0, u1, u2, u3, u4, and 1 more" in lines
    assert not any(line.startswith(("seconds", "sample rates", "silent")) for line in lines)


@pytest.mark.parametrize(
    ("speakers", "row", "lines"),
    [
        ("ABCDEF", "speakers 2 2 2 6", ["train and dev 0", "train and test 0", "dev and test 0"]),
        # Names that come again may be roles.
        (
            "ABABAB",
            "speakers unknown unknown unknown unknown",
            ["the corpus does not tell who speaks: a voice may be on several sides"],
        ),
    ],
)
def test_speakers_on_two_sides_are_counted_where_the_corpus_tells_who_speaks(
    tmp_path, speakers, row, lines
):
    path = written(tmp_path / "t.csv", speakers)
    found = printed(survey("table", path, {}, split="sessions:d2"))
    assert row in found
    begin = found.index("Speakers") + 1
    assert found[begin : begin + len(lines) + 1] == [*lines, ""]


def test_nothing_is_said_of_speakers_where_no_split_could_share_them(tmp_path):
    path = written(tmp_path / "t.csv")
    assert "Speakers" not in printed(survey("table", path, {}, split="sessions:d9"))
