from __future__ import annotations

from graph_er.report.summary import findings
from graph_er.report.tables import Row, Table, compact_table, emotion_table, main_table

# Worked by hand: every control answers "neutral";
# two seeds of accuracy 1 and .75 have mean .875 and sample sd .25 / sqrt(2).
MAIN_TABLE = """\
| Method                                      | Modalities   |   Seeds |   n |        Accuracy |     Weighted F1 |        Macro F1 |             UAR |
| ------------------------------------------- | ------------ | ------: | --: | --------------: | --------------: | --------------: | --------------: |
| Concat (stage 1 alone)                      | audio        | missing |   – |               – |               – |               – |               – |
| Concat (stage 1 alone)                      | text         | missing |   – |               – |               – |               – |               – |
| Concat (stage 1 alone)                      | audio + text |       1 |   4 |            75.0 |            66.7 |            55.6 |            66.7 |
| Graph on frozen features                    | audio        | missing |   – |               – |               – |               – |               – |
| Graph on frozen features                    | text         | missing |   – |               – |               – |               – |               – |
| Graph on frozen features                    | audio + text | missing |   – |               – |               – |               – |               – |
| Graph on stage-1 features                   | audio        | missing |   – |               – |               – |               – |               – |
| Graph on stage-1 features                   | text         | missing |   – |               – |               – |               – |               – |
| Graph on stage-1 features                   | audio + text |       2 |   4 | **87.5 ± 17.7** | **83.3 ± 23.6** | **77.8 ± 31.4** | **83.3 ± 23.6** |
| Graph on stage-1 features, ensemble         | audio + text |       2 |   4 |           100.0 |           100.0 |           100.0 |           100.0 |
| Majority class (neutral)                    | –            |       – |   4 |            50.0 |            33.3 |            22.2 |            33.3 |
| Text lookup in train                        | –            |       – |   4 |            50.0 |            33.3 |            22.2 |            33.3 |
| Previous gold label of the speaker (oracle) | –            |       – |   4 |            50.0 |            33.3 |            22.2 |            33.3 |
"""  # noqa: E501


def test_main_table(results):
    assert main_table(results) == MAIN_TABLE


def test_compact_table(results):
    assert compact_table(results).markdown() == (
        "| Weighted F1 (%)           |   audio |    text |    audio + text |\n"
        "| ------------------------- | ------: | ------: | --------------: |\n"
        "| Concat (stage 1 alone)    | missing | missing |            66.7 |\n"
        "| Graph on frozen features  | missing | missing |         missing |\n"
        "| Graph on stage-1 features | missing | missing | **83.3 ± 23.6** |\n"
    )


def test_emotion_table_leaves_missing_runs_out(results):
    rows = [row.cells for row in emotion_table(results).rows]
    assert rows == [
        ("Concat (stage 1 alone)", "audio + text", "100.0", "66.7", "0.0"),
        ("Graph on stage-1 features", "audio + text", "100.0", "83.3", "50.0"),
        ("Utterances in test", "–", "2", "1", "1"),
    ]


def test_columns_line_up_under_wide_letters_and_bars_are_escaped():
    table = Table(("name", "x"), (Row(("슬픔", "1")), Row(("a|b", "22"))))
    assert table.markdown() == "| name |   x |\n| ---- | --: |\n| 슬픔 |   1 |\n| a\\|b |  22 |\n"


def test_findings_compare_the_last_method_with_what_is_there(results):
    assert findings(results) == [
        ("83.3 ± 23.6", "weighted F1 of Graph on stage-1 features, audio + text (%)"),
        ("+16.7", "points against Concat (stage 1 alone), audio + text"),
        ("+50.0", "points against the majority class"),
    ]


def test_without_the_reference_there_are_no_findings(results):
    results["entries"] = [e for e in results["entries"] if e["method"] == "concat"]
    assert findings(results) == []


def test_a_method_that_not_every_study_has_is_shown_and_compared_where_it_ran(results):
    title = "Graph on out-of-fold features"
    assert title not in main_table(results) + compact_table(results).markdown()
    oof = [e | {"method": "graph_oof"} for e in results["entries"] if e["method"] == "graph"]
    results["entries"] += oof
    assert title in main_table(results)
    assert compact_table(results).markdown().splitlines()[-1].startswith(f"| {title} ")
    assert findings(results)[0][1] == f"weighted F1 of {title}, audio + text (%)"
    assert ("+0.0", "points against Graph on stage-1 features, audio + text") in findings(results)
