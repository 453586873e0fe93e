from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from graph_er import compare
from graph_er.report.canvas import to_png
from graph_er.report.comparison import comparison_figure, comparison_text, conclusion
from graph_er.report.fonts import families
from graph_er.running.cli import run_command
from graph_er.scoring.comparison import compare_runs, models_text
from graph_er.scoring.evaluation import EvaluatedUtterances, evaluate, write_evaluation
from graph_er.scoring.evaluation_files import remove_members
from graph_er.scoring.prediction_files import read_evaluated_run
from graph_er.scoring.scores import METRICS, score

ROOT = Path(__file__).resolve().parents[2]
EMOTIONS = ("neutral", "angry", "happy")
LENGTH = 10


def probabilities(gold, right, rng):
    """Answers ``[N, C]`` that are right where `right` says so, else the next label."""
    label = np.where(right, gold, (gold + 1) % len(EMOTIONS))
    return 0.7 * np.eye(len(EMOTIONS))[label] + 0.3 * rng.dirichlet(np.ones(3), len(gold))


@pytest.fixture
def write(tmp_path):
    """Write an evaluation whose members are right with the given chances."""

    def write_run(
        name, *chances, dialogues=20, split="test", seed=0, order=None, members=True, scores="eval"
    ):
        rng = np.random.default_rng([7, seed])
        gold = np.random.default_rng(5).integers(0, len(EMOTIONS), dialogues * LENGTH)
        ids = [f"S1_d{d:02d}" for d in range(dialogues) for _ in range(LENGTH)]
        rows = (
            np.arange(len(gold))
            if order is None
            else np.random.default_rng(order).permutation(len(gold))
        )
        utterances = EvaluatedUtterances(
            dialogues=[ids[row] for row in rows],
            utterances=[f"{ids[row]}_{row % LENGTH}" for row in rows],
            speakers=["F"] * len(gold),
            gold=gold[rows],
            emotions=EMOTIONS,
        )
        answers = np.stack(
            [probabilities(gold, rng.random(len(gold)) < chance, rng)[rows] for chance in chances]
        )
        seeds = list(range(1, len(chances) + 1))
        path = tmp_path / name / f"{scores}.json"
        evaluation = {**evaluate(utterances, answers, seeds), "split": split}
        write_evaluation(path, evaluation, utterances, answers)
        if not members:
            remove_members(path.with_name("predictions.csv"))
        return path.parent

    return write_run


def compared(a, b, replicates=1000):
    runs = (read_evaluated_run(path, "test") for path in (a, b))
    return {"split": "test", **compare_runs(*runs, replicates, 0)}


def refused(capsys, *argv):
    assert run_command(compare.main, [str(argument) for argument in argv]) == 2
    error = capsys.readouterr().err
    assert "Traceback" not in error
    return error


def test_a_run_against_itself_shows_no_difference(write):
    run = write("a", 0.6)
    result = compared(run, run)
    for metric in METRICS:
        difference = result["scores"][metric]["difference"]
        assert difference == {"value": 0, "low": 0, "high": 0, "p": 1}
    assert result["mcnemar"]["p"] == 1
    assert result["effect_size"]["cohens_h"] == 0
    assert "A and B are the same predictions" in conclusion(result)


def test_a_copy_of_a_run_is_the_run_itself(write, tmp_path):
    copy = tmp_path / "copy.csv"
    copy.write_bytes((write("a", 0.6) / "predictions.csv").read_bytes())
    assert "the same predictions" in conclusion(compared(tmp_path / "a", copy))
    assert "the same predictions" not in conclusion(compared(copy, write("b", 0.6, seed=1)))


