from __future__ import annotations

from graph_er.report.evaluation_text import breakdown_text, controls_text
from graph_er.scoring.scores import METRICS


def scores(value, **more):
    return {**dict.fromkeys(METRICS, value), **more}


def evaluation(**changes):
    return {
        **scores(0.8),
        "controls": {
            "majority": scores(0.1, emotion="neutral"),
            "text_lookup": scores(0.2),
            "previous_label": scores(0.65, oracle=True),
        },
        "texts_seen": 0.155,
        "controls_know": ["train"],
        "confidence_intervals": {
            **{metric: [0.75, 0.84] for metric in METRICS},
            **{"level": 0.95, "replicates": 500, "dialogues": 16},
        },
        "by_part": {
            "impro": scores(0.7, n=3, dialogues=1),
            "script": scores(0.9, n=5, dialogues=2),
        },
        "by_session": {"Sess1": scores(0.8, n=8, dialogues=3)},
        "by_speaker": {},
        **changes,
    }


def rows(text):
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]


def test_the_run_stands_above_its_controls():
    text = controls_text(evaluation())
    assert [row[:2] for row in rows(text)[2:]] == [
        ["This run", "80.0 [75.0, 84.0]"],
        ["Majority class of train", "10.0"],
        ["Text lookup in train", "20.0"],
        ["Previous label of the speaker (oracle: gold)", "65.0"],
    ]
    assert "15.5 % of the texts stand in train too." in text
    assert "Intervals: 95 %, 500 draws of 16 dialogues." in text


def test_the_sides_that_the_controls_know_are_named():
    text = controls_text(evaluation(controls_know=["train", "dev"]))
    assert [row[0] for row in rows(text)[3:]] == [
        "Majority class of train and dev",
        "Text lookup in train and dev",
        "Previous label of the speaker (oracle: gold)",
    ]
    assert "15.5 % of the texts stand in train or dev too." in text


def test_what_is_not_known_is_left_out():
    unknown = evaluation(confidence_intervals=None, texts_seen=None, controls=None)
    assert [row[:2] for row in rows(controls_text(unknown))[2:]] == [["This run", "80.0"]]
    silent = evaluation()
    silent["controls"]["text_lookup"] = None
    assert "Text lookup" not in controls_text(silent)


def test_breakdowns_of_several_groups_are_shown():
    text = breakdown_text(evaluation())
    assert rows(text)[0][:4] == ["Part", "Dialogues", "n", "Accuracy"]
    assert rows(text)[2:] == [
        ["impro", "1", "3", *["70.0"] * 4],
        ["script", "2", "5", *["90.0"] * 4],
    ]
    assert "Session" not in text
    assert breakdown_text(evaluation(by_part={})) == ""


def test_speakers_that_may_be_several_people_are_told_of():
    people = {"meld/S0": scores(0.7, n=3, dialogues=2), "meld/S1": scores(0.9, n=5, dialogues=1)}
    told = "a row is several people"
    assert told in breakdown_text(evaluation(by_speaker=people))
    two = {"Sess1": scores(0.8, n=4, dialogues=1), "Sess2": scores(0.8, n=4, dialogues=1)}
    assert told not in breakdown_text(evaluation(by_speaker=people, by_session=two))
    people["meld/S0"]["dialogues"] = 1
    assert told not in breakdown_text(evaluation(by_speaker=people))
