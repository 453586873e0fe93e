import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from graph_er import train as train_command
from graph_er import tune as tune_command
from graph_er.dialogues import write_dialogues
from graph_er.errors import InputError
from graph_er.networks.config import CogmenConfig, ContextualConfig, TrainingConfig
from graph_er.running import tracking
from graph_er.running.cli import run_command
from graph_er.training.config_file import read_config_file
from graph_er.training.recipe import GivenSettings, make_recipe
from graph_er.validation import search as search_module
from graph_er.validation.cross_validation import FoldResult
from graph_er.validation.folds import dev_fold, session_folds, without_test
from graph_er.validation.search import (
    Search,
    best_settings,
    finished_trials,
    open_study,
    run_search,
)
from graph_er.validation.tune_space import SPACES, Choice, Range
from tests.graph_er.dialogue_factory import make_file

FILE = make_file(num_sessions=4, dialogues_per_session=1, length=5)
BLIND = without_test(FILE)
DATA = {"name": "data.pkl", "sha256": "0"}
FIXED = GivenSettings("default", "at", {"members": 1, "hidden_size": 8}, {"epochs": 1})
SPACE = {"dropout": Range(0.1, 0.5), "wp": Range(1, 30, log=True), "gate": Choice((True, False))}
QUICK = ("--epochs", "1", "--members", "1", "--hidden_size", "8", "--seeds", "1")


def make_search(**changes):
    folds = session_folds(BLIND, 0)
    return Search(**{"file": BLIND, "folds": folds, "settings": FIXED, "space": SPACE, "seeds": [1],
                     "device": "cpu", **changes})  # fmt: skip


@pytest.fixture
def scored(monkeypatch):
    """Trials scored by their dropout instead of by training; the calls are returned."""
    calls = []

    def run_fold(file, fold, recipe, seeds, *, device, watch):
        calls.append((fold.name, recipe))
        watch(seeds[0])
        return FoldResult(fold, None, [1], 1.0, recipe.model.dropout)

    monkeypatch.setattr(search_module, "run_fold", run_fold)
    monkeypatch.setattr(FoldResult, "weighted_f1", lambda result, file: 1 - result.weight)
    return calls


def run(search, out, trials, on_trial=lambda trial: None):
    study = open_study(out, search, DATA)
    run_search(search, study, trials=trials, timeout=None, on_trial=on_trial)
    return study


@pytest.mark.parametrize(
    ("preset", "model"), [("default", ContextualConfig), ("cogmen", CogmenConfig)]
)
def test_the_space_holds_known_fields_the_defaults_and_valid_ends(preset, model):
    recipe = make_recipe(preset, "at", {}, {}).plain()
    defaults = {**recipe["model"], **recipe["training"]}
    ends = [{}, {}]
    for name, kind in SPACES[preset].items():
        low, high = (
            (kind.low, kind.high)
            if isinstance(kind, Range)
            else kind.values[:: len(kind.values) - 1]
        )
        ends[0][name], ends[1][name] = low, high
        value = defaults[name]
        inside = kind.low <= value <= kind.high if isinstance(kind, Range) else value in kind.values
        assert inside, name
        assert type(low) is type(value)
    names = set(SPACES[preset])
    training = names & set(TrainingConfig.__dataclass_fields__)
    for values in ends:
        chosen = {name: values[name] for name in training}
        make_recipe(preset, "at", {n: values[n] for n in names - training}, chosen)


def test_a_search_cannot_be_given_test_dialogues():
    with pytest.raises(ValueError, match="test"):
        make_search(file=FILE)


def test_a_search_of_nothing_is_refused():
    with pytest.raises(InputError, match="every field of the search space is fixed"):
        make_search(space={})