def test_a_run_better_on_every_dialogue_is_better_beyond_doubt(write):
    result = compared(write("a", 0.9), write("b", 0.4), replicates=10_000)
    assert result["effect_size"]["dialogues"]["b_better"] == 0
    difference = result["scores"]["weighted_f1"]["difference"]
    assert difference["p"] < 0.003
    assert 0 < difference["low"] < difference["value"] < difference["high"]
    assert result["mcnemar"]["p"] < 1e-9
    assert conclusion(result).startswith("Conclusion: A is better than B (Weighted F1 +")


def test_the_better_run_is_named_whichever_comes_first(write):
    good, bad = write("a", 0.8), write("b", 0.5)
    one_way, other_way = compared(good, bad), compared(bad, good)
    assert conclusion(other_way) == conclusion(one_way).replace(
        "A is better than B", "B is better than A"
    )
    first, second = (r["scores"]["uar"]["difference"] for r in (one_way, other_way))
    assert second["low"] == pytest.approx(-first["high"])


def test_equally_good_runs_are_not_told_apart(write):
    result = compared(write("a", 0.6, seed=1), write("b", 0.6, seed=2))
    assert result["scores"]["weighted_f1"]["difference"]["p"] > 0.05
    assert conclusion(result).startswith("Conclusion: not shown that either is better")


def test_values_are_those_of_the_scores_and_the_order_of_rows_is_irrelevant(write):
    a, b = write("a", 0.7), write("b", 0.5)
    result = compared(a, b)
    evaluation = json.loads((a / "eval.json").read_text())
    for metric in METRICS:
        assert result["scores"][metric]["a"]["value"] == pytest.approx(evaluation[metric])
    shuffled = compared(a, write("c", 0.5, order=3))
    assert shuffled["scores"] == result["scores"]
    assert shuffled["mcnemar"] == result["mcnemar"]


def test_utterances_repeated_within_dialogues_do_not_narrow_the_interval(tmp_path, write):
    """The same answers five times over: five times the rows, the same evidence."""
    once = [write("a", 0.7), write("b", 0.6)]
    often = []
    for run in once:
        header, *rows = (run / "predictions.csv").read_text().splitlines()
        copies = [row.replace(",", f",copy{k}_", 1) for row in rows for k in range(5)]
        often.append(tmp_path / f"{run.name}5.csv")
        often[-1].write_text("\n".join([header, *copies]))
    single, repeated = compared(*once), compared(*often)
    assert repeated["n"] == 5 * single["n"]
    for metric in METRICS:
        expected = single["scores"][metric]["difference"]
        assert repeated["scores"][metric]["difference"] == pytest.approx(expected)
    assert repeated["mcnemar"]["p"] < single["mcnemar"]["p"]


def test_means_over_seeds_are_compared_where_the_seeds_were_written(write):
    a, b = write("a", 0.9, 0.8, 0.7), write("b", 0.6, 0.5, 0.4)
    result = compared(a, b)
    evaluation = json.loads((a / "eval.json").read_text())
    means = result["mean_over_seeds"]
    for metric in METRICS:
        assert means[metric]["a"]["value"] == pytest.approx(evaluation["mean"][metric])
        assert result["scores"][metric]["a"]["value"] == pytest.approx(evaluation[metric])
    assert result["notes"] == []
    assert "Mean over seeds" in comparison_text(result)


def test_unlike_seeds_widen_the_interval_of_the_mean(write):
    base = write("base", 0.5)
    alike, unlike = compared(write("a", 0.7, 0.7), base), compared(write("b", 0.95, 0.45), base)

    def width(result):
        difference = result["mean_over_seeds"]["accuracy"]["difference"]
        return difference["high"] - difference["low"]

    assert width(unlike) > 2 * width(alike)


def test_without_predictions_of_the_seeds_only_the_ensembles_are_compared(write):
    result = compared(write("a", 0.7, 0.7, members=False), write("b", 0.6, 0.6))
    assert result["mean_over_seeds"] is None
    assert len(result["notes"]) == 1
    assert "A has no predictions of its single seeds" in result["notes"][0]


