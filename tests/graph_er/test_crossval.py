import csv
import json
import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch

from graph_er import compare as compare_command
from graph_er import crossval as crossval_command
from graph_er.dialogues import write_dialogues
from graph_er.errors import InputError
from graph_er.report.folds import extractor_note
from graph_er.running.cli import run_command
from graph_er.running.jobs import threads_for
from graph_er.running.side_by_side import CAN_FORK
from graph_er.scoring.scores import METRICS
from graph_er.training.recipe import Recipe
from graph_er.validation import cross_validation
from graph_er.validation.cross_evaluation import cross_evaluation
from graph_er.validation.cross_validation import FoldResult, pooled, run_fold, run_folds
from graph_er.validation.epoch_choice import choose_epochs
from graph_er.validation.fold_controls import fold_controls
from graph_er.validation.folds import session_folds
from tests.graph_er.dialogue_factory import EMOTIONS, make_file
from tests.graph_er.tiny_models import CONTEXTUAL, TRAINING

FILE = make_file(num_sessions=4, dialogues_per_session=2, length=6)
RECIPE = Recipe("at", CONTEXTUAL, replace(TRAINING, refit=True, decode=True))
QUICK = ("--epochs", "1", "--members", "1", "--hidden_size", "8")


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "data.pkl"
    write_dialogues(path, FILE)
    return path


def crossval(data, out, *options):
    argv = ["--data_dir", str(data), "--out", str(out), *QUICK, *options]
    return run_command(crossval_command.main, argv)


def predictions(path):
    with path.open(encoding="utf-8") as rows:
        return list(csv.DictReader(rows))


def made_up(fold, seeds=2):
    """A result whose probabilities name the utterance that they are of."""
    rows = [
        [len(d.id) + i, *map(float, d.id.encode()[-2:])] for d in fold.test for i in range(len(d))
    ]
    array = np.array(rows) / 1000
    return FoldResult(fold, np.stack([array, array[:, ::-1]][:seeds]), [1] * seeds, 1.0, 0.0)


def test_pooled_predictions_stay_with_their_utterances_whatever_the_folds():
    halves, singles = (
        pooled(FILE, [made_up(fold) for fold in session_folds(FILE, count)]) for count in (2, 0)
    )
    assert halves[0].utterances == [i for d in FILE.dialogues for i in d.utterance_ids]
    assert np.array_equal(halves[1], singles[1])
    assert not np.array_equal(halves[1][0], halves[1][1])


def test_the_predicted_session_has_no_part_in_its_models():
    fold = session_folds(FILE, 0)[0]
    other = replace(fold, test=tuple(replace(d, labels=d.labels * 0) for d in fold.test))
    first, second = (
        run_fold(FILE, f, RECIPE, [1], device="cpu", watch=lambda seed: lambda report: None)
        for f in (fold, other)
    )
    assert np.array_equal(first.probabilities, second.probabilities)
    assert (first.temperature, first.weight) == (second.temperature, second.weight)


def test_a_fold_hears_its_dev_dialogues_only_through_the_refit():
    fold = session_folds(FILE, 0)[0]
    moved = tuple(replace(d, text=d.text[:, ::-1].copy()) for d in fold.dev)
    for refit in (False, True):
        recipe = replace(RECIPE, training=replace(TRAINING, refit=refit))
        results = [
            run_fold(FILE, f, recipe, [1], device="cpu", watch=lambda seed: lambda report: None)
            for f in (fold, replace(fold, dev=moved))
        ]
        # The temperature is chosen on dev; who wins does not depend on it.
        winners = [np.log(r.probabilities) * r.temperature for r in results]
        same = [np.diff(w, axis=-1) for w in winners]
        assert np.allclose(*same, atol=1e-3) is not refit


def test_the_bar_ends_where_it_promised_and_every_fit_is_named(capsys):
    run_folds(FILE, session_folds(FILE, 0), RECIPE, [3, 4], device="cpu", title="x, ")
    shown = capsys.readouterr().err
    assert "x, fold 1/4, seed 3" in shown
    assert "fold 4/4, seed 4: 100%" in shown
    assert f"{4 * 2 * 2 * RECIPE.training.epochs}/" in shown.rsplit("100%", 1)[1]