def test_the_first_trial_is_the_defaults_and_the_best_is_never_worse(scored, tmp_path):
    search = make_search()
    study = run(search, tmp_path, 8)
    trials = finished_trials(study)
    assert trials[0].params == search.defaults() == {"dropout": 0.4, "wp": 20, "gate": True}
    best = best_settings(search, study, DATA)
    assert best["score_of_defaults"] == pytest.approx(0.6)
    assert best["score"] == pytest.approx(1 - best["model"]["dropout"])
    assert best["score"] > best["score_of_defaults"]
    assert best["trials"] == 8
    assert (best["model"]["hidden_size"], best["training"]["epochs"]) == (8, 1)


def test_what_falls_behind_is_given_up_after_a_fold(scored, tmp_path):
    study = run(make_search(), tmp_path, 30)
    pruned = [trial for trial in finished_trials(study) if trial.state == TrialState.PRUNED]
    assert pruned
    assert all(trial.params["dropout"] > study.best_params["dropout"] for trial in pruned)
    assert len(scored) == 30 * 3 - sum(2 - trial.last_step for trial in pruned)


def test_a_stopped_search_goes_on_and_draws_new_trials(scored, tmp_path):
    search = make_search()

    def stop(trial):
        if trial.number == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(search, tmp_path, 9, stop)
    study = run(search, tmp_path, 9)
    trials = finished_trials(study)
    assert len(trials) == 9
    assert len({trial.params["dropout"] for trial in trials}) == 9
    calls = len(scored)
    run(search, tmp_path, 9)
    assert len(scored) == calls


def test_a_search_that_was_stopped_draws_what_it_would_have(scored, tmp_path):
    search = make_search()
    whole = run(search, tmp_path / "whole", 14)
    parts = tmp_path / "parts"
    for trials in (3, 13):
        run(search, parts, trials)
        study = open_study(parts, search, DATA)
        study.ask()  # and killed
    parted = run(search, parts, 14)
    drawn = [[trial.params for trial in finished_trials(study)] for study in (whole, parted)]
    assert drawn[0] == drawn[1]
    assert [trial.state for trial in parted.trials].count(TrialState.FAIL) == 2


def test_a_trial_that_a_kill_left_unfinished_is_not_counted_and_defaults_run_again(
    scored, tmp_path
):
    search = make_search()
    study = open_study(tmp_path, search, DATA)
    study.ask()  # the defaults, never told
    again = run(search, tmp_path, 3)
    states = [trial.state for trial in again.trials]
    assert states == [TrialState.FAIL, *[TrialState.COMPLETE] * 3]
    assert again.trials[1].params == search.defaults()


KILLED_WHILE_IT_WRITES = """
import os
from optuna.storages.journal import JournalFileBackend
JournalFileBackend("out/search.log")._lock.acquire()
os._exit(9)
"""


def test_a_lock_that_a_killed_search_left_is_removed_and_told(
    scored, tmp_path, monkeypatch, caplog
):
    monkeypatch.chdir(tmp_path)
    run(make_search(), Path("out"), 1)
    assert "left behind" not in caplog.text
    subprocess.run([sys.executable, "-c", KILLED_WHILE_IT_WRITES], check=False, timeout=60)
    lock = tmp_path / "out" / "search.log.lock"
    assert lock.is_symlink()
    assert len(finished_trials(run(make_search(), Path("out"), 2))) == 2
    assert f"removed {lock}, which a search that was killed left behind" in caplog.text
    assert not lock.is_symlink()