def test_an_ensemble_against_one_model_is_noted(write):
    result = compared(write("a", 0.7, 0.7, 0.7), write("b", 0.6))
    assert "A is an ensemble of 3 seeds and B one model" in result["notes"][0]
    assert "single seed" in result["notes"][1]
    assert result["mean_over_seeds"] is not None


def test_where_numbers_of_seeds_differ_the_mean_over_seeds_decides(write):
    """Models with mistakes of their own outvote them, though none is better than B's."""
    for others, seed in (((0.6,), 1), ((0.6, 0.6), 3)):
        result = compared(write("a", *[0.6] * 5), write("b", *others, seed=seed))
        ensembles, means = (
            result[key]["weighted_f1"]["difference"] for key in ("scores", "mean_over_seeds")
        )
        assert ensembles["p"] < 0.05
        assert abs(means["value"]) < 0.03
        assert result["conclusion_from"] == "mean_over_seeds"
        said = conclusion(result)
        assert said.startswith("Conclusion: not shown that either is better")
        assert f"mean over seeds of Weighted F1 +{100 * abs(means['value']):.1f} points" in said
    better = compared(write("a", 0.9, 0.9, 0.9), write("b", 0.5))
    assert "A is better than B (mean over seeds of" in conclusion(better)


def test_where_numbers_of_seeds_differ_and_seeds_are_missing_nothing_is_concluded(write):
    result = compared(write("a", 0.9, 0.9, 0.9, members=False), write("b", 0.5))
    assert result["conclusion_from"] is None
    assert conclusion(result).startswith(
        "Conclusion: none; A is an ensemble of 3 seeds and B one model"
    )


def test_equal_numbers_of_seeds_are_compared_as_evaluated(write):
    result = compared(write("a", 0.9, 0.9), write("b", 0.5, 0.5))
    assert result["conclusion_from"] == "scores"
    assert "mean over seeds" not in conclusion(result)


def test_few_dialogues_are_noted(write):
    result = compared(write("a", 0.7, dialogues=9), write("b", 0.6, dialogues=9), 10_000)
    assert result["notes"][1:] == ["9 dialogues are few: intervals and p are rough"]


def test_that_so_few_dialogues_can_show_nothing_is_noted_where_an_interval_says_else(write):
    runs = write("a", 0.95, dialogues=3), write("b", 0.2, dialogues=3)
    result = compared(*runs, 10_000)
    difference = result["scores"]["weighted_f1"]["difference"]
    assert difference["low"] > 0.1
    assert difference["p"] > 0.05
    assert result["notes"][-1].startswith("10,000 draws of 3 dialogues can show no difference")


def test_that_single_seeds_hide_how_much_seeds_differ_is_noted(write):
    told = "a single seed does not show how much seeds differ"
    one, several = write("a", 0.7), write("b", 0.6, 0.6)
    for pair in ((one, write("c", 0.6)), (one, several), (several, one)):
        assert any(note.startswith(told) for note in compared(*pair)["notes"])
    assert compared(several, write("d", 0.7, 0.7))["notes"] == []


def test_runs_of_other_label_sets_compare_where_the_gold_labels_agree(write, tmp_path):
    a = write("a", 0.7)
    text = (a / "predictions.csv").read_text()
    wider = tmp_path / "wider.csv"
    header, *rows = text.replace(",angry,angry,", ",angry,bored,").splitlines()
    header = header.replace("prob_neutral,prob_angry", "prob_angry,prob_bored,prob_neutral")
    wider.write_text("\n".join([header, *(f"{row},0" for row in rows)]))
    result = compared(a, wider)
    missed = text.count(",angry,angry,")
    assert missed > 0
    assert result["mcnemar"]["only_a_right"] == missed
    rows = [line.split(",")[3:5] for line in wider.read_text().splitlines()[1:]]
    names = (*EMOTIONS, "bored")
    gold, predicted = ([names.index(row[k]) for row in rows] for k in (0, 1))
    expected = score(gold, predicted, names)["macro_f1"]
    assert result["scores"]["macro_f1"]["b"]["value"] == pytest.approx(expected)