@pytest.mark.skipif(not CAN_FORK, reason="needs Linux")
def test_folds_side_by_side_are_those_one_after_another(capsys):
    folds, before = session_folds(FILE, 0), torch.get_num_threads()
    with threads_for(2):
        one, two = (
            run_folds(FILE, folds, RECIPE, [3, 4], device="cpu", jobs=jobs) for jobs in (1, 2)
        )
    assert torch.get_num_threads() == before
    assert "4 folds: 100%" in capsys.readouterr().err
    assert [result.fold.name for result in two] == [fold.name for fold in folds]
    for first, second in zip(one, two, strict=True):
        assert np.array_equal(first.probabilities, second.probabilities)
        assert (first.epochs, first.temperature, first.weight) == (
            second.epochs,
            second.temperature,
            second.weight,
        )


@pytest.mark.skipif(not CAN_FORK, reason="needs Linux")
def test_a_fold_whose_process_is_killed_is_named(monkeypatch):
    folds = session_folds(FILE, 0)

    def run(file, fold, *arguments, **options):
        if fold is folds[1]:
            os.kill(os.getpid(), signal.SIGKILL)
        return run_fold(file, fold, *arguments, **options)

    monkeypatch.setattr(cross_validation, "run_fold", run)
    name = folds[1].name
    with pytest.raises(InputError, match=f"the process of fold {name} was ended from outside"):
        run_folds(FILE, folds, RECIPE, [3], device="cpu", jobs=2)


def test_scores_over_folds_are_those_of_the_folds():
    folds = session_folds(FILE, 0)
    evaluation = cross_evaluation(FILE, [made_up(fold) for fold in folds], [1, 2])
    assert [fold["name"] for fold in evaluation["folds"]] == [fold.name for fold in folds]
    assert sum(fold["n"] for fold in evaluation["folds"]) == evaluation["n"] == 12 * 4
    for metric in METRICS:
        values = [fold["mean"][metric] for fold in evaluation["folds"]]
        over = evaluation["over_folds"]["mean"]
        assert over["mean"][metric] == pytest.approx(np.mean(values))
        assert over["std"][metric] == pytest.approx(np.std(values, ddof=1))
    assert json.loads(json.dumps(evaluation, allow_nan=False)) == evaluation


def test_controls_know_the_other_folds_alone():
    labels = {"Sess01": 0, "Sess02": 1, "Sess03": 1, "Sess04": 1}
    dialogues = tuple(
        replace(d, labels=d.labels * 0 + labels[d.id[:6]], sentences=("same",) * len(d))
        for d in FILE.dialogues
    )
    file = replace(FILE, dialogues=dialogues)
    found = fold_controls(file, session_folds(file, 0))
    # Whichever session is left out, most of the others are angry.
    matrix = np.array(found["controls"]["majority"]["confusion_matrix"])
    assert matrix.tolist() == [[0, 12, 0], [0, 36, 0], [0, 0, 0]]
    assert found["controls"]["majority"]["emotion"] == EMOTIONS[1]
    assert found["controls"]["text_lookup"]["confusion_matrix"] == matrix.tolist()
    assert found["controls"]["previous_label"]["oracle"] is True
    assert found["texts_seen"] == 1


def test_a_control_that_one_fold_lacks_is_left_out_for_all():
    dialogues = tuple(
        d if d.id.startswith("Sess01") else replace(d, sentences=("",) * len(d))
        for d in FILE.dialogues
    )
    file = replace(FILE, dialogues=dialogues)
    found = fold_controls(file, session_folds(file, 0))["controls"]
    assert found["text_lookup"] is None
    assert np.sum(found["majority"]["confusion_matrix"]) == sum(map(len, dialogues))