def test_the_lock_of_a_search_leads_to_its_journal_from_anywhere(scored, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = open_study(Path("out"), make_search(), DATA)
    lock = study._storage._backend._lock
    lock.acquire()
    try:
        assert (tmp_path / "out" / "search.log.lock").samefile("out/search.log")
    finally:
        lock.release()


@pytest.mark.parametrize("lost", [1, 40, 10**9])
def test_a_journal_that_was_cut_within_its_last_record_is_gone_on_with(
    scored, tmp_path, caplog, lost
):
    search, journal = make_search(), tmp_path / "search.log"
    run(search, tmp_path, 3)
    *before, last = journal.read_bytes().splitlines(keepends=True)
    kept = last[: max(5, len(last) - lost)]
    journal.write_bytes(b"".join([*before, kept]))
    states = [trial.state for trial in run(search, tmp_path, 3).trials]
    done = TrialState.COMPLETE
    assert states == [done, done, TrialState.FAIL, done]  # as after a kill: no end was written
    assert f"{journal}: cut off a last record" in caplog.text
    assert kept not in journal.read_bytes().splitlines()


@pytest.mark.parametrize("records", [0, 1, 2, 4, 6, 9, 14])
@pytest.mark.parametrize("times", [1, 10**9])
def test_a_search_on_a_full_disk_tells_that_and_goes_on_once_there_is_room(
    scored, data, tmp_path, monkeypatch, capsys, records, times
):
    out, real, asked = tmp_path / "search", JournalFileBackend.append_logs, []

    def append_logs(backend, logs):
        asked.append(logs)
        if not records < len(asked) <= records + times:
            return real(backend, logs)
        with Path(backend._file_path).open("ab") as file:
            file.write(b'{"op_code":4,"worker_id":"8d')
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(JournalFileBackend, "append_logs", append_logs)
        assert tune(data, out, "--trials", "2", "--only", "dropout") == 2
    error = capsys.readouterr().err
    assert f"error: {out / 'search.log'}: No space left on device" in error
    assert "Traceback" not in error
    assert tune(data, out, "--trials", "2", "--only", "dropout") == 0
    assert len(json.loads((out / "trials.json").read_text())) == 2


FOREIGN = [b"garbage", b"garbage\n", b"{}", b"{}\n", b"[]\n", b"null\n", b"\xff\xfe\n", b"\0" * 9,
           b'{"op_code":99}', b'{"op_code":99}\n', b'{"op_code":0}\n', b"[" * 9999 + b"\n",
           b'{"op_code":1,"wor\n{"op_code":1}\n']  # fmt: skip


@pytest.mark.parametrize("content", FOREIGN)
def test_a_file_that_is_no_journal_is_told_and_let_be(data, tmp_path, capsys, content):
    journal = tmp_path / "search" / "search.log"
    journal.parent.mkdir()
    journal.write_bytes(content)
    assert tune(data, journal.parent) == 2
    error = capsys.readouterr().err
    assert f"{journal}: is not the journal of a search" in error
    assert "remove it to begin anew" in error
    assert "Traceback" not in error
    assert journal.read_bytes() == content


@pytest.mark.parametrize("exists", [True, False])
def test_a_journal_that_is_a_link_out_of_the_folder_is_refused(data, tmp_path, capsys, exists):
    journal, theirs = tmp_path / "search" / "search.log", tmp_path / "theirs.log"
    journal.parent.mkdir()
    journal.symlink_to(theirs)
    if exists:
        theirs.write_bytes(b"theirs")
    assert tune(data, journal.parent) == 2
    assert f"{journal}: is a link that leads elsewhere" in capsys.readouterr().err
    assert theirs.read_bytes() == b"theirs" if exists else not theirs.exists()


def test_a_search_whose_trials_another_one_ends_tells_that(scored, tmp_path, monkeypatch):
    search = make_search()
    study = open_study(tmp_path, search, DATA)

    def other_search(_result, _file):
        open_study(tmp_path, search, DATA)  # as on a machine that does not see our lock
        return 0.5

    monkeypatch.setattr(FoldResult, "weighted_f1", other_search)
    with pytest.raises(InputError, match="another search writes to the same --out"):
        run_search(search, study, trials=1, timeout=None, on_trial=lambda trial: None)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"seeds": [1, 2]}, "seeds"),
        ({"space": {"wp": Range(1, 30)}}, "space"),
        ({"folds": [dev_fold(BLIND)]}, "folds"),
        ({"settings": replace(FIXED, modalities="t")}, "modalities was at, is t"),
        ({"settings": replace(FIXED, training={**FIXED.training, "epochs": 9})}, "is 9"),
    ],
)
def test_a_search_of_something_else_is_not_gone_on_with(scored, tmp_path, change, named):
    run(make_search(), tmp_path, 1)
    with pytest.raises(search_module.InputError, match=rf"something else \(.*{named}"):
        open_study(tmp_path, make_search(**change), DATA)
    with pytest.raises(search_module.InputError, match=r"\(data was 0, is 1\)"):
        open_study(tmp_path, make_search(), {**DATA, "sha256": "1"})


