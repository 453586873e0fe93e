"""The ablation: dev only, paired by seed, and resumable."""

import json
from dataclasses import replace

import pytest
import tqdm

from graph_er import ablation
from graph_er.dialogues import write_dialogues
from graph_er.report.ablation import ablation_table
from graph_er.running.cli import run_command
from graph_er.running.jobs import threads_for
from graph_er.running.side_by_side import CAN_FORK
from graph_er.training.recipe import GivenSettings, recipe_of
from graph_er.validation import ablation_scores
from graph_er.validation.ablation_scores import cases_of, score_variant
from tests.graph_er.dialogue_factory import make_file

QUICK = {"hidden_size": 8, "members": 1, "epochs": 1}


def test_the_cases_hold_every_known_dialogue_once_and_no_test_dialogue():
    file = make_file(num_sessions=5)
    cases = cases_of(file)
    predicted = [dialogue.id for case in cases for dialogue in case.predicted]
    assert sorted(predicted) == sorted([*file.train_ids, *file.dev_ids])
    for case in cases:
        ids = {dialogue.id for dialogue in case.train}
        assert not ids & {*file.test_ids, *(dialogue.id for dialogue in case.predicted)}


def test_without_three_sessions_dev_is_predicted():
    (case,) = cases_of(make_file(num_sessions=3))
    assert {dialogue.id[:6] for dialogue in case.predicted} == {"Sess02"}


def test_the_table_pairs_seeds():
    row = {"corpus": "x", "modalities": "at", "n": 9, "macro_f1": [0, 0]}
    row |= {"decoded_weighted_f1": [0.7, 0.7], "data_sha256": "0", "seeds": [1, 2]}
    rows = [
        {**row, "variant": "default", "weighted_f1": [0.50, 0.60]},
        {**row, "variant": "less", "weighted_f1": [0.48, 0.58]},
    ]
    table = ablation_table(rows, ["default", "less", "not run"])
    assert "| less | 53.0 ± 7.1 | -2.0 (± 0.0) | 0.0 | 70.0 |" in table
    assert "| not run | – | – | – | – |" in table
    others = {**rows[1], "seeds": [1, 2, 3], "weighted_f1": [0.4, 0.5, 0.6]}
    table = ablation_table([rows[0], others], ["default", "less"])
    assert "| less | 50.0 ± 10.0 |  | 0.0 | 70.0 |" in table
    two = ablation_table([rows[0], {**rows[0], "data_sha256": "1" * 64}], ["default"])
    assert "x, file 0, at (n 9)" in two
    assert "x, file 11111111, at (n 9)" in two


def test_a_second_run_keeps_what_is_there_and_adds_what_is_missing(tmp_path, monkeypatch):
    data, out = tmp_path / "data.pkl", tmp_path / "ablation.json"
    write_dialogues(data, make_file())
    argv = ["--data_dir", str(data), "--seeds", "2", "--out", str(out)]
    monkeypatch.setattr(ablation, "VARIANTS", {"default": QUICK})
    assert run_command(ablation.main, argv) == 0
    (first,) = json.loads(out.read_text())["rows"]
    first["n"] = -1  # would be put right if the row were run again
    out.write_text(json.dumps({"rows": [first]}))
    monkeypatch.setattr(ablation, "VARIANTS", {"default": QUICK, "x": {**QUICK, "gate": False}})
    assert run_command(ablation.main, argv) == 0
    rows = json.loads(out.read_text())["rows"]
    assert [row["variant"] for row in rows] == ["default", "x"]
    assert json.dumps(rows[0]) == json.dumps(first)  # the order of its settings, too
    assert len(rows[1]["weighted_f1"]) == 2
    assert "| x |" in out.with_suffix(".md").read_text()


def test_the_time_left_is_told_by_the_rows_that_are_run_now(tmp_path, monkeypatch):
    bars = []

    class Bar(tqdm.tqdm):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            bars.append(self)

    data, out = tmp_path / "data.pkl", tmp_path / "ablation.json"
    write_dialogues(data, make_file())
    argv = ["--data_dir", str(data), "--seeds", "2", "--out", str(out)]
    variants = {"default": QUICK, "x": {**QUICK, "gate": False}, "y": {**QUICK, "wp": 2}}
    monkeypatch.setattr(ablation, "VARIANTS", {name: variants[name] for name in ("default", "y")})
    assert run_command(ablation.main, argv) == 0
    monkeypatch.setattr(ablation, "VARIANTS", variants)
    monkeypatch.setattr(tqdm, "tqdm", Bar)
    for _ in range(2):
        assert run_command(ablation.main, argv) == 0
    shown = [(bar.initial, bar.n, bar.total) for bar in bars if bar.desc.startswith("ablation")]
    assert shown == [(2, 3, 3), (3, 3, 3)]