def test_the_fewest_epochs_within_one_standard_error_are_chosen():
    # Folds differ by 30 points; 8 epochs are 1 to 3 points behind on each, 16 as good on average.
    scores = {32: [0.60, 0.30, 0.50], 16: [0.59, 0.31, 0.49], 8: [0.58, 0.29, 0.47]}
    choice = choose_epochs(scores)
    assert (choice["best"], choice["chosen"]) == (32, 16)
    assert [count["epochs"] for count in choice["counts"]] == [8, 16, 32]
    assert choice["counts"][0]["behind"] == pytest.approx(0.02)
    assert choice["counts"][0]["error"] == pytest.approx(0.01 / np.sqrt(3))
    assert choose_epochs({5: [0.5, 0.6], 9: [0.5, 0.6]})["chosen"] == 5


def test_the_command_writes_what_an_evaluation_holds(data, tmp_path, capsys):
    out = tmp_path / "cv"
    assert crossval(data, out, "--seeds", "2") == 0
    table = capsys.readouterr().out
    assert "mean ± sd of folds" in table
    evaluation = json.loads((out / "eval.json").read_text())
    assert evaluation["split"] == "cross-validation"
    assert [fold["sessions"] for fold in evaluation["folds"]] == [
        ["Sess01"],
        ["Sess02"],
        ["Sess03"],
    ]
    assert evaluation["confidence_intervals"]["dialogues"] == 6
    wanted = [i for d in FILE.dialogues if d.id not in FILE.test_ids for i in d.utterance_ids]
    names = ("predictions", "predictions_seed1", "predictions_seed2")
    files = [predictions(out / f"{name}.csv") for name in names]
    assert [[row["utterance"] for row in rows] for rows in files] == [wanted] * 3
    for row, *members in zip(*files, strict=True):
        mean = np.mean([float(member["prob_angry"]) for member in members])
        assert float(row["prob_angry"]) == pytest.approx(mean, abs=2e-6)
    assert json.loads((out / "run.json").read_text())["config"]["training"]["epochs"] == 1


def test_all_includes_the_test_side_and_one_seed_leaves_no_members(data, tmp_path):
    out = tmp_path / "cv"
    assert crossval(data, out, "--seeds", "2") == 0
    assert crossval(data, out, "--all", "--folds", "2") == 0
    rows = predictions(out / "predictions.csv")
    assert {row["dialogue"] for row in rows} == {dialogue.id for dialogue in FILE.dialogues}
    assert list(out.glob("predictions_seed*")) == []


def test_two_cross_validations_compare_and_one_with_a_test_side_does_not(data, tmp_path, capsys):
    outs = [tmp_path / name for name in ("one", "two")]
    for out, seed in zip(outs, ("1", "7"), strict=True):
        assert crossval(data, out, "--seed", seed) == 0
    capsys.readouterr()
    assert run_command(compare_command.main, [*map(str, outs), "--replicates", "200"]) == 0
    assert "cross-validation: " in capsys.readouterr().out
    evaluation = outs[1] / "eval.json"
    evaluation.write_text(evaluation.read_text().replace('"cross-validation"', '"test"'))
    assert run_command(compare_command.main, [*map(str, outs), "--replicates", "200"]) == 2
    assert "two cross-validations" in capsys.readouterr().err


def test_epoch_counts_are_compared(data, tmp_path, capsys):
    assert crossval(data, tmp_path / "cv", "--choose_epochs", "2", "1", "2") == 0
    choice = json.loads((tmp_path / "cv" / "epochs.json").read_text())
    assert [count["epochs"] for count in choice["counts"]] == [1, 2]
    assert f"--epochs {choice['chosen']}: " in capsys.readouterr().out
    assert choice["config"]["training"]["epochs"] == choice["chosen"]
    assert [path.name for path in (tmp_path / "cv").iterdir()] == ["epochs.json"]


@pytest.mark.parametrize(
    ("options", "status"),
    [
        (("--choose_epochs", "1"), 0),
        (("--choose_epochs", "1", "--select", "best"), 2),
        (("--preset", "cogmen", "--context_heads", "3"), 2),
    ],
)
def test_what_is_there_is_not_removed_for_nothing(data, tmp_path, options, status):
    out = tmp_path / "cv"
    assert crossval(data, out) == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    argv = ["--data_dir", str(data), "--out", str(out), "--epochs", "1", *options]
    assert run_command(crossval_command.main, argv) == status
    assert before.items() <= {path.name: path.read_bytes() for path in out.iterdir()}.items()


