"""What a run of stage 1 holds while it lasts; corpus, model and training are made up."""

import sys
from types import SimpleNamespace

import pytest

from feature_extractor.settings import ModelSettings, TrainingSettings
from feature_extractor.training import stage1
from graph_er.errors import InputError
from graph_er.running.tracking import Tracker


def run_stage1(out, comet="off"):
    run = SimpleNamespace(out=out, device="cpu", comet=comet, seed=0, resume=False, overwrite=False)
    stage1.run_stage1(run, ModelSettings(), TrainingSettings(), tell=print)


@pytest.mark.parametrize("place", ["open_folder", "fit", "_finish"])
@pytest.mark.parametrize("error", [InputError, OSError, KeyboardInterrupt])
def test_the_tracker_of_a_run_that_fails_is_ended(tmp_path, monkeypatch, place, error):
    log = []

    class Watched(Tracker):
        def end(self):
            log.append("ended")

    def fails(*_, **__):
        raise error

    side = SimpleNamespace(silent=[], utterances=())
    ready = SimpleNamespace(config={}, settings=None, checkpoint=None, train=side, dev=side)
    monkeypatch.setattr(stage1, "start_tracking", lambda *_, **__: Watched())
    monkeypatch.setattr(stage1, "prepare", lambda *_: ready)
    monkeypatch.setattr(stage1, "open_folder", lambda *_, **__: None)
    monkeypatch.setattr(stage1, "fit", lambda *_: {})
    monkeypatch.setattr(stage1, "discard_unstarted", lambda out: log.append("discarded"))
    monkeypatch.setattr(stage1, "discard_unmarked", lambda out: log.append("unmarked"))
    monkeypatch.setattr(stage1, place, fails)
    with pytest.raises(error):
        run_stage1(tmp_path / "run")
    assert log[0] == "ended"  # before the folder of its archive is discarded
    assert ("discarded" in log) == (place == "fit" and error is InputError)
    assert ("unmarked" in log) == (place == "fit" and error is not KeyboardInterrupt)


def test_without_a_key_for_the_tracker_nothing_is_prepared(tmp_path, monkeypatch):
    def prepare(*_):
        raise AssertionError("was called")

    monkeypatch.setattr(stage1, "prepare", prepare)
    monkeypatch.setitem(sys.modules, "comet_ml", SimpleNamespace(get_config=lambda name: None))
    with pytest.raises(InputError, match="COMET_API_KEY"):
        run_stage1(tmp_path / "run", comet="online")
    assert not (tmp_path / "run").exists()