def test_the_command_prints_and_writes_what_it_found(write, tmp_path, capsys):
    a, b = write("a", 0.8, 0.8), write("b", 0.6, 0.6)
    out, plot = tmp_path / "deep" / "x.json", tmp_path / "x.png"
    argv = [a, b, "--out", out, "--plot", plot, "--replicates", 500, "--seed", 3]
    assert run_command(compare.main, [str(argument) for argument in argv]) == 0
    text = capsys.readouterr().out
    written = json.loads(out.read_text())
    assert written["conclusion"] in text
    assert {"split", "a", "b", "n", "dialogues", "level", "notes"} <= set(written)
    assert (written["replicates"], written["seed"], written["split"]) == (500, 3, "test")
    assert written["a"]["sha256"] != written["b"]["sha256"]
    assert plot.read_bytes().startswith(b"\x89PNG")
    for part in ("ensemble of 2 seeds", "200 utterances in 20 dialogues", "McNemar", "Cohen's h"):
        assert part in text


def test_files_are_written_though_nobody_reads_what_is_printed(write, tmp_path, monkeypatch):
    def gone(_):
        raise BrokenPipeError

    monkeypatch.setattr(compare, "print", gone, raising=False)
    a, out, plot = write("a", 0.9), tmp_path / "a.json", tmp_path / "a.png"
    argv = [a, a, "--out", out, "--plot", plot, "--replicates", 500]
    assert run_command(compare.main, [str(value) for value in argv]) == 1
    assert out.is_file()
    assert plot.is_file()


def test_the_same_seed_gives_the_same_comparison(write):
    a, b = write("a", 0.7), write("b", 0.6)
    assert compared(a, b) == compared(a, b)


@pytest.mark.parametrize("place", ["checkpoint", "pt", "evaluation", "csv"])
def test_a_run_is_found_from_any_of_its_paths(write, place):
    evaluation = write("run/eval_test", 0.7)
    (evaluation.parent / "model.pt").touch()
    paths = {
        "checkpoint": evaluation.parent,
        "pt": evaluation.parent / "model.pt",
        "evaluation": evaluation,
        "csv": evaluation / "predictions.csv",
    }
    found = read_evaluated_run(paths[place], "test")
    assert found.predictions.path == evaluation / "predictions.csv"
    assert found.seeds == 1


def test_the_split_chooses_the_evaluation_of_a_checkpoint(write, capsys):
    dev = write("run/eval_dev", 0.7, split="dev")
    assert read_evaluated_run(dev.parent, "dev").predictions.path.parent == dev
    assert "eval_test" in refused(capsys, dev.parent, dev.parent)
    error = refused(capsys, dev, dev)
    assert "predictions of the dev side, not of test; give --split dev" in error


@pytest.mark.parametrize("seeds", [1, 2])
@pytest.mark.parametrize("place", [".", "predictions.csv"])
def test_predictions_are_of_the_side_of_the_scores_that_were_written_with_them(
    write, capsys, seeds, place
):
    run = write("r", *[0.7] * seeds)
    assert read_evaluated_run(run / place, "test").side == "test"
    write("r", *[0.6] * seeds, split="dev", scores="dev")
    error = refused(capsys, run / place, run / place)
    assert f"{run / 'predictions.csv'}: predictions of the dev side, not of test" in error
    found = read_evaluated_run(run / place, "dev")
    assert (found.side, found.seeds, len(found.members)) == ("dev", seeds, seeds)


def test_predictions_of_one_seed_are_of_the_side_of_their_run(write, capsys):
    run = write("r", 0.7, 0.7)
    member = run / "predictions_seed2.csv"
    assert read_evaluated_run(member, "test").predictions.path == member
    write("r", 0.6, 0.6, split="dev", scores="dev")
    assert "predictions of the dev side, not of test" in refused(capsys, member, member)