def test_a_cross_validation_that_failed_leaves_nothing_of_the_one_before(data, tmp_path):
    out, mine = tmp_path / "cv", tmp_path / "cv" / "predictions_seed_notes.csv"
    assert crossval(data, out) == 0
    mine.touch()
    assert crossval(data, out, "--learning_rate", "1e30", "--clip_norm", "0") == 2
    assert list(out.iterdir()) == [mine]


def test_bad_input_ends_with_status_2_and_one_message(data, tmp_path, capsys):
    def refused(message, *options, out=tmp_path / "cv"):
        assert crossval(data, out, *options) == 2
        error = capsys.readouterr().err
        assert message in error
        assert "Traceback" not in error

    refused("with 3 sessions", "--folds", "4")
    refused("no visual features", "--modalities", "v")
    refused("--seeds is 0", "--seeds", "0")
    refused("--select last", "--choose_epochs", "1", "--select", "best")
    refused("--epochs is 0", "--choose_epochs", "0", "1")
    refused("is a file", out=data)
    (tmp_path / "model").mkdir()
    torch.save({}, tmp_path / "model" / "model.pt")
    refused("holds a checkpoint", out=tmp_path / "model")
    with pytest.raises(SystemExit) as usage:
        crossval(data, tmp_path / "cv", "--folds", "1")
    assert usage.value.code == 2


@pytest.mark.parametrize("frozen", [False, True])
def test_sessions_that_the_extractor_was_trained_on_are_named(tmp_path, capsys, caplog, frozen):
    path, seen = tmp_path / "tuned.pkl", [] if frozen else ["Sess01", "Sess02"]
    write_dialogues(path, replace(FILE, info={"frozen": frozen}))
    assert crossval(path, tmp_path / "cv", "--all") == 0
    assert json.loads((tmp_path / "cv" / "eval.json").read_text())["extractor_trained_on"] == seen
    told = [capsys.readouterr().out, caplog.text]
    caplog.clear()
    assert crossval(path, tmp_path / "cv", "--choose_epochs", "1", "2") == 0
    assert json.loads((tmp_path / "cv" / "epochs.json").read_text())["extractor_trained_on"] == seen
    told += [capsys.readouterr().out, caplog.text]
    for text in told:
        assert ("labels of 2 sessions (Sess01, Sess02), unless" in text) is not frozen
        assert ("`extract.py --frozen`" in text) is not frozen


def test_many_sessions_are_not_all_named():
    note = extractor_note([f"S{number}" for number in range(14)])
    assert "of 14 sessions (S0, S1, " in note
    assert "S11 and 2 more), unless" in note
    assert "S12" not in note


def test_a_seed_of_a_cross_validation_is_one_model(data, tmp_path, capsys):
    out = tmp_path / "cv"
    assert crossval(data, out, "--seeds", "2") == 0
    seeds = [str(out / f"predictions_seed{seed}.csv") for seed in (1, 2)]
    capsys.readouterr()
    assert run_command(compare_command.main, [*seeds, "--replicates", "200"]) == 0
    told = capsys.readouterr().out
    assert told.count("(one model)") == 2
    assert "part of the difference" not in told


@pytest.mark.parametrize("name", ["epochs.json", "eval.json", "predictions.csv", "run.json"])
def test_nothing_that_is_read_is_replaced(data, tmp_path, capsys, name):
    own = tmp_path / "own" / name
    own.parent.mkdir()
    own.write_text("{}", encoding="utf-8")
    for arguments in ((data, own.parent, "--config", str(own)), (own, own.parent)):
        assert crossval(*arguments) == 2
        assert "would be replaced, which is --" in capsys.readouterr().err
    assert [path.name for path in own.parent.iterdir()] == [name]
    assert own.read_text(encoding="utf-8") == "{}"