def test_two_at_once_keep_the_rows_of_each_other(tmp_path, monkeypatch):
    data, out = tmp_path / "data.pkl", tmp_path / "ablation.json"
    write_dialogues(data, make_file())
    argv = ["--data_dir", str(data), "--seeds", "2", "--out", str(out)]
    monkeypatch.setattr(ablation, "VARIANTS", {"default": QUICK, "x": {**QUICK, "gate": False}})
    scored = ablation_scores.score_variant
    asked = []

    def score_variant(*arguments, **options):
        asked.append(arguments)
        if len(asked) == 1:  # the other one begins later and is done sooner
            assert run_command(ablation.main, argv) == 0
            (row, _) = json.loads(out.read_text())["rows"]
            out.write_text(json.dumps({"rows": [{**row, "corpus": "other"}]}))
        return scored(*arguments, **options)

    monkeypatch.setattr(ablation_scores, "score_variant", score_variant)
    assert run_command(ablation.main, argv) == 0
    rows = json.loads(out.read_text())["rows"]
    names = [(row["corpus"] == "other", row["variant"]) for row in rows]
    assert names == [(True, "default"), (False, "default"), (False, "x")]


def test_two_files_of_one_corpus_keep_their_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(ablation, "VARIANTS", {"default": QUICK})
    out = tmp_path / "ablation.json"
    for seed in (1, 2, 1):
        write_dialogues(tmp_path / f"{seed}.pkl", make_file(seed=seed))
        argv = ["--data_dir", str(tmp_path / f"{seed}.pkl"), "--seeds", "2", "--out", str(out)]
        assert run_command(ablation.main, argv) == 0
    rows = json.loads(out.read_text())["rows"]
    assert len({row["data_sha256"] for row in rows}) == len(rows) == 2
    assert out.with_suffix(".md").read_text().count("test, file ") == 2


def test_models_of_fewer_modalities_have_columns_of_their_own(tmp_path, monkeypatch, capsys):
    changes = {"default": {}, "x": {"dropout": 0.2}, "y": {"dropout": 0.4}}
    variants = {name: {**QUICK, **change} for name, change in changes.items()}
    monkeypatch.setattr(ablation, "VARIANTS", variants)
    data, out = tmp_path / "data.pkl", tmp_path / "ablation.json"
    write_dialogues(data, make_file())
    argv = ["--data_dir", str(data), "--seeds", "2", "--out", str(out)]
    for flags in ([], ["--modalities", "a"], []):
        assert run_command(ablation.main, [*argv, *flags]) == 0
    rows = json.loads(out.read_text())["rows"]
    # What is the default of the one is a change of the other.
    assert sorted((row["modalities"], row["variant"]) for row in rows) == [
        *(("a", "default"), ("a", "y"), ("at", "default"), ("at", "x")),
    ]
    page = out.with_suffix(".md").read_text()
    assert "test, at (n " in page
    assert "test, a (n " in page
    assert run_command(ablation.main, [*argv, "--modalities", "v"]) == 2
    assert "visual" in capsys.readouterr().err


@pytest.mark.parametrize(("side", "place"), [("train", "element 7"), ("dev", "'dev_ids'")])
def test_two_sessions_without_a_side_are_refused_by_file_before_any_fit(
    tmp_path, side, place, capsys
):
    file = make_file(num_sessions=3)
    for name, ids in (("good", getattr(file, f"{side}_ids")), ("bad", ())):
        write_dialogues(tmp_path / f"{name}.pkl", replace(file, **{f"{side}_ids": ids}))
    data = [f"--data_dir={tmp_path / name}.pkl" for name in ("good", "bad")]
    assert run_command(ablation.main, [*data, "--out", str(tmp_path / "out.json")]) == 2
    error = capsys.readouterr().err
    assert f"{tmp_path / 'bad.pkl'}: the dialogue file has no {side} dialogues" in error
    assert place in error
    assert not (tmp_path / "out.json").exists()