def test_settings_that_cannot_be_trained_are_pruned_but_for_the_defaults(scored, tmp_path, caplog):
    space = {"graph_heads": Choice((2, 4, 3))}  # 3 is no divisor of the width 8
    study = run(make_search(space=space), tmp_path / "some", 12)
    pruned = {t.params["graph_heads"] for t in study.trials if t.state == TrialState.PRUNED}
    assert pruned == {3}
    assert "divisor" in caplog.text
    settings = replace(FIXED, model={"members": 1, "hidden_size": 9})
    with pytest.raises(search_module.InputError, match="divisor"):
        run(make_search(settings=settings), tmp_path / "none", 3)


def tune(data, out, *options):
    argv = ["--data_dir", str(data), "--out", str(out), *QUICK, *options]
    return run_command(tune_command.main, argv)


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "data.pkl"
    write_dialogues(path, FILE)
    return path


@pytest.mark.parametrize("scores_of_others", ["better", "worse"])
def test_whether_any_trial_beat_the_defaults_is_told(
    scored, data, tmp_path, monkeypatch, capsys, scores_of_others
):
    if scores_of_others == "worse":
        default = ContextualConfig().dropout
        monkeypatch.setattr(
            FoldResult, "weighted_f1", lambda result, file: float(result.weight == default)
        )
    out = tmp_path / "search"
    assert tune(data, out, "--trials", "8", "--only", "dropout") == 0
    told = capsys.readouterr().out
    none_did = f"None of 8 trials beat the defaults, weighted F1 100.0: {out / 'best.json'} is "
    assert (f"{none_did}preset 'default' as it is" in told) is (scores_of_others == "worse")
    assert ("believe it after" in told) is (scores_of_others == "better")


def test_the_command_writes_settings_that_training_takes(data, tmp_path, capsys):
    out = tmp_path / "search"
    assert tune(data, out, "--trials", "2", "--only", "dropout", "wp") == 0
    assert "defaults" in capsys.readouterr().out
    assert {path.name for path in out.iterdir()} == {
        *("best.json", "trials.json", "search.png", "search.log")
    }
    trials = json.loads((out / "trials.json").read_text())
    assert [trial["number"] for trial in trials] == [1, 2]
    assert set(trials[1]["values"]) == {"dropout", "wp"}
    best = read_config_file(out / "best.json")
    run = tmp_path / "run"
    argv = ["--data_dir", str(data), "--config", str(out / "best.json"), "--out", str(run)]
    assert run_command(train_command.main, [*argv, "--epochs", "2"]) == 0
    record = json.loads((run / "run.json").read_text())["config"]
    assert record["model"] == best.model
    assert record["training"] == {**best.training, "epochs": 2}


def test_nothing_of_test_is_heard(data, tmp_path, monkeypatch):
    seen = []
    real = search_module.run_fold

    def watched(file, fold, *rest, **options):
        seen.extend(d.id for d in (*file.dialogues, *fold.train, *fold.dev, *fold.test))
        return real(file, fold, *rest, **options)

    monkeypatch.setattr(search_module, "run_fold", watched)
    assert tune(data, tmp_path / "search", "--trials", "1") == 0
    assert set(seen) == {*FILE.train_ids, *FILE.dev_ids}