def test_predictions_whose_scores_are_gone_are_not_taken_for_those_of_others(write, capsys):
    run = write("r", 0.7)
    (write("r", 0.6, split="dev", scores="dev") / "dev.json").unlink()
    (run / "half.json").write_text("{")
    (run / "list.json").write_text("[]")
    for side in ("test", "dev"):
        error = refused(capsys, run, run, "--split", side)
        assert f"{run / 'predictions.csv'}: not the predictions whose scores are in" in error
        assert "into a folder of its own" in error


def test_scores_of_an_earlier_release_which_name_no_predictions_are_taken(write):
    run = write("r", 0.7, split="dev")
    scores = json.loads((run / "eval.json").read_text())
    del scores["predictions_sha256"]
    (run / "eval.json").write_text(json.dumps(scores))
    assert read_evaluated_run(run, "dev").seeds == 1


def test_an_evaluation_removes_predictions_of_seeds_and_nothing_of_another_name(tmp_path):
    mine = ("predictions.csv", "predictions_seed_notes.csv", "predictions_seed1.txt", "a_seed1.csv")
    for name in (*mine, "predictions_seed1.csv", "predictions_seed12.csv"):
        (tmp_path / name).touch()
    remove_members(tmp_path / "predictions.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(mine)


def test_a_csv_alone_is_enough(write):
    run = write("a", 0.7)
    (run / "eval.json").unlink()
    found = read_evaluated_run(run, "dev")
    assert (found.seeds, found.members) == (None, ())
    assert compared(run, run)["notes"] == []


def test_other_utterances_are_refused_and_the_first_named(write, capsys):
    long, short = write("a", 0.7), write("b", 0.7, dialogues=19)
    for argv in ((long, short), (short, long)):
        error = refused(capsys, *argv)
        assert f"{short / 'predictions.csv'}: lacks utterance S1_d19_0 of dialogue S1_d19" in error
        assert "(10 such)" in error


def change(run, old, new):
    (run / "eval.json").unlink(missing_ok=True)  # which would tell that they were changed
    path = run / "predictions.csv"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_other_gold_labels_or_dialogues_are_refused_and_named(write, capsys):
    a, b, c = write("a", 0.7), write("b", 0.7), write("c", 0.7)
    row = (b / "predictions.csv").read_text().splitlines()[1]
    gold = row.split(",")[3]
    other = "happy" if gold != "happy" else "angry"
    change(b, row, row.replace(f",{gold},", f",{other},", 1))
    error = refused(capsys, a, b)
    assert f"dialogue S1_d00, utterance S1_d00_0: gold emotion {gold!r} in" in error
    assert f"{other!r} in {b / 'predictions.csv'} (1 such)" in error
    change(c, "S1_d00,S1_d00_1", "S1_d01,S1_d00_1")
    assert f"{c / 'predictions.csv'}: lacks utterance S1_d00_1 of dialogue S1_d00" in refused(
        capsys, a, c
    )


def test_runs_are_joined_by_dialogue_and_utterance_where_ids_begin_anew_in_each(write):
    plain = write("a", 0.9), write("b", 0.4, order=3)
    expected = compared(*plain)["scores"]
    for run in plain:
        (run / "eval.json").unlink()
        path = run / "predictions.csv"
        path.write_text(re.sub(r",S1_d[0-9]+_([0-9]+),", r",\1,", path.read_text()))
    assert len({*read_evaluated_run(plain[0], "test").predictions.utterances}) == LENGTH
    assert compared(*plain)["scores"] == expected


def test_bad_files_are_refused_in_one_message(write, tmp_path, capsys):
    good, bad = write("a", 0.7), write("b", 0.7)
    path = bad / "predictions.csv"
    text = path.read_text()
    header, first, *_ = text.splitlines()
    (bad / "eval.json").unlink()

    def message(content):
        path.write_text(content)
        return refused(capsys, good, bad)

    assert "lacks 1 column (gold)" in message(text.replace("gold", "truth", 1))
    assert "holds no predictions" in message(header + "\n")
    twice = "row 202: utterance S1_d00_0 of dialogue S1_d00 occurs twice"
    assert twice in message(text + first + "\n")
    assert "there is no column prob_glum" in message(text.replace(",F,", ",F,glum,", 1))
    assert "row 202: 'utterance' is empty" in message(text + "S1_d00\n")
    path.write_bytes(b"\xff\xfe\x00")
    assert "cannot be read as CSV" in refused(capsys, good, bad)
    path.write_text(text)
    for content in ("[1]", "{", '{"seeds": []}', '{"seeds": 3}'):
        (bad / "eval.json").write_text(content)
        assert "eval.json: " in refused(capsys, good, bad)
    error = refused(capsys, good, tmp_path / "absent")
    assert "no predictions there" in error
    assert "graph_er/eval.py" in error


def test_one_dialogue_and_bad_options_are_refused(write, capsys):
    run = write("a", 0.7, dialogues=1)
    assert "at least two" in refused(capsys, run, run)
    run = write("b", 0.7)
    assert "--replicates is 10" in refused(capsys, run, run, "--replicates", 10)
    assert "--seed is -1" in refused(capsys, run, run, "--seed", -1)


def test_a_picture_of_another_format_is_refused_before_anything_is_read(tmp_path, capsys):
    plot = tmp_path / "x.pdf"
    error = refused(capsys, tmp_path / "absent", tmp_path / "absent", "--plot", plot)
    assert f"--plot {plot}: unknown suffix; write to .png" in error
    assert not plot.exists()


def test_the_picture_shows_the_differences_in_points(write):
    result = compared(write("a", 0.9, 0.8), write("b", 0.6, 0.5))
    figure = comparison_figure(result)
    points = [line.get_xdata()[0] for line in figure.axes[0].lines if line.get_marker() == "o"]
    expected = [
        100 * result[kind][metric]["difference"]["value"]
        for kind in ("scores", "mean_over_seeds")
        for metric in METRICS
    ]
    assert points == pytest.approx(expected)
    assert "A: " in figure.axes[0].get_xlabel()
    # The numbers of the upper series stand above its line, those of the lower one below.
    sides = [text.get_va() for text in figure.axes[0].texts]
    assert sides == ["bottom"] * len(METRICS) + ["top"] * len(METRICS)


def test_a_picture_of_no_difference_is_drawn_too(write):
    run = write("가나", 0.6)
    figure = comparison_figure(compared(run, run))
    named = "가나" if len(families()) > 1 else "A: run 1"
    assert named in figure.axes[0].get_xlabel()
    assert to_png(figure, dpi=50).startswith(b"\x89PNG")


def test_the_command_runs_by_path_from_another_directory(write, tmp_path):
    run = write("a", 0.6)
    done = subprocess.run(
        [sys.executable, str(ROOT / "graph_er" / "compare.py"), str(run), str(run)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Conclusion: no difference" in done.stdout


@pytest.mark.parametrize(
    ("seeds", "text"),
    [(None, "predictions of unknown origin"), (1, "one model"), (5, "an ensemble of 5 seeds")],
)
def test_what_predictions_are_of_is_said(seeds, text):
    assert models_text(seeds) == text


def test_a_seed_of_a_run_is_one_model_and_no_ensemble(write):
    run = write("r", 0.9, 0.4)
    one, two = (run / f"predictions_seed{seed}.csv" for seed in (1, 2))
    result = compared(one, two)
    assert (result["a"]["seeds"], result["b"]["seeds"]) == (1, 1)
    assert (result["conclusion_from"], result["mean_over_seeds"]) == ("scores", None)
    assert "A is better than B" in conclusion(result)
    result = compared(one, run)
    assert (result["a"]["seeds"], result["b"]["seeds"]) == (1, 2)
    assert result["conclusion_from"] == "mean_over_seeds"
    assert any("averaging models gains by itself" in note for note in result["notes"])
    assert "mean over seeds" in conclusion(result)


@pytest.mark.parametrize("name", ["mine.csv", "predictions_seed9.csv"])
def test_predictions_that_the_evaluation_beside_them_did_not_write_are_of_unknown_origin(
    write, name
):
    run, other = write("r", 0.7, 0.7), write("o", 0.6)
    mine = run / name
    mine.write_bytes((other / "predictions.csv").read_bytes())
    found = read_evaluated_run(mine, "test")
    assert (found.seeds, found.members) == (None, ())
    mine.write_bytes((run / "predictions.csv").read_bytes())
    found = read_evaluated_run(mine, "test")
    assert (found.predictions.path, found.seeds, len(found.members)) == (mine, 2, 2)


def tell(run, **fields):
    """Let the scores of a run tell something more."""
    path = run / "eval.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"trained_on": True}, "B: it was trained on dialogues that are compared"),
        ({"trained_on": True, "ids_trained_on": 3}, "B: it was trained on dialogues that"),
        ({"ids_trained_on": 3}, "B: 3 of the dialogues bear ids of ones that it was trained on"),
        ({"extractor_trained_on": ["S1", "S2"]}, "was trained on the labels of 2 sessions"),
    ],
)
def test_a_run_that_learned_from_what_is_compared_is_hardly_better(
    write, tmp_path, capsys, fields, words
):
    bad, good = write("a", 0.4), write("b", 0.9)
    tell(bad, trained_on=False, extractor_trained_on=[], ids_trained_on=0)
    tell(good, **fields)
    argv = [str(bad), str(good), "--replicates", "200", "--out", str(tmp_path / "c.json")]
    assert run_command(compare.main, argv) == 0
    document = json.loads((tmp_path / "c.json").read_text())
    assert document["a"]["learned"] == []
    assert len(document["b"]["learned"]) == 1
    if "trained_on" in fields:
        assert document["conclusion"].startswith("Conclusion: none; B learned from dialogues")
    else:
        assert document["conclusion"].startswith("Conclusion: B is better than A")
        assert document["conclusion"].endswith(
            "holds only if B learned nothing from what is compared; see the notes."
        )
    for text in (capsys.readouterr().out, json.dumps(document)):
        assert words in text
        assert ("is better than" in text) is ("trained_on" not in fields)
        assert "A: it was" not in text
    assert "B may have learned" in comparison_figure(document).axes[0].get_xlabel()


def test_both_runs_may_have_learned_and_odd_fields_tell_of_nothing(write):
    a, b = write("a", 0.4), write("b", 0.9)
    for run in (a, b):
        tell(run, trained_on=True)
    assert "A and B learned from" in conclusion(compared(a, b))
    for run in (a, b):
        tell(run, trained_on="yes", extractor_trained_on="S1", ids_trained_on=True)
    assert conclusion(compared(a, b)).startswith("Conclusion: B is better than A")


@pytest.mark.parametrize("option", ["--out", "--plot"])
def test_a_comparison_never_replaces_what_it_compares(write, tmp_path, capsys, option):
    runs = write("a", 0.4, 0.5), write("b", 0.9)
    for name in ("predictions.csv", "predictions_seed1.csv", "eval.json"):
        path = runs[0] / name
        link = tmp_path / "link.png"
        link.unlink(missing_ok=True)
        link.symlink_to(path)
        before = path.read_bytes()
        assert "is RUN_A as well" in refused(capsys, *runs, option, link)
        assert path.read_bytes() == before
    both = ("--out", tmp_path / "x.png", "--plot", tmp_path / "x.png")
    assert "is --out as well" in refused(capsys, *runs, *both)