@pytest.mark.parametrize(
    "content",
    ["", "[]", '{"rows": 1}', '{"rows": [{}]}', '{"rows": [1]}', '{"rows": ["corpus"]}'],
)
def test_a_foreign_out_is_refused(tmp_path, content, capsys):
    out = tmp_path / "out.json"
    out.write_text(content)
    write_dialogues(tmp_path / "data.pkl", make_file())
    argv = ["--data_dir", str(tmp_path / "data.pkl"), "--out", str(out)]
    assert run_command(ablation.main, argv) == 2
    assert "no results of an ablation" in capsys.readouterr().err


@pytest.mark.skipif(not CAN_FORK, reason="needs Linux")
def test_models_side_by_side_score_as_those_one_after_another():
    file = make_file(num_sessions=5)
    recipe = recipe_of(GivenSettings("default", "at"), QUICK)
    with threads_for(2):
        one, two = (
            score_variant(file, recipe, cases_of(file), [1, 2], jobs=jobs) for jobs in (1, 2)
        )
    assert one == two
    assert len(one["weighted_f1"]) == 2


def test_sessions_that_the_extractor_was_trained_on_are_named(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(ablation, "VARIANTS", {"default": QUICK})
    for sessions, named in ((3, False), (4, True)):  # of the one dev is predicted alone
        path = tmp_path / f"{sessions}.pkl"
        write_dialogues(path, replace(make_file(num_sessions=sessions), info={"frozen": False}))
        argv = ["--data_dir", str(path), "--seeds", "2", "--out", str(tmp_path / "out.json")]
        assert run_command(ablation.main, argv) == 0
        assert (f"{path}: The extractor" in caplog.text) is named
        assert ("2 sessions (Sess01, Sess02), unless" in caplog.text) is named


def test_no_dialogue_file_is_replaced(tmp_path, capsys):
    data = tmp_path / "data.md"
    write_dialogues(data, make_file())
    before = data.read_bytes()
    for name in ("data.md", "data.json"):
        argv = ["--data_dir", str(data), "--out", str(tmp_path / name)]
        assert run_command(ablation.main, argv) == 2
        assert "--data_dir" in capsys.readouterr().err
    assert data.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["data.md"]


@pytest.mark.parametrize(("modalities", "other"), [("a", "dialogue"), ("at", "speaker")])
def test_the_level_that_is_compared_is_the_one_that_is_not_the_default(
    tmp_path, monkeypatch, modalities, other
):
    file = make_file()
    if modalities == "a":
        file = replace(file, dialogues=tuple(replace(d, text=None) for d in file.dialogues))
    data, out = tmp_path / "data.pkl", tmp_path / "ablation.json"
    write_dialogues(data, file)
    levels = {level: {**QUICK, "audio_level": level} for level in ("speaker", "dialogue")}
    monkeypatch.setattr(ablation, "VARIANTS", {"default": QUICK, **levels})
    argv = ["--data_dir", str(data), "--seeds", "2", "--out", str(out)]
    assert run_command(ablation.main, argv) == 0
    rows = json.loads(out.read_text())["rows"]
    assert [row["variant"] for row in rows] == ["default", other]
    assert {row["modalities"] for row in rows} == {modalities}
    assert (
        f"| {({'speaker', 'dialogue'} - {other}).pop()} |" not in out.with_suffix(".md").read_text()
    )


def test_rows_of_before_there_were_levels_are_kept(tmp_path, monkeypatch):
    data, out = tmp_path / "data.pkl", tmp_path / "ablation.json"
    write_dialogues(data, make_file())
    monkeypatch.setattr(ablation, "VARIANTS", {"default": QUICK})
    argv = ["--data_dir", str(data), "--seeds", "2", "--out", str(out)]
    assert run_command(ablation.main, argv) == 0
    (row,) = json.loads(out.read_text())["rows"]
    del row["recipe"]["model"]["audio_level"]
    row["n"] = -1  # would be put right if the row were run again
    out.write_text(json.dumps({"rows": [row]}))
    assert run_command(ablation.main, argv) == 0
    assert [row["n"] for row in json.loads(out.read_text())["rows"]] == [-1]