def test_a_file_of_one_session_is_scored_on_its_dev_side(tmp_path, caplog):
    names = dict.fromkeys((d.id for d in FILE.dialogues), "all")
    write_dialogues(tmp_path / "one.pkl", replace(FILE, info={"sessions": names}))
    assert tune(tmp_path / "one.pkl", tmp_path / "search", "--trials", "1") == 0
    assert "dev side alone" in caplog.text
    assert len(json.loads((tmp_path / "search" / "best.json").read_text())["folds"]) == 1


def test_a_search_is_one_offline_experiment(data, tmp_path):
    out = tmp_path / "search"
    assert tune(data, out, "--trials", "2", "--only", "wp", "--comet", "offline") == 0
    assert len(list((out / "comet").glob("*.zip"))) == 1


def test_the_tracker_of_a_search_that_fails_is_ended(data, tmp_path, monkeypatch):
    ended = []

    class Watched(tracking.Tracker):
        def end(self):
            ended.append(self)

    def fails(*_, **__):
        raise InputError("the loss is not finite")

    monkeypatch.setattr(tracking, "start_tracking", lambda *_, **__: Watched())
    monkeypatch.setattr(search_module, "run_search", fails)
    assert tune(data, tmp_path / "search", "--trials", "1") == 2
    assert len(ended) == 1


def test_without_a_key_for_the_tracker_no_search_is_begun(data, tmp_path, monkeypatch, capsys):
    keyless = SimpleNamespace(get_config=lambda name: None)
    monkeypatch.setitem(sys.modules, "comet_ml", keyless)
    assert tune(data, tmp_path / "search", "--comet", "online") == 2
    assert "COMET_API_KEY" in capsys.readouterr().err
    assert not (tmp_path / "search").exists()


def test_bad_input_ends_with_status_2_and_one_message(data, tmp_path, capsys):
    for message, options in {
        "--trials is 0": ("--trials", "0"),
        "--timeout is -1": ("--timeout", "-1"),
        "--only members": ("--only", "members"),
        "--only epochs: a flag": ("--only", "epochs"),
        "no visual features": ("--modalities", "v"),
        "with 3 sessions": ("--folds", "5"),
    }.items():
        assert tune(data, tmp_path / "search", *options) == 2
        error = capsys.readouterr().err
        assert message in error
        assert "Traceback" not in error


def test_optuna_says_nothing_of_its_own(scored, tmp_path, capsys):
    run(make_search(), tmp_path, 2)
    shown = capsys.readouterr().err
    assert "Trial" not in shown
    assert "2/2" in shown


def tuned_features(tmp_path, **changes):
    path = tmp_path / "tuned features.pkl"
    write_dialogues(path, replace(FILE, info={"frozen": False}, **changes))
    return path


def test_features_of_an_extractor_trained_on_the_sessions_are_searched_on_dev(
    scored, tmp_path, caplog, capsys
):
    data, out = tuned_features(tmp_path), tmp_path / "dev"
    assert tune(data, out, "--trials", "5", "--only", "dropout") == 0
    assert {name for name, _ in scored} == {"dev"}
    assert "dev side alone" in caplog.text
    assert "2 sessions (Sess01, Sess02), unless" in caplog.text
    # A cross-validation would not show whether what was found is any good.
    train = f"`python graph_er/train.py --config {out / 'best.json'} --data_dir '{data}' --seed 2 "
    assert f"{train}--seeds 1 --out {out / 'trained'}`" in capsys.readouterr().out


@pytest.mark.parametrize("options", [("--folds", "sessions"), ()])
def test_where_such_sessions_are_searched_on_a_warning_says_so(scored, tmp_path, caplog, options):
    ids = FILE.train_ids + FILE.dev_ids
    changes = {} if options else {"train_ids": ids, "dev_ids": ()}
    data = tuned_features(tmp_path, **changes)
    assert tune(data, tmp_path / "search", "--trials", "1", *options) == 0
    assert {name for name, _ in scored} == {"Sess01", "Sess02", "Sess03"}
    assert "sessions (Sess01, Sess02" in caplog.text
    assert "dev side alone" not in caplog.text


@pytest.mark.parametrize(
    ("options", "repeated"),
    [((), ""), (("--folds", "3"), "--folds 3 "), (("--folds", "sessions"), "--folds sessions ")],
)
def test_the_command_that_is_named_last_reads_the_same_file_in_the_same_folds(
    scored, tmp_path, capsys, options, repeated
):
    data, out = tmp_path / "my data.pkl", tmp_path / "search"
    write_dialogues(data, FILE)
    fixed = ("--trials", "5", "--only", "dropout", "--dataset", "iemocap")
    assert tune(data, out, *fixed, *options) == 0
    command = (
        f"`python graph_er/crossval.py --config {out / 'best.json'} --data_dir '{data}' "
        f"--dataset iemocap {repeated}--seed 2 --seeds 1`"
    )
    assert command in capsys.readouterr().out


def test_settings_found_on_another_file_are_taken_with_a_warning(scored, data, tmp_path, caplog):
    assert tune(data, tmp_path / "search", "--trials", "1") == 0
    best = tmp_path / "search" / "best.json"
    other = tmp_path / "other.pkl"
    write_dialogues(other, replace(FILE, info={"corpus": "other"}))
    for path, warned in ((data, False), (other, True)):
        argv = ["--data_dir", str(path), "--config", str(best), "--epochs", "1"]
        out = tmp_path / path.stem
        assert run_command(train_command.main, [*argv, "--out", str(out)]) == 0
        assert (f"{best} were found on another dialogue file than {path}" in caplog.text) is warned


@pytest.mark.parametrize("name", ["best.json", "trials.json", "search.png"])
def test_nothing_that_is_read_is_replaced(data, tmp_path, capsys, name):
    own = tmp_path / "own" / name
    own.parent.mkdir()
    own.write_text("{}", encoding="utf-8")
    for arguments in ((data, own.parent, "--config", str(own)), (own, own.parent)):
        assert tune(*arguments) == 2
        assert "would be replaced, which is --" in capsys.readouterr().err
    assert [path.name for path in own.parent.iterdir()] == [name]
    assert own.read_text(encoding="utf-8") == "{}"


@pytest.mark.parametrize(("modalities", "goes_on"), [("at", True), ("a", False)])
def test_a_search_of_before_some_options_goes_on_where_the_model_is_the_same(
    scored, data, tmp_path, monkeypatch, capsys, modalities, goes_on
):
    out, argv = tmp_path / "search", ("--modalities", modalities, "--trials", "1")
    real = search_module.Search.plain

    def before(self, given):
        settings = real(self, given)
        assert settings["fixed"].pop("audio_level") == ("dialogue" if goes_on else "speaker")
        assert settings["fixed"].pop("deviation_terms") is not goes_on
        return settings

    with monkeypatch.context() as patched:
        patched.setattr(search_module.Search, "plain", before)
        assert tune(data, out, *argv) == 0
    assert tune(data, out, *argv) == (0 if goes_on else 2)
    if not goes_on:
        told = capsys.readouterr().err
        assert "audio_level was dialogue, is speaker; deviation_terms was False, is True" in told
        assert tune(data, out, *argv, "--audio_level", "dialogue") == 0


def test_an_earlier_search_on_audio_of_some_fields_goes_on_only_with_the_dropout_that_it_had(
    scored, data, tmp_path, monkeypatch, capsys
):
    out = tmp_path / "search"
    argv = ("--modalities", "a", "--trials", "1", "--only", "wp", "--no-deviation_terms")
    real = search_module.Search.plain

    def before(self, given):
        settings = real(self, given)
        assert settings["fixed"].pop("dropout") == 0.4
        return settings

    with monkeypatch.context() as patched:
        patched.setattr(search_module.Search, "plain", before)
        assert tune(data, out, *argv, "--dropout", "0.4") == 0
    assert tune(data, out, *argv) == 2
    assert "dropout was 0.4, is 0.2" in capsys.readouterr().err
    assert tune(data, out, *argv, "--dropout", "0.4") == 0
